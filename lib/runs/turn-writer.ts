import type { WriteItem } from '../../storage/record-store.js'
import type { AnnotatedText, Annotator, ArgumentsReader, BuiltInResult, ToolStepDelta } from '../tools/built-in-tool.js'
import type { OfferedTool } from '../tools/built-in-tools.js'
import type { ModelToolCall } from '../models/provider.js'
import { chainAnnotators, lengthIn, type OffsetUnit } from './annotators.js'
import type { CallDelta, Change, DialectEvent, EarlyEnd, ItemEnd, Scribe } from './dialect.js'
import { callsOf, imagesToShow, type Call, type CallsItem, type Item, type MessageItem, type ReasoningItem } from './items.js'
import { NO_USAGE, type CutReason, type TokenUsage } from './job.js'

/** The writer's way to the store. `build` is called again, with `retry` true, when another writer's write came first. */
export interface Committer {
  /** Unix seconds. */
  now (): number
  commit (build: (retry: boolean) => Change | Promise<Change>): Promise<void>
  publish (events: DialectEvent[]): void
}

type WithoutChange = () => Change
const NOTHING: WithoutChange = () => ({})

/**
 * Writes what a model turn produces: one open item at a time, reasoning, a message or a set of calls, with each event published
 * after its record is persisted (deltas excepted: a message is persisted when it begins and when it ends).
 */
export class TurnWriter {
  #open: Item | undefined
  /** The items finished so far, oldest first. */
  readonly items: Item[]
  readonly #committer: Committer
  readonly #scribe: Scribe
  readonly #tools: readonly OfferedTool[]
  readonly #offsetUnit: OffsetUnit
  /** What an interrupted turn has left: written anew, under the same ids, when the redone turn opens the same kind, else removed. */
  #leftovers: Item[] = []
  /** Of the text part being written. */
  #annotator: Annotator | undefined
  /** No delta of the part has been published yet. */
  #isPartNew = false
  /** By call id, while the model writes the arguments. */
  readonly #readers = new Map<string, ArgumentsReader>()

  /**
   * @param tools the built-in tools that the job offers to the model.
   * @param offsetUnit what offsets of annotations count.
   */
  constructor (committer: Committer, scribe: Scribe, tools: readonly OfferedTool[], items: Item[], offsetUnit: OffsetUnit) {
    this.#offsetUnit = offsetUnit
    this.#committer = committer
    this.#scribe = scribe
    this.#tools = tools
    this.items = items
  }

  get open (): Item | undefined {
    return this.#open
  }

  get showsReasoning (): boolean {
    return this.#scribe.reasoning !== undefined
  }

  /** The open calls, if calls are open. */
  get openCalls (): CallsItem | undefined {
    return this.#open?.kind === 'calls' ? this.#open : undefined
  }

  /** How many model turns have ended in calls. */
  get turns (): number {
    return this.items.filter(item => item.kind === 'calls').length
  }

  /** Usage of every item, for the job's total. */
  usages (): (TokenUsage | null)[] {
    return [...this.items.map(item => item.usage), this.openCalls?.usage ?? null]
  }

  /** The open calls as the model made them. */
  calls (): ModelToolCall[] {
    return this.openCalls?.calls.map(({ id, name, arguments: args }) => ({ id, name, arguments: args })) ?? []
  }

  /**
   * Continues with the last item as the store has it. Calls that the model had finished making are open again; anything less is to
   * be redone.
   */
  resume (): void {
    const last = this.items.at(-1)
    if (last === undefined || !last.isOpen) return
    this.items.pop()
    if (last.kind === 'calls' && last.isComplete) {
      this.#open = last
      return
    }
    this.#leftovers = [last]
    // What stands right before it belongs to the same turn, and the redone turn will say it again.
    for (let before = this.items.at(-1); before !== undefined && before.kind !== 'calls'; before = this.items.at(-1)) {
      this.#leftovers.unshift(before)
      this.items.pop()
    }
  }

  /** Opens what an interrupted turn has left half written, only to end it: the job will not go on with it. */
  reopenLeftovers (): void {
    for (const left of this.#leftovers.splice(0)) {
      if (!left.isOpen) this.items.push(left)
      else this.#open = left.kind === 'calls' ? { ...left, calls: [], usage: null } : left
    }
  }

  /** Continues the text that is open, with a delta for each piece. False, and nothing done, when none is. */
  appendText (pieces: readonly string[]): boolean {
    const item = this.#open
    if (item?.kind !== 'message' || item.parts.at(-1)?.type !== 'text') return false
    this.#continueText(item, pieces)
    return true
  }

