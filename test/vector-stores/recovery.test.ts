import { setImmediate } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import type { JobBody } from '../../lib/vector-stores/records.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate } from '../helpers/upstream-gate.js'
import { settle } from '../runs/helpers/core.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { indexed, search, startWorld, upload, type World } from './helpers/world.js'

const isChunk = (items: readonly { op: string, kind?: string }[]): boolean => items.some(item => item.op === 'put' && item.kind === KIND.vectorStoreChunk)

/** A file in a store whose indexing has stopped before its first chunk was kept, on an instance that is silent from now on. */
async function interrupted (t: Test) {
  const storage = new GatedStore({ shared: true })
  const blobs = new MemoryBlobStore()
  const clock = new ManualClock()
  const dead = await startWorld(t, { storage, blobs, clock })
  const file = await upload(dead, 'a.txt', 'A lighthouse keeper.')
  const gate = storage.hold(isChunk)
  t.teardown(() => gate.open())
  const { id } = await dead.vectorStores.stores.create({ file_ids: [file] })
  await gate.reached()
  const key = { project: 'default', partition: id, kind: KIND.vectorStoreJob, id: file }
  return { storage, blobs, file, id, key }
}

test('a file whose instance has died is taken over when its lease has run out, and indexed once', async t => {
  const { storage, blobs, file, id, key } = await interrupted(t)
  const clock = new ManualClock()
  const other: World = await startWorld(t, { storage, blobs, clock })
  await setImmediate()
  t.match(await other.vectorStores.files.get(id, file), { status: 'in_progress' })
  const before = (await storage.get<JobBody>(key))!.body
  await clock.advance(16_000)
  t.match(await indexed(other, id, file), { status: 'completed' })
  t.strictSame(await search(other, id, 'lighthouse'), [file])
  t.match(await other.vectorStores.stores.get(id), { file_counts: { completed: 1, total: 1, in_progress: 0 } })
  t.equal(await storage.get(key), undefined)
  t.not(before.generation, null)
})

test('a file that its instances keep dying of has failed', async t => {
  const { storage, blobs, file, id, key } = await interrupted(t)
  const job = (await storage.get<JobBody>(key))!
  await storage.write({ project: 'default', partition: id }, [{ op: 'put', kind: key.kind, id: file, body: { ...job.body, attempts: 3, expiresAt: 0 } }])
  const clock = new ManualClock()
  const other = await startWorld(t, { storage, blobs, clock })
  await clock.advance(16_000)
  t.match(await indexed(other, id, file), { status: 'failed', last_error: { code: 'server_error', message: /stopped 3 times/ } })
})

test('an instance that stops hands its files over at once', async t => {
  const storage = new GatedStore({ shared: true })
  const blobs = new MemoryBlobStore()
  const first = await startWorld(t, { storage, blobs })
  const ids = await Promise.all(Array.from({ length: 6 }, async (_, i) => await upload(first, `${i}.txt`, `number${i} `.repeat(2000))))
  const { id } = await first.vectorStores.stores.create({ file_ids: ids })
  await first.core.stop()
  const second = await startWorld(t, { storage, blobs, clock: new ManualClock() })
  for (const file of ids) t.match(await indexed(second, id, file), { status: 'completed' })
})

test('a server that stops while it indexes a file hands it over, and costs it no attempt', async t => {
  const storage = new GatedStore({ shared: true })
  const blobs = new MemoryBlobStore()
  let held = storage.hold(isChunk)
  let world = await startWorld(t, { storage, blobs })
  // More than is kept in one write: between two of them the indexing looks whether it is to stop.
  const file = await upload(world, 'a.txt', 'A lighthouse keeper. '.repeat(20_000))
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  for (let stop = 0; stop < 2; stop++) {
    await held.reached()
    const stopped = world.core.stop()
    await settle()
    held.open()
    await stopped
    held = storage.hold(isChunk)
    const { body } = (await storage.get<JobBody>({ project: 'default', partition: id, kind: KIND.vectorStoreJob, id: file }))!
    t.match(body, { owner: null, attempts: 0 })
    world = await startWorld(t, { storage, blobs })
  }
  held.open()
  t.match(await indexed(world, id, file), { status: 'completed' })
})

