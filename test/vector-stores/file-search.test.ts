import { test } from 'tap'
import { readEvents } from '../../lib/dialects/assistants/read-events.js'
import { ManualClock } from '../helpers/clock.js'
import { startServer, stopped } from '../helpers/server.js'
import { text } from '../helpers/upstream-replies.js'
import { until } from './helpers/counting.js'
import { INCLUDE, search, searcher, uploaded } from './helpers/searcher.js'
import { indexed, LONG_LEASES, startWorld, upload } from './helpers/world.js'

test('an attachment makes the thread a store of its own, which is searched with that of the assistant', async t => {
  const { server, assistant, storeId } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
  const fileId = await uploaded(server, 'zoo.md', 'The zoo has penguins, too.')
  const attachments = [{ file_id: fileId, tools: [{ type: 'file_search' }] }]
  const { body: thread } = await server.post('/threads', { messages: [{ role: 'user', content: 'Look.', attachments }] })
  const [ofThread] = thread.tool_resources.file_search.vector_store_ids
  t.not(ofThread, storeId)
  t.match((await server.get(`/vector_stores/${ofThread}`)).body, { expires_after: { anchor: 'last_active_at', days: 7 } })
  const more = await uploaded(server, 'more.md', 'More about penguins.')
  await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'And this.', attachments: [{ file_id: more, tools: [{ type: 'file_search' }] }] })
  t.strictSame((await server.get(`/threads/${thread.id}`)).body.tool_resources.file_search.vector_store_ids, [ofThread], 'one store for all')
  server.upstream.enqueue(search('penguins'), text('Done.'))
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  const { body: { data: [step] } } = await server.get(`/threads/${thread.id}/runs/${run.id}/steps?order=asc&${INCLUDE}`)
  const { results } = step.step_details.tool_calls[0].file_search
  t.strictSame(results.map((result: any) => result.file_name).sort(), ['birds.md', 'more.md', 'zoo.md'])
  t.ok(results.every((result: any) => result.content[0].text.includes('enguins')))
  const picture = await uploaded(server, 'picture.png', 'a,b')
  t.match(await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x', attachments: [{ file_id: picture, tools: [{ type: 'file_search' }] }] }),
    { status: 400, body: { error: { param: 'file_ids', code: 'unsupported_file' } } })
})

test('which files are taken is an option: all kinds that are read, or those of the real API', async t => {
  for (const [extensions, status, indexed] of [['all', 200, 'completed'], ['openai', 400, 'failed']] as const) {
    const server = await startServer(t, { storage: 'memory:', retrieval: { extensions } })
    const { body: thread } = await server.post('/threads', {})
    const table = await uploaded(server, 'table.csv', 'name,price\npear,7')
    const answer = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x', attachments: [{ file_id: table, tools: [{ type: 'file_search' }] }] })
    t.equal(answer.status, status, extensions)
    const { body: store } = await server.post('/vector_stores', { file_ids: [table] })
    await until(async () => (await server.get(`/vector_stores/${store.id}`)).body.status === 'completed')
    t.match((await server.get(`/vector_stores/${store.id}/files/${table}`)).body, { status: indexed }, extensions)
  }
})

test('an assistant or a thread can be made with a store', async t => {
  const server = await startServer(t)
  const fileId = await uploaded(server, 'a.md', 'Words.')
  const resources = { file_search: { vector_stores: [{ file_ids: [fileId], metadata: { a: 'b' } }] } }
  for (const path of ['/assistants', '/threads']) {
    const { body } = await server.post(path, { ...path === '/assistants' ? { model: 'm' } : {}, tool_resources: resources })
    const [id] = body.tool_resources.file_search.vector_store_ids
    t.match((await server.get(`/vector_stores/${id}`)).body, { file_counts: { total: 1 }, metadata: { a: 'b' } })
  }
  t.match(await server.post('/threads', { tool_resources: { file_search: { vector_store_ids: ['vs_none'] } } }), { status: 404, body: { error: { message: 'No vector store found with id \'vs_none\'.' } } })
})

test('max_num_results and the score threshold of the tool hold', async t => {
  const { server, assistant } = await searcher(t, ['a.md', 'whale whale'], ['b.md', 'a whale of a time was had by everybody who came along'], ['c.md', 'whale'])
  server.upstream.enqueue(search('whale'), text('One.'), search('whale octopus'), text('None.'))
  for (const [tool, expected] of [[{ max_num_results: 1 }, 1], [{ ranking_options: { ranker: 'auto', score_threshold: 1 } }, 0]] as const) {
    const { body: thread } = await server.post('/threads', { messages: [{ role: 'user', content: '?' }] })
    const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, tools: [{ type: 'file_search', file_search: tool }] })).body)
    const { body: { data: [step] } } = await server.get(`/threads/${thread.id}/runs/${run.id}/steps?order=asc`)
    t.equal(step.step_details.tool_calls[0].file_search.results.length, expected)
  }
  t.match(server.upstream.chats.at(-1)!.body.messages.at(-1), { content: 'Nothing was found in the files.' })
})

test('a run begins a store\'s time anew, and is refused when that is over', async t => {
  const clock = new ManualClock()
  const world = await startWorld(t, { clock, ...LONG_LEASES })
  const store = await world.vectorStores.stores.create({ expires_after: { anchor: 'last_active_at', days: 1 } })
  const file = await upload(world, 'a.md', 'word')
  await world.vectorStores.files.create(store.id, { file_id: file })
  await indexed(world, store.id, file)
  const assistant = await world.assistants.create({ model: 'm', instructions: 'x', tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [store.id] } } })
  world.upstream.enqueue(text('Hello.'))
  await clock.advance(3600_000)
  await world.runs.createWithThread({ assistant_id: assistant.id })
  t.equal((await world.vectorStores.stores.get(store.id)).last_active_at, store.last_active_at + 3600)
  await clock.advance(86400_000)
  await t.rejects(world.runs.createWithThread({ assistant_id: assistant.id }), { status: 400, message: `Vector store ${store.id} is expired` })
})

test('a run goes on as soon as the files of its thread are indexed', async t => {
  const world = await startWorld(t, { clock: new ManualClock() })
  const file = await upload(world, 'a.md', 'Penguins live in Antarctica.')
  const assistant = await world.assistants.create({ model: 'm', instructions: 'x', tools: [{ type: 'file_search' }] })
  world.upstream.enqueue(search('penguins'), text('South.'))
  const attachments = [{ file_id: file, tools: [{ type: 'file_search' as const }] }]
  const { run, log, from } = await world.runs.createWithThread({ assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Where?', attachments }] } })
  for await (const { event } of readEvents(log, from, new AbortController().signal)) if (event === 'done') break
  const { data: [step] } = await world.runs.listSteps(run.thread_id, run.id, { order: 'asc' })
  t.match(step, { status: 'completed', step_details: { tool_calls: [{ file_search: { results: [{ file_id: file }] } }] } })
})
