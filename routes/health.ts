import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { RouteOptions } from './route-options.js'

/** `/health` says that the process answers, no more; `/ready` says that its store takes a write, and that the database of its search index answers. */
export const healthRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.get('/health', {
    schema: { operationId: 'getHealth', security: [], response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/ready', {
    schema: { operationId: 'getReady', security: [], response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, async () => {
    await core.checkStorage()
    return { status: 'ok' as const }
  })
}
