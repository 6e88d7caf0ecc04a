import { test, type Test } from 'tap'
import { Importer, type ImporterOptions } from '../../lib/transfer/importer.js'
import { BadLineError } from '../../lib/transfer/lines.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type PartitionKey, type RecordKey, type StoredRecord, type WriteItem } from '../../storage/record-store.js'

const NOW = 1_700_000_000_000
const DEFAULT = 'default'

const thread = (id = 'thread_1') => ({ id, object: 'thread', created_at: 1, metadata: {} })
const message = (id: string, changed: object = {}) =>
  ({ id, object: 'thread.message', created_at: 7, thread_id: 'thread_1', role: 'user', content: [{ type: 'text', text: { value: id, annotations: [] } }], metadata: {}, ...changed })
const assistant = { id: 'asst_1', object: 'assistant', created_at: 1, model: 'm' }
const file = { id: 'file-1', object: 'file', bytes: 5, created_at: 1, filename: 'a.txt', purpose: 'assistants', content: Buffer.from('Hello').toString('base64') }
const vectorStore = { id: 'vs_1', object: 'vector_store', created_at: 1 }
const vectorStoreFile = { id: 'file-1', object: 'vector_store.file', created_at: 1, vector_store_id: 'vs_1', status: 'completed' }
const record = (changed: object = {}) => ({ object: 'openai_compat.record', project: 'p', partition: 'assistants', kind: 'assistant', id: 'asst_1', position: 4, body: { of: 'asst_1' }, ...changed })
const bytes = (changed: object = {}) => ({ object: 'openai_compat.bytes', project: 'p', id: 'file-1', offset: 0, data: Buffer.from('abc').toString('base64'), ...changed })

/** An importer into stores in memory. */
async function world (t: Test, options: Partial<ImporterOptions> = {}) {
  const faults: { write?: Error } = {}
  const batches: number[] = []
  const looked: string[] = []
  class Records extends MemoryRecordStore {
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      if (faults.write !== undefined) throw faults.write
      if (key.partition === 'thread_1') batches.push(items.length)
      return await super.write(key, items)
    }

    override async get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
      looked.push(`${key.kind} ${key.id}`)
      return await super.get(key)
    }
  }
  const stores = { records: new Records(), blobs: new MemoryBlobStore() }
  await Promise.all([stores.records.connect(), stores.blobs.connect()])
  t.teardown(async () => { await Promise.all([stores.records.disconnect(), stores.blobs.disconnect()]) })
  const importer = new Importer(stores, { now: () => NOW, ...options })
  /** Adds each, and returns why those were bad that were. */
  const add = async (...values: unknown[]): Promise<string[]> => {
    const bad: string[] = []
    for (const value of values) {
      await importer.add(value, 10).catch((error: unknown) => {
        if (!(error instanceof BadLineError)) throw error
        bad.push(error.message)
      })
    }
    return bad
  }
  return {
    importer,
    stores,
    faults,
    batches,
    looked,
    add,
    written: () => Object.fromEntries(importer.written),
    stored: async (kind: string, id: string, partition: string, project = DEFAULT) => await MemoryRecordStore.prototype.get.call(stores.records, { project, partition, kind, id }),
    messages: async () => (await stores.records.page({ project: DEFAULT, partition: 'thread_1', kind: KIND.message, order: 'asc', limit: 100 })).records.map(({ id }) => id)
  }
}

test('what was written is counted by kind, and what was there already is counted together', async t => {
  const { importer, stores, add, written } = await world(t)
  t.strictSame(await add(thread(), message('msg_1'), message('msg_2'), assistant), [])
  await importer.flush()
  t.strictSame(written(), { thread: 1, message: 2, assistant: 1 })
  t.equal(importer.there, 0)
  const again = new Importer(stores, { now: () => NOW })
  for (const object of [thread(), message('msg_1'), message('msg_3')]) await again.add(object, 10)
  await again.flush()
  t.strictSame(Object.fromEntries(again.written), { message: 1 })
  t.equal(again.there, 2)
})

