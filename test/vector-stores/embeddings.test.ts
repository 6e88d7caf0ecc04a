import { test } from 'tap'
import { EMBEDDING_MODELS, EmbeddingChoice } from '../../lib/retrieval/embedding-choice.js'
import { Embedder } from '../../lib/retrieval/embedder.js'
import { ModelError, type ModelProvider } from '../../lib/models/provider.js'
import { dayOf, usageRecord, type UsageDay } from '../../lib/usage/ledger.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { ManualClock } from '../helpers/clock.js'
import { embedText } from '../helpers/upstream.js'
import { Gate } from '../helpers/upstream-gate.js'
import { until } from './helpers/counting.js'
import { indexed, search, startWorld, upload } from './helpers/world.js'

const log = { debug () {}, info () {}, warn () {}, error () {} }

/** A provider that lists these models, and embeds; `asked` holds the texts of each request. */
function provider (models: string[], { fails = false } = {}): ModelProvider & { asked: string[][] } {
  const asked: string[][] = []
  return {
    asked,
    async * stream () {},
    models: async () => models.map(id => ({ id, created: 0, ownedBy: 'x' })),
    async embed ({ input }) {
      asked.push(input)
      if (fails) throw new ModelError('server_error', 'out of order')
      return input.map(text => embedText(text))
    }
  }
}

async function worldOf (t: Parameters<typeof startWorld>[0], given: ModelProvider, retrieval: object = {}) {
  const world = await startWorld(t, { clock: new ManualClock(), provider: given, retrieval })
  const { id: store } = await world.vectorStores.stores.create({})
  const file = await upload(world, 'a.md', 'Penguins live in Antarctica.')
  await world.vectorStores.files.create(store, { file_id: file })
  return { world, store, file, status: (await indexed(world, store, file)).status }
}

test('auto takes the first known embedding model that a provider offers', async t => {
  const choose = async (...names: string[]): Promise<string | undefined> => {
    const models = { list: async () => names.map(id => ({ id, object: 'model' as const, created: 0, owned_by: 'x' })), resolve: () => { throw new Error('not asked') } }
    return (await new EmbeddingChoice('auto', { models, clock: new ManualClock(), log }).current())?.name
  }
  t.equal(await choose('gpt-4o', 'text-embedding-ada-002', 'text-embedding-3-large', 'text-embedding-3-small'), 'text-embedding-3-small')
  t.equal(await choose('llama3.2:latest', 'nomic-embed-text:latest', 'ollama/bge-m3:567m'), 'ollama/bge-m3:567m')
  t.equal(await choose('gpt-4o', 'my-embedder'), undefined)
  t.ok(EMBEDDING_MODELS.every(name => name === name.toLowerCase() && !name.includes('/')))
})

test('a server without an embedding model looks for one again after ten minutes', async t => {
  const clock = new ManualClock()
  const names: string[] = []
  const models = { list: async () => names.map(id => ({ id, object: 'model' as const, created: 0, owned_by: 'x' })), resolve: () => { throw new Error('not asked') } }
  const choice = new EmbeddingChoice('auto', { models, clock, log })
  t.equal(await choice.current(), undefined)
  names.push('bge-m3')
  t.equal(await choice.current(), undefined)
  await clock.advance(600_000)
  t.equal((await choice.current())?.name, 'bge-m3')
})

test('with auto, files are embedded by the model that is offered, and not at all with none', async t => {
  const offering = provider(['bge-m3'])
  const { world, store, file } = await worldOf(t, offering)
  t.ok(offering.asked.some(texts => texts.includes('Penguins live in Antarctica.')))
  t.strictSame(await search(world, store, 'penguins'), [file])
  const refused = provider(['bge-m3'])
  await worldOf(t, refused, { embeddings: 'none' })
  t.strictSame(refused.asked, [])
})

test('an embedding model that fails costs nothing but its vectors with auto, and the file when it was named', async t => {
  const { world, store, file, status } = await worldOf(t, provider(['bge-m3'], { fails: true }))
  t.equal(status, 'completed')
  t.strictSame(await search(world, store, 'penguins'), [file])
  t.equal((await worldOf(t, provider([], { fails: true }), { embeddings: { model: 'named' } })).status, 'failed')
})

test('a text is embedded once', async t => {
  const counting = provider([])
  const embedder = new Embedder({ resolve: () => ({ provider: counting, providerName: 'x', model: 'm' }) }, { model: 'm', batchSize: 2 })
  const { signal } = new AbortController()
  const first = await embedder.embed(['a', 'b', 'a', 'c'], signal)
  t.strictSame(counting.asked, [['a', 'b'], ['c']], 'in batches')
  t.strictSame(await embedder.embed(['c', 'a'], signal), [first[3], first[2]])
  t.equal(counting.asked.length, 2)
})

test('a text that several searches embed at one time takes the memory of one', async t => {
  const vector = new Array<number>(2 ** 20).fill(1)
  const asked: string[] = []
  const large: ModelProvider = { ...provider([]), embed: async ({ input }) => { asked.push(...input); return input.map(() => vector) } }
  const embedder = new Embedder({ resolve: () => ({ provider: large, providerName: 'x', model: 'm' }) }, { model: 'm' })
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 20 }, async () => await embedder.embed(['the same'], signal)))
  t.equal(asked.length, 20)
  for (let i = 0; i < 2; i++) await embedder.embed(['another'], signal)
  t.equal(asked.length, 21, 'there is room for another')
})

