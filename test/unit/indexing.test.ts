import { setImmediate } from 'node:timers/promises'
import { Readable } from 'node:stream'
import tap, { test } from 'tap'
import { ModelError } from '../../lib/models/provider.js'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { systemClock } from '../../lib/shared/clock.js'
import { embedJob } from '../../lib/vector-stores/records.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { Gate } from '../helpers/upstream-gate.js'
import { indexingWorld, LEASE_MS, NOW_MS } from '../vector-stores/helpers/indexing-world.js'

// The processes that read documents serve one test after the other.
const reader = new DocumentReader({ clock: systemClock, limits: { maxBytes: 2_000_000 } })
tap.teardown(async () => await reader.close())

const putsChunk = (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === KIND.vectorStoreChunk)
/** More than is written at once. */
const LONG = 'A lighthouse keeper. '.repeat(20_000)

test('a file becomes chunks, an entry that makes it searchable, and a part of its store', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', LONG)
  const { indexer, index, logged } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  const { file, generation, entryId } = (await w.file('file-1'))!
  const chunks = await w.list(KIND.vectorStoreChunk, generation!)
  const all = chunks.map(({ body }) => body)
  const bytes = all.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  t.match(file, { status: 'completed', usage_bytes: bytes, last_error: null })
  t.match(await w.stored(), { usage_bytes: bytes, file_counts: { in_progress: 0, completed: 1, total: 1 } })
  t.ok(all.length > 64)
  t.strictSame(all.map(({ number }) => number), all.map((_, i) => i))
  t.strictSame(chunks.map(({ id }) => id), all.map((_, i) => `${generation}/${i}`))
  const parts = all.flatMap(({ progress }, i) => progress === undefined ? [] : [[i, progress]])
  t.ok(parts.length > 1 && parts.length < 9, 'with the last of each write')
  t.strictSame(parts.at(-1), [all.length - 1, 1])
  t.ok(parts[0]![1]! > 0.1 && parts[0]![1]! < 0.9 && /^0\.\d{1,3}$/.test(String(parts[0]![1])))
  t.strictSame(await w.list(KIND.vectorStoreEntry), [{ id: entryId, body: { fileId: 'file-1', generation, attributes: { a: 'b' }, model: null, chunks: all.length } }])
  t.equal(await w.job('file-1'), undefined)
  for (let turn = 0; turn < 20; turn++) await setImmediate()
  t.strictSame([index.told.at(-1), index.chunks.map(({ number }) => number)], ['file-1 is complete', all.map((_, i) => i)])
  t.strictSame(index.chunks.map(({ text }) => text), all.map(({ text }) => text))
  t.match(index.files[0], { fileId: 'file-1', name: 'file-1.txt', generation, attributes: { a: 'b' }, model: null })
  const done = logged.find(({ message }) => message === 'a file was indexed')!
  t.strictSame(done.details, { project: 'p', vector_store_id: 'vs_1', file_id: 'file-1', chunks: all.length, ms: 0 })
  t.strictSame(w.embedded, [])
})

test('how far a long file is, the log says every ten seconds', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', LONG + LONG)
  const { indexer, view, logged } = w.instance()
  const gates = [view.hold(putsChunk), view.hold(putsChunk), view.hold(putsChunk)]
  await indexer.start(false)
  const times = [9999, 1, 9999]
  for (const [i, gate] of gates.entries()) {
    await gate.reached()
    await w.clock.advance(times[i]!)
    gate.open()
  }
  await w.ends('file-1')
  const told = logged.filter(({ message }) => message === 'a file is being indexed').map(({ details }) => details)
  t.match(told, [{ project: 'p', vector_store_id: 'vs_1', file_id: 'file-1', ms: 10_000 }])
  t.equal(told.length, 1)
  t.ok(told[0].chunks > 64)
  t.ok(Number.isInteger(told[0].percent) && told[0].percent > 10 && told[0].percent < 90, String(told[0].percent))
})

