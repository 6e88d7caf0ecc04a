import type { TextAnnotation } from '../../schemas/messages.js'
import type { ToolResources } from '../../schemas/tools.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import type { ModelMessage, ModelRequest, ModelTool } from '../models/provider.js'
import type { ToolStepDelta } from '../tools/built-in-tool.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import type { Call, CallsItem, Item, MessageItem, ReasoningItem } from './items.js'
import type { CutReason, JobError, JobKey, JobSpec, JobState, TokenUsage } from './job.js'
import type { RunReport } from './report.js'

/** One event as readers get it. What `data` is, the dialect knows. */
export interface DialectEvent {
  event: string
  data: unknown
  /** Several events of that name instead, with these payloads, where the dialect has a faster way to them than the format. `data` is not read then. */
  payloads?: readonly string[]
}

/** How the event log treats a dialect's events. */
export interface EventFormat {
  /** Readers stop behind such an event; what follows is a new stretch, for those who come then. */
  endsStretch (event: string): boolean
  /**
   * The payload as text.
   *
   * @param sequence counts the events of a log, from 0.
   */
  serialise (event: DialectEvent, sequence: number): string
}

/** Something to persist, and the events to publish once it is persisted. */
export interface Change<Body extends object = object> {
  /** The job itself, when it moves. */
  body?: Body | undefined
  items?: WriteItem[]
  events?: DialectEvent[]
}

/** What happens to a job. `at` is in unix seconds, usage is the sum over all model turns. */
export type JobMove =
  | { to: 'running', at: number }
  /** `calls` are the client's to answer. */
  | { to: 'waiting', calls: readonly Call[] }
  | { to: 'completed', at: number, usage: TokenUsage }
  | { to: 'incomplete', at: number, usage: TokenUsage, reason: CutReason }
  | { to: 'cancelled', at: number, usage: TokenUsage }
  | { to: 'failed', at: number, usage: TokenUsage, error: JobError }
  | { to: 'expired', at: number, usage: TokenUsage }

/** What one model turn asks for, beside the job's own parameters. */
export interface TurnRequest {
  /** The provider's own name of the model. */
  model: string
  messages: ModelMessage[]
  tools: ModelTool[]
  /** The name under which the model sees a built-in tool, by wire type. */
  toolName (type: string): string | undefined
  /** Whether it is the job's first turn: a forced tool choice holds for that one only, else the run would never end. */
  isFirst: boolean
  /** Tokens that this turn may produce. */
  maxCompletionTokens: number | undefined
}

/**
 * The form in which an API stores and publishes what the engine does: records, events, and the moves of a job. The engine executes jobs
 * of any dialect; one dialect is one folder below `lib/dialects`.
 */
export interface Dialect<Body extends object = object> {
  /** Part of every `JobKey`, and of the index entries of active jobs. */
  readonly name: string
  /** Record kind of its jobs. */
  readonly kind: string
  readonly format: EventFormat

  state (body: Body): JobState
  spec (body: Body): JobSpec
  request (body: Body, turn: TurnRequest): ModelRequest

  /** The conversation before the job, oldest first, at most `newest` messages of it. Calls of tools among them count for none. */
  history (records: RecordStore, key: JobKey, body: Body, newest: number): Promise<ModelMessage[]>
  /** `tool_resources` of the conversation, as they are now. */
  threadResources (records: RecordStore, key: JobKey): Promise<ToolResources | null>

  /** The job after a move, and the events that report it. Throws on a move that does not exist, which is a bug. */
  move (body: Body, move: JobMove): Change<Body> & { body: Body }
  /** The events that report the present state of a job. */
  announce (body: Body): DialectEvent[]
  /** What is written together with a job's end. */
  release (key: JobKey): WriteItem[]

  scribe (context: ScribeContext<Body>): Scribe

  /** Called when a job has stopped on this instance: it has ended or waits for its client. Must not throw. */
  onStopped? (key: JobKey, body: Body, report: RunReport): void
  /** Called when a job has ended on another instance. Must not throw. */
  onEndedElsewhere? (key: JobKey): void
}

export interface ScribeContext<Body extends object = object> {
  records: RecordStore
  key: JobKey
  body: Body
  tools: BuiltInTools
  /** Values of `include[]` that the job's events are to honour. Undefined: as its records say, once `load()` was called. */
  include?: readonly string[] | undefined
}

/** Why an item ends before it is whole. */
export type EarlyEnd =
  | { reason: 'cancelled' | 'expired' }
  | { reason: 'failed', error: JobError }

/** How an item ends. */
export interface ItemEnd {
  /** Unix seconds. */
  at: number
  usage: TokenUsage
  /** Why a message is incomplete. */
  cut?: CutReason | undefined
}

/** A piece of a call. */
export type CallDelta =
  | { type: 'begun' }
  | { type: 'arguments', fragment: string }
  /** From a built-in tool, while arguments are written or the call runs. */
  | { type: 'tool', delta: ToolStepDelta }

/**
 * Writes down what one execution produces, in the records and events of a dialect. The turn writer decides what is open and in which
 * order things happen; the scribe says how they are stored and published.
 *
 * Methods return records and events and write nothing themselves. Those that end an item may be called again when another writer's
 * write came first (`retry`).
 */
export interface Scribe {
  /** The items that the records hold. */
  load (): Promise<Item[]>

  /** @param reuse an interrupted message, to be written anew under the same id. */
  openMessage (at: number, reuse: MessageItem | undefined): { item: MessageItem, change: Change }
  /** @param isNew whether it is the first piece of its part. */
  textDelta (item: MessageItem, part: number, delta: { value: string, annotations: TextAnnotation[] }, isNew: boolean): DialectEvent[]
  /** The same for pieces without annotations that continue a part, one delta each, where there is a faster way. */
  plainTextDeltas? (item: MessageItem, part: number, pieces: readonly string[]): DialectEvent
  refusalDelta (item: MessageItem, part: number, text: string): DialectEvent[]
  imageDelta (item: MessageItem, part: number, fileId: string): DialectEvent[]
  closeMessage (item: MessageItem, end: ItemEnd, retry: boolean): Promise<Change>

  openCalls (at: number, reuse: CallsItem | undefined): { item: CallsItem, change: Change }
  callDelta (item: CallsItem, index: number, delta: CallDelta): DialectEvent[]
  /** The open calls as they are now. */
  saveCalls (item: CallsItem): WriteItem[]
  closeCalls (item: CallsItem, end: ItemEnd): Change

  /** Absent in a dialect that does not show reasoning. */
  readonly reasoning?: ReasoningScribe

  /** Ends an open item because its job ends early. */
  cutOff (item: Item, why: EarlyEnd, at: number, retry: boolean): Promise<Change>
  /** Removes an interrupted item that nothing has been written in the place of. */
  remove (item: Item): WriteItem[]
}

export interface ReasoningScribe {
  open (at: number, reuse: ReasoningItem | undefined): { item: ReasoningItem, change: Change }
  delta (item: ReasoningItem, text: string): DialectEvent[]
  close (item: ReasoningItem, end: ItemEnd): Change
}
