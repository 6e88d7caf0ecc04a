import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { createKey, readKeyCommand, type KeyCommand } from '../../lib/cli/key.js'
import { hashedKey, type ApiKey } from '../../lib/http/keys.js'
import { buildServer } from '../../lib/server.js'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { ManualClock } from '../helpers/clock.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { ProcessView } from '../runs/helpers/process-view.js'

const as = (key: string) => ({ authorization: `Bearer ${key}` })
const status = async (server: TestServer, key: string, path = '/assistants'): Promise<number> => (await server.get(path, as(key))).status

test('a key may stand as its hash, in a list and as the name of a project', async t => {
  for (const apiKeys of [[hashedKey('sk-one')], [{ key: hashedKey('sk-one') }], { [hashedKey('sk-one')]: 'red' }] as NonNullable<TestServerOptions['apiKeys']>[]) {
    const server = await startServer(t, { apiKeys })
    t.equal(await status(server, 'sk-one'), 200)
    t.equal(await status(server, hashedKey('sk-one')), 401, 'the hash is no key')
    t.equal(await status(server, 'sk-two'), 401)
  }
})

test('a key has a project and ends when it is said to', async t => {
  const clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'))
  const server = await startServer(t, { clock, apiKeys: [{ key: 'sk-a', project: 'a', expires: '2026-01-02' }, { key: 'sk-b', project: 'b' }] })
  const { id } = (await server.post('/threads', {}, as('sk-a'))).body
  t.equal(await status(server, 'sk-a', `/threads/${id}`), 200)
  t.equal(await status(server, 'sk-b', `/threads/${id}`), 404)
  await clock.advance(24 * 60 * 60 * 1000)
  const { status: late, body } = await server.get('/assistants', as('sk-a'))
  t.equal(late, 401)
  t.match(body.error, { code: 'invalid_api_key', message: /expired/ })
})

test('a read-only key reads and searches, and changes nothing', async t => {
  const server = await startServer(t, { apiKeys: [{ key: 'sk-ro', readOnly: true }, { key: 'sk-rw' }] })
  const thread = (await server.post('/threads', {}, as('sk-rw'))).body
  const store = (await server.post('/vector_stores', {}, as('sk-rw'))).body
  t.equal(await status(server, 'sk-ro', `/threads/${thread.id}`), 200)
  t.equal((await server.post(`/vector_stores/${store.id}/search`, { query: 'x' }, as('sk-ro'))).status, 200)
  for (const [method, path] of [['POST', '/threads'], ['POST', `/threads/${thread.id}`], ['DELETE', `/threads/${thread.id}`], ['POST', '/chat/completions'], ['POST', '/files'], ['POST', '/threads/runs']] as const) {
    const { status: refused, body } = await server.request(method, path, {}, as('sk-ro'))
    t.equal(refused, 403, `${method} ${path}`)
    t.equal(body.error.code, 'insufficient_permissions')
  }
})

test('a read-only key searches vector stores, and not what a provider calls a search', async t => {
  const server = await startServer(t, { passthrough: ['/web/search'], apiKeys: [{ key: 'sk-ro', readOnly: true }, { key: 'sk-rw' }] })
  server.upstream.enqueueAt('/web/search', { kind: 'http', status: 200, body: {}, headers: { 'content-type': 'application/json; charset=utf-8' } })
  t.equal((await server.post('/web/search', { query: 'x' }, as('sk-rw'))).status, 200)
  t.match(await server.post('/web/search', { query: 'x' }, as('sk-ro')), { status: 403, body: { error: { code: 'insufficient_permissions' } } })
})

