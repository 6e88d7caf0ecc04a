import { test } from 'tap'
import { resolveOptions } from '../../lib/options/options.js'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import type { PageQuery } from '../../storage/record-store.js'
import { startServer } from '../helpers/server.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { vectorDatabases } from '../helpers/vector-databases.js'
import { indexed, search, startWorld, upload } from './helpers/world.js'

/** Knows how often chunks were read from it by their file. */
class ReadRecords extends MemoryRecordStore {
  chunkPages = 0

  override async page<Body> (query: PageQuery) {
    // Those of a purge are of 200, and progress looks at the last one.
    if (query.kind === KIND.vectorStoreChunk && query.order === 'asc' && query.limit !== 200) this.chunkPages++
    return await super.page<Body>(query)
  }
}

for (const { name, skip, place } of vectorDatabases) {
  test(`an index in ${name} that instances share`, { skip }, async t => {
    const { connectionString, schema } = await place(t)
    const index = `${connectionString}?schema=${schema}` as `postgres://${string}`
    const records = new ReadRecords()
    const shared = { storage: records, blobs: new MemoryBlobStore(), retrieval: { index } }
    const one = await startWorld(t, shared)
    const { id: store } = await one.vectorStores.stores.create({})
    const [lions, bread] = [await upload(one, 'lions.md', 'Lions sleep for twenty hours a day.'), await upload(one, 'bread.md', 'Bread is baked at night.')]
    for (const id of [lions, bread]) {
      await one.vectorStores.files.create(store, { file_id: id, attributes: { id } })
      t.match(await indexed(one, store, id), { status: 'completed' })
    }
    t.strictSame(await search(one, store, 'sleeping lion'), [lions, bread])

    const other = await startWorld(t, { ...shared, upstream: one.upstream })
    t.strictSame(await search(other, store, 'sleeping lion', { max_num_results: 1 }), [lions], 'an instance that starts searches at once')
    t.strictSame(await search(other, store, 'sleeping lion', { filters: { type: 'eq', key: 'id', value: bread } }), [bread])
    t.equal(records.chunkPages, 0, 'and reads no chunk but what it found')

    await one.vectorStores.files.create(store, { file_id: bread, attributes: {}, chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } } })
    await indexed(one, store, bread)
    t.strictSame(await search(other, store, 'bread', { max_num_results: 1 }), [bread], 'a file that was indexed anew elsewhere')
    await other.files.delete(lions)
    t.strictSame(await search(one, store, 'sleeping lion'), [bread])
    await other.vectorStores.stores.delete(store)
    await t.rejects(search(one, store, 'bread'), { message: /No vector store found/ })
  })
}

for (const { name, skip, place } of vectorDatabases) {
  test(`/ready says that an index in ${name} is away while the store is there`, { skip }, async t => {
    const { connectionString, schema } = await place(t)
    const proxy = await startProxy(t, connectionString)
    const server = await startServer(t, { storage: new MemoryRecordStore(), blobs: new MemoryBlobStore(), retrieval: { index: `${proxy.url}?schema=${schema}` as `postgres://${string}` }, mayLogErrors: true })
    t.equal((await server.get('/ready')).status, 200)
    proxy.refuse()
    t.match(await server.get('/ready'), { status: 503, body: { error: { code: 'search_index_unavailable', message: 'The database of the search index cannot be reached. Please retry your request.' } } })
    t.equal((await server.get('/health')).status, 200)
    proxy.restore()
    t.equal((await server.get('/ready')).status, 200)
  })
}

test('a wrong place of the index is refused at start', async t => {
  const refused = (index: unknown, storage = 'memory:'): (() => void) => () => { resolveOptions({ storage, retrieval: { index: index as 'local' } }) }
  t.throws(refused('postgres'), { name: 'TypeError', message: /retrieval\.index.*not in PostgreSQL/ })
  t.throws(refused('redis://secret@x'), { name: 'TypeError', message: 'Option "retrieval.index" must be \'local\', \'postgres\' or a postgres:// URL.' })
  t.throws(refused('postgres://x?schema=a b'), /schema must be a plain SQL name/)
  t.doesNotThrow(refused('local'))
  t.doesNotThrow(refused('postgres', 'postgres://user@127.0.0.1/x'))
})
