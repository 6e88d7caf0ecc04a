import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { ApiError, badRequest } from '../lib/shared/errors.js'
import { attachment } from '../lib/files/filename.js'
import { parseRange } from '../lib/files/range.js'
import { DeleteResponse, ListResponse } from '../schemas/common.js'
import { FileObject, FileParams, ListFilesQuery, UPLOAD_PURPOSES, UploadFileRequest } from '../schemas/files.js'
import { parseForms, readForm, type FormFields } from './form.js'

/** API reference, "Files". */
export const fileRoutes: FastifyPluginAsyncTypebox = async app => {
  await parseForms(app)
  // Fastify cannot validate the form: its file is streamed, and there is no body.
  const validate = app.validatorCompiler!({ schema: UploadFileRequest, method: 'POST', url: '/files', httpPart: 'body' })

  app.post('/files', {
    schema: { operationId: 'createFile', response: { 200: FileObject } }
  }, async request => {
    const { files } = apiOf(request)
    const { taken: { staged, filename }, fields } = await readForm(request, {
      fileField: 'file',
      async take ({ filename, bytes, fields }) {
        // SDKs send the file first. When the purpose comes first, an invalid one is refused before the bytes are read.
        if (fields.purpose !== undefined) checkPurpose(fields)
        return { staged: await files.stage(bytes), filename }
      },
      drop: async ({ staged }) => await files.discard(staged)
    })
    let properties: UploadFileRequest
    try {
      checkPurpose(fields)
      const { value, error } = validate(fields) as { value: UploadFileRequest, error?: Error }
      if (error !== undefined) throw error
      properties = value
    } catch (error) {
      await files.discard(staged)
      throw error
    }
    return await files.keep(staged, { ...properties, filename })
  })

  app.get('/files', {
    schema: { operationId: 'listFiles', querystring: ListFilesQuery, response: { 200: ListResponse(FileObject) } }
  }, async request => await apiOf(request).files.list(request.query))

  app.get('/files/:file_id', {
    schema: { operationId: 'retrieveFile', params: FileParams, response: { 200: FileObject } }
  }, async request => await apiOf(request).files.get(request.params.file_id))

  app.delete('/files/:file_id', {
    schema: { operationId: 'deleteFile', params: FileParams, response: { 200: DeleteResponse('file') } }
  }, async request => {
    const { file_id: id } = request.params
    await apiOf(request).files.delete(id)
    return { id, object: 'file' as const, deleted: true as const }
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: '/files/:file_id/content',
    schema: { operationId: 'downloadFile', params: FileParams },
    async handler (request, reply) {
      const { files } = apiOf(request)
      const file = await files.downloadable(request.params.file_id)
      // A file never changes, so its id serves as its entity tag.
      const etag = `"${file.id}"`
      const ifRange = request.headers['if-range']
      const range = ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, file.bytes) : undefined
      reply.headers({ 'accept-ranges': 'bytes', etag })
      if (range === 'unsatisfiable') {
        reply.header('content-range', `bytes */${file.bytes}`)
        throw new ApiError(416, `The range '${request.headers.range}' lies outside of the file's ${file.bytes} bytes.`, { code: 'range_not_satisfiable' })
      }
      const { start, end } = range ?? { start: 0, end: file.bytes }
      if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${file.bytes}`)
      reply.type('application/octet-stream')
        .headers({ 'content-length': end - start, 'content-disposition': attachment(file.filename) })
      return request.method === 'HEAD' ? reply.send() : reply.send(await files.open(file.id, { start, end }))
    }
  })
}

/** The real API words this error differently from its other validation errors. */
function checkPurpose ({ purpose }: FormFields): void {
  if (purpose === undefined || (UPLOAD_PURPOSES as readonly unknown[]).includes(purpose)) return
  const known = UPLOAD_PURPOSES.map(name => `'${name}'`).join(', ')
  throw badRequest(`'${String(purpose)}' is not one of [${known}] - 'purpose'`, { param: 'purpose' })
}
