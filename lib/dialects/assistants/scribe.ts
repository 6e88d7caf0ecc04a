import type { Message, TextAnnotation } from '../../../schemas/messages.js'
import type { RunStep, StepToolCallDelta } from '../../../schemas/run-steps.js'
import type { Run } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { KIND } from '../../../storage/layout.js'
import type { WriteItem } from '../../../storage/record-store.js'
import type { CallDelta, DialectEvent, Change, EarlyEnd, ItemEnd, Scribe, ScribeContext } from '../../runs/dialect.js'
import type { CallsItem, Item, MessageItem } from '../../runs/items.js'
import { NO_USAGE } from '../../runs/job.js'
import { newId } from '../../shared/ids.js'
import { indexMessage } from '../../threads/new-message.js'
import { messageCreated, annotationDeltas, messageDelta, messageEvent, stepCreated, stepDelta, stepEvent, textDelta, textDeltaFrame } from './events.js'
import { emptyMessage, toAttachments, toContent, toItem, toStepCalls, toTurnState } from './items.js'
import { loadInclude, loadSteps, putStep, putTurn, wireUsage, withIncluded, type TurnState } from './records.js'

/** A message as the records have it. */
interface StoredMessage {
  message: Message
  /** Of its record, since metadata may change meanwhile. 0 for a message that is to be looked up first. */
  version: number
}

/**
 * Steps, messages and their `thread.*` events. An item is a step: `message_creation` with its message, or `tool_calls` with all calls
 * of one model turn.
 */
export class AssistantsScribe implements Scribe {
  readonly #context: ScribeContext<Run>
  #include: readonly string[]
  /** By step id: steps and messages of the items that are open or may be opened again. */
  readonly #steps = new Map<string, RunStep>()
  readonly #messages = new Map<string, StoredMessage>()
  /** Of the text that is being written. */
  #frame: { item: MessageItem, part: number, of: (value: string) => string } | undefined

  constructor (context: ScribeContext<Run>) {
    this.#context = context
    this.#include = context.include ?? []
  }

  async load (): Promise<Item[]> {
    const { records, key, body, tools, include } = this.#context
    const [steps, included] = await Promise.all([loadSteps(records, key), include ?? loadInclude(records, key, tools, body.tools)])
    this.#include = included
    const offered = tools.offered(body.tools)
    for (const stored of steps) {
      this.#steps.set(stored.step.id, stored.step)
      if (stored.kind === 'message' && stored.message !== undefined) this.#messages.set(stored.step.id, { message: stored.message, version: 0 })
    }
    return steps.map(stored => toItem(stored, offered))
  }

  openMessage (at: number, reuse: MessageItem | undefined): { item: MessageItem, change: Change } {
    const before = reuse === undefined ? undefined : this.#steps.get(reuse.id)?.step_details
    const messageId = before?.type === 'message_creation' ? before.message_creation.message_id : newId.message()
    const step = this.#newStep(reuse?.id, { type: 'message_creation', message_creation: { message_id: messageId } }, at)
    const message = emptyMessage(step, messageId)
    this.#messages.set(step.id, { message, version: reuse === undefined ? 1 : 0 })
    return {
      item: { kind: 'message', id: step.id, isOpen: true, usage: null, parts: [] },
      change: {
        items: [putStep(step), { op: 'put', kind: KIND.message, id: message.id, body: message }, indexMessage(message, step.run_id)],
        events: [stepCreated(step), stepEvent(step), messageCreated(message), messageEvent(message)]
      }
    }
  }

