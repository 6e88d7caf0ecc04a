import { join } from 'node:path'
import { test } from 'tap'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import Libsql from 'libsql'
import { ManualClock } from '../helpers/clock.js'
import { counting, until } from './helpers/counting.js'
import { indexed, LONG_LEASES, search, startWorld, upload } from './helpers/world.js'

const CountingMemory = counting(MemoryRecordStore)
const CountingSqlite = counting(SqliteRecordStore)

const DAY_MS = 86_400_000
const SWEEP_MS = 10 * 60_000
const DERIVED = [KIND.vectorStoreChunk, KIND.vectorStoreEntry, KIND.vectorStoreJob]

/** Rows of files and of stores in an index. */
function indexRows (path: string): number[] {
  const database = new Libsql(path, { readonly: true })
  try {
    return ['files', 'stores'].map(table => (database.prepare(`SELECT count(*) FROM ${table}`).raw().get() as [number])[0])
  } finally {
    database.close()
  }
}

for (const storage of ['memory', 'sqlite']) {
  test(`an expired store gives up what its files were searched by, in ${storage}`, async t => {
    const records = storage === 'memory' ? new CountingMemory() : new CountingSqlite({ path: join(t.testdir(), 'data.db') })
    const indexPath = join(t.testdir({}), 'index.db')
    const clock = new ManualClock()
    const world = await startWorld(t, { storage: records, blobs: new MemoryBlobStore(), clock, ...LONG_LEASES, retrieval: { ...LONG_LEASES.retrieval, indexPath } })
    t.teardown(async () => await records.disconnect())
    const { stores, files } = world.vectorStores
    const [text, table] = [await upload(world, 'a.txt', 'walrus '.repeat(5000)), await upload(world, 'a.png', 'a,b')]
    const before = records.count()
    const store = await stores.create({ file_ids: [text, table], expires_after: { anchor: 'last_active_at', days: 2 } })
    const file = await indexed(world, store.id, text)
    await indexed(world, store.id, table)
    t.strictSame(await search(world, store.id, 'walrus', { max_num_results: 1 }), [text])
    t.strictSame(indexRows(indexPath), [1, 1])
    t.ok(records.count(KIND.vectorStoreChunk) > 10)

    await clock.advance(DAY_MS)
    await stores.touch(store.id)
    await clock.advance(DAY_MS + SWEEP_MS)
    t.strictSame(await search(world, store.id, 'walrus', { max_num_results: 1 }), [text], 'it was used meanwhile')
    await clock.advance(DAY_MS)
    await until(() => DERIVED.every(kind => records.count(kind) === 0) && records.count(KIND.scheduledTask) === 0)
    t.match(await stores.get(store.id), { status: 'expired', usage_bytes: 0, file_counts: { completed: 1, failed: 1, total: 2 } })
    t.strictSame((await files.list(store.id, { order: 'asc' })).data.map(({ id, status }) => [id, status]), [[text, 'completed'], [table, 'failed']], 'its files can be put into another store')
    // The store, its entry in the list, two files in it, two uses, and two indexes of where there is something to do.
    t.ok(records.count() <= before + 8, `${records.count() - before} records`)
    await until(() => indexRows(indexPath).every(rows => rows === 0))

    t.match(await stores.update(store.id, { expires_after: null }), { status: 'in_progress' }, 'a store whose time is extended is indexed anew')
    t.equal((await indexed(world, store.id, text)).usage_bytes, file.usage_bytes)
    t.strictSame(await search(world, store.id, 'walrus', { max_num_results: 1 }), [text])
    t.match(await stores.get(store.id), { status: 'completed', usage_bytes: file.usage_bytes, file_counts: { completed: 1, failed: 1, total: 2 } })
    await stores.delete(store.id)
    await world.files.delete(text)
    await world.files.delete(table)
    t.equal(records.count(KIND.vectorStore, KIND.vectorStoreFile, KIND.vectorStoreChunk, KIND.fileUse, KIND.scheduledTask), 0)
  })
}

test('an index of another instance gives up an expired store as well', async t => {
  const records = new (class extends MemoryRecordStore { override readonly supports = { shared: true, persistent: false } })()
  const blobs = new MemoryBlobStore()
  const clock = new ManualClock()
  const dir = t.testdir({})
  const paths = ['one.db', 'two.db'].map(name => join(dir, name))
  const worlds = []
  for (const indexPath of paths) worlds.push(await startWorld(t, { storage: records, blobs, clock, ...LONG_LEASES, retrieval: { ...LONG_LEASES.retrieval, indexPath } }))
  const [one, two] = worlds
  const file = await upload(one!, 'a.txt', 'walrus')
  const store = await one!.vectorStores.stores.create({ file_ids: [file], expires_after: { anchor: 'last_active_at', days: 1 } })
  await indexed(one!, store.id, file)
  for (const world of [one!, two!]) t.strictSame(await search(world, store.id, 'walrus'), [file])
  await clock.advance(DAY_MS + SWEEP_MS)
  await until(() => paths.every(path => indexRows(path).every(rows => rows === 0)))
  t.pass()
})
