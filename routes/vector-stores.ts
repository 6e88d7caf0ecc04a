import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { clientGone } from '../lib/http/sse.js'
import { DeleteResponse, ListQuery, ListResponse } from '../schemas/common.js'
import {
  CreateVectorStoreFileBatchRequest, CreateVectorStoreFileRequest, CreateVectorStoreRequest, ListVectorStoreFilesQuery, SearchVectorStoreRequest,
  UpdateVectorStoreFileRequest, UpdateVectorStoreRequest, VectorStore, VectorStoreFile, VectorStoreFileBatch, VectorStoreFileBatchParams,
  VectorStoreFileContent, VectorStoreFileParams, VectorStoreParams, VectorStoreSearchResults
} from '../schemas/vector-stores.js'
import type { RouteOptions } from './route-options.js'
import { askAgain } from './polling.js'

/** API reference, "Vector stores", "Vector store files", "Vector store file batches". */
export const vectorStoreRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.post('/vector_stores', {
    schema: { operationId: 'createVectorStore', body: CreateVectorStoreRequest, response: { 200: VectorStore } }
  }, async request => await apiOf(request).vectorStores.stores.create(request.body))

  app.get('/vector_stores', {
    schema: { operationId: 'listVectorStores', querystring: ListQuery, response: { 200: ListResponse(VectorStore) } }
  }, async request => await apiOf(request).vectorStores.stores.list(request.query))

  app.get('/vector_stores/:vector_store_id', {
    schema: { operationId: 'getVectorStore', params: VectorStoreParams, response: { 200: VectorStore } }
  }, async request => await apiOf(request).vectorStores.stores.get(request.params.vector_store_id))

  app.post('/vector_stores/:vector_store_id', {
    schema: { operationId: 'modifyVectorStore', params: VectorStoreParams, body: UpdateVectorStoreRequest, response: { 200: VectorStore } }
  }, async request => await apiOf(request).vectorStores.stores.update(request.params.vector_store_id, request.body))

  app.delete('/vector_stores/:vector_store_id', {
    schema: { operationId: 'deleteVectorStore', params: VectorStoreParams, response: { 200: DeleteResponse('vector_store.deleted') } }
  }, async request => {
    const { vector_store_id: id } = request.params
    await apiOf(request).vectorStores.stores.delete(id)
    return { id, object: 'vector_store.deleted' as const, deleted: true as const }
  })

  app.post('/vector_stores/:vector_store_id/search', {
    schema: { operationId: 'searchVectorStore', params: VectorStoreParams, body: SearchVectorStoreRequest, response: { 200: VectorStoreSearchResults } }
  }, async (request, reply) => await apiOf(request).vectorStores.search(request.params.vector_store_id, request.body, clientGone(reply)))

  app.post('/vector_stores/:vector_store_id/files', {
    schema: { operationId: 'createVectorStoreFile', params: VectorStoreParams, body: CreateVectorStoreFileRequest, response: { 200: VectorStoreFile } }
  }, async request => await apiOf(request).vectorStores.files.create(request.params.vector_store_id, request.body))

  app.get('/vector_stores/:vector_store_id/files', {
    schema: { operationId: 'listVectorStoreFiles', params: VectorStoreParams, querystring: ListVectorStoreFilesQuery, response: { 200: ListResponse(VectorStoreFile) } }
  }, async request => await apiOf(request).vectorStores.files.list(request.params.vector_store_id, request.query))

  app.get('/vector_stores/:vector_store_id/files/:file_id', {
    schema: { operationId: 'getVectorStoreFile', params: VectorStoreFileParams, response: { 200: VectorStoreFile } }
  }, async (request, reply) => askAgain(reply, core.clock, await apiOf(request).vectorStores.files.get(request.params.vector_store_id, request.params.file_id)))

  app.post('/vector_stores/:vector_store_id/files/:file_id', {
    schema: { operationId: 'updateVectorStoreFileAttributes', params: VectorStoreFileParams, body: UpdateVectorStoreFileRequest, response: { 200: VectorStoreFile } }
  }, async request => await apiOf(request).vectorStores.files.update(request.params.vector_store_id, request.params.file_id, request.body))

  app.delete('/vector_stores/:vector_store_id/files/:file_id', {
    schema: { operationId: 'deleteVectorStoreFile', params: VectorStoreFileParams, response: { 200: DeleteResponse('vector_store.file.deleted') } }
  }, async request => {
    const { vector_store_id: storeId, file_id: id } = request.params
    await apiOf(request).vectorStores.files.delete(storeId, id)
    return { id, object: 'vector_store.file.deleted' as const, deleted: true as const }
  })

  app.get('/vector_stores/:vector_store_id/files/:file_id/content', {
    schema: { operationId: 'retrieveVectorStoreFileContent', params: VectorStoreFileParams, response: { 200: VectorStoreFileContent } }
  }, async request => await apiOf(request).vectorStores.files.content(request.params.vector_store_id, request.params.file_id))

  app.post('/vector_stores/:vector_store_id/file_batches', {
    schema: { operationId: 'createVectorStoreFileBatch', params: VectorStoreParams, body: CreateVectorStoreFileBatchRequest, response: { 200: VectorStoreFileBatch } }
  }, async request => await apiOf(request).vectorStores.batches.create(request.params.vector_store_id, request.body))

  app.get('/vector_stores/:vector_store_id/file_batches/:batch_id', {
    schema: { operationId: 'getVectorStoreFileBatch', params: VectorStoreFileBatchParams, response: { 200: VectorStoreFileBatch } }
  }, async (request, reply) => askAgain(reply, core.clock, await apiOf(request).vectorStores.batches.get(request.params.vector_store_id, request.params.batch_id)))

  app.post('/vector_stores/:vector_store_id/file_batches/:batch_id/cancel', {
    schema: { operationId: 'cancelVectorStoreFileBatch', params: VectorStoreFileBatchParams, response: { 200: VectorStoreFileBatch } }
  }, async request => await apiOf(request).vectorStores.batches.cancel(request.params.vector_store_id, request.params.batch_id))

  app.get('/vector_stores/:vector_store_id/file_batches/:batch_id/files', {
    schema: { operationId: 'listFilesInVectorStoreBatch', params: VectorStoreFileBatchParams, querystring: ListVectorStoreFilesQuery, response: { 200: ListResponse(VectorStoreFile) } }
  }, async request => await apiOf(request).vectorStores.batches.listFiles(request.params.vector_store_id, request.params.batch_id, request.query))
}
