import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { DeleteResponse, ListResponse } from '../schemas/common.js'
import { CreateMessageRequest, Message, ListMessagesQuery, MessageParams, UpdateMessageRequest } from '../schemas/messages.js'
import { ThreadParams } from '../schemas/threads.js'

/** API reference, "Messages". */
export const messageRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/threads/:thread_id/messages', {
    schema: { operationId: 'createMessage', params: ThreadParams, body: CreateMessageRequest, response: { 200: Message } }
  }, async request => await apiOf(request).messages.create(request.params.thread_id, request.body))

  app.get('/threads/:thread_id/messages', {
    schema: { operationId: 'listMessages', params: ThreadParams, querystring: ListMessagesQuery, response: { 200: ListResponse(Message) } }
  }, async request => await apiOf(request).messages.list(request.params.thread_id, request.query))

  app.get('/threads/:thread_id/messages/:message_id', {
    schema: { operationId: 'getMessage', params: MessageParams, response: { 200: Message } }
  }, async request => await apiOf(request).messages.get(request.params.thread_id, request.params.message_id))

  app.post('/threads/:thread_id/messages/:message_id', {
    schema: { operationId: 'modifyMessage', params: MessageParams, body: UpdateMessageRequest, response: { 200: Message } }
  }, async request => await apiOf(request).messages.update(request.params.thread_id, request.params.message_id, request.body))

  app.delete('/threads/:thread_id/messages/:message_id', {
    schema: { operationId: 'deleteMessage', params: MessageParams, response: { 200: DeleteResponse('thread.message.deleted') } }
  }, async request => {
    const { thread_id: threadId, message_id: id } = request.params
    await apiOf(request).messages.delete(threadId, id)
    return { id, object: 'thread.message.deleted' as const, deleted: true as const }
  })
}
