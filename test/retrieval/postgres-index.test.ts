import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { test, type Test } from 'tap'
import { matchesFilter, type AttributeFilter, type Attributes } from '../../lib/retrieval/filters.js'
import type { IndexedFile } from '../../lib/retrieval/index/contract.js'
import { PostgresIndex, type PostgresIndexOptions } from '../../lib/retrieval/index/postgres/postgres-index.js'
import { WorkerIndex } from '../../lib/retrieval/index/worker-index.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { vectorDatabases, type VectorDatabase } from '../helpers/vector-databases.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { add, files, found, indexSuite, store, vector } from './helpers/index-suite.js'

const log = { debug () {}, info () {}, warn () {}, error () {} }

function indexAt (t: Test, place: VectorDatabase, more: Partial<PostgresIndexOptions> = {}): PostgresIndex {
  const records = randomUUID()
  const index = new PostgresIndex({ ...place, log, identity: async () => records, ...more })
  t.teardown(async () => await index.close())
  return index
}

async function graphs ({ connectionString, schema }: VectorDatabase): Promise<number> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query('SELECT FROM pg_indexes WHERE schemaname = $1 AND indexdef LIKE \'%hnsw%\'', [schema])).rowCount!
  } finally {
    await client.end()
  }
}

/** Passages of few words, of which some are in most and some in one. */
function corpus (): string[] {
  let seed = 7
  const random = (below: number): number => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return Math.floor(seed / 0x7fffffff * below) }
  return Array.from({ length: 60 }, (_, i) => Array.from({ length: 8 + random(20) }, () => `word${Math.floor(random(60) ** 2 / 60)}x`).join(' ') + ` unique${i}x`)
}

const QUERIES = ['word0x word1x', 'word30x word0x unique7x', 'unique3x', 'word5x word9x word14x word2x', 'uniq', 'nothing', 'word', 'unique5xandmore']
const FILTERS: AttributeFilter[] = [
  { type: 'eq', key: 'year', value: 3 }, { type: 'ne', key: 'year', value: 3 }, { type: 'gt', key: 'year', value: 2.5 }, { type: 'lte', key: 'year', value: '3' }, { type: 'gte', key: 'name', value: 'b' },
  { type: 'lt', key: 'name', value: 'Z' }, { type: 'in', key: 'name', value: ['a', 'é', 3] }, { type: 'nin', key: 'name', value: ['a', 'é'] }, { type: 'eq', key: 'ok', value: true }, { type: 'lt', key: 'ok', value: true },
  { type: 'eq', key: 'toString', value: 'x' }, { type: 'eq', key: 'k\'"\\', value: 'v\'"\\' }, { type: 'in', key: 'year', value: [] }, { type: 'nin', key: 'year', value: [] }, { type: 'and', filters: [] }, { type: 'or', filters: [] },
  { type: 'and', filters: [{ type: 'gt', key: 'year', value: 0 }, { type: 'or', filters: [{ type: 'eq', key: 'ok', value: false }, { type: 'eq', key: 'name', value: 'B' }] }] }
]
const ATTRIBUTES: Attributes[] = [{}, { year: 3 }, { year: '3' }, { year: 2, name: 'a', ok: false }, { year: 4.5, name: 'B', ok: true }, { name: 'é' }, { 'k\'"\\': 'v\'"\\' }, { year: 1e20, name: 'zz' }]

