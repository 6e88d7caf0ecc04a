import { createHash } from 'node:crypto'
import type { Run } from '../../../schemas/runs.js'
import type { RunStep, StepToolCall, StepToolCallDelta } from '../../../schemas/run-steps.js'
import type { Message, MessageContent } from '../../../schemas/messages.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { EventLog } from '../../runs/events/event-log.js'
import { done, messageCreated, messageDelta, messageEvent, runCreated, runEvent, stepCreated, stepDelta, stepEvent } from './events.js'
import { withPassages } from '../../tools/file-search/search.js'
import type { RunItem, TurnState } from '../../runs/records.js'
import { isActive } from '../../runs/state.js'

/**
 * The events of a run told from its records, for a reader that comes when the events themselves are gone: the same order,
 * each text and each call in one piece, with the text of search results where the run's creator asked for it. It is closed when the run has ended. Equal records make equal logs, so that a reader can come back to one.
 */
export function replay (run: Run, items: readonly RunItem[], showsPassages = false): EventLog {
  const told = events(run, items, showsPassages)
  const log = new EventLog(Infinity, { tag: createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 8), firstId: 0 })
  log.append(...told)
  if (!isActive(run.status)) log.close()
  return log
}

function events (run: Run, items: readonly RunItem[], showsPassages: boolean): StreamEvent[] {
  const began: Run = {
    ...run, status: 'queued', started_at: null, cancelled_at: null, failed_at: null, completed_at: null, required_action: null, last_error: null, incomplete_details: null, usage: null
  }
  const events: StreamEvent[] = [runCreated(began), runEvent(began)]
  if (run.started_at !== null) events.push(runEvent({ ...began, status: 'in_progress', started_at: run.started_at }))
  for (const item of items) {
    if (item.kind === 'tools') events.push(...toolItem(item.step, showsPassages ? item.turn : undefined))
    else if (item.message !== undefined) events.push(...messageItem(item.step, item.message))
  }
  if (run.status !== 'cancelled') return [...events, runEvent(run), done]
  // What was still open ended behind the wish to cancel.
  const cancelling = runEvent({ ...began, status: 'cancelling', started_at: run.started_at })
  const ended = events.findIndex(({ event }) => event === 'thread.run.step.cancelled')
  events.splice(ended === -1 ? events.length : ended, 0, cancelling)
  return [...events, runEvent(run), done]
}

function messageItem (step: RunStep, message: Message): StreamEvent[] {
  const empty: Message = { ...message, status: 'in_progress', incomplete_details: null, completed_at: null, incomplete_at: null, content: [] }
  const deltas = message.content.map((part, index): StreamEvent => messageDelta(message.id, { index, ...numbered(part) } as Parameters<typeof messageDelta>[1]))
  const ends = [...ending(message.status, messageEvent(message)), ...ending(step.status, stepEvent(step))]
  // A run that ends early ends its step first.
  if (step.status !== 'completed') ends.reverse()
  return [...opening(step), messageCreated(empty), messageEvent(empty), ...deltas, ...ends]
}

/** Within a delta every annotation has its place. */
function numbered (part: MessageContent): object {
  if (part.type !== 'text') return part
  return { ...part, text: { ...part.text, annotations: part.text.annotations.map((annotation, index) => ({ index, ...annotation })) } }
}

function toolItem (step: RunStep, shown: TurnState | undefined): StreamEvent[] {
  if (step.step_details.type !== 'tool_calls') return []
  const deltas = step.step_details.tool_calls.flatMap(callDeltas).map(call => stepDelta(step.id, { type: 'tool_calls', tool_calls: [call] }))
  return [...opening({ ...step, step_details: { type: 'tool_calls', tool_calls: [] } }), ...deltas, ...ending(step.status, stepEvent(withPassages(step, shown?.searches)))]
}

/** A function call begins empty, and its output comes with the end of its step, as the results of a search do. */
function callDeltas (call: StepToolCall, index: number): StepToolCallDelta[] {
  if (call.type === 'file_search') return [{ index, ...call, file_search: { ...call.file_search, results: [] } }]
  if (call.type !== 'function') return [{ index, ...call }] as StepToolCallDelta[]
  const { name, arguments: args } = call.function
  const first: StepToolCallDelta = { index, id: call.id, type: 'function', function: { name, arguments: '', output: null } }
  return args === '' ? [first] : [first, { index, type: 'function', function: { arguments: args } }]
}

function opening (step: RunStep): StreamEvent[] {
  const open: RunStep = { ...step, status: 'in_progress', cancelled_at: null, completed_at: null, expired_at: null, failed_at: null, last_error: null, usage: null }
  return [stepCreated(open), stepEvent(open)]
}

const ending = (status: string, event: StreamEvent): StreamEvent[] => status === 'in_progress' ? [] : [event]
