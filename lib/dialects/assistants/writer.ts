import type { Message, MessageContent } from '../../../schemas/messages.js'
import type { RunStep, StepToolCall } from '../../../schemas/run-steps.js'
import type { Run, RunError, Usage } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import { newId } from '../../shared/ids.js'
import { CitationFinder } from '../../tools/file-search/citations.js'
import { beganSearch, FILE_SEARCH, fileSearchOf, searchesOf, sourcesOf, withPassages, type FileSearchCall, type SearchOutcome } from '../../tools/file-search/search.js'
import { indexMessage } from '../../threads/new-message.js'
import type { ModelToolCall } from '../../models/provider.js'
import { messageCreated, messageDelta, messageEvent, stepCreated, stepDelta, stepEvent } from './events.js'
import { NO_USAGE, putStep, putTurn, type RunItem, type RunKey, type TurnState } from '../../runs/records.js'

/** Something to persist, and what readers are told once it is. */
export interface Change {
  /** The run itself, when it moves. */
  run?: Run
  items?: WriteItem[]
  events?: StreamEvent[]
}

/** The writer's way to the store. `build` is called again, with `retry` true, when somebody else's write came first. */
export interface Committer {
  readonly run: Run
  /** Whether readers are shown the text of search results, which the records of steps leave out. */
  readonly showsPassages: boolean
  now (): number
  commit (build: (retry: boolean) => Change | Promise<Change>): Promise<void>
  publish (...events: StreamEvent[]): void
}

interface OpenMessage {
  kind: 'message'
  /** Of the text part being written. */
  citations?: CitationFinder
  step: RunStep
  message: Message
  /** Of the message's record: its metadata may change under way. */
  version: number
}

interface OpenTools {
  kind: 'tools'
  step: RunStep
  /** Searches of files among them: calls of a function as the model sees it. */
  calls: FunctionCall[]
  /** By call id: what searches have found. */
  found: Map<string, FileSearchCall['file_search']>
  turn: TurnState
}

/** Of a message taken up again: the first attempt to end it looks it up. */
const UNKNOWN_VERSION = 0

export type FunctionCall = StepToolCall & { type: 'function' }

/** Why a message or a step ends before it is whole. */
export type CutShort =
  | { reason: 'run_cancelled' | 'run_expired' }
  | { reason: 'run_failed', error: RunError }

/**
 * Writes what a model turn produces: one open step at a time, a message or a set of tool calls, with each event published
 * after its record is kept (deltas excepted: a message is kept when it begins and when it ends).
 */
export class TurnWriter {
  #open: OpenMessage | OpenTools | undefined
  /** The items finished so far, oldest first. */
  readonly items: RunItem[]
  readonly #committer: Committer
  readonly #records: RecordStore
  readonly #key: RunKey
  /** What an interrupted turn has left: taken up again, under the same ids, when the redone turn opens the same kind, else removed. */
  #leftovers: RunItem[] = []

  constructor (committer: Committer, records: RecordStore, key: RunKey, items: RunItem[]) {
    this.#committer = committer
    this.#records = records
    this.#key = key
    this.items = items
  }

  get open (): OpenMessage | OpenTools | undefined {
    return this.#open
  }

  /**
   * Takes up the last item as it was left in the store. Tool calls that the model had finished making are open again; anything
   * less is to be redone.
   */
  resume (): void {
    const last = this.items.at(-1)
    if (last === undefined || last.step.status !== 'in_progress') return
    this.items.pop()
    const { step } = last
    if (last.kind === 'tools' && last.turn !== undefined && step.step_details.type === 'tool_calls') {
      const { turn } = last
      const calls = step.step_details.tool_calls.flatMap(call => openCall(call, turn))
      this.#open = { kind: 'tools', step, calls, found: new Map(), turn }
      return
    }
    this.#leftovers = [last]
    // A message right before calls is of the same turn, and will be said again with it.
    if (last.kind === 'tools' && this.items.at(-1)?.kind === 'message') this.#leftovers.unshift(this.items.pop() as RunItem)
  }

  /** Opens what an interrupted turn has left half written, only to end it: the run will not go on with it. */
  adoptLeftovers (): void {
    for (const left of this.#leftovers.splice(0)) {
      if (left.step.status !== 'in_progress') {
        this.items.push(left)
      } else if (left.kind === 'tools') {
        this.#open = { kind: 'tools', step: left.step, calls: [], found: new Map(), turn: { usage: NO_USAGE, opaque: {} } }
      } else if (left.message !== undefined) {
        this.#open = { kind: 'message', step: left.step, message: left.message, version: UNKNOWN_VERSION }
      }
    }
  }

