import { test } from 'tap'
import { startServer } from '../helpers/server.js'
import { messagesOf, textOf } from '../instances/helpers/instances.js'
import { imported, open } from './helpers.js'

const assistant = { id: 'asst_old', object: 'assistant', created_at: 1_600_000_000, name: null, description: null, model: 'gpt-4', instructions: 'Be brief.', tools: [{ type: 'code_interpreter' }], file_ids: [], metadata: {} }
const thread = { id: 'thread_old', object: 'thread', created_at: 1_600_000_000, metadata: { user: '7' }, tool_resources: null }
const message = (n: number, createdAt: number) => ({
  id: `msg_${n}`, object: 'thread.message', created_at: createdAt, thread_id: 'thread_old', role: 'user', content: [{ type: 'text', text: { value: `${n}`, annotations: [] } }], assistant_id: null, run_id: null, metadata: {}
})
const file = { id: 'file-old', object: 'file', bytes: 5, created_at: 1_600_000_000, filename: 'a.txt', purpose: 'assistants' }

test('objects saved from the original API keep their ids and are served with every key', async t => {
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  const { bad, written } = await imported(stores, [assistant, thread, message(1, 5), file])
  t.strictSame(bad, [])
  t.strictSame(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1, file: 1, file_of_purpose: 1 })
  await stores.close()
  // The watch of the test server holds every answer against the official schema.
  const server = await startServer(t, { storage: url })
  t.match((await server.get('/assistants/asst_old')).body, { model: 'gpt-4', created_at: 1_600_000_000, temperature: 1, tools: [{ type: 'code_interpreter' }] })
  const { metadata, tool_resources: resources } = (await server.get('/threads/thread_old')).body
  t.strictSame([metadata, resources], [{ user: '7' }, {}])
  t.match((await server.get('/threads/thread_old/messages/msg_1')).body, { status: 'completed', attachments: { length: 0 } })
  t.match((await server.get('/files/file-old')).body, { filename: 'a.txt', status: 'processed' })
  t.equal((await server.get('/files')).body.data.length, 1)
  t.equal((await server.post('/threads/thread_old/messages', { role: 'user', content: 'new' })).status, 200)
  t.strictSame((await messagesOf(server, 'thread_old')).map(textOf), ['1', 'new'])
})

test('the JSON Schemas of functions and of answers are imported as they are', async t => {
  const parameters = { type: 'object', properties: { city: { type: 'string', enum: ['Riga'] } }, required: ['city'] }
  const tools = [{ type: 'function', function: { name: 'weather', description: 'Tells it', parameters, strict: true } }]
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema: parameters, strict: null } }
  const stores = await open(t, 'memory:')
  await imported(stores, [{ ...assistant, tools, response_format: format }])
  const record = await stores.records.get<any>({ project: 'default', partition: 'assistants', kind: 'assistant', id: 'asst_old' })
  t.strictSame(record?.body.tools, tools)
  t.strictSame(record?.body.response_format.json_schema.schema, parameters)
})

test('messages are in order of created_at, then of the input, wherever they stand in it', async t => {
  const url = `sqlite:${t.testdir()}/a.db`
  const stores = await open(t, url)
  const newestFirst = { object: 'list', data: [message(5, 30), message(4, 20), message(1, 10), message(2, 10), message(3, 10)] }
  await imported(stores, [thread, newestFirst])
  await imported(stores, [message(0, 1)])
  await stores.close()
  const server = await startServer(t, { storage: url })
  t.strictSame((await messagesOf(server, 'thread_old')).map(textOf), ['0', '1', '2', '3', '4', '5'])
})

test('a pretty-printed array or list envelope is as good as lines', async t => {
  for (const whole of [[assistant, thread, message(1, 1)], { object: 'list', data: [assistant, thread, message(1, 1)], has_more: false }]) {
    const stores = await open(t, 'memory:')
    const { bad, written } = await imported(stores, [JSON.stringify(whole, null, 2)])
    t.strictSame(bad, [])
    t.strictSame(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1 })
  }
})

test('the bytes of a file may come with its object', async t => {
  const stores = await open(t, 'memory:')
  await imported(stores, [{ ...file, content: Buffer.from('Hello').toString('base64') }])
  t.equal(await stores.blobs.size({ project: 'default', id: 'file-old' }), 5)
})

test('the project of plain objects can be named', async t => {
  const stores = await open(t, 'memory:')
  await imported(stores, [assistant], { project: 'other' })
  t.ok(await stores.records.get({ project: 'other', partition: 'assistants', kind: 'assistant', id: 'asst_old' }))
  t.ok(await stores.records.get({ project: '', partition: 'projects', kind: 'project', id: 'other' }))
})

test('bad lines are reported with their number and reason, and the rest is imported', async t => {
  const stores = await open(t, 'memory:')
  const { bad, written, badLines } = await imported(stores, [
    assistant, '{"id":', '"text"', { id: 'batch_1', object: 'batch', created_at: 1 }, { object: 'thread', created_at: 1 }, { ...thread, created_at: 'today' },
    message(1, 1), { ...assistant, id: 'asst_bad', tools: [{ type: 'retrieval' }] }, '', thread, message(2, 2),
    { object: 'openai_compat.record', project: 'default' }, { object: 'openai_compat.bytes', project: 'default', id: 'x', offset: 7, data: '' }
  ])
  t.strictSame(Object.fromEntries(written), { assistant: 1, thread: 1, message: 1 })
  t.equal(badLines, 9)
  t.strictSame(bad.slice(0, 6), [
    '2: not valid JSON', '3: not a JSON object', '4: objects of the type "batch" are not imported: assistant, file, vector_store, vector_store.file, thread, thread.message, thread.run and thread.run.step are',
    '5: an object without an id', '6: thread_old has no created_at in unix seconds', '7: the thread thread_old is not there, and did not come before'
  ])
  t.match(bad[6], /^8: tools\.0: expected /)
  t.strictSame(bad.slice(7), ['12: a record that is not whole', '13: bytes of x that do not continue those before'])
})

test('with strict the first bad line ends the import; what came before stays', async t => {
  const stores = await open(t, 'memory:')
  const { written, badLines } = await imported(stores, [assistant, '{', thread], { strict: true })
  t.strictSame(Object.fromEntries(written), { assistant: 1 })
  t.equal(badLines, 1)
})

test('objects with the positions of others are placed behind them, not upon them', async t => {
  const stores = await open(t, 'memory:')
  const line = (id: string) => ({ object: 'openai_compat.record', project: 'default', partition: 'assistants', kind: 'assistant', id, position: 1, body: { id } })
  await imported(stores, [line('asst_a')])
  await imported(stores, [line('asst_b')])
  const { records } = await stores.records.page({ project: 'default', partition: 'assistants', kind: 'assistant', order: 'asc', limit: 10 })
  t.strictSame(records.map(({ id, position }) => [id, position]), [['asst_a', 1], ['asst_b', 2]])
})
