import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Embeddings } from '../lib/chat/embeddings.js'
import { metered } from '../lib/chat/metered.js'
import { callerOf } from '../lib/http/request-context.js'
import { JsonObject } from '../schemas/common.js'
import type { RouteOptions } from './route-options.js'
import { answerCall, BODY_LIMIT, keepBodyText } from './model-call.js'

/** API reference, "Embeddings". */
export const embeddingRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core, streams }) => {
  const embeddings = new Embeddings(core.models)
  keepBodyText(app)

  app.post('/embeddings', {
    bodyLimit: BODY_LIMIT,
    schema: { operationId: 'createEmbedding', body: JsonObject }
  }, async (request, reply) => await answerCall(request, reply, streams, async call => metered(await embeddings.create(call), { asked: call.text, generates: false, payer: callerOf(request), ...core.metering(call.deployment ?? request.body.model) })))
}
