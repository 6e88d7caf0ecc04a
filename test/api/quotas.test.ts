import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { Gate, gated, text, toolCalls } from '../helpers/upstream.js'

/** Waits for the end of a run by its events. */
async function ended (server: TestServer, run: { id: string, thread_id: string }, key: string): Promise<void> {
  const path = `/threads/${run.thread_id}/runs/${run.id}`
  for (let status = ''; status !== 'completed';) status = (await server.get(path, as(key))).body.status
}

const as = (key: string) => ({ authorization: `Bearer ${key}` })

test('a project has so many requests in a minute, and is told of them in the real API\'s headers', async t => {
  const clock = new ManualClock(1_700_000_000_000 - 1_700_000_000_000 % 60_000)
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
  for (const quotas of [{ requestsPerMinute: 0 }, { tokensPerDay: 1.5 }, { request: 1 } as never, { projects: { a: { files: -1 } } }, { projects: [] as never }]) {
    await t.rejects(startServer(t, { quotas }), { name: 'TypeError', message: /"quotas\./ })
  }
  for (const field of ['requestsPerMinute', 'tokensPerMinute', 'tokensPerDay']) {
    await t.rejects(startServer(t, { apiKeys: [{ key: 'sk', [field]: 0 }] }), { name: 'TypeError', message: new RegExp(field) })
  }
})

test('a project that is named has other quotas than the rest', async t => {
  const server = await startServer(t, { quotas: { requestsPerMinute: 1, projects: { a: { requestsPerMinute: 2 } } }, apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const statuses = async (key: string) => [(await server.get('/assistants', as(key))).status, (await server.get('/assistants', as(key))).status, (await server.get('/assistants', as(key))).status]
  t.strictSame(await statuses('sk-a'), [200, 200, 429])
  t.strictSame(await statuses('sk-b'), [200, 429, 429])
})

test('when the tokens of a minute are used up, models are not asked until the next', async t => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock, quotas: { tokensPerMinute: 100 }, apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const ask = async (key: string) => {
    const assistant = (await server.post('/assistants', { model: 'test-model' }, as(key))).body
    return await server.post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as(key))
  }
  server.upstream.respond(() => text('Hello', { usage: { prompt_tokens: 60, completion_tokens: 40, total_tokens: 100 } }))
  const first = await ask('sk-a')
  t.equal(first.status, 200)
  t.match(Object.fromEntries(first.headers), { 'x-ratelimit-limit-tokens': '100', 'x-ratelimit-remaining-tokens': '100' })
  await ended(server, first.body, 'sk-a')
  const second = await ask('sk-a')
  t.equal(second.status, 429)
  t.match(second.body.error, { type: 'tokens', code: 'rate_limit_exceeded' })
  t.equal(second.headers.get('x-ratelimit-remaining-tokens'), '0')
  const chat = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] }
  t.equal((await server.post('/chat/completions', chat, as('sk-a'))).status, 429)
  t.equal((await server.get('/assistants', as('sk-a'))).status, 200, 'what costs no tokens goes on')
  t.equal((await ask('sk-b')).status, 200, 'others have theirs')
  await clock.advance(60_000)
  t.equal((await ask('sk-a')).status, 200)
})

test('a run whose tokens are used up under way fails before its next model turn', async t => {
  const server = await startServer(t, {
    quotas: { tokensPerDay: 50 },
    tools: [{ name: 'dice', description: 'Rolls', parameters: { type: 'object', properties: {} }, execute: async () => '4' }]
  })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hi')
  server.upstream.respond(() => toolCalls([{ name: 'dice', arguments: '{}' }], { usage: { prompt_tokens: 30, completion_tokens: 30, total_tokens: 60 } }))
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'failed')
  t.match(run.last_error, { code: 'rate_limit_exceeded', message: /50 tokens per day/ })
  t.equal(server.upstream.chats.length, 1)
})

test('tokens of a cancelled run and of chat completions count, too', async t => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock, quotas: { tokensPerDay: 1000 } })
  // Not through the server's client: what a vendor answers is passed on as it is.
  const post = async (path: string, body: object) => await fetch(server.baseURL + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const left = async () => Number((await post('/embeddings', { model: 'test-embedding', input: '' })).headers.get('x-ratelimit-remaining-tokens'))
  t.equal(await left(), 1000)
  const chat = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] }
  server.upstream.enqueue(text('Hello', { usage: { prompt_tokens: 100, completion_tokens: 100, total_tokens: 200 } }))
  t.equal((await (await post('/chat/completions', chat)).json() as any).usage.total_tokens, 200)
  const afterChat = await left()
  t.ok(afterChat <= 800 && afterChat > 700, `${afterChat} left after a chat completion of 200`)

  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Tell me a story')
  const gate = new Gate()
  server.upstream.enqueue(gated(text('Once upon a time there was'), gate))
  const reader = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  gate.open()
  const { id } = (await reader.until('thread.run.in_progress')) as { id: string }
  gate.open()
  await reader.until('thread.message.delta')
  await server.post(`/threads/${thread.id}/runs/${id}/cancel`)
  await reader.all()
  let now = await left()
  for (const before = now; now > before - 10;) now = await left()
  t.ok(now < afterChat, 'what was said before the cancellation')
})

