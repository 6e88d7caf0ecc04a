import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { test, type Test } from 'tap'
import { Files } from '../../lib/files/files.js'
import { Uploads } from '../../lib/files/uploads.js'
import { rejectingLocks } from '../../lib/shared/thread-locks.js'
import type { CreateUploadRequest, Upload } from '../../schemas/uploads.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { MemoryBlobStore, type MemoryBlobs } from '../../storage/memory/blobs.js'
import { StorageUnavailableError, type PartitionKey, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { DamagedStore } from '../runs/helpers/damaged-store.js'

const NOW = 1_700_000_000
const HOUR = 3600
const DAY = 24 * HOUR
const project = 'p'
const files = { project, partition: PARTITION.files }
const request: CreateUploadRequest = { filename: 'a.txt', purpose: 'assistants', bytes: 6, mime_type: 'text/plain' }
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

interface Fault {
  matches (items: readonly WriteItem[]): boolean
  /** Carries the write out, or fails, or does something before. */
  end (write: () => Promise<boolean>): Promise<boolean>
}

const puts = (kind: string, count = 1) => (items: readonly WriteItem[]): boolean => items.filter(item => item.op === 'put' && item.kind === kind).length === count

/** The uploads of a project, in stores in memory of which the next writes end as `faults` say. */
async function world (t: Test, { maxPartBytes = 100, quota = Infinity } = {}) {
  const faults: Fault[] = []
  const broken = { blobs: false }
  class Records extends DamagedStore {
    writes = 0
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      if (key.project !== SYSTEM_PROJECT) this.writes++
      const at = faults.findIndex(({ matches }) => matches(items))
      const write = async (): Promise<boolean> => await super.write(key, items)
      return at === -1 ? await write() : await faults.splice(at, 1)[0]!.end(write)
    }
  }
  class Blobs extends MemoryBlobStore {
    protected override remove (key: { project: string, id: string }): boolean {
      if (broken.blobs) throw new Error('the disk failed')
      return super.remove(key)
    }
  }
  const kept: MemoryBlobs = new Map()
  const records = new Records()
  const blobs = new Blobs(kept)
  await Promise.all([records.connect(), blobs.connect()])
  t.teardown(async () => { await Promise.all([records.disconnect(), blobs.disconnect()]) })
  const clock = new ManualClock(NOW * 1000)
  const scope = { records, clock, project, locks: rejectingLocks }
  const ofFiles = new Files(scope, blobs, { maxBytes: 1000, downloads: 'all', ...quota === Infinity ? {} : { quotas: () => ({ storedBytes: quota }) } })
  let undone = 0
  const uploads = new Uploads(scope, blobs, ofFiles, { maxPartBytes, onUndone: () => { undone++ } })
  const page = async (kind: string, parent = ''): Promise<any[]> => (await records.page<any>({ ...files, kind, parent, order: 'asc', limit: 100 })).records
  const stage = async (id: string, text: string) => await uploads.stagePart(id, Readable.from([Buffer.from(text)]))
  return {
    uploads,
    ofFiles,
    records,
    clock,
    faults,
    broken,
    stage,
    part: async (id: string, text: string): Promise<string> => (await uploads.keepPart(id, await stage(id, text))).id,
    undone: () => undone,
    /** The contents of all bytes that are kept. */
    kept: () => [...kept.values()].map(chunks => Buffer.concat(chunks).toString()),
    forget: (id: string) => kept.delete(`${project}\0${id}`),
    upload: async (id: string) => (await records.get<any>({ ...files, kind: KIND.upload, id }))?.body,
    parts: async (id: string) => await page(KIND.uploadPart, id),
    ofKind: async (kind: string) => (await page(kind)).map(({ body }) => body),
    tasks: async () => (await page(KIND.scheduledTask)).map(({ body: { task, id, at } }) => [task, id, at]),
    stock: async () => (await records.get<any>({ ...files, kind: KIND.stock, id: 'files' }))?.body
  }
}

const failure = async (work: Promise<unknown>): Promise<any> => await work.then(() => undefined, (error: unknown) => error)
const tooLong = { status: 400, message: 'The upload took too long. Please try again.' }
const gone = new StorageUnavailableError('gone')

