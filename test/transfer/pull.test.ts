import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { messagesOf, reaches, runnable, stepsOf, textOf } from '../instances/helpers/instances.js'
import { authorization, baseOf } from '../../lib/transfer/pull/address.js'
import { pull, type PullOptions, type PullResult } from '../../lib/transfer/pull/pull.js'
import { Remote, RemoteFailure } from '../../lib/transfer/pull/remote.js'
import { NOW, open, type OpenStores } from './helpers.js'
import { answer, refuse, startRelay } from './relay.js'

async function upload (server: TestServer, name: string, content: string): Promise<any> {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File([content], name))
  return await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form })).json()
}

/** A vector store whose files can be found. */
async function searchable (server: TestServer, ...fileIds: string[]): Promise<any> {
  const { body: store } = await server.post('/vector_stores', { name: 'Notes', file_ids: fileIds, metadata: { of: 'us' } })
  return await indexed(server, store.id, fileIds.length)
}

async function indexed (server: TestServer, id: string, count: number): Promise<any> {
  for (;;) {
    const { body } = await server.get(`/vector_stores/${id}`)
    if (body.file_counts.completed === count) return body
  }
}

/** A server with something of everything that another may pull. */
async function source (t: Test, options: TestServerOptions = {}): Promise<{ server: TestServer, run: any, file: any, store: any, thread: any }> {
  const server = await startServer(t, { script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }]), text('Noon')], ...options })
  const file = await upload(server, 'встреча.txt', 'The meeting is at noon. '.repeat(2000))
  const store = await searchable(server, file.id)
  const { thread, create } = await runnable(server, { name: 'One', tools: [{ type: 'function', function: { name: 'ask' } }, { type: 'code_interpreter' }], metadata: { where: 'here' } })
  const run = await reaches(server, await create(server), 'requires_action')
  await server.post(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
  await reaches(server, run, 'completed')
  return { server, run, file, store, thread }
}

async function pulled (stores: OpenStores, baseURL: string, options: Partial<PullOptions> = {}): Promise<PullResult & { missed: string[] }> {
  const missed: string[] = []
  const result = await pull(new Remote({ from: baseURL, key: 'sk-test', wait: async () => {} }), stores, { now: () => NOW, onMissing: what => missed.push(what), ...options })
  return { ...result, missed }
}

for (const to of persistentStores) {
  test(`what a server lists is pulled into ${to.name} under its ids, and served as it was`, { skip: await to.skip() }, async t => {
    const { server, run, file, store, thread } = await source(t)
    for (let i = 0; i < 8; i++) await newThread(server, `Question ${i}`)
    const url = to.url(t)
    const stores = await open(t, url)
    const first = await pulled(stores, server.baseURL)
    t.strictSame(first.missed, [])
    t.match(Object.fromEntries(first.written), { assistant: 1, file: 1, vector_store: 1, vector_store_file: 1, thread: 9, message: 10, run: 1, step: 2 })
    const again = await pulled(stores, server.baseURL)
    t.equal(again.written.size, 0, 'a second time changes nothing')
    t.strictSame(again.missed, [])
    await newThread(server, 'Another one')
    await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'And then?' })
    t.strictSame(Object.fromEntries((await pulled(stores, server.baseURL)).written), { message: 2, thread: 1 }, 'what is new comes')
    await stores.close()

    const copy = await startServer(t, { storage: url })
    await indexed(copy, store.id, 1)
    for (const path of ['/assistants', '/files', `/files/${file.id}`, '/threads?limit=100&order=asc', `/threads/${thread.id}/messages`, `/threads/${thread.id}/messages?run_id=${run.id}`,
      `/threads/${thread.id}/runs`, `/threads/${thread.id}/runs/${run.id}`, `/threads/${thread.id}/runs/${run.id}/steps`]) {
      t.strictSame((await copy.get(path)).body, (await server.get(path)).body, path)
    }
    const [was, is] = await Promise.all([server, copy].map(async one => (await one.get(`/vector_stores/${store.id}`)).body))
    t.strictSame({ ...is, last_active_at: 0 }, { ...was, last_active_at: 0 })
    t.equal(await (await fetch(`${copy.baseURL}/files/${file.id}/content`)).text(), await (await fetch(`${server.baseURL}/files/${file.id}/content`)).text())
    const { body: found } = await copy.post(`/vector_stores/${store.id}/search`, { query: 'When is the meeting?' })
    t.match(found.data[0], { file_id: file.id, filename: 'встреча.txt' })
    t.strictSame((await messagesOf(copy, thread.id)).map(textOf), ['Hello?', 'Noon', 'And then?'])
    t.equal((await stepsOf(copy, run)).length, 2)
  })
}

