import { test } from 'tap'
import { notFound } from '../../lib/shared/errors.js'
import { listSelected, type ListParams } from '../../lib/shared/pagination.js'
import { ThreadManager } from '../../lib/threads/manager.js'
import type { Thread } from '../../schemas/threads.js'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { ManualClock } from '../helpers/clock.js'
import { text, toolCalls } from '../helpers/upstream.js'

for (const sdk of sdks) {
  test(`${sdk.name}: a thread is created with messages, read, modified and deleted`, async t => {
    covers(t, 'createThread', 'getThread', 'modifyThread', 'deleteThread', 'listMessages')
    const { threads } = (await startServer(t)).client(sdk).beta
    const thread = await threads.create({
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: [{ type: 'text', text: 'Hi.' }], metadata: { a: 'b' } }
      ],
      metadata: { user: '7' }
    })
    const { id, created_at: at, ...shown } = thread
    t.match(id, /^thread_[0-9A-Za-z]{24}$/)
    t.ok(Math.abs(Date.now() / 1000 - at) < 5)
    t.strictSame(shown, { object: 'thread', metadata: { user: '7' }, tool_resources: {} })
    t.strictSame(await threads.retrieve(id), thread)
    const { data: messages } = await threads.messages.list(id, { order: 'asc' })
    t.strictSame(messages.map(({ thread_id: threadId, role, content, metadata }) => ({ thread_id: threadId, role, content, metadata })), [
      { thread_id: id, role: 'user', content: [{ type: 'text', text: { value: 'Hello', annotations: [] } }], metadata: {} },
      { thread_id: id, role: 'assistant', content: [{ type: 'text', text: { value: 'Hi.', annotations: [] } }], metadata: { a: 'b' } }
    ])
    t.strictSame(await threads.update(id, { metadata: { user: '8' } }), { ...thread, metadata: { user: '8' } })
    t.strictSame(await threads.delete(id), { id, object: 'thread.deleted', deleted: true })
    await t.rejects(threads.retrieve(id), { status: 404, message: `404 No thread found with id '${id}'.` })
  })

  test(`${sdk.name}: a thread is created from nothing at all`, async t => {
    const { threads } = (await startServer(t)).client(sdk).beta
    const thread = await threads.create()
    t.strictSame({ ...thread, id: '', created_at: 0 }, { id: '', object: 'thread', created_at: 0, metadata: {}, tool_resources: {} })
    t.strictSame((await threads.messages.list(thread.id)).data, [])
  })
}

test('modifying a thread leaves what is absent, clears what is null and replaces what is given', async t => {
  const server = await startServer(t)
  const { body: thread } = await server.post('/threads', { metadata: { a: '1', b: '2' } })
  const modify = async (fields: object) => (await server.post(`/threads/${thread.id}`, fields)).body
  t.strictSame(await modify({}), thread)
  t.strictSame((await modify({ metadata: { c: '3' } })).metadata, { c: '3' })
  t.strictSame((await modify({ metadata: {} })).metadata, {})
  t.strictSame((await modify({ metadata: { a: '1' }, tool_resources: null })), { ...thread, metadata: { a: '1' } })
  t.strictSame((await modify({ metadata: null })).metadata, {})
  t.strictSame((await modify({ tool_resources: { code_interpreter: { file_ids: [] } } })).tool_resources, { code_interpreter: { file_ids: [] } })
  t.strictSame((await modify({ tool_resources: { code_interpreter: {} } })).tool_resources, { code_interpreter: { file_ids: [] } })
})

test('null stands for nothing when a thread is created', async t => {
  const server = await startServer(t)
  const { status, body } = await server.post('/threads', { metadata: null, tool_resources: null })
  t.strictSame([status, body.metadata, body.tool_resources], [200, {}, {}])
})

test('a thread begins with 32 messages at the most, kept in their order', async t => {
  const server = await startServer(t)
  const messages = Array.from({ length: 32 }, (_, n) => ({ role: 'user', content: `${n}` }))
  const { body: thread } = await server.post('/threads', { messages })
  const { body: list } = await server.get(`/threads/${thread.id}/messages?order=asc&limit=100`)
  t.strictSame(list.data.map((message: any) => message.content[0].text.value), messages.map(message => message.content))
  const refused = await server.post('/threads', { messages: [...messages, { role: 'user', content: '32' }] })
  t.match(refused, {
    status: 400,
    body: { error: { message: "Invalid 'messages': array too long. Expected an array with maximum length 32, but got an array with length 33 instead.", param: 'messages', code: 'array_above_max_length' } }
  })
})