test('an upload is pending for an hour, and the sweeper knows of it', async t => {
  const { uploads, upload, tasks, records } = await world(t)
  const created = await uploads.create({ ...request, filename: 'folder/a.txt' })
  t.match(created.id, /^upload_/)
  t.strictSame(created, { id: created.id, object: 'upload', bytes: 6, created_at: NOW, filename: 'a.txt', purpose: 'assistants', status: 'pending', expires_at: NOW + HOUR })
  t.strictSame(await upload(created.id), { upload: created })
  t.strictSame(await tasks(), [['upload', created.id, NOW + HOUR]])
  t.match(await records.get({ project: SYSTEM_PROJECT, partition: PARTITION.fileProjects, kind: KIND.fileProject, id: project }), { version: 1 })
  t.strictSame(await uploads.get(created.id), created)
  const expiring = await uploads.create({ ...request, expires_after: { anchor: 'created_at', seconds: 7200 } })
  t.match(await upload(expiring.id), { expires_after: { anchor: 'created_at', seconds: 7200 } })
  t.match(await failure(uploads.get('upload_none')), { status: 404, message: 'No upload found with id \'upload_none\'.' })
})

test('a part takes its bytes, and the upload counts it', async t => {
  const { uploads, stage, upload, parts, kept, tasks } = await world(t)
  const { id } = await uploads.create(request)
  const staged = await stage(id, 'abc')
  t.equal(staged.bytes, 3)
  t.match(await tasks(), [['upload', id], ['bytes', staged.id]])
  const part = await uploads.keepPart(id, staged)
  t.match(part.id, /^part_/)
  t.strictSame(part, { id: staged.id, object: 'upload.part', created_at: NOW, upload_id: id })
  t.match(await parts(id), [{ id: part.id, parent: id, body: { part, bytes: 3 } }])
  t.match((await upload(id)).received, { count: 1, bytes: 3 })
  t.match(await tasks(), [['upload', id]])
  await uploads.keepPart(id, await stage(id, 'defg'))
  t.strictSame((await upload(id)).received, { count: 2, bytes: 7 })
  t.strictSame(kept(), ['abc', 'defg'])
  await uploads.discardPart(await stage(id, 'no'))
  t.strictSame(kept(), ['abc', 'defg'])
  t.equal((await tasks()).length, 1)
})

test('a part has no more bytes than the server or the upload allows', async t => {
  for (const bounds of [{ bytes: 6, maxPartBytes: 4 }, { bytes: 4, maxPartBytes: 6 }]) {
    const { uploads, stage, kept } = await world(t, bounds)
    const { id } = await uploads.create({ ...request, bytes: bounds.bytes })
    t.match(await failure(stage(id, 'abcde')), { status: 413, code: 'file_too_large' })
    t.strictSame(kept(), [])
    t.match(await stage(id, 'abcd'), { bytes: 4 })
  }
})

test('the bytes of an upload may be sent twice, and no more often', async t => {
  const { uploads, stage, part, kept, parts, tasks } = await world(t)
  const { id } = await uploads.create(request)
  for (let i = 0; i < 2; i++) await part(id, 'abcdef')
  const refused = { status: 400, message: 'The parts have more bytes than the 6 that the upload was created for.', code: 'file_too_large' }
  t.match(await failure(uploads.keepPart(id, await stage(id, 'x'))), refused)
  t.strictSame(kept(), ['abcdef', 'abcdef'])
  t.equal((await parts(id)).length, 2)
  t.equal((await tasks()).length, 1)
})

test('an upload has at most 8192 parts', async t => {
  const { uploads, stage, part, upload, records } = await world(t)
  const { id } = await uploads.create(request)
  const received = async (count: number): Promise<void> => { await records.write(files, [{ op: 'put', kind: KIND.upload, id, body: { ...await upload(id), received: { count, bytes: 0 } } }]) }
  await received(8191)
  const late = await stage(id, 'x')
  await part(id, 'a')
  t.match((await upload(id)).received, { count: 8192, bytes: 1 })
  const refused = { status: 400, message: 'An upload can have 8192 parts.', code: 'array_above_max_length' }
  t.match(await failure(stage(id, 'b')), refused)
  t.match(await failure(uploads.keepPart(id, late)), refused)
})

