import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ApiError } from '../lib/shared/errors.js'
import { Model } from '../schemas/models.js'
import type { RouteOptions } from './route-options.js'

const missing = (id: string): ApiError => new ApiError(404, `The model '${id}' does not exist`, { param: 'model', code: 'model_not_found' })

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
    if (model === undefined) throw missing(id)
    return model
  })

  // There are no fine-tuned models, and no others can be deleted.
  app.delete('/models/*', {
    schema: { operationId: 'deleteModel', params: Type.Object({ '*': Type.String() }) }
  }, async request => {
    const id = request.params['*']
    if (await core.models.get(id) === undefined) throw missing(id)
    throw new ApiError(403, `You have insufficient permissions for this operation: the model '${id}' is not a fine-tuned model of yours.`, { param: 'model', code: 'insufficient_permissions' })
  })
}