  async text (text: string): Promise<void> {
    const open = await this.#message()
    const last = open.message.content.length - 1
    const part = open.message.content[last]
    if (part?.type === 'text') {
      part.text.value += text
      this.#committer.publish(messageDelta(open.message.id, { index: last, type: 'text', text: { value: text } }))
      this.#cite(open, last, text)
    } else {
      delete open.citations
      open.message.content.push({ type: 'text', text: { value: text, annotations: [] } })
      this.#committer.publish(messageDelta(open.message.id, { index: last + 1, type: 'text', text: { value: text, annotations: [] } }))
      this.#cite(open, last + 1, text)
    }
  }

  async refusal (text: string): Promise<void> {
    const open = await this.#message()
    const { content } = open.message
    const last = content.at(-1)
    if (last?.type === 'refusal') last.refusal += text
    else content.push({ type: 'refusal', refusal: text })
    this.#committer.publish(messageDelta(open.message.id, { index: content.length - 1, type: 'refusal', refusal: text }))
  }

  async toolCall (id: string, name: string, opaque: unknown): Promise<void> {
    const open = await this.#tools()
    const call: FunctionCall = { id, type: 'function', function: { name, arguments: '', output: null } }
    open.calls.push(call)
    if (opaque !== undefined) open.turn.opaque[id] = opaque
    // A search is shown once it is made: its arguments are nobody's business.
    if (this.isSearch(call)) return
    this.#committer.publish(stepDelta(open.step.id, {
      type: 'tool_calls',
      tool_calls: [{ index: open.calls.length - 1, id, type: 'function', function: { name, arguments: '', output: null } }]
    }))
  }

  /** What a search of files has found; that the call is answered is in its output, which the model never sees. */
  searched (call: FunctionCall, { fileSearch, passages }: SearchOutcome): void {
    if (this.#open?.kind !== 'tools') return
    this.#open.found.set(call.id, fileSearch)
    this.#open.turn.searches = { ...this.#open.turn.searches, [call.id]: { arguments: call.function.arguments, passages } }
    call.function.output = ''
  }

  /** @param opaque replaces what came with the call. */
  toolArguments (index: number, fragment: string, opaque: unknown): void {
    const open = this.#open
    const call = open?.kind === 'tools' ? open.calls[index] : undefined
    if (open?.kind !== 'tools' || call === undefined) return
    if (opaque !== undefined) open.turn.opaque[call.id] = opaque
    if (fragment === '') return
    call.function.arguments += fragment
    if (this.isSearch(call)) return
    this.#committer.publish(stepDelta(open.step.id, {
      type: 'tool_calls',
      tool_calls: [{ index, type: 'function', function: { arguments: fragment } }]
    }))
  }

  /** The model has made all its calls: kept with the turn's usage, so that nothing asks the model for them again. */
  async callsMade (usage: Usage, alongside: (step: RunStep) => Change = () => ({})): Promise<void> {
    const open = this.#open
    if (open?.kind !== 'tools') return
    const searches = open.calls.filter(call => this.isSearch(call)).map(call => [call.id, { arguments: call.function.arguments, passages: [] }])
    open.turn = { ...open.turn, usage, ...searches.length === 0 ? {} : { searches: Object.fromEntries(searches) } }
    await this.saveCalls(alongside)
    open.calls.forEach((call, index) => {
      if (!this.isSearch(call)) return
      this.#committer.publish(stepDelta(open.step.id, { type: 'tool_calls', tool_calls: [{ index, id: call.id, type: 'file_search', file_search: beganSearch(this.#committer.run.tools) }] }))
    })
  }

  /** Keeps the open calls as they are now, outputs included. */
  async saveCalls (alongside: (step: RunStep) => Change = () => ({})): Promise<void> {
    const open = this.#open
    if (open?.kind !== 'tools') return
    open.step = { ...open.step, step_details: { type: 'tool_calls', tool_calls: this.#shown(open) } }
    await this.#committer.commit(() => {
      const change = alongside(open.step)
      return { ...change, items: [putStep(open.step), putTurn(open.step, open.turn), ...change.items ?? []] }
    })
  }

  /** Ends the open step as completed, together with whatever the run does next (`then`). Opens a message first if there is none. */
  async finish (usage: Usage, then: () => Change = () => ({}), cut?: { reason: 'max_tokens' | 'content_filter' }): Promise<void> {
    if (this.#open === undefined) await this.#message()
    await this.#committer.commit(async retry => {
      const closing = await this.#completed(usage, retry, cut)
      return join(closing, { items: this.#removal() }, then())
    })
    this.#leftovers = []
    this.#closed()
  }

  /** Ends whatever is open because the run ends early. Returns the change; the caller commits it with the run's own. */
  async cutShort (why: CutShort, retry: boolean): Promise<Change> {
    const open = this.#open
    if (open === undefined) return {}
    const at = this.#committer.now()
    const details = open.kind === 'tools' ? { step_details: { type: 'tool_calls' as const, tool_calls: this.#shown(open) } } : {}
    const usage = open.kind === 'tools' ? open.turn.usage : NO_USAGE
    const step: RunStep = { ...open.step, ...details, usage, ...stepEnd(why, at) }
    if (open.kind === 'tools') return { items: [putStep(step)], events: [this.#toolsEvent(step, open.turn)] }
    const message = await this.#currentMessage(open, retry)
    if (message === undefined) return { items: [putStep(step)], events: [stepEvent(step)] }
    const ended: Message = { ...message, ...finalContent(open.message), status: 'incomplete', incomplete_at: at, incomplete_details: { reason: why.reason } }
    return { items: [putStep(step), this.#putOpenMessage(open, ended)], events: [stepEvent(step), messageEvent(ended)] }
  }

  /** Whether the call is one of the built-in search, which is recorded as such. */
  isSearch (call: FunctionCall): boolean {
    return call.function.name === FILE_SEARCH && fileSearchOf(this.#committer.run.tools) !== undefined
  }

  /** The calls of the open step as the step shows them. */
  #shown (open: OpenTools): StepToolCall[] {
    return open.calls.map(call => this.isSearch(call)
      ? { id: call.id, type: 'file_search', file_search: open.found.get(call.id) ?? beganSearch(this.#committer.run.tools) }
      : structuredClone(call))
  }

  /** The event of a step of calls, which may show more than its record. */
  #toolsEvent (step: RunStep, { searches }: TurnState): StreamEvent {
    return stepEvent(this.#committer.showsPassages ? withPassages(step, searches) : step)
  }

  /** The citations that end in this piece of the open message's last part. */
  #cite (open: OpenMessage, index: number, piece: string): void {
    const part = open.message.content[index]
    if (part?.type !== 'text') return
    open.citations ??= new CitationFinder(sourcesOf(searchesOf(this.items.map(item => item.step))))
    for (const citation of open.citations.push(piece)) {
      const place = part.text.annotations.push(citation) - 1
      const annotation = { index: place, ...citation, file_citation: { ...citation.file_citation, quote: '' } }
      this.#committer.publish(messageDelta(open.message.id, { index, type: 'text', text: { annotations: [annotation] } }))
    }
  }

  /** The calls of the open step. */
  calls (): ModelToolCall[] {
    if (this.#open?.kind !== 'tools') return []
    return this.#open.calls.map(({ id, function: { name, arguments: args } }) => ({ id, name, arguments: args }))
  }

  /** Usage of every item, for the run's total. */
  usages (): (Usage | null)[] {
    const open = this.#open?.kind === 'tools' ? this.#open.turn.usage : null
    return [...this.items.map(item => item.step.usage), open]
  }

  async #message (): Promise<OpenMessage> {
    if (this.#open?.kind === 'message') return this.#open
    const at = this.#committer.now()
    const left = this.#takeLeftover('message')
    const messageId = left?.step.step_details.type === 'message_creation' ? left.step.step_details.message_creation.message_id : newId.message()
    const step = this.#newStep(left?.step.id, { type: 'message_creation', message_creation: { message_id: messageId } }, at)
    const message: Message = {
      id: messageId,
      object: 'thread.message',
      created_at: at,
      thread_id: this.#key.threadId,
      status: 'in_progress',
      incomplete_details: null,
      completed_at: null,
      incomplete_at: null,
      role: 'assistant',
      content: [],
      assistant_id: step.assistant_id,
      run_id: this.#key.runId,
      attachments: [],
      metadata: {}
    }
    await this.#committer.commit(() => ({
      items: [putStep(step), { op: 'put', kind: KIND.message, id: message.id, body: message }, indexMessage(message, this.#key.runId)],
      events: [stepCreated(step), stepEvent(step), messageCreated(message), messageEvent(message)]
    }))
    const open: OpenMessage = { kind: 'message', step, message: structuredClone(message), version: left === undefined ? 1 : UNKNOWN_VERSION }
    this.#open = open
    return open
  }

  async #tools (): Promise<OpenTools> {
    const before = this.#open
    if (before?.kind === 'tools') return before
    const at = this.#committer.now()
    const left = this.#takeLeftover('tools')
    const step = this.#newStep(left?.step.id, { type: 'tool_calls', tool_calls: [] }, at)
    await this.#committer.commit(async retry => {
      // Text before the calls: its step ends in the same write that opens the next, so that no crash can fall between.
      const closing = before === undefined ? {} : await this.#completed(NO_USAGE, retry)
      return join(closing, { items: [...this.#removal(), putStep(step)], events: [stepCreated(step), stepEvent(step)] })
    })
    this.#leftovers = []
    if (before !== undefined) this.#closed()
    const open: OpenTools = { kind: 'tools', step, calls: [], found: new Map(), turn: { usage: NO_USAGE, opaque: {} } }
    this.#open = open
    return open
  }

  /** The open step, and its message, as they end when all is well. */
  async #completed (usage: Usage, retry: boolean, cut?: { reason: 'max_tokens' | 'content_filter' }): Promise<Change> {
    const open = this.#open
    if (open === undefined) return {}
    const at = this.#committer.now()
    const step: RunStep = { ...open.step, status: 'completed', completed_at: at, usage }
    if (open.kind === 'tools') {
      const done: RunStep = { ...step, step_details: { type: 'tool_calls', tool_calls: this.#shown(open) } }
      open.step = done
      return { items: open.turn.searches === undefined ? [putStep(done)] : [putStep(done), putTurn(done, open.turn)], events: [this.#toolsEvent(done, open.turn)] }
    }
    const current = await this.#currentMessage(open, retry)
    const content = finalContent(open.message)
    open.step = step
    if (current === undefined) return { items: [putStep(step)], events: [stepEvent(step)] }
    const message: Message = cut === undefined
      ? { ...current, ...content, status: 'completed', completed_at: at }
      : { ...current, ...content, status: 'incomplete', incomplete_at: at, incomplete_details: cut }
    open.message = message
    return { items: [putStep(step), this.#putOpenMessage(open, message)], events: [messageEvent(message), stepEvent(step)] }
  }

  /** The open message with the metadata it has in the store, or undefined when a user has deleted it meanwhile. */
  async #currentMessage (open: OpenMessage, retry: boolean): Promise<Message | undefined> {
    if (!retry && open.version !== UNKNOWN_VERSION) return open.message
    const record = await this.#records.get<Message>({ project: this.#key.project, partition: this.#key.threadId, kind: KIND.message, id: open.message.id })
    if (record === undefined) return undefined
    open.version = record.version
    return record.body
  }

  #putOpenMessage (open: OpenMessage, message: Message): WriteItem {
    return { op: 'put', kind: KIND.message, id: message.id, body: message, expect: open.version }
  }

  #closed (): void {
    const open = this.#open
    this.#open = undefined
    if (open?.kind === 'message') this.items.push({ kind: 'message', step: open.step, message: open.message })
    if (open?.kind === 'tools') this.items.push({ kind: 'tools', step: open.step, turn: open.turn })
  }

  #newStep (id: string | undefined, details: RunStep['step_details'], at: number): RunStep {
    const { run } = this.#committer
    return {
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
  }

  #takeLeftover (kind: RunItem['kind']): RunItem | undefined {
    const index = this.#leftovers.findIndex(left => left.kind === kind)
    return index === -1 ? undefined : this.#leftovers.splice(index, 1)[0]
  }

  /** Removes what the redone turn has no use for. */
  #removal (): WriteItem[] {
    return this.#leftovers.flatMap((left): WriteItem[] => {
      const step: WriteItem = { op: 'delete', kind: KIND.step, id: left.step.id }
      if (left.kind === 'tools' || left.message === undefined) return [step]
      const { id } = left.message
      return [step, { op: 'delete', kind: KIND.message, id }, { op: 'delete', kind: KIND.runMessage, id }]
    })
  }
}

function join (...changes: Change[]): Change {
  return {
    run: changes.findLast(change => change.run !== undefined)?.run,
    items: changes.flatMap(change => change.items ?? []),
    events: changes.flatMap(change => change.events ?? [])
  }
}

/** A message never ends with fewer parts than a reader may index: without a word it has one empty text. */
function finalContent (message: Message): { content: MessageContent[] } {
  return { content: message.content.length > 0 ? structuredClone(message.content) : [{ type: 'text', text: { value: '', annotations: [] } }] }
}

function stepEnd (why: CutShort, at: number): Partial<RunStep> {
  switch (why.reason) {
    case 'run_cancelled':
      return { status: 'cancelled', cancelled_at: at }
    case 'run_expired':
      return { status: 'expired', expired_at: at }
    case 'run_failed':
      // A step knows two codes only (API reference, "The run step object").
      return { status: 'failed', failed_at: at, last_error: { code: why.error.code === 'rate_limit_exceeded' ? 'rate_limit_exceeded' : 'server_error', message: why.error.message } }
  }
}

/** A call of an open step, as the model made it. A search that was under way is made again. */
function openCall (call: StepToolCall, turn: TurnState): FunctionCall[] {
  if (call.type === 'function') return [call]
  if (call.type !== 'file_search') return []
  return [{ id: call.id, type: 'function', function: { name: FILE_SEARCH, arguments: turn.searches?.[call.id]?.arguments ?? '', output: null } }]
}