test('parts that are kept at the same time are all counted', async t => {
  const { uploads, stage, upload, parts } = await world(t)
  const { id } = await uploads.create(request)
  const staged = await Promise.all(['a', 'b', 'c'].map(async text => await stage(id, text)))
  await Promise.all(staged.map(async part => await uploads.keepPart(id, part)))
  t.strictSame((await upload(id)).received, { count: 3, bytes: 3 })
  t.equal((await parts(id)).length, 3)
})

test('a part of which the bytes were removed, or the upload has ended, is a 400 and leaves nothing', async t => {
  const { uploads, stage, records, kept, parts, faults } = await world(t)
  const { id } = await uploads.create(request)
  const removed = await stage(id, 'abc')
  await records.write(files, [{ op: 'delete', kind: KIND.scheduledTask, id: `bytes ${removed.id}` }])
  t.match(await failure(uploads.keepPart(id, removed)), tooLong)
  t.strictSame([kept(), await parts(id)], [[], []])
  const late = await stage(id, 'abc')
  faults.push({ matches: puts(KIND.uploadPart), end: async write => { await uploads.cancel(id); return await write() } })
  const ended = { status: 400, message: 'Cannot add parts to upload with status \'cancelled\'.' }
  t.match(await failure(uploads.keepPart(id, late)), ended)
  t.strictSame([kept(), await parts(id)], [[], []])
  t.match(await failure(stage(id, 'abc')), ended)
})

test('a part that may have been written keeps its bytes', async t => {
  const { uploads, stage, kept, tasks, faults } = await world(t)
  const { id } = await uploads.create(request)
  faults.push({ matches: puts(KIND.uploadPart), end: async () => { throw gone } })
  const staged = await stage(id, 'abc')
  t.equal(await failure(uploads.keepPart(id, staged)), gone)
  t.strictSame(kept(), ['abc'])
  t.match(await tasks(), [['upload', id], ['bytes', staged.id]])
})

test('the parts that are named become the file, in that order, and none of them stays', async t => {
  const { uploads, part, upload, parts, kept, tasks, ofKind } = await world(t)
  const { id } = await uploads.create({ ...request, expires_after: { anchor: 'created_at', seconds: 7200 } })
  const [abc, , def] = [await part(id, 'abc'), await part(id, 'no'), await part(id, 'def')] as const
  const completed = await uploads.complete(id, { part_ids: [def, abc], md5: md5('defabc').toUpperCase() })
  const file = completed.file!
  t.match(file, { id: /^file-/, bytes: 6, filename: 'a.txt', purpose: 'assistants', created_at: NOW, expires_at: NOW + 7200 })
  t.strictSame(completed, { id, object: 'upload', bytes: 6, created_at: NOW, filename: 'a.txt', purpose: 'assistants', status: 'completed', expires_at: NOW + HOUR, file })
  t.strictSame(await upload(id), { upload: completed })
  t.strictSame(kept(), ['defabc'])
  t.strictSame(await parts(id), [])
  t.strictSame(await ofKind(KIND.file), [file])
  t.strictSame((await tasks()).sort(), [['file', file.id, NOW + 7200], ['upload', id, NOW + HOUR + DAY]])
  t.match(await failure(uploads.complete(id, { part_ids: [] })), { status: 400, message: 'Cannot complete upload with status \'completed\'.' })
  t.match(await failure(uploads.cancel(id)), { status: 400, message: 'Cannot cancel upload with status \'completed\'.' })
})

test('a file without expiry, and without a checksum, has neither', async t => {
  const { uploads, part } = await world(t)
  const { id } = await uploads.create(request)
  t.equal((await uploads.complete(id, { part_ids: [await part(id, 'abcdef')] })).file!.expires_at, null)
  const { id: empty } = await uploads.create({ ...request, bytes: 0 })
  t.match(await uploads.complete(empty, { part_ids: [] }), { status: 'completed', file: { bytes: 0 } })
})

