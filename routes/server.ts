import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '../lib/http/request-context.js'
import { ServerInfo, ServerQuery } from '../schemas/server.js'
import type { RouteOptions } from './route-options.js'

/** Ours alone: how the server is set up, for the console and for who looks after it. */
export const serverRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.get('/server', {
    schema: { operationId: 'getServer', querystring: ServerQuery, response: { 200: ServerInfo } }
  }, async request => await core.describe(request.query.model, callerOf(request).admin === true))
}
