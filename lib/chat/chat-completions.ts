import { CreateChatCompletionRequest, ModelCall, type ChatCompletionChunk } from '../../schemas/chat.js'
import { unixSeconds, type Clock } from '../shared/clock.js'
import { EVENT_STREAM_HEADERS, frame, jsonLine } from '../shared/event-stream.js'
import { newId } from '../shared/ids.js'
import type { ModelRegistry } from '../models/registry.js'
import { compileValidator } from '../shared/validation.js'
import { checked, targetOf, type Answer, type Call, type Target } from './call.js'
import { chatChunks, type Head } from './chunks.js'
import { joined } from './completion.js'
import { callFailure, lastFrame } from './failure.js'
import { forward } from './forward.js'
import { modelRequest, refuseUnsupported } from './request.js'
import { stopAt } from './stop.js'

// Vendors have parameters of their own, which are passed on.
const checkCall = compileValidator(ModelCall, 'body', { unknownParameters: 'ignore' })
const checkRequest = compileValidator(CreateChatCompletionRequest, 'body', { unknownParameters: 'ignore' })

export interface ChatCompletionsOptions {
  models: ModelRegistry
  clock: Clock
}

/**
 * `POST /chat/completions` (API reference, "Chat"). A request to a provider that speaks OpenAI's API is passed on, and so is its
 * response; for all others both are translated.
 */
export class ChatCompletions {
  readonly #options: ChatCompletionsOptions

  constructor (options: ChatCompletionsOptions) {
    this.#options = options
  }

  /** Throws `ApiError`. */
  async create (call: Call): Promise<Answer> {
    const target = targetOf(this.#options.models, call.deployment ?? checked(checkCall(call.body)).model)
    const { provider } = target
    if (provider.forward !== undefined) return await forward(target, provider.forward.bind(provider), '/chat/completions', call)
    return await this.#translate(target, call)
  }

  async #translate (target: Target, call: Call): Promise<Answer> {
    refuseUnsupported(call.body)
    const body = checked(checkRequest(call.body))
    const parts = target.provider.stream(modelRequest(body, target.model), { signal: call.signal, reasoning: false })
    const sequences = [body.stop ?? []].flat().filter(sequence => sequence !== '')
    const head: Head = { id: newId.chatCompletion(), created: unixSeconds(this.#options.clock), model: target.model }
    const explain = (thrown: unknown) => callFailure(thrown, target.asked, call)
    const chunks = chatChunks(sequences.length === 0 ? parts : stopAt(parts, sequences), head, body.stream !== true || body.stream_options?.include_usage === true)
    if (body.stream === true) {
      return { status: 200, headers: EVENT_STREAM_HEADERS, bytes: framesOf(chunks), hasWholeFrames: true, recover: lastFrame(explain, call.log) }
    }
    try {
      return { object: await joined(chunks, head) }
    } catch (thrown) {
      throw explain(thrown)
    }
  }
}

async function * framesOf (chunks: AsyncIterable<ChatCompletionChunk>): AsyncGenerator<string, void, undefined> {
  for await (const chunk of chunks) yield frame({ data: jsonLine(chunk) })
  yield frame({ data: '[DONE]' })
}