test('parts that do not make the upload are refused, and nothing changes', async t => {
  const { uploads, part, upload, kept, tasks, ofKind } = await world(t)
  const { id } = await uploads.create(request)
  const { id: other } = await uploads.create({ ...request, bytes: 3 })
  const [abc, def, foreign] = [await part(id, 'abc'), await part(id, 'def'), await part(other, 'xyz')]
  const refused = async (ids: string[], message: string, param: string | null = 'part_ids', sum?: string): Promise<void> => {
    t.match(await failure(uploads.complete(id, { part_ids: ids, ...sum === undefined ? {} : { md5: sum } })), { status: 400, message, param })
  }
  await refused([abc], 'The parts have 3 bytes together, but the upload was created for 6 bytes.')
  await refused([abc, abc], 'Each part can be named once.')
  await refused([abc, foreign], `No part found with id '${foreign}' in upload '${id}'.`)
  await refused([abc, 'part_x'], `No part found with id 'part_x' in upload '${id}'.`)
  await refused([abc, def], `The md5 checksum of the parts is '${md5('abcdef')}', not '0'.`, 'md5', '0')
  t.match(await upload(id), { upload: { status: 'pending' } })
  t.strictSame(kept(), ['abc', 'def', 'xyz'])
  t.equal((await tasks()).length, 2)
  t.strictSame(await ofKind(KIND.file), [])
})

test('a part whose bytes are gone is a 404; when they went because the upload has ended, that is the error', async t => {
  const { uploads, part, forget, kept, tasks, clock } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abc'), await part(id, 'def')]
  forget(ids[1]!)
  t.match(await failure(uploads.complete(id, { part_ids: ids })), { status: 404, message: `No part found with id '${ids[1]}'.`, param: 'part_ids' })
  t.strictSame(kept(), ['abc'])
  t.equal((await tasks()).length, 1)
  const completing = failure(uploads.complete(id, { part_ids: ids }))
  await clock.leap(HOUR * 1000)
  t.match(await failure(uploads.complete(id, { part_ids: ids })), { status: 400, message: 'Cannot complete upload with status \'expired\'.' })
  await completing
})

test('an upload that ends while its bytes are copied ends once', async t => {
  const { uploads, part, kept, faults, ofKind } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abc'), await part(id, 'def')]
  // Between the look at the parts and the copy of their bytes.
  faults.push({ matches: puts(KIND.scheduledTask), end: async write => { await uploads.cancel(id); return await write() } })
  t.match(await failure(uploads.complete(id, { part_ids: ids })), { status: 400, message: 'Cannot complete upload with status \'cancelled\'.' })
  t.strictSame([kept(), await ofKind(KIND.file)], [[], []])
})

test('of two requests that complete an upload, one makes its file and nothing stays of the other', async t => {
  const { uploads, part, kept, faults, ofKind, tasks } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abcdef')]
  let first: Upload | undefined
  faults.push({ matches: puts(KIND.file), end: async write => { first = await uploads.complete(id, { part_ids: ids }); return await write() } })
  t.match(await failure(uploads.complete(id, { part_ids: ids })), { status: 400, message: 'Cannot complete upload with status \'completed\'.' })
  t.match(first, { status: 'completed' })
  t.strictSame(kept(), ['abcdef'])
  t.equal((await ofKind(KIND.file)).length, 1)
  t.equal((await tasks()).length, 1)
})

test('an upload is completed although another part comes meanwhile', async t => {
  const { uploads, part, kept, faults, parts } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abcdef')]
  faults.push({ matches: puts(KIND.file), end: async write => { await part(id, 'more'); return await write() } })
  t.match(await uploads.complete(id, { part_ids: ids }), { status: 'completed', file: { bytes: 6 } })
  t.strictSame(kept(), ['abcdef'])
  t.strictSame(await parts(id), [])
})

