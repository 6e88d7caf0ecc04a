import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { StartedRun } from '../lib/dialects/assistants/runs.js'
import { keepStream } from '../lib/http/idempotency.js'
import type { StreamedAnswer } from '../lib/shared/idempotent-answers.js'
import { apiOf, payerOf } from '../lib/http/request-context.js'
import { resumeFrom, sendEvents, type StreamContext } from '../lib/http/sse.js'
import { ListQuery, ListResponse } from '../schemas/common.js'
import { RunStepIncludeQuery } from '../schemas/run-steps.js'
import { CreateRunRequest, CreateThreadAndRunRequest, Run, RunParams, SubmitToolOutputsRequest, UpdateRunRequest } from '../schemas/runs.js'
import { ThreadParams } from '../schemas/threads.js'
import type { RouteOptions } from './route-options.js'
import { askAgain } from './polling.js'

/** Sends the events of a run again, from where an earlier answer began, as far as they are known. */
export async function resendStream (request: FastifyRequest, reply: FastifyReply, { thread_id: threadId, run_id: runId, tag, from, isWhole }: StreamedAnswer, streams: StreamContext): Promise<void> {
  const { project, runs } = apiOf(request)
  await streams.readers.hold(project, async () => {
    const log = await runs.join(threadId, runId)
    // A log that was made from the records numbers its events anew.
    const start = log.tag === tag ? from : isWhole ? log.firstId : log.stretchStart
    // A copy of another instance's log may not have come so far yet.
    await sendEvents(request, reply, { log, from: Math.max(start, log.firstId) }, streams)
  })
}

/** API reference, "Runs". With `stream: true` the answer is the run's events. */
export const runRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core, streams }) => {
  const answer = async (request: FastifyRequest, reply: FastifyReply, stream: boolean | null | undefined, start: () => Promise<StartedRun>, isWhole = true): Promise<Run> => {
    if (stream !== true) return (await start()).run
    return await streams.readers.hold(apiOf(request).project, async () => {
      const started = await start()
      const { run, log, from } = started
      await keepStream(request, { thread_id: run.thread_id, run_id: run.id, tag: log.tag, from, isWhole })
      await sendEvents(request, reply, started, streams)
      return run
    })
  }

  app.post('/threads/runs', {
    schema: { operationId: 'createThreadAndRun', body: CreateThreadAndRunRequest, response: { 200: Run } }
  }, async (request, reply) =>
    await answer(request, reply, request.body.stream, async () => await apiOf(request).runs.createWithThread(request.body, { payer: payerOf(request) })))

  app.post('/threads/:thread_id/runs', {
    schema: { operationId: 'createRun', params: ThreadParams, querystring: RunStepIncludeQuery, body: CreateRunRequest, response: { 200: Run } }
  }, async (request, reply) =>
    await answer(request, reply, request.body.stream, async () => await apiOf(request).runs.create(request.params.thread_id, request.body, { ...request.query, payer: payerOf(request) })))

  app.get('/threads/:thread_id/runs', {
    schema: { operationId: 'listRuns', params: ThreadParams, querystring: ListQuery, response: { 200: ListResponse(Run) } }
  }, async request => await apiOf(request).runs.list(request.params.thread_id, request.query))

  app.get('/threads/:thread_id/runs/:run_id', {
    schema: { operationId: 'getRun', params: RunParams, response: { 200: Run } }
  }, async (request, reply) => askAgain(reply, core.clock, await apiOf(request).runs.get(request.params.thread_id, request.params.run_id)))

  // Ours alone: any number of readers may join a run, or come back to it with Last-Event-ID.
  app.get('/threads/:thread_id/runs/:run_id/stream', {
    schema: { operationId: 'streamRun', params: RunParams }
  }, async (request, reply) => {
    const log = await apiOf(request).runs.join(request.params.thread_id, request.params.run_id)
    const from = resumeFrom(log, [request.headers['last-event-id']].flat()[0])
    // Nothing more will come: the status that tells an EventSource not to come back.
    if (log.isClosed && from >= log.nextId) return await reply.code(204).send()
    await streams.readers.hold(apiOf(request).project, async () => await sendEvents(request, reply, { log, from, hasIds: true }, streams))
  })

  app.post('/threads/:thread_id/runs/:run_id', {
    schema: { operationId: 'modifyRun', params: RunParams, body: UpdateRunRequest, response: { 200: Run } }
  }, async request => await apiOf(request).runs.update(request.params.thread_id, request.params.run_id, request.body))

  app.post('/threads/:thread_id/runs/:run_id/cancel', {
    schema: { operationId: 'cancelRun', params: RunParams, response: { 200: Run } }
  }, async request => await apiOf(request).runs.cancel(request.params.thread_id, request.params.run_id))

  app.post('/threads/:thread_id/runs/:run_id/submit_tool_outputs', {
    schema: { operationId: 'submitToolOutputsToRun', params: RunParams, body: SubmitToolOutputsRequest, response: { 200: Run } }
  }, async (request, reply) => {
    const { thread_id: threadId, run_id: id } = request.params
    return await answer(request, reply, request.body.stream, async () => await apiOf(request).runs.submitToolOutputs(threadId, id, request.body, { payer: payerOf(request) }), false)
  })
}
