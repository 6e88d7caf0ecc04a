import { test, type Test } from 'tap'
import { activate, chunkId, decodeVector, embedJob, encodeVector, endUses, enterUses, indexJob, isExpired, NO_FILES, partitionOf, purgeJob, putBatch, putChunk, putEntry, putFile, putStore, recordKey, recount, removeRecord, replaced, type BatchBody, type FileBody, type StoreBody } from '../../lib/vector-stores/records.js'
import { changeStore, loadStore } from '../../lib/vector-stores/store-change.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { PartitionKey, WriteItem } from '../../storage/record-store.js'

const ref = { project: 'p', storeId: 'vs_1' }
const uses = { project: 'p', partition: PARTITION.fileUses }
const counts = (changed: Partial<StoreBody['file_counts']>): StoreBody['file_counts'] => ({ ...NO_FILES, ...changed })

const storeOf = (changed: Partial<StoreBody> = {}): StoreBody => ({
  id: 'vs_1', object: 'vector_store', created_at: 1, name: 'Notes', description: null, usage_bytes: 0, file_counts: NO_FILES, expires_after: null, expires_at: null, last_active_at: 1, metadata: {}, ...changed
})
const batchOf = (id: string): BatchBody => ({
  batch: { id, object: 'vector_store.file_batch', created_at: 1, vector_store_id: 'vs_1', file_counts: counts({ in_progress: 2, total: 2 }) } as unknown as BatchBody['batch'], cancelled: false
})
const fileOf = (changed: Partial<FileBody> = {}): FileBody => ({
  file: { id: 'file-1', status: 'in_progress' } as unknown as FileBody['file'], filename: 'a.txt', batchId: null, generation: null, entryId: null, ...changed
})

/** Records in memory, and how many items each write had. */
class CountedRecords extends MemoryRecordStore {
  readonly writes: number[] = []
  override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    this.writes.push(items.length)
    return await super.write(key, items)
  }
}

/** A vector store of two files that are in progress, and of a batch of both. */
async function world (t: Test) {
  const records = new CountedRecords()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  await records.write(partitionOf(ref), [putStore(storeOf({ file_counts: counts({ in_progress: 2, total: 2 }) }), 'absent'), putBatch(batchOf('vsfb_1')), putFile(fileOf())])
  records.writes.length = 0
  return {
    records,
    stored: async (kind: string, id: string) => await records.get<any>(recordKey(ref, kind, id)),
    used: async (id: string) => (await records.page<any>({ ...uses, kind: KIND.fileUse, parent: id, order: 'asc', limit: 10 })).records.map(({ body }) => body)
  }
}

test('a change writes the store, the batch and what was added, and returns what it was asked for', async t => {
  const { records, stored } = await world(t)
  t.equal(await changeStore(records, ref, async change => {
    t.equal(change.store.name, 'Notes')
    t.match(await change.file('file-1'), { filename: 'a.txt' })
    t.match(await change.fileRecord('file-1'), { version: 1, body: { filename: 'a.txt' } })
    t.equal(await change.file('file-2'), undefined)
    change.add(putFile(fileOf({ filename: 'b.txt' })), indexJob('file-1'))
    await change.move('vsfb_1', 'in_progress', 'completed')
    await change.move('vsfb_1', 'in_progress', 'failed')
    return 'done'
  }), 'done')
  const after = counts({ completed: 1, failed: 1, total: 2 })
  t.match(await loadStore(records, ref), { version: 2, body: { file_counts: after } })
  t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { version: 2, body: { batch: { id: 'vsfb_1', file_counts: after }, cancelled: false } })
  t.match(await stored(KIND.vectorStoreFile, 'file-1'), { body: { filename: 'b.txt' } })
  t.match(await stored(KIND.vectorStoreJob, 'file-1'), { body: { type: 'index' } })
})

test('a file without a batch, or of one that is gone, changes the counts of the store alone', async t => {
  for (const batchId of [null, 'vsfb_2']) {
    const { records, stored } = await world(t)
    await changeStore(records, ref, async change => {
      await change.move(batchId, undefined, 'in_progress')
      return true
    })
    t.match(await loadStore(records, ref), { body: { file_counts: { in_progress: 3, total: 3 } } })
    t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { version: 1 })
    t.equal(await stored(KIND.vectorStoreBatch, 'vsfb_2'), undefined)
  }
})

