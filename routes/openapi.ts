import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { JsonObject } from '../schemas/common.js'
import type { RouteOptions } from './route-options.js'

/** What this server answers to, in OpenAPI 3.1. Nothing in it is secret, and tools that read it have no key. */
export const openApiRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { document }) => {
  app.get('/openapi.json', {
    schema: { operationId: 'getOpenApi', security: [], response: { 200: JsonObject } }
  }, async () => ({ ...await document() }))
}
