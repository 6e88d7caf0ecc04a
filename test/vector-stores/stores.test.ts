import { test } from 'tap'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { ManualClock } from '../helpers/clock.js'
import { docx, pdf } from '../retrieval/helpers/documents.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { counting, until } from './helpers/counting.js'
import { indexed, LONG_LEASES, search, startWorld, upload } from './helpers/world.js'

const CountingStore = counting(MemoryRecordStore)

test('a file is attached, indexed in the background, and found', async t => {
  const world = await startWorld(t)
  const { stores, files } = world.vectorStores
  const store = await stores.create({ name: 'Manuals', metadata: { a: 'b' } })
  t.match(store, { status: 'completed', file_counts: { total: 0 }, usage_bytes: 0, expires_at: null, name: 'Manuals' })
  const id = await upload(world, 'pump.txt', 'The pump starts when the lever is pulled.')
  const created = await files.create(store.id, { file_id: id, attributes: { kind: 'manual' } })
  t.match(created, { id, object: 'vector_store.file', status: 'in_progress', usage_bytes: 0, last_error: null, vector_store_id: store.id, attributes: { kind: 'manual' } })
  t.strictSame(created.chunking_strategy, { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } })
  const file = await indexed(world, store.id, id)
  t.match(file, { status: 'completed', last_error: null })
  t.ok(file.usage_bytes > 0)
  t.match(await stores.get(store.id), { status: 'completed', usage_bytes: file.usage_bytes, file_counts: { completed: 1, in_progress: 0, total: 1 } })
  const found = await world.vectorStores.search(store.id, { query: 'How do I start the pump?', rewrite_query: true }, new AbortController().signal)
  t.match(found, { search_query: ['start pump'], has_more: false, next_page: null })
  t.match(found.data, [{ file_id: id, filename: 'pump.txt', attributes: { kind: 'manual' }, content: [{ type: 'text', text: 'The pump starts when the lever is pulled.' }] }])
})

test('what cannot be indexed says why, and does not hold up the rest', async t => {
  const world = await startWorld(t)
  const ids = await Promise.all([
    upload(world, 'picture.png', 'a,b'), upload(world, 'broken.pdf', '%PDF-1.7 nonsense'), upload(world, 'empty.txt', ' '), upload(world, 'good.pdf', pdf('A page')), upload(world, 'good.docx', docx(['A paragraph']))
  ])
  const store = await world.vectorStores.stores.create({ file_ids: ids })
  const [picture, broken, empty, good, word] = await Promise.all(ids.map(async id => await indexed(world, store.id, id)))
  t.strictSame(picture?.last_error, { code: 'unsupported_file', message: 'The file type is not supported.' })
  t.strictSame(broken?.last_error, { code: 'invalid_file', message: 'The file could not be parsed.' })
  t.strictSame(empty?.last_error, { code: 'invalid_file', message: 'The file could not be parsed because it contains no text.' })
  t.match([good, word], [{ status: 'completed' }, { status: 'completed' }])
  t.match(await world.vectorStores.stores.get(store.id), { status: 'completed', file_counts: { completed: 2, failed: 3, in_progress: 0, total: 5 } })
  const failed = await world.vectorStores.files.list(store.id, { filter: 'failed', order: 'asc', limit: 2 })
  t.strictSame(failed.data.map(({ id }) => id), ids.slice(0, 2))
  t.ok(failed.has_more)
})

test('a file that is deleted, or taken out, is not found any more, and attributes count at once', async t => {
  const world = await startWorld(t)
  const [a, b] = [await upload(world, 'a.txt', 'walrus'), await upload(world, 'b.txt', 'walrus walrus')]
  const { id } = await world.vectorStores.stores.create({ file_ids: [a, b] })
  await Promise.all([a, b].map(async file => await indexed(world, id, file)))
  t.strictSame((await search(world, id, 'walrus')).sort(), [a, b].sort())
  const filters = { type: 'eq', key: 'year', value: 2020 }
  t.strictSame(await search(world, id, 'walrus', { filters }), [])
  await world.vectorStores.files.update(id, a, { attributes: { year: 2020 } })
  t.strictSame(await search(world, id, 'walrus', { filters }), [a])
  await world.vectorStores.files.delete(id, a)
  t.strictSame(await search(world, id, 'walrus'), [b])
  await t.rejects(world.vectorStores.files.get(id, a), { status: 404, message: `No file found with id '${a}'.` })
  t.ok(await world.files.find(a), 'the file itself stays')
  await world.files.delete(b)
  t.strictSame(await search(world, id, 'walrus'), [])
  t.match(await world.vectorStores.stores.get(id), { usage_bytes: 0, file_counts: { total: 0 } })
})

