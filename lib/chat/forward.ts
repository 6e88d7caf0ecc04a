import type { ForwardRequest, ModelProvider } from '../models/provider.js'
import { editObject } from '../models/http/json-text.js'
import type { Answer, Call, Target } from './call.js'
import { EVENT_STREAM_HEADERS } from '../shared/event-stream.js'
import { callFailure, lastFrame } from './failure.js'

/** Passes the client's request on unchanged, except for the model's name. The response is passed back unchanged. */
export async function forward (
  target: Target, forwarding: NonNullable<ModelProvider['forward']>, path: ForwardRequest['path'], call: Call
): Promise<Answer> {
  const explain = (thrown: unknown) => callFailure(thrown, target.asked, call)
  try {
    const { status, headers, body } = await forwarding({ path, body: editObject(call.text, { model: target.model }) }, { signal: call.signal })
    const isEventStream = /^text\/event-stream/i.test(headers['content-type'] ?? '')
    const answer = { status, bytes: body, hasWholeFrames: false }
    if (!isEventStream) return { ...answer, headers, recover: explain }
    return { ...answer, headers: { ...EVENT_STREAM_HEADERS, ...headers }, recover: lastFrame(explain, call.log) }
  } catch (thrown) {
    throw explain(thrown)
  }
}
