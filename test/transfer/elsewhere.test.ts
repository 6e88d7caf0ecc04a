import { test } from 'tap'
import { startServer } from '../helpers/server.js'
import { messagesOf, textOf } from '../instances/helpers/instances.js'
import { imported, open } from './helpers.js'

const at = Date.parse('2025-06-01T12:00:00Z') / 1000
const messageOf = (value: string, role = 'user', more: object = {}) => ({
  id: `msg_${value}`,
  object: 'thread.message',
  created_at: at,
  thread_id: 'thread_c',
  status: 'completed',
  completed_at: at,
  incomplete_at: null,
  role,
  content: [{ type: 'text', text: { value, annotations: [] } }],
  assistant_id: null,
  run_id: null,
  attachments: null,
  metadata: {},
  ...more
})

test('values of the Redis keys and rows of the PostgreSQL table of @cogitator-ai/openai-compat are imported under their ids', async t => {
  const assistant = { id: 'asst_V1-x_9', name: 'Tutor', model: 'cogitator', instructions: 'Be kind.', tools: [{ type: 'function', function: { name: 'add', parameters: {} } }], metadata: { a: 'b' }, temperature: 0.5, created_at: at }
  const thread = { thread: { id: 'thread_c', object: 'thread', created_at: at, metadata: { user: '7' } }, messages: [messageOf('one'), messageOf('two', 'assistant', { assistant_id: assistant.id, run_id: 'run_gone' })] }
  const file = { id: 'file_Ab-1', content: Buffer.from('Hello').toString('base64'), filename: 'a.txt', created_at: at }
  const asRows = [['assistant', assistant], ['thread', thread], ['file', file]].map(([type, data]) => ({ type, id: (data as any).id ?? 'thread_c', data, created_at: '2025-06-01', updated_at: '2025-06-01' }))
  const asText = asRows.map(row => ({ ...row, data: JSON.stringify(row.data) }))
  for (const lines of [[assistant, thread, file], asRows, asText]) {
    const url = `sqlite:${t.testdir()}/a.db`
    const stores = await open(t, url)
    const { bad, written } = await imported(stores, lines)
    t.strictSame(bad, [])
    t.match(Object.fromEntries(written), { assistant: 1, thread: 1, message: 2, file: 1 })
    t.equal(await stores.blobs.size({ project: 'default', id: file.id }), 5)
    await stores.close()
    const server = await startServer(t, { storage: url })
    t.match((await server.get(`/assistants/${assistant.id}`)).body, { name: 'Tutor', model: 'cogitator', temperature: 0.5, tools: [{ function: { name: 'add' } }] })
    t.match((await server.get('/threads/thread_c')).body, { metadata: { user: '7' } })
    t.strictSame((await messagesOf(server, 'thread_c')).map(textOf), ['one', 'two'])
    t.match((await server.get(`/files/${file.id}`)).body, { filename: 'a.txt', purpose: 'assistants', bytes: 5 })
    await server.close()
  }
})

const uuid = 'b9d5b7a8-1f2e-4c3d-9a0b-5c6d7e8f9a0b'
const values = {
  messages: [
    { type: 'system', content: 'You are kind.', id: 's' },
    { type: 'human', content: 'What is on it?', id: 'h1', additional_kwargs: {} },
    { type: 'human', content: [{ type: 'text', text: 'And on this?' }, { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }], id: 'h2' },
    { type: 'ai', content: '', id: 'a1', tool_calls: [{ name: 'look', args: {}, id: 'c1' }] },
    { type: 'tool', content: 'a cat', tool_call_id: 'c1', id: 't1' },
    { type: 'ai', content: [{ type: 'reasoning', text: 'hm' }, { type: 'text', text: 'A cat.' }] },
    { type: 'ai', data: { content: 'Bye.', id: 'run--7' } }
  ],
  other: 1
}

