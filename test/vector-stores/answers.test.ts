import { test } from 'tap'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import type { ModelProvider } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { startUpstream } from '../helpers/upstream.js'
import { Gate } from '../helpers/upstream-gate.js'
import { indexed, startWorld, upload, type World } from './helpers/world.js'

/** Finds in a store, by file and first words. */
async function results (world: World, storeId: string, query: string | string[], more: object = {}): Promise<{ name: string, score: number, text: string }[]> {
  const { data } = await world.vectorStores.search(storeId, { query, ...more }, new AbortController().signal)
  return data.map(({ filename, score, content }) => ({ name: filename, score, text: content[0]!.text }))
}

async function storeOf (world: World, files: Record<string, string>): Promise<string> {
  const { id } = await world.vectorStores.stores.create({})
  for (const [name, content] of Object.entries(files)) {
    const file = await upload(world, name, content)
    await world.vectorStores.files.create(id, { file_id: file, chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } } })
    await indexed(world, id, file)
  }
  return id
}

const long = Array.from({ length: 60 }, (_, i) => `Part ${i} of the story tells how the ship sailed on and on over the wide sea, day by day, until the harbour number${i} came into sight.`).join('\n')

test('a search has an answer while the threshold is 0', async t => {
  const world = await startWorld(t, { clock: new ManualClock() })
  const store = await storeOf(world, { 'old.md': 'Penguins live in Antarctica.', 'new.md': 'The harbour of Osterby has nine cranes.' })
  t.match(await results(world, store, 'Wovon leben Eisbären?'), [{ name: 'new.md', score: 0 }, { name: 'old.md', score: 0 }], 'nothing fits: the newest first')
  const found = await results(world, store, 'penguins')
  t.match(found, [{ name: 'old.md', score: 1 }, { name: 'new.md', score: 0 }], 'what fits comes first')
  t.strictSame(await results(world, store, 'Wovon leben Eisbären?', { ranking_options: { score_threshold: 0.01 } }), [], 'with a threshold only what fits')
  t.equal((await results(world, store, 'penguins', { max_num_results: 1 })).length, 1)
  t.strictSame(await results(world, store, 'penguins', { filters: { type: 'eq', key: 'none', value: 'x' } }), [], 'filters hold')
})

test('a request for the whole of a document gets passages from all over it', async t => {
  const world = await startWorld(t, { clock: new ManualClock() })
  const store = await storeOf(world, { 'story.txt': long })
  for (const query of ['Summarise the document', 'What is it about?', 'Fasse die Datei zusammen', 'Worum geht es?', 'De quoi parle ce document ?', '总结这个文档', 'この文書を要約してください']) {
    const found = await results(world, store, query, { max_num_results: 4 })
    const parts = found.map(({ text }) => Number(/Part (\d+)/.exec(text)?.[1]))
    t.equal(parts.length, 4, query)
    t.ok(parts[0]! < 5 && parts[1]! > 10 && parts[2]! > parts[1]! && parts[3]! > 50, `${query}: ${parts.join(' ')}`)
  }
  const [first] = await results(world, store, 'Which part of the story mentions number42?', { max_num_results: 4 })
  t.match(first?.text, /number42/, 'not so a request for one part of it')
})

test('several queries in one search are each answered', async t => {
  const world = await startWorld(t, { clock: new ManualClock() })
  const store = await storeOf(world, { 'a.md': 'Penguins live in Antarctica.', 'b.md': 'The harbour of Osterby has nine cranes.', 'c.md': 'Bread is baked at night.' })
  const found = await results(world, store, ['penguins', 'cranes in the harbour'], { max_num_results: 2 })
  t.strictSame(found.map(({ name }) => name).sort(), ['a.md', 'b.md'])
  t.ok(found.every(({ score }) => score === 1))
})

test('a file that is attached again is searched as it was until it is indexed anew', async t => {
  const gate = new Gate()
  const upstream = await startUpstream(t)
  const real = openaiCompatible({ baseURL: upstream.url, maxRetries: 0 })
  let isHeld = false
  const provider: ModelProvider = {
    ...real,
    async embed (request, options) {
      if (isHeld && request.input.some(text => text.includes('Penguins live'))) await gate.pass()
      return await real.embed!(request, options)
    }
  }
  const world = await startWorld(t, { clock: new ManualClock(), upstream, provider, retrieval: { embeddings: { model: 'stand-in' } } })
  const { id: store } = await world.vectorStores.stores.create({})
  const file = await upload(world, 'a.md', 'Penguins live in Antarctica. '.repeat(60))
  await world.vectorStores.files.create(store, { file_id: file })
  await indexed(world, store, file)
  isHeld = true
  // Cut into other chunks, whose texts have not been embedded before.
  await world.vectorStores.files.create(store, { file_id: file, chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } } })
  await gate.reached()
  t.equal((await world.vectorStores.files.get(store, file)).status, 'in_progress')
  t.equal((await results(world, store, 'penguins')).length, 1, 'found while it is indexed')
  gate.open(Infinity)
  t.equal((await indexed(world, store, file)).status, 'completed')
  t.ok((await results(world, store, 'penguins')).length > 1, 'found in its new chunks')
  t.match((await world.vectorStores.stores.get(store)).file_counts, { total: 1, completed: 1, in_progress: 0 })
})
