import { connect } from 'node:net'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import Fastify from 'fastify'
import underPressure from '@fastify/under-pressure'
import { test } from 'tap'
import openaiCompat from '../../lib/plugin.js'
import { buildServer, createOpenAIServer } from '../../lib/server.js'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'

const as = (key: string, more = {}) => ({ authorization: `Bearer ${key}`, ...more })

test('while the process has taken more memory than it may, requests are a 503 that says when to come back; the health check answers', async t => {
  const server = await startServer(t, { overload: { maxRssBytes: 1, retryAfterS: 7 } })
  // Memory is measured every second.
  let answer = await server.get('/assistants')
  while (answer.status === 200) answer = await server.get('/assistants')
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '7')
  t.match(answer.body.error, { code: 'overloaded', type: 'server_error' })
  t.equal((await server.get('/health')).status, 200)
})

test('while the event loop lags, requests are refused; when it has caught up they are let in', async t => {
  const server = await startServer(t, { overload: { maxEventLoopDelayMs: 100 } })
  let lag = true
  const busy = (async () => {
    for (;;) {
      if (!lag) return
      const until = performance.now() + 300
      while (performance.now() < until);
      await nextTurn()
    }
  })()
  let status = 200
  while (status === 200) status = (await server.get('/assistants')).status
  t.equal(status, 503)
  lag = false
  await busy
  while (status === 503) status = (await server.get('/assistants')).status
  t.equal(status, 200)
})

test('an address that tries keys is refused until the minute is over, others are not', async t => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock, apiKeys: ['sk-right'], overload: { unauthorizedPerMinute: 3 }, fastify: { trustProxy: true } })
  const from = (address: string, key: string) => server.get('/assistants', as(key, { 'x-forwarded-for': address }))
  for (let i = 0; i < 3; i++) t.equal((await from('203.0.113.1', `sk-wrong-${i}`)).status, 401)
  const { status, headers, body } = await from('203.0.113.1', 'sk-right')
  t.equal(status, 429)
  t.match(body.error, { code: 'rate_limit_exceeded' })
  t.ok(Number(headers.get('retry-after')) > 0)
  t.equal((await from('203.0.113.2', 'sk-right')).status, 200)
  await clock.advance(60_000)
  t.equal((await from('203.0.113.1', 'sk-right')).status, 200)
})

test('a standalone server has no more connections than it may', async t => {
  const server = createOpenAIServer(undefined, { port: 0, host: '127.0.0.1', maxConnections: 2 })
  await server.start()
  t.teardown(async () => await server.stop())
  const { hostname, port } = new URL(server.getUrl())
  const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)]
  await Promise.all(sockets.map(async socket => await once(socket, 'connect')))
  const third = connect(Number(port), hostname)
  await once(third, 'close')
  for (const socket of sockets) socket.destroy()
})

test('options of overload that are none are refused by name', async t => {
  for (const overload of [{ maxRssBytes: 0 }, { maxHeap: 1 } as never]) await t.rejects(startServer(t, { overload }), { name: 'TypeError', message: /"overload\./ })
  t.throws(() => buildServer({ maxConnections: 0 }), { name: 'TypeError', message: /"maxConnections"/ })
  const host = Fastify()
  t.teardown(async () => await host.close())
  await host.register(underPressure, { maxRssBytes: 1e12 })
  await t.rejects(host.register(openaiCompat, { overload: { maxRssBytes: 1e12 } }).ready() as unknown as Promise<void>, { name: 'TypeError', message: /under-pressure/ })
})