test('errors within messages name their place', async t => {
  const server = await startServer(t)
  const refusals: [message: object, param: string, code: string][] = [
    [{ content: 'Hi' }, 'messages[1].role', 'missing_required_parameter'],
    [{ role: 'user' }, 'messages[1].content', 'missing_required_parameter'],
    [{ role: 'system', content: 'Hi' }, 'messages[1].role', 'invalid_value'],
    [{ role: 'user', content: 'Hi', name: 'x' }, 'messages[1].name', 'unknown_parameter'],
    [{ role: 'user', content: [{ type: 'text', text: 1 }] }, 'messages[1].content[0].text', 'invalid_type']
  ]
  for (const [message, param, code] of refusals) {
    const answer = await server.post('/threads', { messages: [{ role: 'user', content: 'Hi' }, message] })
    t.match(answer, { status: 400, body: { error: { param, code, type: 'invalid_request_error' } } }, answer.body.error?.message)
  }
})

test('a deleted thread takes its messages and runs along', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  t.equal((await stopped(server, run)).status, 'completed')
  await server.delete(`/threads/${thread.id}`)
  const error = { message: `No thread found with id '${thread.id}'.`, type: 'invalid_request_error', param: null, code: null }
  const paths = ['', '/messages', '/runs', `/runs/${run.id}`, `/runs/${run.id}/steps`]
  for (const path of paths) t.match(await server.get(`/threads/${thread.id}${path}`), { status: 404, body: { error } }, path)
  t.match(await server.delete(`/threads/${thread.id}`), { status: 404, body: { error } }, 'a second time')
  t.match(await server.post(`/threads/${thread.id}`, { metadata: {} }), { status: 404, body: { error } })
  t.match(await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x' }), { status: 404, body: { error } })
  t.match(await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }), { status: 404, body: { error } })
  t.equal((await server.get(`/assistants/${assistant.id}`)).status, 200)
})

interface ThreadPage { data: { id: string }[], first_id: string | null, last_id: string | null, has_more: boolean }

test('threads are listed by metadata and time, page by page', async t => {
  covers(t, 'listThreads')
  const clock = new ManualClock()
  const server = await startServer(t, { clock })
  const at = Math.floor(clock.now() / 1000)
  const ids: string[] = []
  for (let n = 0; n < 5; n++) {
    ids.push((await server.post('/threads', { metadata: { user: n % 2 === 0 ? 'anna' : 'ben', 'with [brackets]': 'a&b' } })).body.id)
    await clock.advance(10_000)
  }
  const client = server.client() as unknown as { get (path: string, options: { query: Record<string, unknown> }): Promise<ThreadPage> }
  const list = async (query: Record<string, unknown>) => (await client.get('/threads', { query })).data.map(({ id }) => ids.indexOf(id))
  t.strictSame(await list({}), [4, 3, 2, 1, 0])
  t.strictSame(await list({ order: 'asc', limit: 2, after: ids[1] }), [2, 3])
  t.strictSame(await list({ before: ids[1], limit: 2 }), [3, 2])
  t.strictSame(await list({ metadata: { user: 'anna' } }), [4, 2, 0])
  t.strictSame(await list({ metadata: { user: 'anna', 'with [brackets]': 'a&b' }, limit: 1, after: ids[4] }), [2])
  t.strictSame(await list({ metadata: { user: 'anna', other: 'x' } }), [])
  t.strictSame(await list({ metadata: { toString: 'x' } }), [])
  t.strictSame(await list({ created_after: at + 10, created_before: at + 30 }), [2, 1])
  const page = await client.get('/threads', { query: { metadata: { user: 'ben' }, limit: 1 } })
  t.match(page, { object: 'list', first_id: ids[3], last_id: ids[3], has_more: true })
})

