import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { badRequest } from '../lib/shared/errors.js'
import { apiOf } from '../lib/http/request-context.js'
import { clientGone } from '../lib/http/sse.js'
import { DeleteResponse, ListResponse } from '../schemas/common.js'
import { CreateThreadRequest, ForkThreadRequest, ListThreadsOfServerQuery, Thread, ThreadParams, UpdateThreadRequest } from '../schemas/threads.js'
import type { RouteOptions } from './route-options.js'

/** API reference, "Threads". */
export const threadRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.post('/threads', {
    schema: { operationId: 'createThread', body: CreateThreadRequest, response: { 200: Thread } }
  }, async request => await apiOf(request).threads.create(request.body))

  // Ours alone: the API has no list of threads.
  app.get('/threads', {
    schema: { operationId: 'listThreads', querystring: ListThreadsOfServerQuery, response: { 200: ListResponse(Thread) } }
  }, async (request, reply) => {
    const { recent_runs: isRecent = false, ...query } = request.query
    if (!isRecent) return await apiOf(request).threads.list(query, clientGone(reply))
    if (Object.keys(query).length > 0) throw badRequest('The parameter "recent_runs" stands alone.', { param: 'recent_runs', code: 'invalid_value' })
    return await core.recentThreads(apiOf(request))
  })

  app.get('/threads/:thread_id', {
    schema: { operationId: 'getThread', params: ThreadParams, response: { 200: Thread } }
  }, async request => await apiOf(request).threads.get(request.params.thread_id))

  app.post('/threads/:thread_id', {
    schema: { operationId: 'modifyThread', params: ThreadParams, body: UpdateThreadRequest, response: { 200: Thread } }
  }, async request => await apiOf(request).threads.update(request.params.thread_id, request.body))

  // Ours alone.
  app.post('/threads/:thread_id/fork', {
    schema: { operationId: 'forkThread', params: ThreadParams, body: ForkThreadRequest, response: { 200: Thread } }
  }, async request => await apiOf(request).threads.fork(request.params.thread_id, request.body))

  app.delete('/threads/:thread_id', {
    schema: { operationId: 'deleteThread', params: ThreadParams, response: { 200: DeleteResponse('thread.deleted') } }
  }, async request => {
    const { thread_id: id } = request.params
    await apiOf(request).runs.deleteThread(id)
    return { id, object: 'thread.deleted' as const, deleted: true as const }
  })
}
