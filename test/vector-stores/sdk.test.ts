import { Readable } from 'node:stream'
import { toFile } from 'openai'
import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, startServer } from '../helpers/server.js'

for (const sdk of sdks) {
  test(`${sdk.name}: a vector store from its making to its end`, async t => {
    covers(t, 'createVectorStore', 'getVectorStore', 'modifyVectorStore', 'listVectorStores', 'deleteVectorStore', 'searchVectorStore', 'createVectorStoreFile',
      'listVectorStoreFiles', 'getVectorStoreFile', 'updateVectorStoreFileAttributes', 'retrieveVectorStoreFileContent', 'deleteVectorStoreFile')
    const { vectorStores, files } = (await startServer(t)).client(sdk)
    const file = await files.create({ file: await toFile(Readable.from(['Penguins live ', 'in Antarctica.']), 'birds.md'), purpose: 'assistants' })
    const store = await vectorStores.create({ name: 'Birds', file_ids: [file.id], expires_after: { anchor: 'last_active_at', days: 7 } })
    t.match(store, { object: 'vector_store', name: 'Birds', file_counts: { total: 1 } })
    const other = await vectorStores.files.uploadAndPoll(store.id, await toFile(Buffer.from('<h1>Ostriches</h1><p>They run.</p>'), 'page.html'))
    t.match(other, { status: 'completed', vector_store_id: store.id })
    const first = await vectorStores.files.createAndPoll(store.id, { file_id: file.id, attributes: { cold: true } })
    t.match(first, { id: file.id, status: 'completed', attributes: { cold: true } })
    t.match(await vectorStores.retrieve(store.id), { status: 'completed', file_counts: { completed: 2, total: 2 } })

    const found = await vectorStores.search(store.id, { query: 'where do penguins live', filters: { type: 'eq', key: 'cold', value: true }, max_num_results: 5, ranking_options: { score_threshold: 0.1 } })
    t.match(found.data, [{ file_id: file.id, filename: 'birds.md', attributes: { cold: true }, content: [{ type: 'text', text: 'Penguins live in Antarctica.' }] }])
    t.match(await vectorStores.files.update(file.id, { vector_store_id: store.id, attributes: { cold: false } }), { attributes: { cold: false } })
    t.match(await vectorStores.files.retrieve(file.id, { vector_store_id: store.id }), { attributes: { cold: false } })
    t.strictSame((await vectorStores.files.content(file.id, { vector_store_id: store.id })).data, [{ type: 'text', text: 'Penguins live in Antarctica.' }])
    const listed = []
    for await (const { id } of vectorStores.files.list(store.id, { filter: 'completed', limit: 1, order: 'asc' })) listed.push(id)
    t.strictSame(listed, [file.id, other.id])
    t.match(await vectorStores.files.delete(other.id, { vector_store_id: store.id }), { id: other.id, object: 'vector_store.file.deleted', deleted: true })

    t.match(await vectorStores.update(store.id, { name: 'Fowl', metadata: { a: 'b' } }), { name: 'Fowl', metadata: { a: 'b' } })
    const names = []
    for await (const { name } of vectorStores.list({ limit: 1 })) names.push(name)
    t.strictSame(names, ['Fowl'])
    t.match(await vectorStores.delete(store.id), { id: store.id, object: 'vector_store.deleted', deleted: true })
    await t.rejects(vectorStores.retrieve(store.id), { status: 404, message: new RegExp(`No vector store found with id '${store.id}'`) })
  })

  test(`${sdk.name}: fifty files in one batch`, async t => {
    covers(t, 'createVectorStoreFileBatch', 'getVectorStoreFileBatch', 'cancelVectorStoreFileBatch', 'listFilesInVectorStoreBatch')
    const { vectorStores } = (await startServer(t)).client(sdk)
    const store = await vectorStores.create({})
    const files = await Promise.all(Array.from({ length: 50 }, async (_, i) => await toFile(Buffer.from(`This is document number${i}.`), `doc${i}.txt`)))
    const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, { files })
    t.match(batch, { object: 'vector_store.file_batch', status: 'completed', file_counts: { completed: 50, in_progress: 0, failed: 0, total: 50 } })
    t.match(await vectorStores.fileBatches.cancel(batch.id, { vector_store_id: store.id }), { status: 'completed' })
    const listed = []
    for await (const file of vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store.id, limit: 20 })) listed.push(file.id)
    t.equal(new Set(listed).size, 50)
    const { data: found } = await vectorStores.search(store.id, { query: ['number17', 'number42'] })
    t.strictSame(found.slice(0, 2).map(({ filename }) => filename).sort(), ['doc17.txt', 'doc42.txt'], 'what one query asks for is before what is a little of both')
    t.ok(found[1]!.score > 3 * found[2]!.score)
    t.match(await vectorStores.fileBatches.createAndPoll(store.id, { file_ids: listed.slice(0, 2) }), { status: 'completed', file_counts: { completed: 2, total: 2 } })
  })
}

test('what is wrong with a request is told in the words of the API', async t => {
  const server = await startServer(t)
  const { body: store } = await server.post('/vector_stores', {})
  const error = async (path: string, body: unknown) => {
    const answer = await server.post(path, body)
    return [answer.status, answer.body.error.param, answer.body.error.code]
  }
  t.strictSame(await error(`/vector_stores/${store.id}/search`, {}), [400, 'query', 'missing_required_parameter'])
  t.strictSame(await error(`/vector_stores/${store.id}/search`, { query: 'x', max_num_results: 51 }), [400, 'max_num_results', 'integer_above_max_value'])
  t.strictSame(await error(`/vector_stores/${store.id}/search`, { query: 'x', filters: { type: 'like', key: 'a', value: 1 } }), [400, 'filters.type', 'invalid_value'])
  t.strictSame(await error('/vector_stores', { expires_after: { anchor: 'last_active_at', days: 366 } }), [400, 'expires_after.days', 'integer_above_max_value'])
  t.strictSame(await error(`/vector_stores/${store.id}/files`, { file_id: 'file-none' }), [404, 'file_id', null])
  t.strictSame(await error(`/vector_stores/${store.id}/files`, { file_id: 'x', attributes: { a: {} } }).then(([status]) => status), 400)
  t.strictSame(await error('/vector_stores/asst_1/search', { query: 'x' }), [400, 'vector_store_id', 'invalid_value'])
  t.strictSame(await error('/vector_stores/vs_none/search', { query: 'x' }), [404, null, null])
})