test('threads and assistants of a LangGraph server are imported: what people and the model said', async t => {
  const thread = { thread_id: uuid, created_at: '2025-06-01T12:00:00.123456+00:00', updated_at: '2025-06-02T12:00:00+00:00', metadata: { graph_id: 'agent', owner: { id: 7 } }, status: 'idle', config: {}, values, interrupts: {} }
  const state = { values, next: [], checkpoint: { thread_id: uuid, checkpoint_id: 'x' }, metadata: { step: 3 }, created_at: '2025-06-01T12:00:00Z', tasks: [] }
  const ofLibrary = { values, config: { configurable: { thread_id: uuid } }, created_at: '2025-06-01T12:00:00Z' }
  const assistants = [
    { assistant_id: uuid, graph_id: 'agent', config: { configurable: { model: 'openai/gpt-4o', system_prompt: 'Be kind.' } }, context: {}, created_at: '2025-06-01T12:00:00Z', updated_at: '2025-06-01T12:00:00Z', metadata: { created_by: 'system' }, version: 1, name: 'agent', description: null },
    { assistant_id: 'plain', graph_id: 'agent', config: {}, created_at: '2025-06-01T12:00:00Z', metadata: {}, version: 1, name: 'plain' }
  ]
  for (const given of [thread, state, ofLibrary]) {
    const url = `sqlite:${t.testdir()}/a.db`
    const stores = await open(t, url)
    const { bad, written } = await imported(stores, [JSON.stringify([...assistants, given], null, 2)])
    t.strictSame(bad, [])
    t.strictSame(Object.fromEntries(written), { assistant: 2, thread: 1, message: 4 })
    t.equal((await imported(stores, [given])).written.size, 0, 'a second time changes nothing')
    await stores.close()
    const server = await startServer(t, { storage: url })
    t.match((await server.get(`/threads/thread_${uuid}`)).body, { created_at: at })
    const messages = await messagesOf(server, `thread_${uuid}`)
    t.strictSame(messages.map(({ role, id }: any) => [role, id]), [['user', 'msg_h1'], ['user', 'msg_h2'], ['assistant', `msg_${uuid}_5`], ['assistant', 'msg_run--7']])
    t.strictSame(messages.map(({ content }: any) => content[0].text.value), ['What is on it?', 'And on this?', 'A cat.', 'Bye.'])
    t.match(messages[1], { content: [{ type: 'text' }, { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] })
    t.match((await server.get(`/assistants/asst_${uuid}`)).body, { name: 'agent', model: 'openai/gpt-4o', instructions: 'Be kind.', metadata: { graph_id: 'agent', created_by: 'system' } })
    t.match((await server.get('/assistants/asst_plain')).body, { model: 'agent', instructions: null }, 'the graph\'s name stands for the model')
    t.equal((await server.post(`/threads/thread_${uuid}/messages`, { role: 'user', content: 'Still there?' })).status, 200)
    await server.close()
  }
})

test('metadata of LangGraph becomes text, and what does not fit is left out', async t => {
  const stores = await open(t, 'memory:')
  await imported(stores, [{ thread_id: 'x', created_at: '2025-06-01T12:00:00Z', values: null, metadata: { n: 1, none: null, deep: { a: [1] }, long: 'x'.repeat(600) } }])
  const record = await stores.records.get<any>({ project: 'default', partition: 'thread_x', kind: 'thread', id: 'thread_x' })
  t.strictSame(record?.body.metadata, { n: '1', deep: '{"a":[1]}' })
})

test('rows of bella-assistants are imported: JSON in text, the time of China, empty texts and 1970 for what is absent', async t => {
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  const { bad, written } = await imported(stores, [
    { id: 'asst_1', object: '', model: 'gpt-4o', name: 'A', description: '', instructions: 'Be kind.', temperature: 0.01, top_p: 1, response_format: 'json_object', reasoning_effort: '', owner: 'me', metadata: '{"n":1}', created_at: '2025-06-01 20:00:00', tools: ['{"type":"web_search"}', '{"type":"rag"}', '{"type":"function","function":{"name":"f"}}'] },
    { id: 'thread_1', object: 'thread', owner: 'me', environment: '{}', metadata: '', created_at: '2025-06-01 20:00:00.000000' },
    { id: 'msg_1', object: 'thread.message', role: 'user', thread_id: 'thread_1', content: '[{"type":"text","text":{"value":"Hi"}}]', attachments: '[]', file_ids: '', metadata: '', assistant_id: '', run_id: '', message_type: 'original', message_status: 'original', status: 'original', created_at: '2025-06-01 20:00:01.250' },
    { id: 'run_1', object: 'thread.run', assistant_id: 'asst_1', thread_id: 'thread_1', status: 'failed', model: 'gpt-4o', instructions: 'x', max_prompt_tokens: 0, max_completion_tokens: 0, truncation_strategy: '', tool_choice: 'auto', parallel_tool_calls: 1, response_format: 'auto', metadata: '', last_error: 'it broke', incomplete_details: '', usage: '{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}', started_at: '2025-06-01 20:00:02', completed_at: '1970-01-01 08:00:00', cancelled_at: '1970-01-01 08:00:00', expires_at: '1970-01-01 09:00:00', failed_at: '2025-06-01 20:00:03', task_id: '', reasoning_effort: '""', created_at: '2025-06-01 20:00:02.000' }
  ])
  t.strictSame(bad, [])
  t.match(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1, run: 1 })
  await stores.close()
  const server = await startServer(t, { storage: url })
  t.match((await server.get('/assistants/asst_1')).body, {
    created_at: at,
    metadata: { n: '1' },
    response_format: { type: 'json_object' },
    reasoning_effort: null,
    tools: [{ type: 'function', function: { name: 'web_search' } }, { type: 'file_search' }, { type: 'function', function: { name: 'f' } }]
  })
  t.match((await server.get('/threads/thread_1/messages/msg_1')).body, { created_at: at + 1, assistant_id: null, run_id: null, status: 'completed', content: [{ text: { value: 'Hi', annotations: { length: 0 } } }] })
  t.match((await server.get('/threads/thread_1/runs/run_1')).body, {
    status: 'failed',
    started_at: at + 2,
    failed_at: at + 3,
    completed_at: null,
    expires_at: null,
    last_error: { code: 'server_error', message: 'it broke' },
    usage: { total_tokens: 3 },
    max_prompt_tokens: null,
    parallel_tool_calls: true
  })
})

