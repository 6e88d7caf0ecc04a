import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { Assistant, AssistantParams, CreateAssistantRequest, UpdateAssistantRequest } from '../schemas/assistants.js'
import { DeleteResponse, ListQuery, ListResponse } from '../schemas/common.js'

/** API reference, "Assistants". */
export const assistantRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/assistants', {
    schema: { operationId: 'createAssistant', body: CreateAssistantRequest, response: { 200: Assistant } }
  }, async request => await apiOf(request).assistants.create(request.body))

  app.get('/assistants', {
    schema: { operationId: 'listAssistants', querystring: ListQuery, response: { 200: ListResponse(Assistant) } }
  }, async request => await apiOf(request).assistants.list(request.query))

  app.get('/assistants/:assistant_id', {
    schema: { operationId: 'getAssistant', params: AssistantParams, response: { 200: Assistant } }
  }, async request => await apiOf(request).assistants.get(request.params.assistant_id))

  app.post('/assistants/:assistant_id', {
    schema: { operationId: 'modifyAssistant', params: AssistantParams, body: UpdateAssistantRequest, response: { 200: Assistant } }
  }, async request => await apiOf(request).assistants.update(request.params.assistant_id, request.body))

  app.delete('/assistants/:assistant_id', {
    schema: { operationId: 'deleteAssistant', params: AssistantParams, response: { 200: DeleteResponse('assistant.deleted') } }
  }, async request => {
    const { assistant_id: id } = request.params
    await apiOf(request).assistants.delete(id)
    return { id, object: 'assistant.deleted' as const, deleted: true as const }
  })
}
