import type { Message, MessageContentDelta, TextAnnotation, TextAnnotationDelta } from '../../../schemas/messages.js'
import type { RunStep, RunStepDelta } from '../../../schemas/run-steps.js'
import type { Run } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { jsonLine, stringLine } from '../../shared/event-stream.js'

/**
 * Stream events by name and payload (API reference, "Assistant stream events"). The name of a run's event is its status.
 */

/** `thread.run.created` shows the same queued run as `thread.run.queued`. */
export const runCreated = (run: Run): StreamEvent => ({ event: 'thread.run.created', data: run })
export const runEvent = (run: Run): StreamEvent => ({ event: `thread.run.${run.status}`, data: run }) as StreamEvent

export const stepCreated = (step: RunStep): StreamEvent => ({ event: 'thread.run.step.created', data: step })
export const stepEvent = (step: RunStep): StreamEvent => ({ event: `thread.run.step.${step.status}`, data: step }) as StreamEvent
export const stepDelta = (id: string, details: RunStepDelta['delta']['step_details']): StreamEvent =>
  ({ event: 'thread.run.step.delta', data: { id, object: 'thread.run.step.delta', delta: { step_details: details } } })

export const messageCreated = (message: Message): StreamEvent => ({ event: 'thread.message.created', data: message })
export const messageEvent = (message: Message): StreamEvent => ({ event: `thread.message.${message.status}`, data: message }) as StreamEvent
export const messageDelta = (id: string, part: MessageContentDelta): StreamEvent =>
  ({ event: 'thread.message.delta', data: { id, object: 'thread.message.delta', delta: { content: [part] } } })

/** A text always has its `value`: sample code of the SDKs prints it unchecked. */
export const textDelta = (id: string, index: number, text: { value: string, annotations?: TextAnnotationDelta[] }): StreamEvent =>
  messageDelta(id, { index, type: 'text', text })

/** The payload of a `textDelta` without annotations around its value, for the one event of which there are thousands. */
export function textDeltaFrame (id: string, index: number): (value: string) => string {
  const [before, behind] = jsonLine(textDelta(id, index, { value: '' }).data).split('""') as [string, string]
  return value => before + stringLine(value) + behind
}

/**
 * Within a delta every annotation has its place, and citations an empty quote.
 *
 * @param first the place of the first of them.
 */
export function annotationDeltas (annotations: readonly TextAnnotation[], first: number): TextAnnotationDelta[] {
  return annotations.map((annotation, i) => ({
    index: first + i,
    ...annotation,
    ...annotation.type === 'file_citation' ? { file_citation: { ...annotation.file_citation, quote: '' } } : {}
  }))
}

export const done: StreamEvent = { event: 'done', data: '[DONE]' }