test('a file of a batch that is indexed after all moves from one count to the other', async t => {
  const { records, stored } = await world(t)
  for (const [from, to] of [['in_progress', 'failed'], ['failed', 'completed']] as const) {
    await changeStore(records, ref, async change => {
      await change.move('vsfb_1', from, to)
      return true
    })
  }
  const after = counts({ in_progress: 1, completed: 1, total: 2 })
  t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { body: { batch: { file_counts: after } } })
  t.match(await loadStore(records, ref), { body: { file_counts: after } })
})

test('a file that is detached stays counted in its batch: cancelled when it was in progress, else as it was', async t => {
  const { records, stored } = await world(t)
  const change = async (from: 'in_progress' | 'completed', to: 'completed' | undefined): Promise<void> => {
    await changeStore(records, ref, async change => {
      await change.move('vsfb_1', from, to)
      return true
    })
  }
  await change('in_progress', 'completed')
  records.writes.length = 0
  await change('completed', undefined)
  t.strictSame(records.writes, [1], 'the store alone')
  t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { body: { batch: { file_counts: { in_progress: 1, completed: 1, cancelled: 0, total: 2 } } } })
  t.match(await loadStore(records, ref), { body: { file_counts: { in_progress: 1, completed: 0, total: 1 } } })
  await change('in_progress', undefined)
  t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { body: { batch: { file_counts: { in_progress: 0, completed: 1, cancelled: 1, total: 2 } } } })
  t.match(await loadStore(records, ref), { body: { file_counts: NO_FILES } })
})

test('what a change sets of a batch is what it reads of it, and counts in', async t => {
  const { records, stored } = await world(t)
  t.equal(await changeStore(records, ref, async change => {
    t.equal(await change.batch('vsfb_2'), undefined)
    const batch = await change.batch('vsfb_1')
    t.match(batch, { cancelled: false })
    change.setBatch({ ...batch!, cancelled: true })
    t.match(await change.batch('vsfb_1'), { cancelled: true })
    await change.move('vsfb_1', 'in_progress', 'cancelled')
    return 'done'
  }), 'done')
  t.match(await stored(KIND.vectorStoreBatch, 'vsfb_1'), { version: 2, body: { cancelled: true, batch: { file_counts: { in_progress: 1, cancelled: 1, total: 2 } } } })
  t.strictSame(records.writes, [2], 'the store and the batch, once')
})

test('a change without a result writes nothing, one of a store that is not there is a 404, and one that was overtaken begins anew', async t => {
  const { records } = await world(t)
  t.equal(await changeStore(records, ref, async change => {
    change.store = storeOf({ name: 'Never' })
    return undefined
  }), undefined)
  t.strictSame(records.writes, [])
  await t.rejects(changeStore(records, { ...ref, storeId: 'vs_2' }, async () => true), { status: 404, message: 'No vector store found with id \'vs_2\'.' })
  const seen: (string | null)[] = []
  t.equal(await changeStore(records, ref, async change => {
    if (seen.push(change.store.name) === 1) await records.write(partitionOf(ref), [putStore({ ...change.store, name: 'Theirs' }, 1)])
    change.store = { ...change.store, metadata: { mine: 'yes' } }
    return seen.length
  }), 2)
  t.strictSame(seen, ['Notes', 'Theirs'])
  t.match(await loadStore(records, ref), { version: 3, body: { name: 'Theirs', metadata: { mine: 'yes' } } })
})

test('a store expires in the second that it names, and never without one', t => {
  t.strictSame([null, 9, 10, 11].map(at => isExpired(storeOf({ expires_at: at }), 10)), [false, true, true, false])
  t.end()
})