test('closeness is counted from what unrelated texts have in common', async t => {
  // A model that finds everything much alike, as many do.
  const alike: ModelProvider = { ...provider([]), embed: async ({ input }) => input.map(text => [...embedText(text), 1.5]) }
  const embedder = new Embedder({ resolve: () => ({ provider: alike, providerName: 'x', model: 'm' }) }, { model: 'm' })
  const floor = await embedder.floor(new AbortController().signal)
  t.ok(floor > 0.65 && floor < 0.85, `${floor}`)
  const { world, store } = await worldOf(t, alike, { embeddings: { model: 'm' } })
  const scores = async (query: string): Promise<number[]> => (await world.vectorStores.search(store, { query }, new AbortController().signal)).data.map(({ score }) => score)
  t.ok((await scores('Penguins live in Antarctica.'))[0]! > 0.99)
  t.ok((await scores('quarterly interest rates'))[0]! < 0.3)
})

test('when the model changes, files are embedded again in the background and stay searchable meanwhile', async t => {
  const storage = `sqlite:${t.testdir()}/records.db`
  const before = await startWorld(t, { provider: provider([]), storage, retrieval: { embeddings: { model: 'one' } } })
  const { id: store } = await before.vectorStores.stores.create({})
  const file = await upload(before, 'a.md', 'Penguins live in Antarctica.')
  await before.vectorStores.files.create(store, { file_id: file })
  const { usage_bytes: bytes } = await indexed(before, store, file)
  await before.core.stop()

  const gate = new Gate()
  const next = provider([])
  const longer: ModelProvider = {
    ...next,
    async embed ({ input }) {
      if (input.includes('Penguins live in Antarctica.')) await gate.pass()
      return input.map(text => embedText(text, 128))
    }
  }
  const after = await startWorld(t, { provider: longer, storage, retrieval: { embeddings: { model: 'two' } } })
  t.strictSame(await search(after, store, 'penguins'), [file], 'by its words')
  await gate.reached()
  t.strictSame(await search(after, store, 'penguins'), [file], 'while it is embedded')
  t.match(await after.vectorStores.files.get(store, file), { status: 'completed', usage_bytes: bytes })
  gate.open(Infinity)
  await until(async () => (await after.vectorStores.files.get(store, file)).usage_bytes === bytes + 64 * 4)
  t.strictSame(await search(after, store, 'penguins'), [file])
  t.match(await after.vectorStores.stores.get(store), { usage_bytes: bytes + 64 * 4, file_counts: { completed: 1, in_progress: 0, total: 1 } })
})

test('a search whose embedding does not come ends after a minute, with an error that says to try again', async t => {
  const asked = new Gate()
  let hangs = false
  const given = {
    ...provider(['text-embedding-3-small']),
    async embed ({ input }: { input: string[] }): Promise<number[][]> {
      if (!hangs) return input.map(text => embedText(text))
      asked.open()
      return await new Promise(() => {})
    }
  }
  const clock = new ManualClock()
  const world = await startWorld(t, { clock, provider: given })
  const { id: store } = await world.vectorStores.stores.create({})
  await indexed(world, store, await upload(world, 'a.md', 'Penguins live in Antarctica.').then(async file => {
    await world.vectorStores.files.create(store, { file_id: file })
    return file
  }))
  hangs = true
  const found = world.vectorStores.search(store, { query: 'penguins' }, new AbortController().signal).then(() => undefined, (error: unknown) => error)
  await asked.pass()
  await clock.advance(60_000)
  t.match(await found, { status: 503, code: 'search_timeout', headers: { 'retry-after': /\d+/ } })
})

test('what searches and files have embedded counts against the quota of the project, and into its usage', async t => {
  for (const counts of [true, false]) {
    const records = new MemoryRecordStore()
    const clock = new ManualClock()
    const offering = provider(['bge-m3'])
    const given: ModelProvider = counts
      ? { ...offering, async embed (request, options) { options.onTokens?.(100 * request.input.length); return await offering.embed!(request, options) } }
      : offering
    const world = await startWorld(t, { clock, storage: records, provider: given, quotas: { tokensPerDay: 100_000 } })
    const spent = async (): Promise<number> => 100_000 - (await world.core.spending.allowances({ project: 'default' }, 'tokens'))[0]!.remaining
    const { id: store } = await world.vectorStores.stores.create({})
    const file = await upload(world, 'a.md', 'Penguins live in Antarctica.')
    await world.vectorStores.files.create(store, { file_id: file })
    await indexed(world, store, file)
    const ofFile = counts ? 100 : 7
    t.equal(await spent(), ofFile, 'the file')
    t.strictSame(await search(world, store, 'where do penguins live?'), [file])
    const ofQuery = counts ? 100 : 6
    t.equal(await spent(), ofFile + ofQuery, 'and the query')
    await search(world, store, 'where do penguins live?')
    t.equal(await spent(), ofFile + ofQuery, 'a query whose vector is kept costs nothing')
    await world.core.stop()
    const { body } = (await records.get<UsageDay>(usageRecord('default', dayOf(clock.now()))))!
    t.match(body.rows, [{ kind: 'embeddings', key: null, model: 'bge-m3', requests: 2, inputTokens: ofFile + ofQuery, outputTokens: 0 }])
    t.equal(body.rows.length, 1)
  }
})
