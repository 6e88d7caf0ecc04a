import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

/** Liveness: that the process answers, no more. */
export const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/health', {
    config: { public: true },
    schema: { operationId: 'getHealth', response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, async () => ({ status: 'ok' as const }))
}
