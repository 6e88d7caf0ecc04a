import { Readable } from 'node:stream'
import { test } from 'tap'
import { scheduleTask } from '../../lib/schedule/scheduled-tasks.js'
import { MemoryBlobStore, type MemoryBlobs } from '../../storage/memory/blobs.js'
import { DEFAULT_PROJECT, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type PartitionKey, type RecordStore, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'
import { startFileServer, until } from './helpers.js'

const project = DEFAULT_PROJECT
const files = { project, partition: PARTITION.files }

/** Records and bytes as a process that died may have left them. */
async function leftBehind (items: WriteItem[], ids: string[]): Promise<{ records: MemoryRecordStore, blobs: MemoryBlobs }> {
  const records = new MemoryRecordStore()
  const blobs: MemoryBlobs = new Map()
  const store = new MemoryBlobStore(blobs)
  await Promise.all([records.connect(), store.connect()])
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.fileProjects }, [{ op: 'put', kind: KIND.fileProject, id: project, body: {} }])
  await records.write(files, items)
  for (const id of ids) await store.put({ project, id }, Readable.from([Buffer.from('left')]))
  return { records, blobs }
}

const dues = async (records: RecordStore): Promise<number> =>
  (await records.page({ ...files, kind: KIND.scheduledTask, order: 'asc', limit: 100 })).records.length

test('bytes that a process took in and never made a file of go when the next one starts', async t => {
  const clock = new ManualClock()
  const tomorrow = clock.now() / 1000 + 86_400
  const { records, blobs } = await leftBehind([scheduleTask({ task: 'bytes', id: 'file-1', at: tomorrow, by: 'process that died' })], ['file-1'])
  await startServer(t, { storage: records, blobs: new MemoryBlobStore(blobs), clock })
  await until(async () => await dues(records) === 0)
  t.equal(blobs.size, 0)
})

test('where other instances may be at work, they go a day later', async t => {
  const clock = new ManualClock()
  const { records, blobs } = await leftBehind([scheduleTask({ task: 'bytes', id: 'file-1', at: clock.now() / 1000 + 86_400, by: 'another' })], ['file-1'])
  const shared = Object.create(records, { supports: { value: { shared: true, persistent: false } } }) as MemoryRecordStore
  for (const verb of ['connect', 'disconnect', 'get', 'page', 'write', 'notify', 'listen'] as const) {
    Object.defineProperty(shared, verb, { value: (records[verb] as (...args: unknown[]) => unknown).bind(records) })
  }
  await startServer(t, { storage: shared, blobs: new MemoryBlobStore(blobs), clock })
  await clock.advance(86_000 * 1000)
  t.equal(blobs.size, 1)
  await clock.advance(2000 * 1000)
  await until(async () => await dues(records) === 0)
  t.equal(blobs.size, 0)
})

test('a deletion that stopped half-way is carried through', async t => {
  const { records, blobs } = await leftBehind([scheduleTask({ task: 'deleted', id: 'file-1', at: 0 })], ['file-1'])
  await startServer(t, { storage: records, blobs: new MemoryBlobStore(blobs) })
  await until(async () => await dues(records) === 0)
  t.equal(blobs.size, 0)
})

test('a blob store that fails leaves a file deleted, and its bytes to the sweep', async t => {
  const clock = new ManualClock()
  const kept: MemoryBlobs = new Map()
  let broken = false
  class Failing extends MemoryBlobStore {
    protected override remove (key: { project: string, id: string }): boolean {
      if (broken) throw new Error('the disk failed')
      return super.remove(key)
    }
  }
  const { server, upload, dues: left } = await startFileServer(t, { blobs: new Failing(kept), clock, mayLogErrors: true })
  const { id } = await upload('abc')
  broken = true
  t.equal((await server.delete(`/files/${id}`)).status, 200)
  t.equal((await server.get(`/files/${id}`)).status, 404)
  t.equal(await left(), 1)
  broken = false
  await clock.advance(1000)
  await until(async () => await left() === 0)
  t.equal(kept.size, 0)
})

test('what fails again is tried again, less and less often', async t => {
  const clock = new ManualClock()
  let tries = 0
  class Failing extends MemoryBlobStore {
    protected override remove (key: { project: string, id: string }): boolean {
      if (++tries < 4) throw new Error('the disk failed')
      return super.remove(key)
    }
  }
  const { server, upload, dues: left } = await startFileServer(t, { blobs: new Failing(new Map()), clock, mayLogErrors: true })
  const { id } = await upload('abc')
  await server.delete(`/files/${id}`)
  t.equal(tries, 1)
  for (const [i, ms] of [1000, 2000, 4000].entries()) {
    await clock.advance(ms - 1)
    t.equal(tries, i + 1)
    await clock.advance(1)
    await until(() => tries === i + 2)
  }
  await until(async () => await left() === 0)
})

test('what could not be done for an hour is done a minute after it can be', async t => {
  const clock = new ManualClock()
  let broken = true
  class Failing extends MemoryBlobStore {
    protected override remove (key: { project: string, id: string }): boolean {
      if (broken) throw new Error('the disk failed')
      return super.remove(key)
    }
  }
  const { server, upload, dues: left } = await startFileServer(t, { blobs: new Failing(new Map()), clock, mayLogErrors: true })
  const { id } = await upload('abc')
  await server.delete(`/files/${id}`)
  for (let minute = 0; minute < 60; minute++) await clock.advance(60_000)
  t.equal(await left(), 1)
  broken = false
  await clock.advance(60_000)
  await until(async () => await left() === 0)
})

test('the answer to any write of an upload may get lost', async t => {
  let lose = -1
  class Losing extends MemoryRecordStore {
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      const done = await super.write(key, items)
      if (lose-- === 0) throw new StorageUnavailableError('The connection was lost.')
      return done
    }
  }
  for (let n = 0; n < 12; n++) {
    const records = new Losing()
    const { server, upload } = await startFileServer(t, { storage: records, mayLogErrors: true })
    lose = n
    const file = await upload('the whole text')
    t.equal((await fetch(`${server.baseURL}/files/${file.id}/content`)).status, 200, `a file whose write ${n} had no answer`)
    const { body: open } = await server.post('/uploads', { purpose: 'assistants', filename: 'a.txt', bytes: 3, mime_type: 'text/plain' })
    const form = new FormData()
    form.append('data', new Blob(['abc']), 'a')
    const part = await fetch(`${server.baseURL}/uploads/${open.id}/parts`, { method: 'POST', body: form })
    t.equal(part.status, 200, `a part whose write ${n} had no answer`)
    const done = await server.post(`/uploads/${open.id}/complete`, { part_ids: [(await part.json() as { id: string }).id] })
    t.match(done, { status: 200, body: { status: 'completed', file: { bytes: 3 } } }, `an upload whose write ${n} had no answer`)
  }
})