test('a project has no more runs under way than it may', async t => {
  const server = await startServer(t, { quotas: { concurrentRuns: 2 }, apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const assistants = { a: (await server.post('/assistants', { model: 'm' }, as('sk-a'))).body.id, b: (await server.post('/assistants', { model: 'm' }, as('sk-b'))).body.id }
  const start = async (project: 'a' | 'b') => await server.post('/threads/runs', { assistant_id: assistants[project], thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as(`sk-${project}`))
  const gate = new Gate()
  server.upstream.respond(() => gated(text('Hello'), gate))
  const first = await start('a')
  t.equal((await start('a')).status, 200)
  const refused = await start('a')
  t.equal(refused.status, 429)
  t.equal(refused.body.error.code, 'rate_limit_exceeded')
  t.ok(refused.headers.get('retry-after'))
  const thread = (await server.post('/threads', { messages: [{ role: 'user', content: 'Hi' }] }, as('sk-a'))).body
  t.equal((await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistants.a }, as('sk-a'))).status, 429)
  t.equal((await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Again' }, as('sk-a'))).status, 200, 'the refused run has locked nothing')
  t.equal((await start('b')).status, 200)
  gate.open(Infinity)
  await ended(server, first.body, 'sk-a')
  t.equal((await start('a')).status, 200, 'a run that has ended makes room')
})

test('of runs that are created at once as many begin as there may be', async t => {
  const server = await startServer(t, { quotas: { concurrentRuns: 3 } })
  const assistant = await newAssistant(server)
  const gate = new Gate()
  server.upstream.respond(() => gated(text('Hello'), gate))
  const answers = await Promise.all(Array.from({ length: 12 }, async () => await server.post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } })))
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 200, 200, ...Array(9).fill(429)])
  gate.open(Infinity)
  await Promise.all(answers.filter(({ status }) => status === 200).map(async ({ body }) => await stopped(server, body)))
})

const upload = async (server: TestServer, bytes: number, key = 'sk-a') => {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new Blob(['x'.repeat(bytes)]), 'a.txt')
  const response = await fetch(`${server.baseURL}/files`, { method: 'POST', headers: as(key), body: form })
  return { status: response.status, headers: response.headers, body: await response.json() as any }
}

test('a project has no more files and bytes than it may; deleting some makes room', async t => {
  const server = await startServer(t, { quotas: { files: 3, storedBytes: 1000 }, apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const first = await upload(server, 600)
  t.equal(first.status, 200)
  const refused = await upload(server, 600)
  t.equal(refused.status, 429)
  t.match(refused.body.error, { code: 'insufficient_quota', type: 'insufficient_quota' })
  t.equal(refused.headers.get('x-should-retry'), 'false')
  t.equal((await upload(server, 400)).status, 200, 'exactly what is left')
  t.equal((await upload(server, 1)).status, 429)
  t.equal((await upload(server, 600, 'sk-b')).status, 200, 'others have theirs')
  await server.delete(`/files/${first.body.id}`, as('sk-a'))
  t.equal((await upload(server, 1)).status, 200)
  t.equal((await upload(server, 1)).status, 200)
  t.equal((await upload(server, 1)).status, 429, 'there are three files')
  t.equal((await server.get('/files', as('sk-a'))).body.data.length, 3)
})

test('uploads count with the bytes that they announce, until they end', async t => {
  const server = await startServer(t, { quotas: { storedBytes: 1000 } })
  const announce = async (bytes: number) => await server.post('/uploads', { bytes, filename: 'a.txt', mime_type: 'text/plain', purpose: 'assistants' })
  const { body: pending } = await announce(800)
  t.equal((await announce(300)).status, 429)
  t.equal((await upload(server, 300)).status, 429)
  await server.post(`/uploads/${pending.id}/cancel`)
  const { body: second } = await announce(300)
  const form = new FormData()
  form.set('data', new Blob(['y'.repeat(300)]))
  const part = await (await fetch(`${server.baseURL}/uploads/${second.id}/parts`, { method: 'POST', body: form })).json() as any
  t.equal((await server.post(`/uploads/${second.id}/complete`, { part_ids: [part.id] })).status, 200)
  t.equal((await announce(701)).status, 429)
  t.equal((await announce(700)).status, 200, 'a completed one counts once')
})

test('files that were there before there was a quota count, and ten at once take no more than is there', async t => {
  const first = await startServer(t)
  await upload(first, 500)
  await first.close()
  const server = await startServer(t, { storage: first.storage, quotas: { storedBytes: 1000 } })
  const answers = await Promise.all(Array.from({ length: 10 }, async () => await upload(server, 100)))
  const stored = 500 + answers.filter(({ status }) => status === 200).length * 100
  t.equal(stored, first.storage === 'memory:' ? 1500 : 1000)
})

test('a project has no more vector stores than it may', async t => {
  const server = await startServer(t, { quotas: { vectorStores: 2 } })
  const answers = await Promise.all(Array.from({ length: 5 }, async () => await server.post('/vector_stores', {})))
  t.equal(answers.filter(({ status }) => status === 200).length, 2)
  t.match(answers.find(({ status }) => status !== 200), { status: 429, body: { error: { code: 'insufficient_quota' } } })
  t.equal((await server.get('/vector_stores')).body.data.length, 2)
  await server.delete(`/vector_stores/${answers.find(({ status }) => status === 200)!.body.id}`)
  t.equal((await server.post('/vector_stores', {})).status, 200)
})
