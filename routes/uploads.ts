import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { CompleteUploadRequest, CreateUploadRequest, Upload, UploadParams, UploadPart } from '../schemas/uploads.js'
import { parseForms, readForm } from './form.js'

/** API reference, "Uploads". */
export const uploadRoutes: FastifyPluginAsyncTypebox = async app => {
  await parseForms(app)

  app.post('/uploads', {
    schema: { operationId: 'createUpload', body: CreateUploadRequest, response: { 200: Upload } }
  }, async request => await request.openai.uploads.create(request.body))

  app.post('/uploads/:upload_id/parts', {
    schema: { operationId: 'addUploadPart', params: UploadParams, response: { 200: UploadPart } }
  }, async request => {
    const { uploads } = request.openai
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
  }, async request => await request.openai.uploads.complete(request.params.upload_id, request.body))

  app.post('/uploads/:upload_id/cancel', {
    schema: { operationId: 'cancelUpload', params: UploadParams, response: { 200: Upload } }
  }, async request => await request.openai.uploads.cancel(request.params.upload_id))
}
