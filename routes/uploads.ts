import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { ListQuery, ListResponse } from '../schemas/common.js'
import { CompleteUploadRequest, CreateUploadRequest, Upload, UploadParams, UploadPart } from '../schemas/uploads.js'
import { parseForms, readForm } from './form.js'

/** API reference, "Uploads". */
export const uploadRoutes: FastifyPluginAsyncTypebox = async app => {
  await parseForms(app)

  app.post('/uploads', {
    schema: { operationId: 'createUpload', body: CreateUploadRequest, response: { 200: Upload } }
  }, async request => await apiOf(request).uploads.create(request.body))

  // Ours alone: the real API shows an upload only when it changes.
  app.get('/uploads', {
    schema: { operationId: 'listUploads', querystring: ListQuery, response: { 200: ListResponse(Upload) } }
  }, async request => await apiOf(request).uploads.list(request.query))

  app.get('/uploads/:upload_id', {
    schema: { operationId: 'retrieveUpload', params: UploadParams, response: { 200: Upload } }
  }, async request => await apiOf(request).uploads.get(request.params.upload_id))

  app.post('/uploads/:upload_id/parts', {
    schema: { operationId: 'addUploadPart', params: UploadParams, response: { 200: UploadPart } }
  }, async request => {
    const { uploads } = apiOf(request)
    const { upload_id: id } = request.params
    const { taken } = await readForm(request, {
      fileField: 'data',
      take: async ({ bytes }) => await uploads.stagePart(id, bytes),
      drop: async part => await uploads.discardPart(part)
    })
    return await uploads.keepPart(id, taken)
  })

  app.post('/uploads/:upload_id/complete', {
    schema: { operationId: 'completeUpload', params: UploadParams, body: CompleteUploadRequest, response: { 200: Upload } }
  }, async request => await apiOf(request).uploads.complete(request.params.upload_id, request.body))

  app.post('/uploads/:upload_id/cancel', {
    schema: { operationId: 'cancelUpload', params: UploadParams, response: { 200: Upload } }
  }, async request => await apiOf(request).uploads.cancel(request.params.upload_id))
}
