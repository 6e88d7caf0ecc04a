import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ChatCompletions } from '../lib/chat/chat-completions.js'
import { metered } from '../lib/chat/metered.js'
import { callerOf } from '../lib/http/request-context.js'
import { JsonObject } from '../schemas/common.js'
import type { RouteOptions } from './route-options.js'
import { answerCall, BODY_LIMIT, keepBodyText } from './model-call.js'

/** API reference, "Chat". The body is validated only where it is translated for the provider. */
export const chatRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core, streams }) => {
  const completions = new ChatCompletions({ models: core.models, clock: core.clock })
  keepBodyText(app)

  app.post('/chat/completions', {
    bodyLimit: BODY_LIMIT,
    schema: { operationId: 'createChatCompletion', body: JsonObject }
  }, async (request, reply) => await answerCall(request, reply, streams, async call => metered(await completions.create(call), { asked: call.text, generates: true, payer: callerOf(request), ...core.metering(call.deployment ?? request.body.model) })))
}
