import { test } from 'tap'
import { Core } from '../../lib/core.js'
import { resolveOptions } from '../../lib/options/options.js'
import { KIND } from '../../storage/layout.js'
import type { ModelProvider } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'
import { storages } from '../helpers/stores.js'
import { embedText } from '../helpers/upstream.js'
import { until } from './helpers/counting.js'
import { indexed, search, startWorld, upload } from './helpers/world.js'

/** A few hundred chunks of a hundred tokens; the last one has a word that no other has. */
const long = (sentences = 3000): string => Array.from({ length: sentences }, (_, i) => `Sentence number ${i} says nothing of interest.`).join('\n') + '\nAt the very end there is a zeppelin.'
const SMALL_CHUNKS = { type: 'static' as const, static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } }

/** Embeds, and waits before the second request and all that follow until it is let go. */
function halting (): ModelProvider & { letGo: () => void } {
  let letGo = (): void => {}
  const gate = new Promise<void>(resolve => { letGo = resolve })
  let requests = 0
  return {
    async * stream () {},
    models: async () => [{ id: 'bge-m3', created: 0, ownedBy: 'x' }],
    async embed ({ input }, { onTokens }) {
      if (++requests > 1) await gate
      onTokens?.(input.length * 10)
      return input.map(text => embedText(text))
    },
    letGo
  }
}

test('a file in progress says how far it is, and the log says it too, with the cost', async t => {
  const lines: { about: Record<string, unknown>, message: string | undefined }[] = []
  const info = (about: object, message?: string): void => { lines.push({ about: about as Record<string, unknown>, message }) }
  const clock = new ManualClock()
  const provider = halting()
  const core = new Core(resolveOptions({ provider, clock, limits: { leaseMs: 86_400_000 }, retrieval: { leaseMs: 86_400_000 } }), { debug () {}, info, warn () {}, error () {} })
  t.teardown(async () => await core.stop())
  await core.start()
  const world = { core, ...core.project('default') }
  const file = await upload(world, 'long.txt', long())
  const { id: store } = await world.vectorStores.stores.create({})
  t.notHas(await world.vectorStores.files.create(store, { file_id: file, chunking_strategy: SMALL_CHUNKS }), { progress: 0 }, 'only GET has it')
  const progress = async (): Promise<number> => (await world.vectorStores.files.get(store, file)).progress ?? NaN
  await until(async () => await progress() > 0)
  const part = await progress()
  t.ok(part > 0.05 && part < 0.9, `${part} after the first 64 chunks`)
  await clock.advance(11_000)
  provider.letGo()
  const done = await indexed(world, store, file)
  t.match(done, { status: 'completed' })
  t.notOk('progress' in done)
  await until(() => lines.some(({ message }) => message === 'a file was indexed'))
  const told = { project: 'default', vector_store_id: store, file_id: file, embedding_model: 'bge-m3' }
  t.match(lines.find(({ message }) => message === 'a file is being indexed')?.about, { ...told, percent: Number, chunks: Number })
  const { chunks, embedding_tokens: tokens } = lines.find(({ message }) => message === 'a file was indexed')!.about
  t.match(lines.at(-1)?.about, { ...told, ms: 11_000 })
  t.ok(Number(tokens) <= Number(chunks) * 10 && Number(tokens) >= 300, 'what the vendor has counted')
})

test('progress passes the schema of the answer, and is gone when the file is completed', async t => {
  const server = await startServer(t, { retrieval: { embeddings: 'none' } })
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File([long(800)], 'long.txt'))
  const { id: file } = await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers: { authorization: 'Bearer sk-test' } })).json() as { id: string }
  const { body: store } = await server.post('/vector_stores', {})
  await server.post(`/vector_stores/${store.id}/files`, { file_id: file, chunking_strategy: SMALL_CHUNKS })
  for (;;) {
    const { body } = await server.get(`/vector_stores/${store.id}/files/${file}`)
    t.equal('progress' in body, body.status === 'in_progress')
    if (body.status === 'completed') break
    t.ok(body.progress >= 0 && body.progress <= 1)
  }
})

for (const { name, skip, place } of storages.filter(({ name }) => name !== 'custom')) {
  test(`a completed file is found at once, to its last passage, and was put into the index once (${name})`, { skip: await skip() }, async t => {
    const storage = place(t)()
    t.teardown(async () => await storage.disconnect?.())
    const world = await startWorld(t, { storage, retrieval: { embeddings: 'none' } })
    const { records } = world.core.threadManager.scope
    const page = records.page.bind(records)
    let pages = 0
    records.page = async query => {
      // A look at the progress asks for the last chunk alone.
      if (query.kind === KIND.vectorStoreChunk && query.order === 'asc') pages++
      return await page(query)
    }
    const file = await upload(world, 'long.txt', long())
    const { id: store } = await world.vectorStores.stores.create({})
    await world.vectorStores.files.create(store, { file_id: file, chunking_strategy: SMALL_CHUNKS })
    t.match(await indexed(world, store, file), { status: 'completed' })
    const { data: [hit] } = await world.vectorStores.search(store, { query: 'zeppelin', max_num_results: 1 }, new AbortController().signal)
    t.match(hit, { file_id: file, score: 1, content: [{ text: /zeppelin/ }] })
    t.strictSame(await search(world, store, 'sentence 0', { max_num_results: 1 }), [file])
    t.equal(pages, 0, 'nothing was read from the records and put into the index again')
  })
}