test('only the threads that are named are pulled, into the project that is named', async t => {
  const server = await startServer(t)
  const [one] = await Promise.all([newThread(server, 'Mine'), newThread(server, 'Yours')])
  const stores = await open(t, 'memory:')
  const { written, missed } = await pulled(stores, server.baseURL, { threads: [one.id, 'thread_gone'], project: 'red' })
  t.strictSame(Object.fromEntries(written), { thread: 1, message: 1 })
  t.strictSame(missed, ['thread_gone: 404 No thread found with id \'thread_gone\'.'])
  t.ok(await stores.records.get({ project: 'red', partition: one.id, kind: 'thread', id: one.id }))
})

test('a pull that broke off goes on where it was, with named threads and with listed ones', async t => {
  const server = await startServer(t)
  const threads: string[] = []
  for (let i = 0; i < 30; i++) threads.push((await newThread(server, `Question ${i}`)).id as string)
  for (const named of [threads, undefined]) {
    const state = { mayBreak: true, isBroken: false }
    const relay = await startRelay(t, server.baseURL, (_, response, path) => {
      if (state.mayBreak && path.startsWith(`/threads/${threads[25]}`)) state.isBroken = true
      return state.isBroken && refuse(response, 503, 'Overloaded', { 'retry-after': '0' })
    })
    const stores = await open(t, 'memory:')
    await t.rejects(pulled(stores, relay.baseURL, { threads: named }), { name: RemoteFailure.name, message: /^127\.0\.0\.1:\d+ does not answer: 503 Overloaded$/ })
    Object.assign(state, { mayBreak: false, isBroken: false })
    relay.requests.length = 0
    t.strictSame((await pulled(stores, relay.baseURL, { threads: named })).missed, [])
    const readAgain = threads.filter(id => relay.requests.includes(`GET /threads/${id}`))
    t.strictSame(readAgain, threads.slice(-readAgain.length))
    t.ok(readAgain.length >= 5 && readAgain.length <= 10, `${readAgain.length} of 30 were left`)
    const { records } = await stores.records.page({ project: 'default', partition: 'threads', kind: 'thread', order: 'asc', limit: 100 })
    t.strictSame(records.map(({ id }) => id), threads)
    t.strictSame((await stores.records.page({ project: 'default', partition: 'pulls', kind: 'pull', order: 'asc', limit: 1 })).records, [], 'nothing is left of its notes')
  }
})

test('bytes that a server keeps to itself are replaced by the text of a vector store, and reported', async t => {
  const { server, file, store } = await source(t, { downloads: 'outputs' })
  const lone = await upload(server, 'lone.txt', 'Nothing has indexed me')
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  const { missed } = await pulled(stores, server.baseURL)
  t.strictSame(missed, [
    `the bytes of ${file.id} (встреча.txt): 400 Not allowed to download files of purpose: assistants; imported the text that ${store.id} holds instead, as встреча.txt.txt`,
    `the bytes of ${lone.id} (lone.txt): 400 Not allowed to download files of purpose: assistants`
  ])
  await stores.close()
  const copy = await startServer(t, { storage: url })
  await indexed(copy, store.id, 1)
  t.match((await copy.post(`/vector_stores/${store.id}/search`, { query: 'meeting' })).body.data[0], { file_id: file.id, filename: 'встреча.txt.txt' })
  t.match((await copy.get(`/files/${lone.id}`)).body, { filename: 'lone.txt' })
})

test('a file of a vector store whose bytes are not to be had has failed there, and says why', async t => {
  const { server, file, store } = await source(t)
  const relay = await startRelay(t, server.baseURL, (_, response, path) => path.endsWith('/content') && refuse(response, 404, 'Gone'))
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  t.strictSame((await pulled(stores, relay.baseURL)).missed, [`the bytes of ${file.id} (встреча.txt): 404 Gone`])
  await stores.close()
  const copy = await startServer(t, { storage: url })
  t.match((await copy.get(`/vector_stores/${store.id}/files/${file.id}`)).body, { status: 'failed', last_error: { code: 'invalid_file', message: /bytes of the file were not there/ } })
  t.match((await copy.get(`/vector_stores/${store.id}`)).body, { status: 'completed', file_counts: { failed: 1, total: 1 } })
})