  async text (pieces: readonly string[]): Promise<void> {
    const item = await this.#message()
    if (item.parts.at(-1)?.type !== 'text') {
      this.#annotator = chainAnnotators(this.#tools.flatMap(({ tool }) => {
        const calls = callsOf(this.items, tool.type)
        return calls.length === 0 || tool.annotator === undefined ? [] : [tool.annotator(calls.map(({ step }) => step), calls.map(({ kept }) => kept))]
      }))
      item.parts.push({ type: 'text', text: '', annotations: [] })
      this.#isPartNew = true
    }
    this.#continueText(item, pieces)
  }

  #continueText (item: MessageItem, pieces: readonly string[]): void {
    const annotator = this.#annotator
    const part = item.parts.at(-1)
    if (annotator === undefined && !this.#isPartNew && part?.type === 'text' && this.#scribe.plainTextDeltas !== undefined) {
      part.text += pieces.join('')
      return this.#committer.publish([this.#scribe.plainTextDeltas(item, item.parts.length - 1, pieces)])
    }
    this.#publishText(item, annotator === undefined ? pieces.map(value => ({ value, annotations: [] })) : pieces.flatMap(piece => annotator.push(piece)))
  }

  async refusal (text: string): Promise<void> {
    const item = await this.#message()
    this.#endText(item)
    const last = item.parts.at(-1)
    if (last?.type === 'refusal') last.text += text
    else item.parts.push({ type: 'refusal', text })
    this.#committer.publish(this.#scribe.refusalDelta(item, item.parts.length - 1, text))
  }

  /** What the model thinks, for dialects that show it. */
  async reasoning (text: string): Promise<void> {
    const { reasoning } = this.#scribe
    if (reasoning === undefined) return
    if (this.#open?.kind !== 'reasoning') {
      const left = this.#takeLeftover('reasoning')
      await this.#openNext(() => reasoning.open(this.#committer.now(), left), NOTHING)
    }
    const item = this.#open as Item as ReasoningItem
    item.text += text
    this.#committer.publish(reasoning.delta(item, text))
  }

  async toolCall (id: string, name: string, opaque: unknown): Promise<void> {
    const item = await this.#calls()
    const call: Call = { id, name, arguments: '', output: null, ...opaque === undefined ? {} : { opaque } }
    const offered = this.#tools.find(({ shown }) => shown.name === name)
    if (offered !== undefined) {
      call.builtIn = { offered, step: offered.tool.begin({ id, name, arguments: '' }, offered.declared), kept: undefined, isAnswered: false }
      const reader = offered.tool.readArguments?.()
      if (reader !== undefined) this.#readers.set(id, reader)
    }
    const index = item.calls.push(call) - 1
    this.#publishCall(item, index, { type: 'begun' })
  }

  /** Keeps what the model says behind its calls: later turns read it. */
  textBehindCalls (text: string): void {
    const item = this.openCalls
    if (item !== undefined) item.said = (item.said ?? '') + text
  }

  /** @param opaque replaces what came with the call. */
  toolArguments (index: number, fragment: string, opaque: unknown): void {
    const item = this.openCalls
    const call = item?.calls[index]
    if (item === undefined || call === undefined) return
    if (opaque !== undefined) call.opaque = opaque
    if (fragment === '') return
    call.arguments += fragment
    if (call.builtIn === undefined) return this.#publishCall(item, index, { type: 'arguments', fragment })
    this.#publishTool(item, index, this.#readers.get(call.id)?.push(fragment))
  }

  /** The model has made all its calls: persisted with the turn's usage, so that nothing asks the model for them again. */
  async callsMade (usage: TokenUsage): Promise<void> {
    const item = this.openCalls
    if (item === undefined) return
    this.#readers.clear()
    item.usage = usage
    item.isComplete = true
    for (const call of item.calls) this.toolBegins(call)
    await this.saveCalls()
  }

  /** A call of a built-in tool is about to run, perhaps not for the first time. */
  toolBegins ({ id, name, arguments: args, builtIn }: Call): void {
    if (builtIn !== undefined) builtIn.step = builtIn.offered.tool.begin({ id, name, arguments: args }, builtIn.offered.declared)
  }

  /** What a built-in tool reports while a call of it runs. */
  toolProgress (call: Call, delta: ToolStepDelta): void {
    const item = this.openCalls
    const { builtIn } = call
    if (builtIn !== undefined) builtIn.step = builtIn.offered.tool.apply?.(builtIn.step, delta) ?? builtIn.step
    if (item !== undefined) this.#publishTool(item, item.calls.indexOf(call), delta)
  }

  /** A call of a built-in tool has run. */
  toolResult ({ builtIn }: Call, { call, kept }: BuiltInResult): void {
    if (builtIn === undefined) return
    Object.assign(builtIn, { step: call, kept, isAnswered: true })
  }

  /** Persists the open calls as they are now, outputs included. */
  async saveCalls (alongside: () => Change = NOTHING): Promise<void> {
    const item = this.openCalls
    if (item === undefined) return
    await this.#committer.commit(() => join({ items: this.#scribe.saveCalls(item) }, alongside()))
  }

  /** Ends the open item as completed, together with the job's next move (`then`). Opens a message first if nothing is open. */
  async finish (usage: TokenUsage, then: () => Change = NOTHING, cut?: CutReason): Promise<void> {
    if (this.#open === undefined || this.#open.kind === 'reasoning') await this.#message()
    this.#endOpenText()
    await this.#committer.commit(async retry => join(await this.#close({ at: this.#committer.now(), usage, cut }, retry), { items: this.#removal() }, then()))
    this.#leftovers = []
    this.#closed(usage)
  }

  /** Ends what is open because the job ends early. Returns the change; the caller commits it with the job's own. */
  async cutOff (why: EarlyEnd, retry: boolean): Promise<Change> {
    if (this.#open === undefined) return {}
    this.#endOpenText()
    return await this.#scribe.cutOff(this.#open, why, this.#committer.now(), retry)
  }

  async #message (): Promise<MessageItem> {
    if (this.#open?.kind === 'message') return this.#open
    const at = this.#committer.now()
    const left = this.#takeLeftover('message')
    const item = await this.#openNext(() => this.#scribe.openMessage(at, left), NOTHING)
    for (const fileId of imagesToShow(this.items)) {
      const index = item.parts.push({ type: 'image', fileId }) - 1
      this.#committer.publish(this.#scribe.imageDelta(item, index, fileId))
    }
    return item
  }

  async #calls (): Promise<CallsItem> {
    if (this.#open?.kind === 'calls') return this.#open
    const at = this.#committer.now()
    const left = this.#takeLeftover('calls')
    const item = await this.#openNext(() => this.#scribe.openCalls(at, left), () => ({ items: this.#removal() }))
    this.#leftovers = []
    return item
  }

  /** Closes what is open in the write that opens the next item, so that no crash can fall between. */
  async #openNext<T extends Item> (open: () => { item: T, change: Change }, alongside: () => Change): Promise<T> {
    const { item, change } = open()
    this.#endOpenText()
    await this.#committer.commit(async retry => join(await this.#close({ at: this.#committer.now(), usage: NO_USAGE }, retry), alongside(), change))
    this.#closed(NO_USAGE)
    this.#annotator = undefined
    this.#open = item
    return item
  }

  async #close (end: ItemEnd, retry: boolean): Promise<Change> {
    switch (this.#open?.kind) {
      case undefined: return {}
      case 'message': return await this.#scribe.closeMessage(this.#open, end, retry)
      case 'calls': return this.#scribe.closeCalls(this.#open, end)
      case 'reasoning': return this.#scribe.reasoning?.close(this.#open, end) ?? {}
    }
  }

  #closed (usage: TokenUsage): void {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    open.isOpen = false
    open.usage = usage
    this.items.push(open)
  }

  /** Publishes what the annotator of the open text has held back. */
  #endOpenText (): void {
    if (this.#open?.kind === 'message') this.#endText(this.#open)
  }

  #endText (item: MessageItem): void {
    const held = this.#annotator?.end() ?? []
    this.#annotator = undefined
    if (held.length > 0) this.#publishText(item, held)
  }

  #publishText (item: MessageItem, pieces: readonly AnnotatedText[]): void {
    const index = item.parts.length - 1
    const part = item.parts[index]
    if (part?.type !== 'text') return
    const events: DialectEvent[] = []
    for (const { value, annotations } of pieces) {
      const place = (index: number): number => lengthIn(this.#offsetUnit, part.text + value.slice(0, index))
      const placed = annotations.map(annotation => ({ ...annotation, start_index: place(annotation.start_index), end_index: place(annotation.end_index) }))
      part.text += value
      part.annotations.push(...placed)
      events.push(...this.#scribe.textDelta(item, index, { value, annotations: placed }, this.#isPartNew))
      this.#isPartNew = false
    }
    this.#committer.publish(events)
  }

  #publishTool (item: CallsItem, index: number, delta: ToolStepDelta | undefined): void {
    if (delta !== undefined) this.#publishCall(item, index, { type: 'tool', delta })
  }

  #publishCall (item: CallsItem, index: number, delta: CallDelta): void {
    this.#committer.publish(this.#scribe.callDelta(item, index, delta))
  }

  #takeLeftover<K extends Item['kind']> (kind: K): (Item & { kind: K }) | undefined {
    const index = this.#leftovers.findIndex(left => left.kind === kind)
    return index === -1 ? undefined : this.#leftovers.splice(index, 1)[0] as Item & { kind: K }
  }

  /** Removes what the redone turn has no use for. */
  #removal (): WriteItem[] {
    return this.#leftovers.flatMap(left => this.#scribe.remove(left))
  }
}

function join (...changes: Change[]): Change {
  return {
    body: changes.findLast(change => change.body !== undefined)?.body,
    items: changes.flatMap(change => change.items ?? []),
    events: changes.flatMap(change => change.events ?? [])
  }
}
