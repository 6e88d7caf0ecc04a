import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'

const as = (key: string) => ({ authorization: `Bearer ${key}` })

test('a project has so many requests in a minute, and is told of them in the real API\'s headers', async t => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock, quotas: { requestsPerMinute: 2 }, apiKeys: { 'sk-a': 'a', 'sk-a2': 'a', 'sk-b': 'b' } })
  const first = await server.get('/assistants', as('sk-a'))
  t.match(Object.fromEntries(first.headers), { 'x-ratelimit-limit-requests': '2', 'x-ratelimit-remaining-requests': '1', 'x-ratelimit-reset-requests': '60s' })
  await clock.advance(20_000)
  t.equal((await server.get('/assistants', as('sk-a2'))).status, 200, 'whichever of its keys')
  const { status, body, headers } = await server.get('/assistants', as('sk-a'))
  t.equal(status, 429)
  t.match(body.error, { code: 'rate_limit_exceeded', type: 'requests' })
  t.match(Object.fromEntries(headers), { 'retry-after': '40', 'x-ratelimit-remaining-requests': '0' })
  t.equal((await server.get('/assistants', as('sk-b'))).status, 200, 'others have theirs')
  await clock.advance(40_000)
  t.equal((await server.get('/assistants', as('sk-a'))).status, 200)
})

test('a key may have a quota of its own; without any nothing is said', async t => {
  const server = await startServer(t, { apiKeys: [{ key: 'sk-few', requestsPerMinute: 1 }, { key: 'sk-all' }] })
  t.equal((await server.get('/assistants', as('sk-few'))).status, 200)
  t.equal((await server.get('/assistants', as('sk-few'))).status, 429)
  const { status, headers } = await server.get('/assistants', as('sk-all'))
  t.equal(status, 200)
  t.notOk(headers.has('x-ratelimit-limit-requests'))
})

test('the SDK knows a 429 for what it is', async t => {
  const server = await startServer(t, { quotas: { requestsPerMinute: 1 } })
  const openai = server.client(undefined, { maxRetries: 0 })
  await openai.beta.assistants.list()
  const error = await openai.beta.assistants.list().then(() => undefined, (error: { status?: number }) => error)
  t.equal(error?.status, 429)
})

test('a quota that is none is refused by name', async t => {
  for (const quotas of [{ requestsPerMinute: 0 }, { requestsPerMinute: 1.5 }, { request: 1 } as never]) {
    await t.rejects(startServer(t, { quotas }), { name: 'TypeError', message: /"quotas\./ })
  }
})
