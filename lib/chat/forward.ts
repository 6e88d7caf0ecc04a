import type { ForwardAnswer, ForwardRequest, ModelProvider } from '../models/provider.js'
import { editObject } from '../models/http/json-text.js'
import type { Answer, Call, Target } from './call.js'
import type { ApiError } from '../shared/errors.js'
import { EVENT_STREAM_HEADERS } from '../shared/event-stream.js'
import type { Logger } from '../shared/log.js'
import { callFailure, lastFrame } from './failure.js'

/** Passes the client's request on unchanged, except for the model's name. The response is passed back unchanged. */
export async function forward (
  target: Target, forwarding: NonNullable<ModelProvider['forward']>, path: ForwardRequest['path'], call: Call
): Promise<Answer> {
  const explain = (thrown: unknown) => callFailure(thrown, target.asked, call)
  try {
    return answerOf(await forwarding({ path, body: editObject(call.text, { model: target.model }) }, { signal: call.signal }), explain, call.log)
  } catch (thrown) {
    throw explain(thrown)
  }
}

/** A provider's answer as the client gets it. */
export function answerOf ({ status, headers, body }: ForwardAnswer, explain: (thrown: unknown) => ApiError, log: Logger): Answer {
  const isEventStream = /^text\/event-stream/i.test(headers['content-type'] ?? '')
  const answer = { status, bytes: body, hasWholeFrames: false }
  if (!isEventStream) return { ...answer, headers, recover: explain }
  return { ...answer, headers: { ...EVENT_STREAM_HEADERS, ...headers }, recover: lastFrame(explain, log) }
}