test('objects go to the default project, or to the one that is named; what was exported goes to its own', async t => {
  for (const project of [undefined, 'q']) {
    const { importer, add, stored } = await world(t, project === undefined ? {} : { project })
    t.strictSame(await add(thread(), message('msg_1'), vectorStore, record()), [])
    await importer.flush()
    const of = project ?? DEFAULT
    t.match(await stored(KIND.message, 'msg_1', 'thread_1', of), { body: { id: 'msg_1' } })
    t.match(await stored(KIND.vectorStore, 'vs_1', 'vs_1', of), { body: { id: 'vs_1' } })
    t.match(await stored(KIND.assistant, 'asst_1', PARTITION.assistants, 'p'), { position: 4, body: { of: 'asst_1' } })
  }
})

test('what is no object is bad, and what is no object of the API says so', async t => {
  const { add } = await world(t)
  t.strictSame(await add(7, 'text', null, undefined), Array(4).fill('not a JSON object'))
  t.strictSame(await add({ object: 7 }, {}), ['an object without an id', 'an object without an id'])
  t.strictSame(await add({ id: 'x', created_at: 1, object: ['openai_compat.bytes'] }), ['neither a line of an export nor an object of the API'])
  t.strictSame(await add({ object: 'openai_compat.new', id: 'x' }), ['a line of an unknown type "openai_compat.new"'])
  t.match((await add({ object: 'my.openai_compat.record', id: 'x', created_at: 1 }))[0], 'objects of the type "my.openai_compat.record" are not imported')
})

test('objects of one second are in the order in which they came, after those of earlier parts, unless they have places', async t => {
  const { importer, add, messages, stored } = await world(t)
  await add(thread(), message('msg_b'), message('msg_a'), message('msg_before', { created_at: 6 }))
  await importer.add(message('msg_placed'), 10, 1)
  await importer.flush()
  t.strictSame(await messages(), ['msg_before', 'msg_placed', 'msg_b', 'msg_a'])
  const position = async (id: string): Promise<number> => (await stored(KIND.message, id, 'thread_1'))!.position % 2 ** 21
  t.strictSame([await position('msg_b'), await position('msg_a'), await position('msg_placed')], [2, 3, 1])

  const later = await world(t, { place: 40 })
  await later.add(thread())
  await later.importer.flush()
  t.equal((await later.stored(KIND.thread, 'thread_1', 'thread_1'))!.position % 2 ** 21, 41)
})

test('the parts of one object each have a place, and a bad one does not take the others with it', async t => {
  const { importer, add, messages, stored } = await world(t)
  const bad = await add({ thread: thread(), messages: [message('msg_b'), message('bad', { role: 'robot' }), message('msg_a')] })
  t.equal(bad.length, 1)
  t.match(bad[0], /^role: [^,]*$/)
  await importer.flush()
  t.strictSame(await messages(), ['msg_b', 'msg_a'])
  t.match((await stored(KIND.message, 'msg_b', 'thread_1'))!.position % 2 ** 21, 3)
  t.match((await stored(KIND.message, 'msg_a', 'thread_1'))!.position % 2 ** 21, 5)
  t.match((await add({ thread: thread(), messages: [{ ...message('x'), id: 7 }, message('y', { created_at: 'today' }), message('z', { role: 'robot' })] }))[0], /^an object without an id, and 2 more of its parts are bad$/)
  t.strictSame(await add({ thread: thread(), messages: [message('msg_c')] }), [])
})

test('the length of an object of parts is shared among them', async t => {
  const { importer, batches } = await world(t)
  const messages = Array.from({ length: 9 }, (_, i) => message(`msg_${i}`))
  await importer.add({ thread: thread(), messages }, 1024 * 1024)
  t.strictSame(batches, [])
  await importer.flush()
  t.strictSame(batches, [10])
})