test('a file whose bytes were removed before it was written is a 400, and the upload is still pending', async t => {
  const { uploads, part, kept, faults, records, tasks, upload } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abcdef')]
  faults.push({
    matches: puts(KIND.file),
    end: async write => {
      const [, bytes] = await tasks() as [unknown, [string, string]]
      await records.write(files, [{ op: 'delete', kind: KIND.scheduledTask, id: `${bytes[0]} ${bytes[1]}` }])
      return await write()
    }
  })
  t.match(await failure(uploads.complete(id, { part_ids: ids })), tooLong)
  t.strictSame(kept(), ['abcdef'], 'the part')
  t.match(await upload(id), { upload: { status: 'pending' } })
})

test('a file that may have been written keeps its bytes', async t => {
  const { uploads, part, kept, faults, upload } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abcdef')]
  faults.push({ matches: puts(KIND.file), end: async write => { await write(); throw gone } })
  t.equal(await failure(uploads.complete(id, { part_ids: ids })), gone)
  t.equal(kept().length, 2)
  t.match(await upload(id), { upload: { status: 'completed' } })
})

test('an upload that has ended is so even if its parts cannot be removed: the sweeper is told, and removes them', async t => {
  const { uploads, part, kept, broken, undone, tasks, parts } = await world(t)
  const { id } = await uploads.create(request)
  await part(id, 'abc')
  broken.blobs = true
  t.match(await uploads.cancel(id), { status: 'cancelled' })
  t.equal(undone(), 1)
  t.strictSame(kept(), ['abc'])
  t.strictSame(await tasks(), [['upload', id, NOW]])
  broken.blobs = false
  await uploads.settle(id)
  t.strictSame([kept(), await parts(id)], [[], []])
  t.strictSame(await tasks(), [['upload', id, NOW + HOUR + DAY]])
  t.equal(undone(), 1)
})

test('the parts of an upload that has ended are removed, also those of which the record is damaged', async t => {
  const { uploads, part, kept, records, parts, undone } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abc'), await part(id, 'def')]
  records.damage(KIND.uploadPart, ids[0]!)
  await uploads.cancel(id)
  t.strictSame([kept(), await parts(id), undone()], [[], [], 0])
})

test('an upload is cancelled with its parts, once, although a part comes in between', async t => {
  const { uploads, part, kept, faults, upload, records } = await world(t)
  const { id } = await uploads.create(request)
  await part(id, 'abc')
  faults.push({ matches: puts(KIND.upload), end: async write => { await part(id, 'def'); return await write() } })
  const cancelled = await uploads.cancel(id)
  t.match(cancelled, { id, status: 'cancelled' })
  t.notOk('file' in cancelled)
  t.strictSame(await upload(id), { upload: cancelled })
  t.strictSame(kept(), [])
  const { writes } = records
  t.strictSame(await uploads.cancel(id), cancelled)
  t.equal(records.writes, writes)
})

test('an upload that is over an hour old has expired, by whichever request it is found', async t => {
  for (const ask of ['get', 'list', 'part', 'cancel', 'settle'] as const) {
    const { uploads, part, stage, kept, clock, tasks, upload, records } = await world(t)
    const { id } = await uploads.create(request)
    await part(id, 'abc')
    await clock.leap((HOUR - 1) * 1000)
    const { writes } = records
    t.match(await uploads.get(id), { status: 'pending' })
    t.match((await uploads.list({})).data, [{ id, status: 'pending' }])
    await uploads.settle(id)
    t.equal(records.writes, writes)
    await clock.leap(1000)
    if (ask === 'get') t.match(await uploads.get(id), { status: 'expired' })
    else if (ask === 'list') t.match((await uploads.list({})).data, [{ id, status: 'expired' }])
    else if (ask === 'part') t.match(await failure(stage(id, 'x')), { message: 'Cannot add parts to upload with status \'expired\'.' })
    else if (ask === 'cancel') t.match(await failure(uploads.cancel(id)), { message: 'Cannot cancel upload with status \'expired\'.' })
    else await uploads.settle(id)
    t.match(await upload(id), { upload: { status: 'expired' } }, ask)
    t.strictSame(kept(), [])
    t.strictSame(await tasks(), [['upload', id, NOW + HOUR + DAY]])
  }
})

