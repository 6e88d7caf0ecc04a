import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { requireAdmin } from '../lib/http/permissions.js'
import { badRequest } from '../lib/shared/errors.js'
import { ExportQuery, ImportedStore, ImportQuery } from '../schemas/transfer.js'
import type { RouteOptions } from './route-options.js'

/** Ours alone: moving everything out of, and into, the store of a running server. */
export const transferRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core: { transfer } }) => {
  // It is read line by line, whatever its length.
  app.addContentTypeParser(/^application\/(x-ndjson|jsonl)\b/i, (_request, payload, done) => { done(null, payload) })

  app.get('/server/export', {
    onRequest: async request => { requireAdmin(request) },
    schema: { operationId: 'exportStore', querystring: ExportQuery }
  }, async (request, reply) => {
    const isFile = request.query.format === 'sqlite'
    const content = isFile ? await transfer.snapshot() : transfer.export()
    return await reply.type(isFile ? 'application/vnd.sqlite3' : 'application/x-ndjson').send(content)
  })

  app.post('/server/import', {
    onRequest: async request => { requireAdmin(request) },
    schema: { operationId: 'importIntoStore', querystring: ImportQuery, response: { 200: ImportedStore } }
  }, async request => {
    const { body } = request
    if (!(body instanceof Readable)) throw badRequest('The body must be application/x-ndjson: one JSON object a line.')
    try {
      return await transfer.import(bytesOf(body), request.query)
    } finally {
      // Clients read the answer only after they have sent the request.
      const rest = bytesOf(body)
      while ((await rest.next()).done !== true);
    }
  })
}

/** What is left of a body, whose connection stays open for the answer. */
async function * bytesOf (body: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield * body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw badRequest('The request ended early.', { cause })
  }
}