test('rows of astra-assistants are imported: lists of JSON texts, milliseconds and dates', async t => {
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  const { bad, written } = await imported(stores, [
    { id: 'asst_2', object: 'assistant', created_at: at * 1000, name: 'A', description: null, model: 'groq/llama3', instructions: 'x', tools: ['{"type":"file_search"}'], metadata: { a: 'b' }, tool_resources: { file_search: '{"vector_store_ids":["vs_1"]}', code_interpreter: null }, top_p: null, temperature: null, response_format: null },
    { id: 'thread_2', object: 'thread', created_at: '2025-06-01T12:00:00.000Z', metadata: {}, tool_resources: {} },
    { id: 'msg_2', object: 'thread.message', created_at: at * 1000, thread_id: 'thread_2', status: 'completed', incomplete_details: null, completed_at: null, incomplete_at: null, role: 'assistant', content: ['{"type":"text","text":{"value":"Hello","annotations":[]}}'], assistant_id: 'asst_2', run_id: null, attachments: ['{"file_id":"file-1","tools":[{"type":"file_search"}]}'], metadata: null },
    { id: 'file-1', object: 'file', purpose: 'assistants', created_at: '2025-06-01 12:00:00.000Z', filename: 'a.txt', format: 'text/plain', bytes: 5, status: 'processed', embedding_model: 'x' }
  ])
  t.strictSame(bad, [])
  t.match(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1, file: 1 })
  await stores.close()
  const server = await startServer(t, { storage: url })
  t.match((await server.get('/assistants/asst_2')).body, { created_at: at, tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: ['vs_1'] } } })
  t.match((await server.get('/threads/thread_2/messages/msg_2')).body, { created_at: at, attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }] }], content: [{ text: { value: 'Hello' } }] })
  t.match((await server.get('/files/file-1')).body, { created_at: at, bytes: 5 })
})

test('a bad message of a thread is reported, and the others are imported', async t => {
  const stores = await open(t, 'memory:')
  const { bad, written } = await imported(stores, [{ thread: { id: 'thread_c', object: 'thread', created_at: at, metadata: {} }, messages: [messageOf('one'), messageOf('two', 'tool'), { object: 'thread.message' }] }])
  t.match(bad, [/^1: role: .*, and 1 more of its parts are bad$/])
  t.strictSame(Object.fromEntries(written), { thread: 1, message: 1 })
})
