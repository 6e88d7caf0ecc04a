/**
 * Names of `@cogitator-ai/openai-compat` that this package calls otherwise, so that an application which moves here compiles as it is.
 * docs/migrating-cogitator.md has all of them.
 */
import type { CreateAssistantRequest, UpdateAssistantRequest } from '../schemas/assistants.js'
import type { StreamEvent } from '../schemas/stream-events.js'
import { ApiError, type ErrorEnvelope } from './shared/errors.js'
import type { PlainMessage } from './threads/manager.js'

export { COGITATOR_MODEL_ID } from './models/cogitator.js'

/** What the API refuses. Here it is the class of every error that the API answers with: see `status`. */
export { ApiError as InvalidRequestError }

/** The body of an error answer. Type: `invalid_request_error` unless given; without a parameter, `param` is null. */
export function formatOpenAIError (code: string, message: string, type = 'invalid_request_error', param?: string): ErrorEnvelope {
  return { error: { message, type, param: param ?? null, code } }
}

/** Keys, and whether there must be some: the options `apiKeys` and `requireApiKeys`. */
export interface AuthConfig {
  apiKeys: string[]
  required: boolean
}

/** The name of an event of a stream. */
export type StreamEventType = StreamEvent['event']

/** The payload of an event of a stream. */
export type StreamEventData = StreamEvent['data']

/** An event of a stream, as `streamRun` of the adapter yields it. */
export type RunStreamEvent = StreamEvent

/** Events by the names that an `EventEmitter` gives them, for applications that make one of `streamRun`. */
export interface StreamEmitterEvents {
  event: [type: StreamEventType, data: StreamEventData]
  error: [error: Error]
  end: []
}

/** A message as `getMessagesForLLM` returns it. */
export type LLMThreadMessage = PlainMessage

/** What an assistant is made of. */
export type CreateAssistantParams = CreateAssistantRequest

/** What may be changed of an assistant. */
export type UpdateAssistantParams = UpdateAssistantRequest