test('threads in which runs were last are listed, the latest first, without those that are gone or another project\'s', async t => {
  const server = await startServer(t, { apiKeys: [{ key: 'sk-red', project: 'red' }, { key: 'sk-blue', project: 'blue' }], script: [text('One.'), toolCalls([{ name: 'ask', arguments: {} }]), text('Three.'), text('Four.')] })
  const red = { authorization: 'Bearer sk-red' }
  const list = async (key = 'sk-red') => (await server.get('/threads?recent_runs=true', { authorization: `Bearer ${key}` })).body
  t.strictSame(await list(), { object: 'list', data: [], first_id: null, last_id: null, has_more: false })
  const { body: assistant } = await server.post('/assistants', { model: 'test-model', tools: [{ type: 'function', function: { name: 'ask' } }] }, red)
  const threads: string[] = []
  for (let n = 0; n < 3; n++) threads.push((await server.post('/threads', { messages: [{ role: 'user', content: 'Hello' }] }, red)).body.id)
  const [first, second, third] = threads as [string, string, string]
  const run = async (thread: string): Promise<void> => { await (await server.stream(`/threads/${thread}/runs`, { assistant_id: assistant.id }, red)).all() }
  for (const thread of [second, first, third]) await run(thread)
  t.strictSame((await list()).data.map(({ id }: { id: string }) => id), [third, first, second])
  await run(second)
  await server.delete(`/threads/${third}`, red)
  t.match(await list(), { data: [{ id: second }, { id: first }], first_id: second, last_id: first, has_more: false })
  t.strictSame((await list('sk-blue')).data, [])
  t.match(await server.get('/threads?recent_runs=true&limit=5', red), { status: 400, body: { error: { param: 'recent_runs' } } })
  t.equal((await server.get('/threads?recent_runs=false&limit=1', red)).body.has_more, true, 'false is as nothing')
})

test('a list of threads says what is wrong with its filters', async t => {
  const server = await startServer(t)
  const refusals: [query: string, param: string, code: string][] = [
    ['metadata=x', 'metadata', 'invalid_type'],
    ['metadata[a]=1&metadata[a]=2', 'metadata.a', 'invalid_type'],
    [`metadata[a]=${'x'.repeat(513)}`, 'metadata.a', 'string_above_max_length'],
    [Array.from({ length: 17 }, (_, n) => `metadata[k${n}]=v`).join('&'), 'metadata', 'object_above_max_properties'],
    ['created_after=yesterday', 'created_after', 'invalid_type'],
    ['limit=101', 'limit', 'integer_above_max_value']
  ]
  for (const [query, param, code] of refusals) {
    const answer = await server.get(`/threads?${query}`)
    t.match(answer, { status: 400, body: { error: { param, code } } }, `${query}: ${JSON.stringify(answer.body)}`)
  }
  t.match(await server.get('/threads?after=thread_x'), { status: 404, body: { error: { message: 'No thread found with id \'thread_x\'.' } } })
})

test('threads of another project are not listed', async t => {
  const server = await startServer(t, { apiKeys: { 'sk-anna': 'anna', 'sk-ben': 'ben' } })
  const as = (key: string) => ({ authorization: `Bearer ${key}` })
  const { body: thread } = await server.post('/threads', { metadata: { user: '7' } }, as('sk-anna'))
  const ids = async (key: string, query = '') => (await server.get(`/threads${query}`, as(key))).body.data.map(({ id }: any) => id)
  t.strictSame([await ids('sk-anna'), await ids('sk-anna', '?metadata[user]=7')], [[thread.id], [thread.id]])
  t.strictSame([await ids('sk-ben'), await ids('sk-ben', '?metadata[user]=7')], [[], []])
  t.equal((await server.get(`/threads?after=${thread.id}`, as('sk-ben'))).status, 404)
})

test('a search ends where it has examined enough, and goes on from there', async t => {
  const manager = new ThreadManager()
  const { scope } = manager
  const threads: Thread[] = []
  for (let n = 0; n < 350; n++) threads.push(await manager.createThread(n === 340 ? { rare: 'yes' } : {}))
  const ids = threads.map(({ id }) => id)
  const rare = async (params: ListParams, value = 'yes') => await listSelected(scope, { partition: 'threads', kind: 'thread' }, params, id => notFound('thread', id), ({ id }) => {
    const thread = threads[ids.indexOf(id)]
    return thread?.metadata.rare === value ? thread : undefined
  }, { maxScan: 200 })
  t.match(await rare({ order: 'asc' }), { data: { length: 0 }, first_id: null, last_id: ids[199], has_more: true })
  t.match(await rare({ order: 'asc', after: ids[199]! }), { data: [{ id: ids[340] }], first_id: ids[340], last_id: ids[340], has_more: false })
  t.match(await rare({}), { data: [{ id: ids[340] }], last_id: ids[150], has_more: true }, 'what was found, and where it ended')
  t.match(await rare({ before: ids[0]! }, 'no'), { data: { length: 0 }, first_id: ids[200], last_id: null, has_more: true })
  t.strictSame((await manager.listThreads({ metadata: { rare: 'yes' } })).map(({ id }) => id), [ids[340]])
  t.equal((await manager.listThreads()).length, 350)
  t.strictSame((await manager.listThreads({ limit: 120, order: 'asc' })).map(({ id }) => id), ids.slice(0, 120))
})