test('a run that has not ended stays with its server, and is reported', async t => {
  const server = await startServer(t, { script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])] })
  const { create } = await runnable(server, { tools: [{ type: 'function', function: { name: 'ask' } }] })
  const run = await reaches(server, await create(server), 'requires_action')
  const step = (await stepsOf(server, run))[0]
  const { written, missed } = await pulled(await open(t, 'memory:'), server.baseURL)
  t.strictSame(missed, [`${run.id} is requires_action: only runs that have ended are imported`, `${step.id} is in_progress: only steps that have ended are imported`])
  t.strictSame(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1 })
})

test('a server that is overloaded for a while is asked again', async t => {
  const { server } = await source(t)
  const refused = new Set<string>()
  const relay = await startRelay(t, server.baseURL, (_, response, path) => {
    if (refused.has(path)) return false
    refused.add(path)
    return refuse(response, refused.size % 2 === 0 ? 429 : 503, 'Later', { 'retry-after-ms': '1' })
  })
  const { missed, written } = await pulled(await open(t, 'memory:'), relay.baseURL)
  t.strictSame(missed, [])
  t.match(Object.fromEntries(written), { assistant: 1, file: 1, vector_store_file: 1, thread: 1, run: 1, step: 2 })
})

test('bytes that break off on the way are read anew', async t => {
  const { server, file } = await source(t)
  let breaks = 2
  const relay = await startRelay(t, server.baseURL, (_, response, path) => {
    if (path !== `/files/${file.id}/content` || breaks-- <= 0) return false
    response.writeHead(200, { 'content-length': String(file.bytes) })
    response.write('The meeting', () => response.destroy())
    return true
  })
  const stores = await open(t, 'memory:')
  t.strictSame((await pulled(stores, relay.baseURL)).missed, [])
  t.equal(await stores.blobs.size({ project: 'default', id: file.id }), file.bytes)
})

test('a server that lists no threads, knows no cursors and no vector stores is read as far as it goes', async t => {
  const server = await startServer(t)
  for (let i = 0; i < 3; i++) await newAssistant(server, { name: `Number ${i}` })
  const { body: all } = await server.get('/assistants?order=asc')
  const relay = await startRelay(t, server.baseURL, (_, response, path) => {
    if (path.startsWith('/assistants')) return answer(response, 200, { ...all, has_more: true })
    if (path.startsWith('/threads') || path.startsWith('/vector_stores')) return refuse(response, 404, 'Not here')
    return false
  })
  const { missed, written } = await pulled(await open(t, 'memory:'), relay.baseURL)
  t.strictSame(missed, ['vector_stores: 404 Not here', 'threads: the server does not list them (404 Not here): name them with --threads FILE'])
  t.strictSame(Object.fromEntries(written), { assistant: 3 })
  t.equal(relay.requests.filter(request => request === 'GET /assistants').length, 3, 'neither a cursor nor a page number led on')
  t.match(relay.headers(), { authorization: 'Bearer sk-test', 'openai-beta': 'assistants=v2' })
})

test('objects of older servers get the keys that they lack', async t => {
  const at = 1_700_000_000
  const thread = { id: 'thread_a', object: 'thread', created_at: at, metadata: null }
  const message = { id: 'msg_a', object: 'thread.message', created_at: at, thread_id: 'thread_a', role: 'assistant', content: [], attachments: null, assistant_id: 'asst_a', run_id: 'run_a' }
  const run = { id: 'run_a', object: 'thread.run', created_at: at, thread_id: 'thread_a', assistant_id: 'asst_a', status: 'completed', model: 'gpt-4', instructions: null, tools: [{ type: 'file_search' }], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }, required_action: { type: 'submit_tool_outputs' } }
  const step = { id: 'step_a', object: 'thread.run.step', created_at: at, thread_id: 'thread_a', run_id: 'run_a', assistant_id: 'asst_a', type: 'tool_calls', status: 'completed', step_details: { type: 'tool_calls', tool_calls: [{ id: 'call_a', type: 'file_search', file_search: {} }, { id: 'call_b', type: 'function', function: { name: 'f', arguments: '{}' } }] } }
  const assistant = { id: 'asst_a', object: 'assistant', created_at: at, model: 'gpt-4', tools: [{ type: 'file_search', file_search: null }, { type: 'function', function: { name: 'f', description: null } }] }
  const lists: Record<string, unknown[]> = { '/assistants': [assistant], '/files': [], '/vector_stores': [], '/threads': [thread], '/threads/thread_a/messages': [message], '/threads/thread_a/runs': [run], '/threads/thread_a/runs/run_a/steps': [step] }
  const relay = await startRelay(t, '', (_, response, path) => {
    const data = lists[path.split('?')[0]!]
    return answer(response, 200, data === undefined ? thread : { object: 'list', data })
  })
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  t.strictSame((await pulled(stores, relay.baseURL)).missed, [])
  await stores.close()
  // The watch of the test server holds every answer against the official schema.
  const server = await startServer(t, { storage: url })
  const { tools } = (await server.get('/assistants/asst_a')).body
  t.match(tools, [{ file_search: { ranking_options: { ranker: 'default_2024_08_21' } } }, { function: { description: null, strict: false } }])
  t.strictSame(tools[1].function.parameters, {})
  t.match((await server.get('/threads/thread_a/runs/run_a')).body, { required_action: null, usage: { total_tokens: 3, prompt_token_details: { cached_tokens: 0 } }, tool_choice: 'auto' })
  t.match((await stepsOf(server, { id: 'run_a', thread_id: 'thread_a' }))[0].step_details.tool_calls, [{ file_search: { results: { length: 0 } } }, { function: { output: null } }])
  t.match(await messagesOf(server, 'thread_a'), [{ attachments: { length: 0 }, status: 'completed' }])
})