test('with a model chunks have vectors, whose bytes and tokens are counted', async t => {
  const w = await indexingWorld(t, { reader, embeddings: { model: 'e', batchSize: 1 } })
  w.embedder.vectorOf = text => [text.length, 0.5, -2]
  w.embedder.tokens = 7
  await w.addStore()
  await w.addFile('file-1', 'One. '.repeat(1500))
  const { indexer, index, logged } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  const { file, generation } = (await w.file('file-1'))!
  const chunks = (await w.list(KIND.vectorStoreChunk, generation!)).map(({ body }) => body)
  t.ok(chunks.length > 2)
  const vectors = chunks.map(({ text }) => [text.length, 0.5, -2])
  t.strictSame(chunks.map(({ vector }) => [...new Float32Array(new Uint8Array(Buffer.from(vector, 'base64')).buffer)]), vectors)
  t.strictSame(index.chunks.map(({ vector }) => [...vector!]), vectors)
  t.equal(file.usage_bytes, chunks.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 12, 0))
  t.match(await w.list(KIND.vectorStoreEntry), [{ body: { model: 'e' } }])
  t.match(index.files[0], { model: 'e' })
  const asked = new Set(chunks.map(({ text }) => text)).size
  t.strictSame(w.embedded, Array.from({ length: asked }, () => 'p e 7'))
  t.match(logged.find(({ message }) => message === 'a file was indexed')!.details, { embedding_model: 'e', embedding_tokens: 7 * asked })
})

test('a model that was asked for by name, and fails, is the failure of the file', async t => {
  const w = await indexingWorld(t, { reader, embeddings: { model: 'e' } })
  w.embedder.fails = new ModelError('server_error', 'It is out of order.')
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const { indexer, index } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'failed', last_error: { code: 'server_error', message: 'The embedding model failed: It is out of order.' } }, generation: null, entryId: null })
  t.match(await w.stored(), { usage_bytes: 0, file_counts: { in_progress: 0, failed: 1, total: 1 } })
  t.match(index.told, [/^without /])
})

test('a model that the server has found itself, and that fails, leaves a file to be searched by its words', async t => {
  const w = await indexingWorld(t, { reader, embeddings: 'auto' })
  w.embedder.fails = new ModelError('server_error', 'It is out of order.')
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const { indexer, index, messages, logged } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  const { file, generation } = (await w.file('file-1'))!
  t.equal(file.status, 'completed')
  const [chunk] = await w.list(KIND.vectorStoreChunk, generation!)
  t.strictSame([Object.hasOwn(chunk!.body, 'vector'), index.chunks.map(each => Object.hasOwn(each, 'vector')), file.usage_bytes], [false, [false], 4])
  t.ok(messages().includes('the embedding model failed; a part of the file is searched by its words alone'))
  t.strictSame(Object.keys(logged.find(({ message }) => message === 'a file was indexed')!.details), ['project', 'vector_store_id', 'file_id', 'chunks', 'ms', 'embedding_model'])
})

test('a file that cannot be read has failed, for the reason that there is, and takes nothing of what it was before with it', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.', { filename: 'a.exe' })
  await w.addFile('file-2', 'words', { filename: 'b.pdf' })
  await w.addFile('file-3', 'One.', { bytes: 2_000_001 })
  await w.addFile('file-4', 'One.', { bytes: 2_000_000 })
  await w.addFile('file-5', 'One.', { generation: 'before', entryId: 'entry' })
  await w.putJob('file-5', { attempts: 3 })
  const { indexer } = w.instance()
  const purged = new Set<string>()
  await indexer.start(false)
  await w.until(async () => {
    for (const { id, body } of await w.list(KIND.vectorStoreJob)) if (body.type === 'purge') purged.add(id)
    return (await w.stored())!.file_counts.in_progress === 0
  })
  const errors = await Promise.all(['file-1', 'file-2', 'file-3', 'file-5'].map(async id => (await w.file(id))!.file.last_error))
  t.match(errors, [
    { code: 'unsupported_file' }, { code: 'invalid_file' },
    { code: 'invalid_file', message: 'The file could not be parsed because it is too large.' },
    { code: 'server_error', message: 'The file could not be indexed: the server was stopped 3 times while it tried.' }
  ])
  t.match(await w.file('file-4'), { file: { status: 'completed' } }, 'as large as may be')
  t.match(await w.file('file-5'), { generation: null, entryId: null })
  t.ok(purged.has('before'))
  t.match(await w.stored(), { file_counts: { failed: 4, completed: 1, total: 5 } })
})