test('a file that is deleted or expires is not found any more even before its stores have been told', async t => {
  const records = new GatedStore()
  const clock = new ManualClock()
  const world = await startWorld(t, { storage: records, blobs: new MemoryBlobStore(), clock })
  t.teardown(() => records.openAll())
  const [a, b] = [await upload(world, 'a.txt', 'walrus'), await upload(world, 'b.txt', 'walrus walrus', { expires_after: { anchor: 'created_at', seconds: 3600 } })]
  const { id } = await world.vectorStores.stores.create({ file_ids: [a, b] })
  await Promise.all([a, b].map(async file => await indexed(world, id, file)))
  t.strictSame((await search(world, id, 'walrus')).sort(), [a, b].sort())
  const gate = records.hold(items => items.some(item => item.op === 'delete' && item.kind === KIND.vectorStoreFile))
  const deletion = world.files.delete(a)
  await gate.reached()
  t.strictSame(await search(world, id, 'walrus'), [b])
  gate.open()
  await deletion
  records.hold(items => items.some(item => item.op === 'delete' && item.kind === KIND.file))
  await clock.advance(3600_000)
  t.strictSame(await search(world, id, 'walrus'), [])
})

test('a deleted store leaves no record and no bytes of its own', async t => {
  const records = new CountingStore()
  const blobs = new MemoryBlobStore()
  const clock = new ManualClock()
  const world = await startWorld(t, { storage: records, blobs, clock })
  const before = records.count()
  const file = await upload(world, 'a.txt', 'walrus '.repeat(5000))
  const withFile = records.count()
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  await indexed(world, id, file)
  t.strictSame(await search(world, id, 'walrus', { max_num_results: 1 }), [file])
  t.ok(records.count() > withFile + 10)
  await world.vectorStores.stores.delete(id)
  await t.rejects(world.vectorStores.stores.get(id), { status: 404, message: /^No / })
  // What says that there was something to do in the store goes with the next look at it.
  await clock.advance(61_000)
  await until(() => records.count() <= withFile + 2)
  t.same(records.kinds(), new Set([...records.kinds()].filter(kind => !/vector|use/.test(kind))))
  await world.files.delete(file)
  t.equal(await blobs.size({ project: 'default', id: file }), undefined)
  // The place of what was deleted is remembered, for the cursors of lists.
  t.ok(records.count() - records.count(KIND.deleted) <= before + 2)
})

test('a detached file leaves no chunk behind', async t => {
  const records = new CountingStore()
  const world = await startWorld(t, { storage: records, blobs: new MemoryBlobStore() })
  const file = await upload(world, 'a.txt', 'walrus '.repeat(5000))
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  await indexed(world, id, file)
  await world.vectorStores.files.delete(id, file)
  await until(() => ![...records.kinds()].some(kind => /chunk|job|entry|use/.test(kind)))
  t.pass()
})

test('a store expires after its last use, and says so', async t => {
  const clock = new ManualClock()
  const world = await startWorld(t, { clock, ...LONG_LEASES })
  const { stores, files } = world.vectorStores
  const store = await stores.create({ expires_after: { anchor: 'last_active_at', days: 2 } })
  t.equal(store.expires_at, store.last_active_at + 2 * 86400)
  await clock.advance(86400_000)
  await stores.touch(store.id)
  const touched = await stores.get(store.id)
  t.match(touched, { status: 'completed', last_active_at: store.last_active_at + 86400, expires_at: store.last_active_at + 3 * 86400 })
  await clock.advance(2 * 86400_000)
  t.match(await stores.get(store.id), { status: 'expired' })
  const expired = { status: 400, message: `Vector store ${store.id} is expired` }
  await t.rejects(search(world, store.id, 'x'), expired)
  await t.rejects(files.create(store.id, { file_id: await upload(world, 'a.txt', 'a') }), expired)
  t.match(await stores.update(store.id, { expires_after: null }), { status: 'completed', expires_at: null })
})

