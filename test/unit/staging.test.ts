import { Readable } from 'node:stream'
import { test, type Test } from 'tap'
import { Staging } from '../../lib/files/staging.js'
import { PROCESS_ID } from '../../lib/schedule/scheduled-tasks.js'
import { ApiError } from '../../lib/shared/errors.js'
import { rejectingLocks } from '../../lib/shared/thread-locks.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { MemoryBlobStore, type MemoryBlobs } from '../../storage/memory/blobs.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type PartitionKey, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'

const project = 'p'
const files = { project, partition: PARTITION.files }
const bytesOf = (text: string): Readable => Readable.from([Buffer.from(text)])

/** Bytes that are staged, in stores that fail as `faults` says. */
async function world (t: Test) {
  const faults: { put?: Error, remove?: Error, write?: (key: PartitionKey) => Error | undefined } = {}
  const registrations: string[] = []
  class Records extends MemoryRecordStore {
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      const error = faults.write?.(key)
      if (error !== undefined) throw error
      if (key.project === SYSTEM_PROJECT) registrations.push(...items.map(item => item.op === 'put' ? item.id : item.op))
      return await super.write(key, items)
    }
  }
  class Blobs extends MemoryBlobStore {
    protected override async write (key: { project: string, id: string }, source: AsyncIterable<Uint8Array>): Promise<void> {
      await super.write(key, source)
      if (faults.put !== undefined) throw faults.put
    }

    protected override remove (key: { project: string, id: string }): boolean {
      if (faults.remove !== undefined) throw faults.remove
      return super.remove(key)
    }
  }
  const kept: MemoryBlobs = new Map()
  const records = new Records()
  const blobs = new Blobs(kept)
  await Promise.all([records.connect(), blobs.connect()])
  t.teardown(async () => { await Promise.all([records.disconnect(), blobs.disconnect()]) })
  const clock = new ManualClock()
  return {
    staging: new Staging({ records, clock, project, locks: rejectingLocks }, blobs),
    records,
    clock,
    faults,
    registrations,
    /** Ids of the bytes that are there. */
    kept: () => [...kept.keys()].map(key => key.split('\0')[1]),
    tasks: async () => (await records.page<any>({ ...files, kind: KIND.scheduledTask, order: 'asc', limit: 10 })).records
  }
}

test('bytes without an owner have a task that removes them a day later, which the write that gives them one takes, once', async t => {
  const { staging, records, clock, kept, tasks, registrations } = await world(t)
  t.equal(await staging.put('file-1', bytesOf('abc')), 3)
  t.strictSame(kept(), ['file-1'])
  t.match(await tasks(), [{ version: 1, body: { task: 'bytes', id: 'file-1', at: clock.now() / 1000 + 86_400, by: PROCESS_ID } }])
  t.strictSame(registrations, [project])
  t.equal(await records.write(files, [staging.claim('file-1')]), true)
  t.strictSame(await tasks(), [])
  t.strictSame(kept(), ['file-1'])
  t.equal(await records.write(files, [staging.claim('file-1')]), false)
})

test('a task that is written twice is still the one that the owner takes', async t => {
  const { staging, records, tasks } = await world(t)
  await staging.put('file-1', bytesOf('abc'))
  await staging.put('file-1', bytesOf('abc'))
  t.match(await tasks(), [{ version: 1 }])
  t.equal(await records.write(files, [staging.claim('file-1')]), true)
})

test('a project is added to those that the sweeper visits once in ten seconds', async t => {
  const { staging, clock, registrations } = await world(t)
  await Promise.all([staging.registerProject(), staging.registerProject()])
  await clock.advance(10_000)
  await staging.registerProject()
  t.strictSame(registrations, [project])
  await clock.advance(1)
  await staging.registerProject()
  t.strictSame(registrations, [project, project])
  await clock.advance(10_000)
  await staging.registerProject()
  t.strictSame(registrations, [project, project])
})

test('nothing is kept for a project that could not be added; the next bytes add it at once', async t => {
  const { staging, faults, kept, tasks, registrations } = await world(t)
  const error = new StorageUnavailableError('gone')
  faults.write = ({ project }) => project === SYSTEM_PROJECT ? error : undefined
  t.equal(await staging.put('file-1', bytesOf('abc')).catch((error: unknown) => error), error)
  t.strictSame([kept(), await tasks(), registrations], [[], [], []])
  delete faults.write
  await staging.put('file-1', bytesOf('abc'))
  t.strictSame(registrations, [project])
})

test('bytes up to the bound are kept; of more nothing stays, and the error is the 413 or the caller\'s', async t => {
  const { staging, kept, tasks } = await world(t)
  t.equal(await staging.put('exact', bytesOf('abc'), { maxBytes: 3 }), 3)
  t.match(await staging.put('larger', bytesOf('abcd'), { maxBytes: 3 }).catch((error: unknown) => error), {
    status: 413, message: 'The file is larger than this server accepts: at most 3 bytes.', param: 'file', code: 'file_too_large'
  })
  const full = new ApiError(400, 'Full.')
  t.equal(await staging.put('larger', bytesOf('abcd'), { maxBytes: 2, exceeded: maxBytes => maxBytes === 2 ? full : new ApiError(500, 'No.') }).catch((error: unknown) => error), full)
  t.strictSame(kept(), ['exact'])
  t.match(await tasks(), [{ body: { id: 'exact' } }])
  t.equal((await tasks()).length, 1)
})

test('bytes that get no owner go at once, with their task', async t => {
  const { staging, kept, tasks } = await world(t)
  await staging.put('file-1', bytesOf('abc'))
  await staging.discard('file-1')
  t.strictSame([kept(), await tasks()], [[], []])
})

test('bytes that cannot be removed at once keep their task, and no caller is told', async t => {
  for (const fault of ['remove', 'write'] as const) {
    const { staging, faults, tasks } = await world(t)
    await staging.put('file-1', bytesOf('abc'))
    if (fault === 'remove') faults.remove = new Error('the disk failed')
    else faults.write = () => new StorageUnavailableError('gone')
    await staging.discard('file-1')
    t.match(await tasks(), [{ body: { id: 'file-1' } }], fault)
    t.equal((await tasks()).length, 1)
  }
})

test('bytes whose owner may have been written stay, with their task; bytes whose owner was not written go', async t => {
  const { staging, kept, tasks } = await world(t)
  await staging.put('file-1', bytesOf('abc'))
  await staging.discardAfter(new StorageUnavailableError('gone'), 'file-1')
  t.strictSame(kept(), ['file-1'])
  t.equal((await tasks()).length, 1)
  await staging.discardAfter(new Error('no'), 'file-1')
  t.strictSame([kept(), await tasks()], [[], []])
})

test('bytes that may have been stored keep their task; bytes that were not leave nothing', async t => {
  for (const [error, left] of [[new StorageUnavailableError('gone'), 1], [new Error('the disk failed'), 0]] as const) {
    const { staging, faults, kept, tasks } = await world(t)
    faults.put = error
    t.equal(await staging.put('file-1', bytesOf('abc')).catch((error: unknown) => error), error)
    t.equal(kept().length, left, error.message)
    t.equal((await tasks()).length, left, error.message)
  }
})

test('bytes are removed whether they have an owner or not, and no task with them', async t => {
  const { staging, kept, tasks } = await world(t)
  await staging.put('file-1', bytesOf('abc'))
  await staging.put('file-2', bytesOf('abc'))
  await staging.remove('file-1')
  t.strictSame(kept(), ['file-2'])
  t.equal((await tasks()).length, 2)
})
