import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import type { ModelMessage, ModelRequest } from '../../../lib/models/provider.js'
import type { CallDelta, Change, Dialect, DialectEvent, EarlyEnd, ItemEnd, JobMove, Scribe, ScribeContext, TurnRequest } from '../../../lib/runs/dialect.js'
import { isAnswered, textOf, type CallsItem, type Item, type MessageItem, type ReasoningItem } from '../../../lib/runs/items.js'
import type { JobKey, JobPhase, JobSpec, JobState, TokenUsage } from '../../../lib/runs/job.js'

/** A job of the note dialect. */
export interface Note {
  id: string
  ask: string
  model: string
  tools: { type: string }[]
  phase: JobPhase
  result: string | null
  usage: TokenUsage | null
}

type StoredItem = Item & { open?: boolean }

/**
 * An API that is unlike Assistants in all that the engine leaves to a dialect: no threads, no lock, one record for each item, reasoning
 * is shown, calls that the client has to answer end the job, every payload carries its own number, and the end is no `[DONE]`.
 */
export class NoteDialect implements Dialect<Note> {
  readonly name = 'notes'
  readonly kind = 'note'
  readonly stopped: string[] = []

  readonly format = {
    endsStretch: (event: string) => event === 'note.ended',
    serialise: ({ data }: DialectEvent, sequence: number) => JSON.stringify({ number: sequence, ...data as object })
  }

  state (note: Note): JobState {
    return { phase: note.phase, expiresAt: null }
  }

  spec (note: Note): JobSpec {
    return {
      model: note.model,
      system: [],
      tools: note.tools,
      limits: { promptTokens: null, completionTokens: null, lastMessages: null, truncates: false },
      context: { runId: note.id, threadId: note.id, assistantId: '', metadata: {}, resources: null }
    }
  }

  request (_note: Note, { model, messages, tools }: TurnRequest): ModelRequest {
    return { model, messages, ...tools.length === 0 ? {} : { tools } }
  }

  async history (_records: RecordStore, _key: JobKey, { ask }: Note): Promise<ModelMessage[]> {
    return [{ role: 'user', content: ask }]
  }

  async threadResources (): Promise<null> {
    return null
  }

  move (note: Note, move: JobMove): Change<Note> & { body: Note } {
    const body: Note = { ...note, phase: move.to === 'running' ? 'running' : 'ended', result: move.to, usage: 'usage' in move ? move.usage : note.usage }
    return { body, events: [{ event: body.phase === 'ended' ? 'note.ended' : 'note.began', data: { result: move.to } }] }
  }

  announce (note: Note): DialectEvent[] {
    return [{ event: 'note.state', data: { phase: note.phase } }]
  }

  release (): WriteItem[] {
    return []
  }

  scribe (context: ScribeContext<Note>): Scribe {
    return new NoteScribe(context)
  }

  onStopped (key: JobKey, note: Note): void {
    this.stopped.push(`${key.jobId} ${note.result}`)
  }
}

class NoteScribe implements Scribe {
  readonly #context: ScribeContext<Note>
  #count = 0

  constructor (context: ScribeContext<Note>) {
    this.#context = context
  }

  async load (): Promise<Item[]> {
    const { project, partition, jobId } = this.#context.key
    const page = await this.#context.records.page<StoredItem>({ project, partition, kind: 'note_item', parent: jobId, order: 'asc', limit: 100 })
    this.#count = page.records.length
    return page.records.map(({ body }) => body)
  }

  readonly reasoning = {
    open: (_at: number, reuse: ReasoningItem | undefined) => this.#open<ReasoningItem>({ kind: 'reasoning', id: this.#id(reuse), isOpen: true, usage: null, text: '' }),
    delta: (item: ReasoningItem, text: string) => [{ event: 'note.thought', data: { item: item.id, text } }],
    close: (item: ReasoningItem, end: ItemEnd) => this.#close(item, end)
  }

  openMessage (_at: number, reuse: MessageItem | undefined) {
    return this.#open<MessageItem>({ kind: 'message', id: this.#id(reuse), isOpen: true, usage: null, parts: [] })
  }

  imageDelta (item: MessageItem, _part: number, fileId: string) {
    return [{ event: 'note.image', data: { item: item.id, fileId } }]
  }

  textDelta (item: MessageItem, _part: number, { value }: { value: string }) {
    return [{ event: 'note.text', data: { item: item.id, text: value } }]
  }

  refusalDelta (item: MessageItem, _part: number, text: string) {
    return [{ event: 'note.refusal', data: { item: item.id, text } }]
  }

  async closeMessage (item: MessageItem, end: ItemEnd) {
    return this.#close(item, end)
  }

  openCalls (_at: number, reuse: CallsItem | undefined) {
    return this.#open<CallsItem>({ kind: 'calls', id: this.#id(reuse), isOpen: true, usage: null, calls: [], isComplete: false })
  }

  callDelta (item: CallsItem, index: number, delta: CallDelta) {
    return [{ event: `note.call_${delta.type}`, data: { item: item.id, index, ...delta.type === 'arguments' ? { text: delta.fragment } : {} } }]
  }

  saveCalls (item: CallsItem) {
    return [this.#put(item)]
  }

  closeCalls (item: CallsItem, end: ItemEnd) {
    return this.#close(item, end)
  }

  async cutOff (item: Item, why: EarlyEnd): Promise<Change> {
    return { items: [this.#put({ ...item, isOpen: false })], events: [{ event: 'note.cut', data: { item: item.id, reason: why.reason } }] }
  }

  remove (item: Item): WriteItem[] {
    return [{ op: 'delete', kind: 'note_item', id: item.id }]
  }

  #id (reuse: Item | undefined): string {
    return reuse?.id ?? `item_${++this.#count}`
  }

  #open<T extends Item> (item: T): { item: T, change: Change } {
    return { item, change: { items: [this.#put(item)], events: [{ event: 'note.item', data: { item: item.id, kind: item.kind } }] } }
  }

  #close (item: Item, { usage }: ItemEnd): Change {
    const text = item.kind === 'message' ? textOf(item) : item.kind === 'reasoning' ? item.text : item.calls.filter(isAnswered).map(call => call.output).join()
    return { items: [this.#put({ ...item, isOpen: false, usage })], events: [{ event: 'note.item_done', data: { item: item.id, text } }] }
  }

  #put (item: Item): WriteItem {
    return { op: 'put', kind: 'note_item', id: item.id, parent: this.#context.key.jobId, body: JSON.parse(JSON.stringify(item)) }
  }
}