  textDelta (item: MessageItem, part: number, { value, annotations }: { value: string, annotations: TextAnnotation[] }, isNew: boolean): DialectEvent[] {
    const all = item.parts[part]
    const first = (all?.type === 'text' ? all.annotations.length : 0) - annotations.length
    return [textDelta(this.#messageId(item), part, { value, ...isNew || annotations.length > 0 ? { annotations: annotationDeltas(annotations, first) } : {} })]
  }

  plainTextDeltas (item: MessageItem, part: number, pieces: readonly string[]): DialectEvent {
    if (this.#frame?.item !== item || this.#frame.part !== part) this.#frame = { item, part, of: textDeltaFrame(this.#messageId(item), part) }
    return { event: 'thread.message.delta', data: undefined, payloads: pieces.map(this.#frame.of) }
  }

  refusalDelta (item: MessageItem, part: number, refusal: string): StreamEvent[] {
    return [messageDelta(this.#messageId(item), { index: part, type: 'refusal', refusal })]
  }

  imageDelta (item: MessageItem, part: number, fileId: string): StreamEvent[] {
    return [messageDelta(this.#messageId(item), { index: part, type: 'image_file', image_file: { file_id: fileId } })]
  }

  async closeMessage (item: MessageItem, { at, usage, cut }: ItemEnd, retry: boolean): Promise<Change> {
    const step: RunStep = { ...this.#step(item), status: 'completed', completed_at: at, usage: wireUsage(usage) }
    const end: Partial<Message> = cut === undefined
      ? { status: 'completed', completed_at: at }
      : { status: 'incomplete', incomplete_at: at, incomplete_details: { reason: cut === 'content_filter' ? 'content_filter' : 'max_tokens' } }
    const { items, events } = await this.#endMessage(item, end, retry)
    return { items: [putStep(step), ...items], events: [...events, stepEvent(step)] }
  }

  openCalls (at: number, reuse: CallsItem | undefined): { item: CallsItem, change: Change } {
    const step = this.#newStep(reuse?.id, { type: 'tool_calls', tool_calls: [] }, at)
    return {
      item: { kind: 'calls', id: step.id, isOpen: true, usage: null, calls: [], isComplete: false },
      change: { items: [putStep(step)], events: [stepCreated(step), stepEvent(step)] }
    }
  }

  callDelta (item: CallsItem, index: number, delta: CallDelta): StreamEvent[] {
    const call = this.#wireDelta(item, index, delta)
    return call === undefined ? [] : [stepDelta(item.id, { type: 'tool_calls', tool_calls: [call] })]
  }

  saveCalls (item: CallsItem): WriteItem[] {
    const step = this.#withCalls(item)
    this.#steps.set(step.id, step)
    return [putStep(step), putTurn(step, turnState(item))]
  }

  closeCalls (item: CallsItem, { at, usage }: ItemEnd): Change {
    const step: RunStep = { ...this.#withCalls(item), status: 'completed', completed_at: at, usage: wireUsage(usage) }
    const turn = turnState(item)
    return { items: turn.calls === undefined ? [putStep(step)] : [putStep(step), putTurn(step, turn)], events: [this.#callsEvent(step, turn)] }
  }

  async cutOff (item: Item, why: EarlyEnd, at: number, retry: boolean): Promise<Change> {
    if (item.kind === 'calls') {
      const step: RunStep = { ...this.#withCalls(item), usage: wireUsage(item.usage ?? NO_USAGE), ...stepEnd(why, at) }
      return { items: [putStep(step)], events: [this.#callsEvent(step, turnState(item))] }
    }
    if (item.kind !== 'message') return {}
    const step: RunStep = { ...this.#step(item), usage: wireUsage(NO_USAGE), ...stepEnd(why, at) }
    const { items, events } = await this.#endMessage(item, { status: 'incomplete', incomplete_at: at, incomplete_details: { reason: `run_${why.reason}` } }, retry)
    return { items: [putStep(step), ...items], events: [stepEvent(step), ...events] }
  }

  remove (item: Item): WriteItem[] {
    const step: WriteItem = { op: 'delete', kind: KIND.step, id: item.id }
    const message = this.#messages.get(item.id)?.message
    if (message === undefined) return [step]
    return [step, { op: 'delete', kind: KIND.message, id: message.id }, { op: 'delete', kind: KIND.runMessage, id: message.id }]
  }

  /** The message as it ends, with the metadata that it has in the store; nothing when a user has deleted it meanwhile. */
  async #endMessage (item: MessageItem, end: Partial<Message>, retry: boolean): Promise<{ items: WriteItem[], events: StreamEvent[] }> {
    const stored = await this.#currentMessage(item, retry)
    if (stored === undefined) return { items: [], events: [] }
    const message: Message = { ...stored.message, content: toContent(item), attachments: toAttachments(item), ...end }
    return { items: [{ op: 'put', kind: KIND.message, id: message.id, body: message, expect: stored.version }], events: [messageEvent(message)] }
  }

  async #currentMessage (item: MessageItem, retry: boolean): Promise<StoredMessage | undefined> {
    const known = this.#messages.get(item.id)
    if (known === undefined || (!retry && known.version !== 0)) return known
    const { records, key } = this.#context
    const record = await records.get<Message>({ project: key.project, partition: key.partition, kind: KIND.message, id: known.message.id })
    if (record === undefined) return undefined
    const current = { message: record.body, version: record.version }
    this.#messages.set(item.id, current)
    return current
  }

  #wireDelta (item: CallsItem, index: number, delta: CallDelta): StepToolCallDelta | undefined {
    const call = item.calls[index]
    if (call === undefined) return undefined
    if (delta.type === 'tool') return { index, ...delta.delta } as StepToolCallDelta
    if (delta.type === 'arguments') return { index, type: 'function', function: { arguments: delta.fragment } }
    if (call.builtIn !== undefined) return { index, ...structuredClone(call.builtIn.step) } as StepToolCallDelta
    return { index, id: call.id, type: 'function', function: { name: call.name, arguments: '', output: null } }
  }

  /** The event of a step of calls, which may show more than its record. */
  #callsEvent (step: RunStep, turn: TurnState): StreamEvent {
    return stepEvent(withIncluded(step, turn, this.#context.tools, this.#include))
  }

  #withCalls (item: CallsItem): RunStep {
    return { ...this.#step(item), step_details: { type: 'tool_calls', tool_calls: toStepCalls(item) } }
  }

  #step (item: Item): RunStep {
    const step = this.#steps.get(item.id)
    if (step === undefined) throw new Error(`step ${item.id} was neither opened nor loaded`)
    return step
  }

  #messageId (item: MessageItem): string {
    return this.#messages.get(item.id)?.message.id ?? ''
  }

  #newStep (id: string | undefined, details: RunStep['step_details'], at: number): RunStep {
    const run = this.#context.body
    const step = {
      id: id ?? newId.step(),
      object: 'thread.run.step',
      created_at: at,
      run_id: run.id,
      assistant_id: run.assistant_id,
      thread_id: run.thread_id,
      type: details.type,
      status: 'in_progress',
      cancelled_at: null,
      completed_at: null,
      expired_at: null,
      expires_at: run.expires_at,
      failed_at: null,
      last_error: null,
      step_details: details,
      metadata: {},
      usage: null
    } as RunStep
    this.#steps.set(step.id, step)
    return step
  }
}

const turnState = (item: CallsItem): TurnState => toTurnState(item, usage => wireUsage(usage ?? NO_USAGE))

function stepEnd (why: EarlyEnd, at: number): Partial<RunStep> {
  switch (why.reason) {
    case 'cancelled':
      return { status: 'cancelled', cancelled_at: at }
    case 'expired':
      return { status: 'expired', expired_at: at }
    case 'failed':
      // A step knows two codes only (API reference, "The run step object").
      return { status: 'failed', failed_at: at, last_error: { code: why.error.code === 'rate_limit_exceeded' ? 'rate_limit_exceeded' : 'server_error', message: why.error.message } }
  }
}