test('a store that fails ends the import, in the middle of an object of parts too', async t => {
  const { importer, faults } = await world(t)
  faults.write = new StorageUnavailableError('away')
  const messages = Array.from({ length: 120 }, (_, i) => message(`msg_${i}`))
  await t.rejects(importer.add({ thread: thread(), messages }, 10), StorageUnavailableError)
})

test('a message needs its thread: one that came before, as an object or a line, or one that is there, in its project', async t => {
  const { importer, stores, add, looked } = await world(t)
  const missing = 'the thread thread_1 is not there, and did not come before'
  const line = (project: string, id: string, partition = id) => record({ project, partition, kind: KIND.thread, id, body: { id } })
  t.strictSame(await add(message('msg_1')), [missing])
  t.strictSame(await add(line('p', 'thread_1'), message('msg_1')), [missing])
  t.strictSame(await add(line(DEFAULT, 'thread_1', 'thread_2'), record({ project: DEFAULT, partition: 'thread_1', kind: KIND.message, id: 'thread_1' }), message('msg_1')), [missing])
  looked.length = 0
  t.strictSame(await add(line(DEFAULT, 'thread_1'), message('msg_1')), [])
  await stores.records.write({ project: DEFAULT, partition: 'thread_3' }, [{ op: 'put', kind: KIND.thread, id: 'thread_3', body: {} }])
  t.strictSame(await add(message('msg_3', { thread_id: 'thread_3' }), message('msg_4', { thread_id: 'thread_3' }), message('msg_5')), [])
  // Once for both of its messages.
  t.strictSame(looked.filter(name => name.startsWith('thread ')), ['thread thread_3'])
  await importer.flush()
})

test('the files of a vector store find what came just before it', async t => {
  const { importer, add, written, stored } = await world(t)
  t.strictSame(await add(file, vectorStore, vectorStoreFile), [])
  await importer.flush()
  t.match(await stored(KIND.vectorStoreFile, 'file-1', 'vs_1'), { body: { filename: 'a.txt', file: { status: 'in_progress', last_error: null } } })
  t.strictSame(written(), { file: 1, file_of_purpose: 1, vector_store: 1, vector_store_file: 1 })
  t.strictSame(await add({ ...vectorStoreFile, vector_store_id: 'vs_2' }), ['the vector store vs_2 is not there, and did not come before'])
})

test('the file of a vector store that comes after its file is indexed from it', async t => {
  const { importer, add, stored } = await world(t)
  t.strictSame(await add(vectorStore, file, vectorStoreFile), [])
  await importer.flush()
  t.match(await stored(KIND.vectorStoreFile, 'file-1', 'vs_1'), { body: { filename: 'a.txt', file: { status: 'in_progress' } } })
})

test('bytes come with their object, or as lines before it; those whose end is missing are discarded', async t => {
  const { importer, stores, add } = await world(t)
  t.strictSame(await add(file, bytes(), bytes({ offset: 3, end: true }), bytes({ id: 'file-2' })), [])
  await importer.flush()
  t.equal(await stores.blobs.size({ project: DEFAULT, id: 'file-1' }), 5)
  t.equal(await stores.blobs.size({ project: 'p', id: 'file-1' }), 6)
  t.equal(await stores.blobs.size({ project: 'p', id: 'file-2' }), undefined)
  t.strictSame(await add(bytes({ id: 'file-2', offset: 3, end: true })), ['bytes of file-2 that do not continue those before'])
})

test('of the lines that say where the export was made, only one of a version to come is bad', async t => {
  const { importer, add, written } = await world(t)
  t.strictSame(await add({ object: 'openai_compat.export', version: 1, created_at: 1 }, { object: 'openai_compat.place', project: 'p' }), [])
  t.strictSame(await add({ object: 'openai_compat.export', version: 2 }), ['an export of version 2, which this version of fastify-openai-compat does not know'])
  await importer.flush()
  t.strictSame(written(), {})
})