test('a store that fails again and again while a file is indexed costs it no attempt', async t => {
  class Away extends MemoryBlobStore {
    reads = 0
    override async get (...args: Parameters<MemoryBlobStore['get']>): ReturnType<MemoryBlobStore['get']> {
      if (this.reads++ < 5) throw new StorageUnavailableError('The store is away.')
      return await super.get(...args)
    }
  }
  const clock = new ManualClock()
  const blobs = new Away()
  const world = await startWorld(t, { storage: new GatedStore({ shared: true }), blobs, clock })
  const file = await upload(world, 'a.txt', 'A lighthouse keeper.')
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  // No further than to the sixth read: what is being parsed then takes no time by this clock.
  while (blobs.reads < 6) await clock.advance(1000)
  t.match(await indexed(world, id, file), { status: 'completed', last_error: null })
})

test('a file that could not be indexed rests for the length of a lease, while others of its store are indexed', async t => {
  class Faulty extends MemoryBlobStore {
    failing = new Set<string>()
    failures = 0
    override async get (...args: Parameters<MemoryBlobStore['get']>): ReturnType<MemoryBlobStore['get']> {
      if ([...this.failing].some(id => JSON.stringify(args).includes(id))) {
        this.failures++
        throw new Error('The bytes cannot be read.')
      }
      return await super.get(...args)
    }
  }
  const [clock, blobs] = [new ManualClock(), new Faulty()]
  const world = await startWorld(t, { storage: new GatedStore({ shared: true }), blobs, clock })
  const ids = await Promise.all(['a.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt'].map(async name => await upload(world, name, 'A lighthouse keeper.')))
  blobs.failing.add(ids[0]!)
  const { id } = await world.vectorStores.stores.create({ file_ids: ids })
  for (const other of ids.slice(1)) t.match(await indexed(world, id, other), { status: 'completed' })
  await settle()
  t.equal(blobs.failures, 1)
  t.match(await world.vectorStores.files.get(id, ids[0]!), { status: 'in_progress' })
  blobs.failing.clear()
  for (let second = 0; second < 24; second++) await clock.advance(1000)
  t.match(await indexed(world, id, ids[0]!), { status: 'completed', last_error: null })
})

test('a file whose bytes are away is not asked for again until time has passed, and its server stops at once', async t => {
  class Away extends MemoryBlobStore {
    isAway = false
    reads = 0
    override async get (...args: Parameters<MemoryBlobStore['get']>): ReturnType<MemoryBlobStore['get']> {
      if (this.isAway) {
        this.reads++
        throw new StorageUnavailableError('The store is away.')
      }
      return await super.get(...args)
    }
  }
  const [clock, blobs] = [new ManualClock(), new Away()]
  const storage = new GatedStore({ shared: true })
  const world = await startWorld(t, { storage, blobs, clock })
  const ids = await Promise.all(['a.txt', 'b.txt', 'c.txt', 'd.txt'].map(async name => await upload(world, name, 'A lighthouse keeper.')))
  blobs.isAway = true
  const { id } = await world.vectorStores.stores.create({ file_ids: ids })
  while (blobs.reads < 2) await setImmediate()
  for (let turn = 0; turn < 50; turn++) await settle()
  t.equal(blobs.reads, 2, 'as many as are indexed at a time')
  await world.core.stop()
  const jobs = await storage.page<JobBody>({ project: 'default', partition: id, kind: KIND.vectorStoreJob, order: 'asc', limit: 10 })
  for (const { body } of jobs.records) t.match(body, { owner: null, attempts: 0 })
})

