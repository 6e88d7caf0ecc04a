import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, type TestServer } from '../helpers/server.js'
import { persistentStores, type StoreUrl } from '../helpers/stores.js'
import { Gate, startUpstream, text, toolCalls, type Upstream } from '../helpers/upstream.js'
import { messagesOf, reaches, runnable, stepsOf, textOf } from '../instances/helpers/instances.js'
import { exported, imported, open } from './helpers.js'

const keys = { 'sk-a': 'default', 'sk-b': 'other' }
const b = { authorization: 'Bearer sk-b' }
const a = { authorization: 'Bearer sk-a' }
const ask = [{ type: 'function', function: { name: 'ask' } }]

async function upload (server: TestServer, name: string, bytes: Uint8Array): Promise<any> {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File([bytes], name))
  const response = await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers: a })
  return await response.json()
}

/** A vector store in which the file can be found. */
async function searchable (server: TestServer, fileId: string): Promise<void> {
  const { body: store } = await server.post('/vector_stores', { name: 'Notes', file_ids: [fileId] })
  while ((await server.get(`/vector_stores/${store.id}`)).body.file_counts.completed !== 1);
}

/** A store with something of everything in it, two projects, and a run that waits for its outputs. */
async function furnished (t: Test, store: StoreUrl): Promise<{ url: string, upstream: Upstream, waiting: any, file: any, bytes: Uint8Array }> {
  const upstream = await startUpstream(t, { script: [text('Hello there'), toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])] })
  const url = store.url(t)
  const server = await startServer(t, { upstream, storage: url, apiKeys: keys })
  const bytes = new TextEncoder().encode('The meeting is at noon. '.repeat(20_000))
  const file = await upload(server, 'заметки.txt', bytes)
  const as = (headers: Record<string, string>): TestServer => ({ ...server, get: async path => await server.get(path, headers), post: async (path, body) => await server.post(path, body, headers) })
  const mine = as(a)
  const first = await runnable(mine, { name: 'One', tools: ask, metadata: { where: 'here' } })
  await reaches(mine, await first.create(mine), 'completed')
  const waiting = await reaches(mine, await first.create(mine), 'requires_action')
  await searchable(mine, file.id)
  await newAssistant(as(b), { name: 'Theirs' })
  await newThread(as(b), 'Of another project')
  await server.close()
  return { url, upstream, waiting, file, bytes }
}

for (const from of persistentStores) {
  test(`what ${from.name} exports, every store imports and exports again, line by line`, { skip: await from.skip(), timeout: 300_000 }, async t => {
    const { url } = await furnished(t, from)
    const lines = await exported(await open(t, url))
    const withoutPlaces = (all: string[]): string[] => all.filter(line => !line.includes('"openai_compat.place"') && !line.includes('"openai_compat.bytes"'))
    for (const to of persistentStores) {
      if (await to.skip() !== false) continue
      const target = await open(t, to.url(t))
      const result = await imported(target, lines)
      t.strictSame(result.bad, [], to.name)
      t.strictSame(withoutPlaces(await exported(target)), withoutPlaces(lines), to.name)
      t.match(Object.fromEntries(result.written), { assistant: 2, thread: 2, message: 3, run: 2, step: 2, file: 1, vector_store: 1 })

      const again = await imported(target, lines)
      t.equal([...again.written.values()].length, 0, 'a second time changes nothing')
      t.equal(again.there, lines.filter(line => line.includes('"openai_compat.record"')).length)
    }
  })
}

test('an imported store goes on where the exported one was: runs are answered, bytes are read, projects kept apart', async t => {
  const [sqlite] = persistentStores as [StoreUrl]
  const { url, upstream, waiting, file, bytes } = await furnished(t, sqlite)
  const target = sqlite.url(t)
  const [source, sink] = [await open(t, url), await open(t, target)]
  await imported(sink, await exported(source))
  await sink.close()

  upstream.enqueue(text('Noon'))
  const server = await startServer(t, { upstream, storage: target, apiKeys: keys })
  const mine = { ...server, get: async (path: string) => await server.get(path, a) }
  t.strictSame((await mine.get(`/threads/${waiting.thread_id}/runs/${waiting.id}`)).body, waiting)
  t.equal((await server.post(`/threads/${waiting.thread_id}/messages`, { role: 'user', content: 'x' }, a)).status, 400, 'its thread is locked')
  await server.post(`/threads/${waiting.thread_id}/runs/${waiting.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] }, a)
  await reaches(mine, waiting, 'completed')
  t.strictSame((await messagesOf(mine, waiting.thread_id)).map(textOf), ['Hello?', 'Hello there', 'Noon'])
  t.equal((await stepsOf(mine, waiting)).length, 2)

  t.strictSame((await mine.get(`/files/${file.id}`)).body, file)
  const content = await fetch(`${server.baseURL}/files/${file.id}/content`, { headers: a })
  t.strictSame(new Uint8Array(await content.arrayBuffer()), bytes)
  const { data: [store] } = (await mine.get('/vector_stores')).body
  t.match((await mine.get(`/vector_stores/${store.id}/files`)).body.data, [{ id: file.id, status: 'completed' }])
  const found = await server.post(`/vector_stores/${store.id}/search`, { query: 'meeting' }, a)
  t.equal(found.body.data[0].file_id, file.id)
  t.strictSame((await server.get('/assistants', b)).body.data.map(({ name }: any) => name), ['Theirs'])
})

test('a run under way is exported whole, and goes on in the store it was imported into', async t => {
  const [sqlite] = persistentStores as [StoreUrl]
  const upstream = await startUpstream(t)
  const gate = new Gate()
  upstream.enqueue(text(['Once', gate]), text('Once upon a time'))
  const storage = sqlite.url(t)
  const first = await startServer(t, { upstream, storage })
  const run = await (await runnable(first)).create(first)
  await gate.reached()
  const source = first.app.threadStorage as unknown as { records: Parameters<typeof exported>[0]['records'] }
  const lines = await exported({ records: source.records, blobs: (await open(t, 'memory:')).blobs })
  const target = sqlite.url(t)
  const sink = await open(t, target)
  t.strictSame((await imported(sink, lines)).bad, [])
  await sink.close()
  const second = await startServer(t, { upstream, storage: target })
  await reaches(second, run, 'completed')
  t.strictSame((await messagesOf(second, run.thread_id)).map(textOf), ['Hello?', 'Once upon a time'])
  gate.open(Infinity)
})