test('an attempt that is the last one may still succeed', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  await w.putJob('file-1', { attempts: 2 })
  const { indexer } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('a file that is deleted is taken out of its store, and its job is left to that', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  w.objects.clear()
  const { indexer, messages } = w.instance()
  const settled = indexer.settled()
  await indexer.start(false)
  await settled
  t.strictSame([w.detached, messages()], [['vs_1 file-1'], []])
  t.match([await w.file('file-1'), await w.job('file-1')], [{ file: { status: 'in_progress' } }, { attempts: 1 }])
})

test('a file that has more bytes than its record says is tried again, and one that has fewer is read', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One and two.', { bytes: 3 })
  await w.addFile('file-2', 'One.', { bytes: 100 })
  const { indexer, logged } = w.instance()
  await indexer.start(false)
  await w.ends('file-2')
  t.match(await w.file('file-1'), { file: { status: 'in_progress' } })
  t.match(logged.filter(({ level }) => level === 'warn'), [{ message: 'a file could not be indexed; it is tried again', details: { err: { message: 'a file has more bytes than its record says' }, project: 'p', vector_store_id: 'vs_1', job: 'file-1' } }])
  const { generation } = (await w.file('file-2'))!
  t.match(await w.list(KIND.vectorStoreChunk, generation!), [{ body: { text: 'One.' } }])
})

test('a completed file that is embedded again keeps what it has until it has the other', async t => {
  const w = await indexingWorld(t, { reader, embeddings: { model: 'new' } })
  await w.addStore()
  await w.addFile('file-1', 'One.', { job: embedJob('file-1'), generation: 'before', entryId: 'entry', file: { status: 'completed', usage_bytes: 3 } })
  await w.store.write({ project: 'p', partition: 'vs_1' }, [{ op: 'put', kind: KIND.vectorStoreEntry, id: 'entry', body: {} }])
  const { indexer, view } = w.instance()
  const held = view.hold(putsChunk)
  await indexer.start(false)
  await held.reached()
  t.match(await w.file('file-1'), { file: { status: 'completed' }, generation: 'before', entryId: 'entry' })
  held.open()
  await w.until(async () => (await w.file('file-1'))?.generation !== 'before')
  const { file, generation, entryId } = (await w.file('file-1'))!
  t.match([file, await w.stored()], [{ status: 'completed', usage_bytes: 12 }, { usage_bytes: 9, file_counts: { completed: 1, total: 1 } }])
  const entries = await w.list(KIND.vectorStoreEntry)
  t.strictSame(entries.map(({ id, body }) => [id, body.generation, body.model]), [[entryId, generation, 'new']])
  t.match(await w.job('before'), { type: 'purge' })
  await w.clock.advance(LEASE_MS / 2)
  await w.until(async () => (await w.list(KIND.vectorStoreJob)).length === 0)
})

test('a completed file that cannot be embedded again stays as it was', async t => {
  const w = await indexingWorld(t, { reader, embeddings: { model: 'new' } })
  w.embedder.fails = new ModelError('server_error', 'It is out of order.')
  await w.addStore()
  await w.addFile('file-1', 'One.', { job: embedJob('file-1'), generation: 'before', entryId: 'entry', file: { status: 'completed', usage_bytes: 3 } })
  const { indexer } = w.instance()
  await indexer.start(false)
  const before = await w.file('file-1')
  await w.until(async () => await w.job('file-1') === undefined)
  t.match(await w.list(KIND.vectorStoreJob), [{ body: { type: 'purge' } }])
  await w.clock.advance(LEASE_MS / 2)
  await w.until(async () => (await w.list(KIND.vectorStoreJob)).length === 0)
  t.strictSame(await w.file('file-1'), before)
  t.match(await w.stored(), { usage_bytes: 0, file_counts: { completed: 1, total: 1 } })
})

test('there is nothing to embed again of a file that is gone, is not completed or is not searched', async t => {
  const w = await indexingWorld(t, { reader, embeddings: { model: 'new' } })
  await w.addStore()
  await w.addFile('file-1', 'One.', { job: embedJob('file-1'), generation: 'before', entryId: 'entry' })
  await w.addFile('file-2', 'One.', { job: embedJob('file-2'), generation: 'before', file: { status: 'completed' } })
  await w.putJob('file-3', { type: 'embed' })
  const { indexer, index, logged } = w.instance()
  await indexer.start(false)
  await w.until(async () => (await w.list(KIND.vectorStoreJob)).length === 0)
  t.match([await w.file('file-1'), await w.file('file-2')], [{ file: { status: 'in_progress' }, generation: 'before' }, { generation: 'before' }])
  t.strictSame([index.chunks, logged], [[], []])
})