test('a file that is attached again while it is indexed keeps its new job, whatever becomes of the one before', async t => {
  class Slow extends MemoryBlobStore {
    readonly gates: Gate[] = []
    override async get (...args: Parameters<MemoryBlobStore['get']>): ReturnType<MemoryBlobStore['get']> {
      await this.gates.shift()?.pass()
      return await super.get(...args)
    }
  }
  const [clock, storage, blobs] = [new ManualClock(), new GatedStore({ shared: true }), new Slow()]
  const world = await startWorld(t, { storage, clock, blobs })
  const { files, stores } = world.vectorStores
  const file = await upload(world, 'a.txt', 'A lighthouse keeper.')
  const [first, second] = [new Gate(), new Gate()]
  t.teardown(() => { for (const gate of [first, second]) gate.open(Infinity) })
  blobs.gates.push(first, second)
  const { id } = await stores.create({ file_ids: [file] })
  const key = { project: 'default', partition: id, kind: KIND.vectorStoreJob, id: file }
  await first.reached()
  const { body: before } = (await storage.get<JobBody>(key))!
  await files.delete(id, file)
  await files.create(id, { file_id: file })
  await second.reached()
  const { body: job, version } = (await storage.get<JobBody>(key))!
  t.equal(version, 2, 'as that of the job before')
  first.open()
  for (let second = 0; second < 40; second++) {
    await clock.advance(1000)
    await settle()
    t.match((await storage.get<JobBody>(key))!.body, { generation: job.generation, attempts: 1, owner: job.owner })
  }
  second.open()
  t.match(await indexed(world, id, file), { status: 'completed' })
  const chunks = async ({ generation }: JobBody): Promise<number> => (await storage.page({ project: 'default', partition: id, kind: KIND.vectorStoreChunk, parent: generation!, order: 'asc', limit: 10 })).records.length
  t.equal(await chunks(job), 1)
  t.equal(await chunks(before), 0, 'nothing of the job before is left')
})

test('chunks that are being removed are not claimed again by the same instance, however long it takes', async t => {
  const [clock, storage] = [new ManualClock(), new GatedStore({ shared: true })]
  const world = await startWorld(t, { storage, clock })
  const file = await upload(world, 'a.txt', 'A lighthouse keeper.')
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  await indexed(world, id, file)
  const gate = storage.hold(items => items.some(item => item.op === 'delete' && item.kind === KIND.vectorStoreChunk))
  await world.vectorStores.files.delete(id, file)
  await gate.reached()
  const jobs = async () => (await storage.page<JobBody>({ project: 'default', partition: id, kind: KIND.vectorStoreJob, order: 'asc', limit: 10 })).records
  t.match(await jobs(), [{ body: { type: 'purge', attempts: 1 } }])
  for (let second = 0; second < 40; second++) await clock.advance(1000)
  t.match(await jobs(), [{ body: { type: 'purge', attempts: 1 } }])
  gate.open()
  while ((await jobs()).length > 0) await setImmediate()
})

for (const how of ['is taken out of the store', 'is deleted'] as const) {
  test(`a file that ${how} while it is indexed does not keep its batch waiting`, async t => {
    const storage = new GatedStore()
    const world = await startWorld(t, { storage })
    const { files, batches, stores } = world.vectorStores
    const [gone, other] = [await upload(world, 'gone.txt', 'A lighthouse keeper.'), await upload(world, 'other.txt', 'A goalkeeper.')]
    const { id } = await stores.create({})
    const gate = storage.hold(isChunk)
    const batch = await batches.create(id, { file_ids: [gone] })
    await gate.reached()
    const second = await batches.create(id, { file_ids: [other] })
    t.match(await batches.get(id, batch.id), { status: 'in_progress', file_counts: { in_progress: 1, total: 1 } })
    if (how === 'is deleted') await world.files.delete(gone)
    else await files.delete(id, gone)
    gate.open()
    t.match(await batches.get(id, batch.id), { status: 'completed', file_counts: { in_progress: 0, cancelled: 1, total: 1 } })
    await indexed(world, id, other)
    t.match(await batches.get(id, second.id), { status: 'completed', file_counts: { completed: 1, total: 1 } })
    t.match(await stores.get(id), { status: 'completed', file_counts: { in_progress: 0, completed: 1, cancelled: 0, total: 1 } })
    await files.delete(id, other)
    t.match(await batches.get(id, second.id), { file_counts: { completed: 1, cancelled: 0, total: 1 } }, 'one that was indexed stays counted as such')
    t.match(await stores.get(id), { file_counts: { completed: 0, total: 0 } })
  })
}

test('a deletion that stopped half-way is carried through by its repetition, and a store that is away meanwhile leaves nothing listed', async t => {
  const storage = new GatedStore()
  const { vectorStores: { stores } } = await startWorld(t, { storage })
  const { id } = await stores.create({ name: 'short-lived' })
  // More often than an uncertain write is repeated.
  for (let i = 0; i < 20; i++) storage.fail(items => items.some(item => item.op === 'delete' && item.kind === KIND.vectorStore), new Error('away'))
  await t.rejects(stores.delete(id), { message: 'away' })
  storage.forgive()
  await stores.delete(id)
  t.strictSame((await stores.list({})).data, [])
  await t.rejects(stores.delete(id), { message: /No vector store found/ })
})
