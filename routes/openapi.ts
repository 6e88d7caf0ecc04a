import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { documentOf } from '../lib/http/openapi.js'
import { JsonObject } from '../schemas/common.js'

/** What this server answers to, in OpenAPI 3.1. Nothing in it is secret, and tools that read it have no key. */
export const openApiRoutes: FastifyPluginAsyncTypebox = async app => {
  // Made on demand, since most servers are never asked, and kept by the plugin that makes it.
  const document = documentOf(app)

  app.get('/openapi.json', {
    schema: { operationId: 'getOpenApi', security: [], response: { 200: JsonObject } }
  }, async () => ({ ...document() }))
}
