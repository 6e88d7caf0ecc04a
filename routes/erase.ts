import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { requireErasure } from '../lib/http/permissions.js'
import { apiOf } from '../lib/http/request-context.js'
import { ErasedProject, ErasedThread, EraseProjectRequest, EraseThreadRequest } from '../schemas/erase.js'
import { ThreadParams } from '../schemas/threads.js'
import type { RouteOptions } from './route-options.js'

/** Ours alone: removing everything of a thread, or of the key's project. */
export const eraseRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.post('/threads/:thread_id/erase', {
    schema: { operationId: 'eraseThread', params: ThreadParams, body: EraseThreadRequest, response: { 200: ErasedThread } }
  }, async request => await core.eraseThread(apiOf(request), request.params.thread_id, request.body))

  app.post('/project/erase', {
    schema: { operationId: 'eraseProject', body: EraseProjectRequest, response: { 200: ErasedProject } }
  }, async request => {
    requireErasure(request)
    return await core.eraseProject(apiOf(request), request.body.project)
  })
}
