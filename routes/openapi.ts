import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { OPENAPI_DECORATOR } from '../lib/http/openapi.js'
import type { OpenApiDocument } from '../lib/http/openapi-document.js'
import { JsonObject } from '../schemas/common.js'

/** What this server answers to, in OpenAPI 3.1. Nothing in it is secret, and tools that read it have no key. */
export const openApiRoutes: FastifyPluginAsyncTypebox = async app => {
  // Made on demand, since most servers are never asked, and kept by the plugin that makes it.
  const document = app.getDecorator<() => OpenApiDocument>(OPENAPI_DECORATOR)

  app.get('/openapi.json', {
    config: { public: true },
    schema: { operationId: 'getOpenApi', response: { 200: JsonObject } }
  }, async () => ({ ...document() }))
}