test('an upload that has ended is forgotten a day after its time', async t => {
  const { uploads, clock, upload, tasks } = await world(t)
  const { id } = await uploads.create(request)
  await uploads.cancel(id)
  await clock.leap((HOUR + DAY - 1) * 1000)
  await uploads.settle(id)
  t.match(await upload(id), { upload: { status: 'cancelled' } })
  t.strictSame(await tasks(), [['upload', id, NOW + HOUR + DAY]])
  await clock.leap(1000)
  await uploads.settle(id)
  t.equal(await upload(id), undefined)
  t.strictSame(await tasks(), [])
})

test('a task of an upload that is gone is removed', async t => {
  const { uploads, records, tasks } = await world(t)
  await records.write(files, [{ op: 'put', kind: KIND.scheduledTask, id: 'upload upload_1', body: { task: 'upload', id: 'upload_1', at: 1 } }])
  await uploads.settle('upload_1')
  t.strictSame(await tasks(), [])
})

test('uploads are listed, newest first, without what only the server needs', async t => {
  const { uploads, part } = await world(t)
  const [one, two] = [await uploads.create(request), await uploads.create(request)]
  await part(one.id, 'abc')
  t.strictSame(await uploads.list({}), { object: 'list', data: [two, one], first_id: two.id, last_id: one.id, has_more: false })
  t.match(await uploads.list({ limit: 1, order: 'asc' }), { data: [one], has_more: true })
  t.match(await failure(uploads.list({ after: 'upload_none' })), { status: 404, message: 'No upload found with id \'upload_none\'.' })
})

test('an upload is erased with its parts and its task, in any status', async t => {
  for (const status of ['pending', 'cancelled', 'completed'] as const) {
    const { uploads, part, kept, upload, parts, tasks, stock } = await world(t, { quota: 100 })
    const { id } = await uploads.create(request)
    const ids = [await part(id, 'abcdef')]
    if (status === 'cancelled') await uploads.cancel(id)
    if (status === 'completed') await uploads.complete(id, { part_ids: ids })
    await uploads.erase(id)
    t.equal(await upload(id), undefined, status)
    t.strictSame([await parts(id), await tasks(), kept()], [[], [], status === 'completed' ? ['abcdef'] : []])
    t.strictSame(await stock(), status === 'completed' ? { files: 1, bytes: 6 } : { files: 0, bytes: 0 }, 'what was given back or kept before is counted once')
    t.match(await failure(uploads.erase(id)), { status: 404 })
  }
})

test('an upload that another request ends while it is erased is erased', async t => {
  const { uploads, part, kept, upload, faults } = await world(t)
  const { id } = await uploads.create(request)
  const ids = [await part(id, 'abcdef')]
  faults.push({ matches: puts(KIND.upload), end: async write => { await uploads.complete(id, { part_ids: ids }); return await write() } })
  await uploads.erase(id)
  t.equal(await upload(id), undefined)
  t.strictSame(kept(), ['abcdef'], 'the file')
})

test('a pending upload takes the bytes that it was created for from the quota, a file keeps them, and what ends otherwise gives them back', async t => {
  const { uploads, part, stock, clock } = await world(t, { quota: 12 })
  const { id } = await uploads.create(request)
  t.strictSame(await stock(), { files: 0, bytes: 6 })
  await part(id, 'abcdef')
  const { id: second } = await uploads.create(request)
  t.strictSame(await stock(), { files: 0, bytes: 12 })
  t.match(await failure(uploads.create({ ...request, bytes: 1 })), { status: 429, code: 'insufficient_quota' })
  await uploads.cancel(second)
  t.strictSame(await stock(), { files: 0, bytes: 6 })
  await uploads.complete(id, { part_ids: [await part(id, 'ghijkl')] })
  t.strictSame(await stock(), { files: 1, bytes: 6 })
  const { id: third } = await uploads.create(request)
  await clock.leap(HOUR * 1000)
  t.match(await uploads.get(third), { status: 'expired' })
  t.strictSame(await stock(), { files: 1, bytes: 6 })
})
