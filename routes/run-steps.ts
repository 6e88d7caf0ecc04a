import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { apiOf } from '../lib/http/request-context.js'
import { ListResponse } from '../schemas/common.js'
import { RunStepIncludeQuery, RunStep, ListRunStepsQuery, RunStepParams } from '../schemas/run-steps.js'
import { RunParams } from '../schemas/runs.js'

/** API reference, "Run steps". */
export const runStepRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/threads/:thread_id/runs/:run_id/steps', {
    schema: { operationId: 'listRunSteps', params: RunParams, querystring: ListRunStepsQuery, response: { 200: ListResponse(RunStep) } }
  }, async request => await apiOf(request).runs.listSteps(request.params.thread_id, request.params.run_id, request.query))

  app.get('/threads/:thread_id/runs/:run_id/steps/:step_id', {
    schema: { operationId: 'getRunStep', params: RunStepParams, querystring: RunStepIncludeQuery, response: { 200: RunStep } }
  }, async request => {
    const { thread_id: threadId, run_id: runId, step_id: id } = request.params
    return await apiOf(request).runs.getStep(threadId, runId, id, request.query)
  })
}