test('a wrong key, a wrong address and a page that is no API end the pull', async t => {
  const server = await startServer(t, { apiKeys: ['sk-other'] })
  const relay = await startRelay(t, '', (_, response) => { response.end('<html>'); return true })
  const stores = await open(t, 'memory:')
  await t.rejects(pulled(stores, server.baseURL), { message: /^127\.0\.0\.1:\d+ does not accept the key: Incorrect API key provided/ })
  await t.rejects(pulled(stores, relay.baseURL), { message: /does not answer in JSON: is its URL right\?$/ })
  await t.rejects(pulled(stores, 'http://127.0.0.1:9/v1'), { message: /^127\.0\.0\.1:9 does not answer: / })
})

test('addresses without a path get the one that the SDKs add, and Azure gets keys its own way', t => {
  const base = (from: string): string => baseOf(from).href
  t.equal(base('http://127.0.0.1:8080'), 'http://127.0.0.1:8080/v1')
  t.equal(base('https://api.example.com/v1/'), 'https://api.example.com/v1')
  t.equal(base('https://mine.openai.azure.com/'), 'https://mine.openai.azure.com/openai?api-version=2025-03-01-preview')
  t.equal(base('https://mine.openai.azure.com/openai?api-version=2024-05-01-preview'), 'https://mine.openai.azure.com/openai?api-version=2024-05-01-preview')
  t.equal(base('https://mine.services.ai.azure.com/api/projects/one'), 'https://mine.services.ai.azure.com/api/projects/one?api-version=v1')
  t.strictSame(authorization(new URL('https://mine.openai.azure.com/openai'), 'key'), { 'api-key': 'key' })
  t.strictSame(authorization(new URL('https://mine.openai.azure.com/openai'), 'eyJ0eXAi.e.s'), { authorization: 'Bearer eyJ0eXAi.e.s' })
  t.strictSame(authorization(new URL('https://azure.example.com/v1'), 'key'), { authorization: 'Bearer key' })
  t.strictSame(authorization(new URL('https://azure.example.com/v1'), undefined), {})
  t.end()
})

test('a server that numbers its pages is read to the end, with the headers that it wants', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  for (let i = 0; i < 7; i++) await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: `${i}` })
  const wants: (string | undefined)[] = []
  const relay = await startRelay(t, server.baseURL, (request, response, path) => {
    wants.push(request.headers['x-token'] as string | undefined)
    const url = new URL(path, 'http://x')
    if (!url.pathname.endsWith('/messages')) return false
    const [page, size] = [Number(url.searchParams.get('page') ?? 1), Number(url.searchParams.get('page_size') ?? 3)]
    server.get(`/threads/${thread.id}/messages?order=asc&limit=100`).then(({ body }) => {
      const data = body.data.slice((page - 1) * size, page * size)
      answer(response, 200, { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: page * size < body.data.length })
    }, () => response.destroy())
    return true
  })
  const stores = await open(t, 'memory:')
  const result = await pull(new Remote({ from: relay.baseURL, headers: { 'x-token': 'AstraCS:1' } }), stores, { threads: [thread.id], now: () => NOW, onMissing: what => t.fail(what) })
  t.equal(result.written.get('message'), (await messagesOf(server, thread.id)).length)
  t.strictSame(new Set(wants), new Set(['AstraCS:1']))
})
