import type { ForwardRequest, ModelProvider } from '../models/provider.js'
import { editObject } from '../models/http/json-text.js'
import type { Answer, Call, Target } from './call.js'
import { callFailure } from './failure.js'
import { EVENT_STREAM_HEADERS, lastFrame, recovering } from './event-stream.js'

/** Passes a call on in the client's own words, but for the model's name. The answer comes back as it is. */
export async function forward (
  target: Target, forwarding: NonNullable<ModelProvider['forward']>, path: ForwardRequest['path'], call: Call
): Promise<Answer> {
  const explain = (thrown: unknown) => callFailure(thrown, target.asked, call)
  try {
    const { status, headers, body } = await forwarding({ path, body: editObject(call.text, { model: target.model }) }, { signal: call.signal })
    const isEventStream = /^text\/event-stream/i.test(headers['content-type'] ?? '')
    if (!isEventStream) return { status, headers, bytes: recovering(body, explain) }
    return { status, headers: { ...EVENT_STREAM_HEADERS, ...headers }, bytes: recovering(body, lastFrame(explain, call.log)) }
  } catch (thrown) {
    throw explain(thrown)
  }
}