for (const { name, skip, place } of vectorDatabases) {
  test(`the index in ${name}`, { skip }, async t => {
    const at = await place(t)
    const open = (t: Test, more?: Partial<PostgresIndexOptions>): PostgresIndex => indexAt(t, at, more)
    indexSuite(t, async t => open(t))

    t.test('finds what the local index finds, with the same scores', async t => {
      const local = new WorkerIndex(async () => ({ path: join(t.testdir(), 'index.db'), identity: 'x', maxVectorBytes: 1e6, temporary: true }))
      t.teardown(async () => await local.close())
      const index = open(t)
      for (const other of [local, index]) {
        const texts = corpus()
        for (let f = 0; f < 6; f++) await add(other, `f${f}`, texts.slice(f * 10, f * 10 + 10))
        await add(other, 'elsewhere', ['word0x word1x unique3x'], { at: { project: 'p', storeId: 'vs_2' } })
      }
      const stores = [store, { project: 'p', storeId: 'vs_2' }]
      for (const text of QUERIES) {
        for (const near of [undefined, { model: 'm', vector: vector(text), floor: 0.1 }]) {
          const query = { text, limit: 12, ...near === undefined ? {} : { near } }
          const [expected, given] = await Promise.all([local.search(stores, query), index.search(stores, query)])
          t.equal(given.length, expected.length, `as many for "${text}"`)
          const scores = new Map(expected.map(({ fileId, number, score }) => [`${fileId} ${number}`, score]))
          const same = given.filter(({ fileId, number, score }) => Math.abs((scores.get(`${fileId} ${number}`) ?? -1) - score) < 0.002)
          // Of equal ranks either may be the last.
          t.ok(same.length >= given.length - 1, `the same for "${text}", ${near === undefined ? 'by words' : 'by both'}`)
          t.ok(given.length === 0 || Math.abs(given[0]!.score - expected[0]!.score) < 0.002)
        }
      }
    })

    t.test('filters as the local index does, for every type of attribute', async t => {
      const index = open(t)
      for (const [i, attributes] of ATTRIBUTES.entries()) await add(index, `f${i}`, ['passage'], { attributes, model: null })
      for (const filter of FILTERS) {
        const expected = ATTRIBUTES.flatMap((attributes, i) => matchesFilter(filter, attributes) ? [`f${i}`] : [])
        t.strictSame((await files(index, { text: 'passage', filter, limit: 20 })).sort(), expected, JSON.stringify(filter))
      }
      await add(index, 'odd', ['passage'], { attributes: { name: 'a\0b\uD800' }, model: null })
      t.strictSame(await files(index, { text: 'passage', filter: { type: 'eq', key: 'name', value: 'a\0b\uD800' } }), ['odd'], 'characters that PostgreSQL has no place for')
    })

    t.test('is shared: what one instance has put into it another one finds at once, and does not take back', async t => {
      const identity = async (): Promise<string> => 'the same records'
      const [one, other] = [open(t, { identity }), open(t, { identity })]
      const first: IndexedFile = { fileId: 'a', name: '', generation: 'a1', attributes: {}, model: null }
      const second = { ...first, generation: 'a2' }
      await one.addChunks(store, first, [{ number: 0, text: 'volcano' }])
      t.ok(await other.has(store, 'a1', 1), 'chunks count on every instance')
      await other.addFile(store, first, 5)
      t.equal(await one.cursor(store), 5)
      await other.addChunks(store, second, [{ number: 0, text: 'volcano, made anew' }])
      await other.addFile(store, second, 6)
      // As an instance that was slow to hear of the first generation.
      await one.addChunks(store, first, [{ number: 0, text: 'volcano' }])
      await one.addFile(store, first, 5)
      t.match(await found(one, { text: 'volcano' }), [{ generation: 'a2' }])
      t.equal(await one.cursor(store), 6)
      t.notOk(await one.has(store, 'a1', 1), 'what the slow one had told is gone')
      const foreign = open(t)
      t.strictSame([await files(foreign, { text: 'volcano' }), await foreign.stores()], [[], []], 'other records in the same tables')
    })

    t.test('keeps its counts when instances catch up and remove at once', async t => {
      const identity = async (): Promise<string> => 'counted records'
      const instances = [open(t, { identity }), open(t, { identity }), open(t, { identity })]
      /** Each instance hears of the files in their order. */
      const tell = async (index: PostgresIndex, from: number): Promise<void> => {
        for (let i = from; i < 10; i++) {
          const file: IndexedFile = { fileId: `f${i}`, name: '', generation: `g${i}`, attributes: {}, model: null }
          await index.addChunks(store, file, [{ number: 0, text: 'harbour town' }, { number: 1, text: `pier ${i}` }])
          await index.addFile(store, file, i + 1)
        }
      }
      await Promise.all(instances.map(async index => await tell(index, 0)))
      await Promise.all(instances.flatMap(index => Array.from({ length: 5 }, async (_, i) => await index.removeFile(store, `f${i}`))))
      const fresh = open(t)
      await tell(fresh, 5)
      const scores = async (index: PostgresIndex): Promise<string[]> => (await found(index, { text: 'harbour pier 9' })).map(({ fileId, number, score }) => `${fileId} ${number} ${score.toFixed(6)}`).sort()
      t.equal((await scores(fresh)).length, 10)
      t.strictSame(await scores(instances[0]!), await scores(fresh))
    })

    t.test('goes by a graph where a store is large, with and without a filter', async t => {
      const index = open(t, { compared: 50 })
      const texts = corpus()
      for (let f = 0; f < 6; f++) await add(index, `f${f}`, texts.slice(f * 10, f * 10 + 10), { attributes: { odd: f % 2 === 1 } })
      await index.settled()
      t.equal(await graphs(at), 1)
      const near = { model: 'm', vector: vector(texts[23]!) }
      t.match((await found(index, { near, limit: 3 }))[0], { fileId: 'f2', number: 3 })
      t.match((await found(index, { near, limit: 3, filter: { type: 'eq', key: 'odd', value: false } }))[0], { fileId: 'f2', number: 3 })
      t.notOk((await files(index, { near, limit: 30, filter: { type: 'eq', key: 'odd', value: true } })).some(id => id === 'f2'))
      await add(index, 'late', ['quite another subject'])
      t.equal((await files(index, { near: { model: 'm', vector: vector('quite another subject') }, limit: 3 }))[0], 'late')
      await index.drop(store)
      t.equal(await graphs(at), 0)
    })

    t.test('is unavailable while the database is, and works again after', async t => {
      const proxy = await startProxy(t, at.connectionString)
      const index = indexAt(t, { ...at, connectionString: proxy.url })
      await add(index, 'a', ['lighthouse'])
      proxy.cut()
      t.strictSame(await files(index, { text: 'lighthouse' }), ['a'], 'a connection that was lost is made again')
      const cut = proxy.cutOn('COMMIT')
      await add(index, 'b', ['lighthouse'])
      await cut
      t.strictSame(await files(index, { text: 'lighthouse' }), ['a', 'b'], 'work that was interrupted is done again')
      proxy.refuse()
      await t.rejects(index.search([store], { text: 'lighthouse', limit: 1 }), StorageUnavailableError)
      proxy.restore()
      t.strictSame(await files(index, { text: 'lighthouse' }), ['a', 'b'])
      const never = indexAt(t, { ...at, connectionString: 'postgres://postgres@127.0.0.1:1/x' })
      await t.rejects(never.open(), { name: 'StorageUnavailableError', message: /PostgreSQL at 127.0.0.1:1 cannot be used/ })
    })

    t.test('a search that the database does not answer in time fails, and gives its connection back', async t => {
      const proxy = await startProxy(t, at.connectionString)
      const index = indexAt(t, { ...at, connectionString: proxy.url, poolSize: 1 }, { timeoutMs: 500 })
      await add(index, 'a', ['lighthouse'])
      proxy.stall()
      await t.rejects(index.search([store], { text: 'lighthouse', limit: 1 }), { name: 'StorageUnavailableError', message: /PostgreSQL failed: / })
      proxy.restore()
      t.strictSame(await files(index, { text: 'lighthouse' }), ['a'], 'on the one connection that there may be')
    })

    t.test('a closed one refuses', async t => {
      const index = open(t)
      await index.open()
      await Promise.all([index.close(), index.close()])
      await t.rejects(index.search([store], { text: 'x', limit: 1 }), { name: 'StorageUnavailableError' })
    })
  })
}