test('a job whose file is not there is lost, and left to who has taken it out', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.putJob('file-1', {})
  const { indexer, logged } = w.instance()
  const settled = indexer.settled()
  indexer.wake(w.ref())
  await settled
  t.match([await w.job('file-1'), logged.map(({ level }) => level)], [{ attempts: 1 }, ['debug']])
})

test('a job that another instance has taken over writes nothing any more, wherever it is', async t => {
  for (const at of ['chunk', 'end'] as const) {
    const w = await indexingWorld(t, { reader })
    await w.addStore()
    await w.addFile('file-1', 'One.')
    const { indexer, view, logged } = w.instance()
    const held = view.hold(at === 'chunk' ? putsChunk : items => items.some(item => item.op === 'put' && item.kind === KIND.vectorStoreEntry))
    const settled = indexer.settled()
    await indexer.start(false)
    await held.reached()
    await w.putJob('file-1', { owner: 'another', generation: 'theirs', attempts: 2, expiresAt: NOW_MS * 2 })
    held.open()
    await settled
    t.match([await w.job('file-1'), await w.file('file-1')], [{ owner: 'another', generation: 'theirs' }, { file: { status: 'in_progress' } }], at)
    t.match(logged.filter(({ level }) => level === 'debug'), [{ message: 'a file was detached, or taken over by another instance, while it was indexed', details: { job: 'file-1' } }])
    t.strictSame(logged.filter(({ level }) => level === 'warn'), [])
  }
})

test('a file whose lease was renewed without an answer goes on', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', LONG)
  const { indexer, view } = w.instance()
  const held = view.hold(putsChunk)
  await indexer.start(false)
  await held.reached()
  // As a renewal that was carried out late: another version, and the same claim.
  await w.putJob('file-1', { ...await w.job('file-1'), expiresAt: NOW_MS + 2 * LEASE_MS })
  held.open()
  await w.ends('file-1')
  const { file, generation } = (await w.file('file-1'))!
  t.equal(file.status, 'completed')
  const [entry] = await w.list(KIND.vectorStoreEntry)
  t.equal((await w.list(KIND.vectorStoreChunk, generation!)).length, entry!.body.chunks, 'no chunk was left out')
})

test('a file is completed once the index has what was prepared of it', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const { indexer, index } = w.instance()
  const gate = index.gate = new Gate()
  await indexer.start(false)
  await gate.reached()
  const { generation } = (await w.job('file-1'))!
  await w.until(async () => (await w.list(KIND.vectorStoreChunk, generation!)).length > 0)
  for (let turn = 0; turn < 50; turn++) await setImmediate()
  t.match(await w.file('file-1'), { file: { status: 'in_progress' } })
  gate.open(Infinity)
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('an index that fails keeps no file from being indexed', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const { indexer, index } = w.instance()
  index.isBroken = true
  await indexer.start(false)
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('a store of bytes that is away costs a file no attempt, and it is released once the store of records takes it', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const away = { isAway: true }
  const entry = w.objects.get('file-1')!
  entry.open = async () => {
    if (away.isAway) throw new StorageUnavailableError('away')
    return Readable.from([entry.bytes])
  }
  const { indexer, view, messages } = w.instance()
  const first = w.clock.next(ms => ms === 100)
  await indexer.start(false)
  await first
  t.match(await w.job('file-1'), { attempts: 1, owner: String })
  view.loseAnswer(items => items.some(item => item.op === 'put' && item.kind === KIND.vectorStoreJob), new Gate())
  const second = w.clock.next(ms => ms === 200)
  await w.clock.advance(100)
  await second
  t.match(await w.job('file-1'), { attempts: 1 })
  away.isAway = false
  const released = w.until(async () => (await w.job('file-1'))?.owner === null)
  await w.clock.advance(200)
  await released
  t.match(await w.job('file-1'), { attempts: 0, expiresAt: 0 })
  indexer.lookSoon()
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
  t.ok(messages().includes('a file could not be indexed; it is tried again'))
})
