import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ApiError } from '../lib/shared/errors.js'
import { Model } from '../schemas/models.js'
import type { RouteOptions } from './route-options.js'

/** API reference, "Models". An id may hold slashes, encoded or not. */
export const modelRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.get('/models', {
    schema: { operationId: 'listModels', response: { 200: Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) }) } }
  }, async () => ({ object: 'list' as const, data: await core.models.list() }))

  app.get('/models/*', {
    schema: { operationId: 'retrieveModel', params: Type.Object({ '*': Type.String() }), response: { 200: Model } }
  }, async request => {
    const id = request.params['*']
    const model = await core.models.get(id)
    if (model === undefined) throw new ApiError(404, `The model '${id}' does not exist`, { param: 'model', code: 'model_not_found' })
    return model
  })
}