test('the counts follow a file from status to status, and their total is their sum', t => {
  t.strictSame(NO_FILES, { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 })
  const before = counts({ in_progress: 4, completed: 3, failed: 2, cancelled: 1, total: 10 })
  t.strictSame(recount(before, 'in_progress', 'completed'), { in_progress: 3, completed: 4, failed: 2, cancelled: 1, total: 10 })
  t.strictSame(recount(before, undefined, 'failed'), { in_progress: 4, completed: 3, failed: 3, cancelled: 1, total: 11 })
  t.strictSame(recount(before, 'cancelled', undefined), { in_progress: 4, completed: 3, failed: 2, cancelled: 0, total: 9 })
  t.equal(before.total, 10)
  t.end()
})

test('a job is fresh and without an owner; only one that embeds a file anew gives way to one that is there', async t => {
  const { records, stored } = await world(t)
  for (const [type, job, replaces] of [['index', indexJob, true], ['purge', purgeJob, true], ['embed', embedJob, false]] as const) {
    t.equal(await records.write(partitionOf(ref), [job(`of ${type}`)]), true)
    t.match(await stored(KIND.vectorStoreJob, `of ${type}`), { body: { type, owner: null, expiresAt: 0, attempts: 0, generation: null } })
    t.equal(await records.write(partitionOf(ref), [job(`of ${type}`)]), replaces, type)
  }
})

test('an entry is written once; a chunk is found under its generation, by number', async t => {
  const { records, stored } = await world(t)
  const entry = { fileId: 'file-1', generation: 'g1', attributes: {}, model: null }
  t.equal(await records.write(partitionOf(ref), [putEntry('e1', entry)]), true)
  t.equal(await records.write(partitionOf(ref), [putEntry('e1', entry)]), false)
  t.match(await stored(KIND.vectorStoreEntry, 'e1'), { body: entry })
  await records.write(partitionOf(ref), [putChunk('g1', { number: 7, text: 'walrus', tokens: 1, start: 0 })])
  t.equal(chunkId('g1', 7), 'g1/7')
  t.match(await stored(KIND.vectorStoreChunk, 'g1/7'), { parent: 'g1', body: { number: 7, text: 'walrus' } })
  await records.write(partitionOf(ref), [removeRecord(KIND.vectorStoreChunk, 'g1/7')])
  t.equal(await stored(KIND.vectorStoreChunk, 'g1/7'), undefined)
})

test('a vector comes back as it was, wherever in memory it was', t => {
  const all = new Float32Array([0, 1.5, -2, 0.25, 9])
  for (const vector of [all, all.subarray(1, 4)]) t.strictSame([...decodeVector(encodeVector(vector))], [...vector])
  t.equal(encodeVector(new Float32Array([1])), 'AACAPw==', 'little-endian')
  t.end()
})

test('what a file was indexed as before is no longer searched, and its chunks are purged', t => {
  const entry = removeRecord(KIND.vectorStoreEntry, 'e1')
  t.strictSame(replaced(fileOf()), [])
  t.strictSame(replaced(fileOf({ entryId: 'e1' })), [entry])
  t.strictSame(replaced(fileOf({ generation: 'g1' })), [purgeJob('g1')])
  t.strictSame(replaced(fileOf({ entryId: 'e1', generation: 'g1' })), [entry, purgeJob('g1')])
  t.end()
})

test('a store is active from a time on, and uses each of its files once until it no longer does', async t => {
  const { records, used } = await world(t)
  await activate(records, ref, 5000)
  t.match(await records.get({ project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores, kind: KIND.activeVectorStore, id: 'vs_1' }), { body: { project: 'p', at: 5000 } })
  await enterUses(records, ref, ['file-1', 'file-2', 'file-1'])
  await enterUses(records, { ...ref, storeId: 'vs_2' }, ['file-1'])
  t.strictSame([await used('file-1'), await used('file-2')], [[{ store_id: 'vs_1' }, { store_id: 'vs_2' }], [{ store_id: 'vs_1' }]])
  records.writes.length = 0
  await endUses(records, ref, ['file-1', 'file-1'])
  await endUses(records, ref, [])
  t.strictSame(records.writes, [1], 'without a file nothing is written')
  t.strictSame([await used('file-1'), await used('file-2')], [[{ store_id: 'vs_2' }], [{ store_id: 'vs_1' }]])
})
