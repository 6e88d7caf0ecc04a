import { createHash } from 'node:crypto'
import type { Run } from '../../../schemas/runs.js'
import type { RunStep, StepToolCall, StepToolCallDelta } from '../../../schemas/run-steps.js'
import type { Message, MessageContent, TextAnnotationDelta } from '../../../schemas/messages.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { EventLog, newTag } from '../../runs/events/event-log.js'
import type { BuiltInTools } from '../../tools/built-in-tools.js'
import { EVENT_FORMAT } from './format.js'
import { annotationDeltas, done, messageCreated, messageDelta, messageEvent, runCreated, runEvent, stepCreated, stepDelta, stepEvent, textDelta } from './events.js'
import { withIncluded, type StepRecord, type TurnState } from './records.js'
import { isActive } from './state.js'

/** How steps are shown. */
export interface ReplayView {
  tools: BuiltInTools
  /** Values of the run's `include[]`. */
  include: readonly string[]
}

/**
 * The events of a run made from its records, for a reader that joins when the events themselves are no longer kept: the same order,
 * each call in one piece, and each text but for its annotated passages. The log is closed when the run has ended. Equal records make equal logs, so that a reader can
 * come back to one.
 */
export function replay (run: Run, steps: readonly StepRecord[], view: ReplayView): EventLog {
  const replayed = events(run, steps, view)
  const log = new EventLog(EVENT_FORMAT, Infinity, { tag: newTag(createHash('sha256').update(JSON.stringify(replayed)).digest('hex').slice(0, 8)), firstId: 0 })
  log.append(replayed)
  if (!isActive(run.status)) log.close()
  return log
}

function events (run: Run, steps: readonly StepRecord[], view: ReplayView): StreamEvent[] {
  const began: Run = {
    ...run, status: 'queued', started_at: null, cancelled_at: null, failed_at: null, completed_at: null, required_action: null, last_error: null, incomplete_details: null, usage: null
  }
  const events: StreamEvent[] = [runCreated(began), runEvent(began)]
  if (run.started_at !== null) events.push(runEvent({ ...began, status: 'in_progress', started_at: run.started_at }))
  for (const record of steps) {
    if (record.kind === 'calls') events.push(...callsStep(record.step, record.turn, view))
    else if (record.message !== undefined) events.push(...messageStep(record.step, record.message))
  }
  if (run.status !== 'cancelled') return [...events, runEvent(run), done]
  // What was still open ended after the run was marked as cancelling.
  const cancelling = runEvent({ ...began, status: 'cancelling', started_at: run.started_at })
  const ended = events.findIndex(({ event }) => event === 'thread.run.step.cancelled')
  events.splice(ended === -1 ? events.length : ended, 0, cancelling)
  return [...events, runEvent(run), done]
}

function messageStep (step: RunStep, message: Message): StreamEvent[] {
  const empty: Message = { ...message, status: 'in_progress', incomplete_details: null, completed_at: null, incomplete_at: null, content: [] }
  const deltas = message.content.flatMap((part, index) => part.type === 'text'
    ? textPieces(part.text).map(piece => textDelta(message.id, index, piece))
    : [messageDelta(message.id, { index, ...part })])
  const ends = [...ending(message.status, messageEvent(message)), ...ending(step.status, stepEvent(step))]
  // A run that ends early ends its step first.
  if (step.status !== 'completed') ends.reverse()
  return [...opening(step), messageCreated(empty), messageEvent(empty), ...deltas, ...ends]
}

type MessageText = (MessageContent & { type: 'text' })['text']

/** A text cut as it is live: each annotated passage with its annotation, and what stands between. In one piece where passages overlap. */
function textPieces ({ value, annotations }: MessageText): { value: string, annotations?: TextAnnotationDelta[] }[] {
  const whole = [{ value, annotations: annotationDeltas(annotations, 0) }]
  const pieces: { value: string, annotations?: TextAnnotationDelta[] }[] = []
  let from = 0
  for (const [i, annotation] of annotations.entries()) {
    // By its text and not by its offsets, whose unit is an option.
    const start = annotation.text === '' ? -1 : value.indexOf(annotation.text, from)
    const end = start + annotation.text.length
    if (start === -1) return whole
    if (start > from) pieces.push({ value: value.slice(from, start) })
    pieces.push({ value: value.slice(start, end), annotations: annotationDeltas([annotation], i) })
    from = end
  }
  if (from < value.length) pieces.push({ value: value.slice(from) })
  const [first, ...others] = pieces
  return first === undefined ? whole : [{ value: first.value, annotations: first.annotations ?? [] }, ...others]
}

function callsStep (step: RunStep, turn: TurnState | undefined, { tools, include }: ReplayView): StreamEvent[] {
  if (step.step_details.type !== 'tool_calls') return []
  const deltas = step.step_details.tool_calls.flatMap((call, index) => callDeltas(call, index, tools)).map(call => stepDelta(step.id, { type: 'tool_calls', tool_calls: [call] }))
  const ended = stepEvent(withIncluded(step, turn, tools, include))
  return [...opening({ ...step, step_details: { type: 'tool_calls', tool_calls: [] } }), ...deltas, ...ending(step.status, ended)]
}

/** A function call begins empty, and its output comes with the end of its step. */
function callDeltas (call: StepToolCall, index: number, tools: BuiltInTools): StepToolCallDelta[] {
  if (call.type !== 'function') {
    const pieces = tools.byType(call.type)?.replay(call) ?? [call]
    return pieces.map(piece => ({ index, ...piece }) as StepToolCallDelta)
  }
  const { name, arguments: args } = call.function
  const first: StepToolCallDelta = { index, id: call.id, type: 'function', function: { name, arguments: '', output: null } }
  return args === '' ? [first] : [first, { index, type: 'function', function: { arguments: args } }]
}

function opening (step: RunStep): StreamEvent[] {
  const open: RunStep = { ...step, status: 'in_progress', cancelled_at: null, completed_at: null, expired_at: null, failed_at: null, last_error: null, usage: null }
  return [stepCreated(open), stepEvent(open)]
}

const ending = (status: string, event: StreamEvent): StreamEvent[] => status === 'in_progress' ? [] : [event]
