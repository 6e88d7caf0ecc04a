import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { OpenAIError } from './common.js'
import { Message, MessageDelta } from './messages.js'
import { RunStep, RunStepDelta } from './run-steps.js'
import { Run } from './runs.js'
import { Thread } from './threads.js'

const event = <const N extends string, T extends TSchema>(name: N, data: T) =>
  Type.Object({ event: Type.Literal(name), data })

/**
 * An error after the stream has begun. The specification has the four keys at the top, the Python SDK looks for
 * them under `error`; both are there.
 */
export const StreamError = Type.Object({
  ...OpenAIError.properties.error.properties,
  ...OpenAIError.properties
})
export type StreamError = Static<typeof StreamError>

/** API reference, "Assistant stream events": the name of the SSE frame and its payload. */
export const StreamEvent = Type.Union([
  event('thread.created', Thread),
  event('thread.run.created', Run),
  event('thread.run.queued', Run),
  event('thread.run.in_progress', Run),
  event('thread.run.requires_action', Run),
  event('thread.run.completed', Run),
  event('thread.run.incomplete', Run),
  event('thread.run.failed', Run),
  event('thread.run.cancelling', Run),
  event('thread.run.cancelled', Run),
  event('thread.run.expired', Run),
  event('thread.run.step.created', RunStep),
  event('thread.run.step.in_progress', RunStep),
  event('thread.run.step.delta', RunStepDelta),
  event('thread.run.step.completed', RunStep),
  event('thread.run.step.failed', RunStep),
  event('thread.run.step.cancelled', RunStep),
  event('thread.run.step.expired', RunStep),
  event('thread.message.created', Message),
  event('thread.message.in_progress', Message),
  event('thread.message.delta', MessageDelta),
  event('thread.message.completed', Message),
  event('thread.message.incomplete', Message),
  event('error', StreamError),
  event('done', Type.Literal('[DONE]'))
])
export type StreamEvent = Static<typeof StreamEvent>