test('a key with models goes on with no run of another model', async t => {
  const tools = [{ type: 'function', function: { name: 'a' } }]
  const server = await startServer(t, { apiKeys: [{ key: 'sk-few', models: ['small'] }, { key: 'sk-all' }], script: [toolCalls([{ name: 'a', arguments: {}, id: 'call_a' }]), toolCalls([{ name: 'a', arguments: {}, id: 'call_a' }]), text('Fine.')] })
  const outputs = { tool_outputs: [{ tool_call_id: 'call_a', output: '1' }] }
  for (const [model, status] of [['large', 403], ['small', 200]] as const) {
    const assistant = (await server.post('/assistants', { model, tools }, as('sk-all'))).body
    const stream = await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as('sk-all'))
    const run = await stream.until('thread.run.requires_action')
    await stream.all()
    t.equal((await server.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, outputs, as('sk-few'))).status, status)
  }
  t.equal((await server.post('/threads/thread_x/runs/run_x/submit_tool_outputs', outputs, as('sk-few'))).status, 404)
})

test('a key with models is refused while nothing can be learned of the assistant that it runs', async t => {
  const store = new ProcessView(new MemoryRecordStore())
  const server = await startServer(t, { storage: store, blobs: 'memory:', mayLogErrors: true, apiKeys: [{ key: 'sk-few', models: ['small'] }, { key: 'sk-all' }] })
  const assistant = (await server.post('/assistants', { model: 'large' }, as('sk-all'))).body
  store.failRead(({ kind }) => kind === KIND.assistant)
  t.equal((await server.post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as('sk-few'))).status, 503)
})

test('a key with models uses these alone, its own or an assistant\'s', async t => {
  const server = await startServer(t, { apiKeys: [{ key: 'sk-few', models: ['small', 'test-*'] }, { key: 'sk-all' }] })
  const make = async (model: string, key = 'sk-all') => await server.post('/assistants', { model }, as(key))
  const [large, small] = [(await make('large')).body, (await make('small')).body]
  t.equal((await make('test-1', 'sk-few')).status, 200)
  t.equal((await make('large', 'sk-few')).status, 403)
  const run = async (body: object) => (await server.post('/threads/runs', { thread: { messages: [{ role: 'user', content: 'Hi' }] }, ...body }, as('sk-few'))).status
  t.equal(await run({ assistant_id: large.id }), 403)
  t.equal(await run({ assistant_id: large.id, model: 'small' }), 200)
  t.equal(await run({ assistant_id: small.id, model: 'large' }), 403)
  t.equal(await run({ assistant_id: 'asst_none' }), 404)
  t.equal((await server.post('/chat/completions', { model: 'large', messages: [{ role: 'user', content: 'Hi' }] }, as('sk-few'))).status, 403)
  t.equal((await server.post('/embeddings', { model: 'large', input: 'Hi' }, as('sk-few'))).status, 403)
})

test('a key with models cannot get around them: by a deployment\'s URL, by leaving the model out, by what is passed on', async t => {
  const upstream = await startUpstream(t, { respond: () => text('Hello') })
  const app = buildServer({ provider: { baseURL: upstream.url, apiKey: 'sk-upstream' }, defaultModel: 'large', passthrough: ['/moderations'], apiKeys: [{ key: 'sk-few', models: ['small'] }, { key: 'sk-all' }] })
  t.teardown(async () => await app.close())
  await app.ready()
  const messages = [{ role: 'user', content: 'Hi' }]
  const post = async (url: string, payload: object, key = 'sk-few') => await app.inject({ method: 'POST', url, payload, headers: { 'api-key': key } })
  t.equal((await post('/openai/deployments/small/chat/completions', { messages })).statusCode, 200)
  for (const [url, payload] of [
    ['/openai/deployments/large/chat/completions', { messages }],
    ['/openai/deployments/large/chat/completions', { model: 'small', messages }],
    ['/openai/deployments/large/embeddings', { model: 'small', input: 'Hi' }],
    ['/v1/chat/completions', { messages }],
    ['/v1/chat/completions', { model: '', messages }],
    ['/v1/chat/completions', { model: null, messages }],
    ['/v1/embeddings', { input: 'Hi' }],
    ['/v1/moderations', { model: 'large', input: 'Hi' }]
  ] as const) {
    const { statusCode, body } = await post(url, payload)
    t.equal(statusCode, 403, `${url} ${JSON.stringify(payload)}: ${body}`)
    t.not((await post(url, payload, 'sk-all')).statusCode, 403)
  }
})