const LONGEST = 'é'.repeat(256)
/** What no store takes as a part of a key. */
const UNSTORABLE = ['', `${LONGEST}x`, 'a\0b', 'a\ud800', 7, null]

test('a record that no store would take is bad, and those around it are written', async t => {
  const { importer, add, written } = await world(t)
  const bad = [
    ...UNSTORABLE.flatMap(name => ['project', 'partition', 'kind', 'id'].map(part => record({ [part]: name }))),
    ...UNSTORABLE.slice(1).map(name => record({ parent: name })),
    ...[0, -1, 1.5, 2 ** 52 + 1, Infinity, '1', undefined].map(position => record({ position })),
    ...[undefined, null, 'text', 7].map(body => record({ body })),
    ...['project', 'partition', 'kind', 'id'].map(part => record({ [part]: undefined }))
  ]
  await add(record({ id: 'before' }))
  for (const line of bad) t.strictSame(await add(line), ['a record that is not whole'], JSON.stringify(line))
  await add(record({ id: 'after', position: 5 }))
  await importer.flush()
  t.strictSame(written(), { assistant: 2 })
})

test('names may be as long as a store takes them, a parent may be empty, and a position the first or the last', async t => {
  const { importer, add, written, stored } = await world(t)
  t.strictSame(await add(
    record({ project: LONGEST, partition: LONGEST, id: LONGEST, parent: LONGEST, position: 1 }),
    record({ position: 2 ** 52, parent: '' })
  ), [])
  await importer.flush()
  t.strictSame(written(), { assistant: 2 })
  t.match(await stored(KIND.assistant, LONGEST, LONGEST, LONGEST), { position: 1, parent: LONGEST })
  t.match(await stored(KIND.assistant, 'asst_1', PARTITION.assistants, 'p'), { position: 2 ** 52, parent: '' })
})

test('records that only running servers have are never taken', async t => {
  const { add } = await world(t)
  t.strictSame(await add(record({ kind: KIND.lease }), record({ kind: KIND.events })), Array(2).fill('a record of a kind that is never exported'))
})

test('bytes that no store would take are bad, and those that follow are written', async t => {
  const { importer, stores, add } = await world(t)
  for (const name of [...UNSTORABLE, undefined]) {
    for (const part of ['project', 'id']) t.strictSame(await add(bytes({ [part]: name, end: true })), ['bytes that are not whole'], `${part} ${JSON.stringify(name)}`)
  }
  t.strictSame(await add(bytes({ data: 7 }), bytes({ data: undefined })), Array(2).fill('bytes that are not whole'))
  t.strictSame(await add(bytes({ end: true })), [])
  await importer.flush()
  t.equal(await stores.blobs.size({ project: 'p', id: 'file-1' }), 3)
})

test('an object that names what no store would take is bad as a whole, and the import goes on', async t => {
  const { importer, add, messages, written } = await world(t)
  t.strictSame(await add(thread(), message('msg_1', { run_id: `${LONGEST}x` }), message('msg_2', { run_id: 'run_\0' }), message('msg_3', { run_id: 'run_1' })), Array(2).fill('a record that is not whole'))
  await importer.flush()
  t.strictSame(await messages(), ['msg_3'])
  t.strictSame(written(), { thread: 1, message: 1, run_message: 1 })
})

test('so many threads are remembered, and one that is forgotten is looked for', async t => {
  const { importer, add, looked } = await world(t)
  // The message of another thread makes sure that the last one is written.
  for (let i = 1; i <= 10_001; i++) await importer.add({ object: 'openai_compat.record', project: DEFAULT, partition: `thread_${i}`, kind: KIND.thread, id: `thread_${i}`, position: 1, body: {} }, 10)
  await importer.flush()
  looked.length = 0
  t.strictSame(await add(message('msg_1', { thread_id: 'thread_10001' }), message('msg_2', { thread_id: 'thread_2' })), [])
  t.strictSame(looked.filter(name => name.startsWith('thread ')), ['thread thread_2'])
})