test('batches count their files, and a cancelled one lets go of what is not done', async t => {
  const world = await startWorld(t)
  const { stores, batches, files } = world.vectorStores
  const { id } = await stores.create({})
  const ids = await Promise.all(Array.from({ length: 5 }, async (_, i) => await upload(world, `f${i}.txt`, `number${i}`)))
  const batch = await batches.create(id, { file_ids: ids, attributes: { batch: 1 } })
  t.match(batch, { object: 'vector_store.file_batch', vector_store_id: id, status: 'in_progress', file_counts: { total: 5 } })
  await Promise.all(ids.map(async file => await indexed(world, id, file)))
  t.match(await batches.get(id, batch.id), { status: 'completed', file_counts: { completed: 5, in_progress: 0, total: 5 } })
  t.match(await batches.cancel(id, batch.id), { status: 'completed' }, 'a finished batch is returned unchanged')
  const page = await batches.listFiles(id, batch.id, { limit: 2, order: 'asc' })
  t.strictSame([page.data.map(file => file.id), page.has_more], [ids.slice(0, 2), true])
  t.match(page.data[0], { attributes: { batch: 1 } })

  const second = await batches.create(id, { files: ids.map(file => ({ file_id: file, attributes: { second: file } })), attributes: { ignored: true } })
  const cancelled = await batches.cancel(id, second.id)
  t.equal(cancelled.file_counts.in_progress, 0)
  t.equal(cancelled.file_counts.total, 5)
  t.equal((await files.list(id, { filter: 'in_progress' })).data.length, 0)
  t.match(await stores.get(id), { file_counts: { in_progress: 0, total: 5 } })
  await t.rejects(batches.create(id, {}), { status: 400, message: /file_ids/ })
  await t.rejects(batches.get(id, 'vsfb_none'), { status: 404, message: /^No / })
})

test('files and strategies that make no sense are refused before anything is stored', async t => {
  const world = await startWorld(t)
  const { stores, files } = world.vectorStores
  await t.rejects(stores.create({ file_ids: ['file-none'] }), { status: 404, message: 'Files [file-none] were not found' })
  t.strictSame((await stores.list({})).data, [])
  const store = await stores.create({})
  const file = await upload(world, 'a.txt', 'a')
  await t.rejects(files.create(store.id, { file_id: file, chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 51 } } }), { status: 400, message: /chunk_overlap_tokens/ })
  await t.rejects(files.create('vs_none', { file_id: file }), { status: 404, message: 'No vector store found with id \'vs_none\'.' })
})

test('the content of a file is its text once', async t => {
  const world = await startWorld(t)
  const text = Array.from({ length: 2000 }, (_, i) => `sentence ${i}.`).join(' ')
  const file = await upload(world, 'a.txt', text)
  const { id } = await world.vectorStores.stores.create({ file_ids: [file] })
  await indexed(world, id, file)
  const content = await world.vectorStores.files.content(id, file)
  t.ok(content.data.length > 5)
  t.equal(content.data.map(part => part.text).join(''), text)
})

test('with an embedding model, files are found by meaning as well as by words', async t => {
  const world = await startWorld(t, { retrieval: { embeddings: { model: 'embedder', dimensions: 128 } } })
  const [a, b] = [await upload(world, 'a.txt', 'red apples and green pears'), await upload(world, 'b.txt', 'combustion engines of old cars')]
  const { id } = await world.vectorStores.stores.create({ file_ids: [a, b] })
  t.ok((await indexed(world, id, a)).usage_bytes >= 128 * 4)
  await indexed(world, id, b)
  t.match(world.upstream.requests.filter(({ path }) => path === '/v1/embeddings').map(({ body }) => body), [{ model: 'embedder', dimensions: 128 }, { model: 'embedder', dimensions: 128 }])
  t.equal((await search(world, id, 'green pears'))[0], a)
})