test('keys in a file are added and withdrawn without a restart; a file that breaks changes nothing', async t => {
  const path = join(t.testdir(), 'keys.json')
  const write = (keys: unknown): void => writeFileSync(path, typeof keys === 'string' ? keys : JSON.stringify(keys))
  write([{ key: hashedKey('sk-old') }])
  const clock = new ManualClock(Date.now())
  const server = await startServer(t, { clock, apiKeys: ['sk-fixed'], apiKeysFile: path, mayLogErrors: true })
  t.equal(await status(server, 'sk-old'), 200)
  write([{ key: hashedKey('sk-new'), project: 'new' }])
  await clock.advance(1000)
  t.equal(await status(server, 'sk-old'), 401)
  t.equal(await status(server, 'sk-new'), 200)
  write('[{')
  await clock.advance(1000)
  t.equal(await status(server, 'sk-new'), 200)
  t.equal(await status(server, 'sk-fixed'), 200)
  write([])
  await clock.advance(1000)
  t.equal(await status(server, 'sk-new'), 200, 'a file without keys does not open the server, nor close it')
})

test('what is no key, or a file without any, is refused at start, and never quoted', async t => {
  const folder = t.testdir({ 'empty.json': '[]', 'broken.json': '["sk-secret"', 'keys.json': '["sk-one"]' })
  const wrong: TestServerOptions[] = [
    { apiKeys: [''] }, { apiKeys: 'sk-secret' as never }, { apiKeys: [{ key: 'sk-secret', expires: 'soon' }] }, { apiKeys: [{ key: 'sk-secret', scope: 'x' } as never] },
    { apiKeys: ['sha256:sk-secret'] }, { apiKeys: [{ key: 'sk-secret', models: 'x' as never }] }, { apiKeys: { 'sk-secret': '' } },
    ...['empty.json', 'broken.json', 'none.json'].map(name => ({ apiKeysFile: join(folder, name) })),
    { apiKeysFile: join(folder, 'keys.json'), apiKeys: () => 'x' }
  ]
  for (const options of wrong) {
    const error: any = await startServer(t, options).then(() => undefined, (error: unknown) => error)
    t.equal(error?.name, 'TypeError', JSON.stringify(options))
    t.notMatch(String(error?.message), /sk-secret/)
  }
})

test('key create makes a key that the server takes from the file it was added to', async t => {
  const file = join(t.testdir(), 'keys.json')
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const now = Date.parse('2026-01-01T00:00:00Z')
  createKey(readKeyCommand(['key', 'create', '--file', file, '--name', 'ci', '--project', 'red', '--expires', '90d', '--model', 'a', '--model', 'b*'], now), { stdout, stderr })
  createKey(readKeyCommand(['key', 'create', '--file', file, '--read-only'], now), { stdout, stderr })
  const [first = '', second = ''] = String(stdout.read()).trim().split('\n')
  t.match(first, /^sk-[\w-]{43}$/)
  t.not(first, second)
  t.equal(statSync(file).mode & 0o077, 0)
  const server = await startServer(t, { apiKeysFile: file, clock: new ManualClock(now) })
  t.equal(await status(server, first), 200)
  t.equal((await server.post('/threads', {}, as(second))).status, 403)
  createKey(readKeyCommand(['key', 'create', '--name', 'ci']), { stdout, stderr })
  const entry = JSON.parse(String(stderr.read()).split('\n').slice(1).join('\n')) as ApiKey
  t.strictSame(entry, { key: hashedKey(String(stdout.read()).trim()), name: 'ci' })
  for (const argv of [['key'], ['key', 'create', '--expires', 'soon'], ['key', 'create', '--expires', '0d'], ['key', 'create', '--expires', '2020-01-01'], ['key', 'create', '--nme', 'x'], ['key', 'create', '--name', '']]) {
    t.throws(() => createKey(readCommand(argv, {}) as KeyCommand, { stdout, stderr }), { name: 'OperatorError' })
  }
})
