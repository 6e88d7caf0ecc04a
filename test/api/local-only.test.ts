import { request } from 'node:http'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import Fastify from 'fastify'
import { createOpenAIServer } from '../../lib/server.js'
import openaiCompat from '../../lib/plugin.js'
import { startServer, type TestServer } from '../helpers/server.js'

/** `fetch` does not let the Host header be chosen. */
async function statusOf (server: TestServer, headers: Record<string, string>, method = 'GET'): Promise<number> {
  const sent = request(`${server.baseURL}/assistants`, { method, headers })
  sent.end()
  const [answer] = await once(sent, 'response')
  answer.resume()
  return answer.statusCode
}

const FOREIGN: Record<string, string>[] = [
  { host: 'attacker.example' }, { host: 'attacker.example:8080' }, { host: '127.0.0.1.attacker.example' }, { host: 'localhost.attacker.example' },
  { host: '0.0.0.0' }, { host: '10.0.0.1:8080' }, { origin: 'https://attacker.example' }, { origin: 'null' }, { origin: 'http://127.0.0.1.nip.io' },
  { host: 'localhost', origin: 'http://attacker.example' }
]
const LOCAL: Record<string, string>[] = [
  {}, { host: 'localhost' }, { host: 'LOCALHOST:8080' }, { host: '127.0.0.1:9' }, { host: '[::1]:8080' }, { host: 'app.localhost' }, { origin: 'http://localhost:3000' }, { origin: 'https://127.0.0.1' }
]

test('without keys, on this machine only: web pages are refused, programs and pages of this machine are not', async t => {
  const server = await startServer(t)
  for (const headers of FOREIGN) {
    for (const method of ['GET', 'POST', 'OPTIONS']) t.equal(await statusOf(server, headers, method), 403, `${method} ${JSON.stringify(headers)}`)
  }
  for (const headers of LOCAL) t.equal(await statusOf(server, headers), 200, JSON.stringify(headers))
  const { body } = await server.get('/assistants', { origin: 'https://attacker.example' })
  t.match(body.error, { code: 'host_not_allowed', message: /allowedHosts/ })
})

test('names that are allowed are let in, with any port', async t => {
  const server = await startServer(t, { allowedHosts: ['app.example'] })
  t.equal(await statusOf(server, { host: 'App.example:99', origin: 'https://app.example' }), 200)
  t.equal(await statusOf(server, { host: 'other.example' }), 403)
  const any = await startServer(t, { allowedHosts: ['*'] })
  for (const headers of FOREIGN) t.equal(await statusOf(any, headers), 200)
})

test('with keys any page may come, for it has no key', async t => {
  const server = await startServer(t, { apiKeys: ['sk-right'] })
  t.equal(await statusOf(server, { host: 'api.example', origin: 'https://app.example', authorization: 'Bearer sk-right' }), 200)
})

test('without keys, where other machines reach the server: it is open, and says so', async t => {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { lines.push(line) } } } })
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, { prefix: '/v1' })
  await app.listen({ port: 0, host: '0.0.0.0' })
  const { port } = app.server.address() as { port: number }
  t.match(lines.join(''), new RegExp(`no API key is set, and 0\\.0\\.0\\.0:${port} can be reached from other machines`))
  t.equal((await fetch(`http://127.0.0.1:${port}/v1/assistants`, { headers: { origin: 'https://app.example' } })).status, 200)
})

test('a server without a log says it, too; one of this machine, or with keys, has nothing to say', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  async function warned (t: Test, config: object): Promise<number> {
    warnings.length = 0
    const server = createOpenAIServer(undefined, { port: 0, ...config })
    t.teardown(async () => await server.stop())
    await server.start()
    await new Promise(resolve => setImmediate(resolve))
    return warnings.filter(({ message }) => message.includes('no API key is set')).length
  }
  t.equal(await warned(t, {}), 1, 'createOpenAIServer listens everywhere unless it is told otherwise')
  t.equal(await warned(t, { host: '127.0.0.1' }), 0)
  t.equal(await warned(t, { apiKeys: ['sk-one'] }), 0)
})

test('a server that requires keys does not start without', async t => {
  for (const keys of [{}, { apiKeys: [] }, { apiKeys: {} }]) {
    await t.rejects(createOpenAIServer(undefined, { port: 0, requireApiKeys: true, ...keys }).start(), { name: 'TypeError', message: /requireApiKeys/ })
  }
  await t.rejects(createOpenAIServer(undefined, { port: 0, allowedHosts: ['http://x'] }).start(), { name: 'TypeError', message: /allowedHosts/ })
})
