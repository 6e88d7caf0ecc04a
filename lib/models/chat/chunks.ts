import type { FinishReason, ModelPart, ModelUsage } from '../provider.js'
import { CallTracker, type CallFragment } from './calls.js'
import { Reasoning, type Opaque, type Origin } from './opaque.js'

/** The vendor reported an error inside its stream. */
export class StreamedError extends Error {
  override name = 'StreamedError'
  /** The chunk, to be read like the body of an HTTP error. */
  readonly body: Record<string, unknown>

  constructor (body: Record<string, unknown>) {
    super('The stream holds an error.')
    this.body = body
  }
}

const FINISH_REASONS: Record<string, FinishReason> = {
  stop: 'stop',
  end_turn: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  safety: 'content_filter',
  recitation: 'content_filter',
  refusal: 'content_filter'
}

/** Turns the chunks of one chat completion into parts. Also takes a whole completion, whose choice has a `message`. */
export class ChunkTranslator {
  readonly #origin: Origin
  readonly #showsReasoning: boolean
  readonly #calls: CallTracker
  readonly #reasoning = new Reasoning()
  #reasoningIsLate = false
  #usage: ModelUsage | undefined
  #finish: string | undefined
  #begun = false
  #produced = false

  /** @param showsReasoning whether reasoning becomes parts. It goes back with tool calls either way, where the vendor wants it. */
  constructor (origin: Origin, showsReasoning: boolean) {
    this.#origin = origin
    this.#showsReasoning = showsReasoning
    this.#calls = new CallTracker((extras, index) => this.#opaque(extras, index))
  }

  /** Whether the vendor has sent a finish reason. */
  get finished (): boolean {
    return this.#finish !== undefined
  }

  /** Whether any part was passed on, reasoning included. */
  get begun (): boolean {
    return this.#begun
  }

  /** Whether there was anything to read in the answer. */
  get produced (): boolean {
    return this.#produced
  }

  /** Whether every tool call can be made. */
  get complete (): boolean {
    return this.#calls.complete
  }

  /** Appends a text that stood in a chunk without anything else of effect. */
  addText (text: string, parts: ModelPart[]): void {
    if (text !== '') parts.push({ type: 'text', text })
    this.#begun ||= text !== ''
    this.#produced ||= text !== ''
  }

  /** The text of a chunk that has no effect beside it, else undefined. Such a chunk may be read by `addText`. */
  static textAlone (chunk: Record<string, unknown>): string | undefined {
    const choice = firstChoice(chunk)
    const delta = record(choice?.delta)
    if (choice === undefined || delta === undefined || (chunk.choices as unknown[]).length !== 1) return undefined
    const isInert = [chunk.error, chunk.usage, chunk.x_groq, choice.error, choice.finish_reason].every(value => value === undefined || value === null)
    if (!isInert || chunk.object === 'error') return undefined
    return Object.entries(delta).every(([key, value]) => key === 'content' || key === 'role' || value === null) && typeof delta.content === 'string' ? delta.content : undefined
  }

  /** Appends the parts of a chunk. Throws `StreamedError`. */
  add (chunk: Record<string, unknown>, parts: ModelPart[]): void {
    const choice = firstChoice(chunk)
    const error = chunk.error ?? choice?.error
    if (error !== undefined && error !== null) throw new StreamedError({ error })
    if (chunk.object === 'error') throw new StreamedError(chunk)
    // Some vendors count along in every chunk, so only the last count is true. Groq's is in a corner of its own.
    this.#usage = usageOf(chunk.usage) ?? usageOf(record(chunk.x_groq)?.usage) ?? this.#usage
    if (choice === undefined) return
    const delta = record(choice.delta) ?? record(choice.message)
    if (delta !== undefined && this.#addDelta(delta, parts)) this.#produced = true
    if (parts.length > 0) this.#begun = true
    if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '') this.#finish = choice.finish_reason
  }

  /**
   * Appends what closes the message. Usage goes ahead of the finish, for an engine that stops reading there. Both wait
   * for the end of the stream, because some vendors give a reason on every chunk or go on after it.
   */
  end (parts: ModelPart[]): void {
    this.#calls.end(parts)
    if (this.#reasoningIsLate) this.#calls.refreshFirst(parts)
    if (this.#usage !== undefined) parts.push({ type: 'usage', usage: this.#usage })
    parts.push({ type: 'finish', reason: this.#reason(), ...(this.#finish === undefined ? {} : { raw: this.#finish }) })
  }

  /** Whether the delta had a piece of the answer. */
  #addDelta (delta: Record<string, unknown>, parts: ModelPart[]): boolean {
    const { content, refusal, tool_calls: calls, function_call: legacyCall } = delta
    if (this.#reasoning.add(delta) && this.#calls.count > 0) this.#reasoningIsLate = true
    const thought = this.#showsReasoning ? reasoningText(delta) : ''
    if (thought !== '') parts.push({ type: 'reasoning', text: thought })
    const before = parts.length
    const text = typeof content === 'string' ? content : joinedText(content)
    if (text !== '') parts.push({ type: 'text', text })
    if (typeof refusal === 'string' && refusal !== '') parts.push({ type: 'refusal', text: refusal })
    if (Array.isArray(calls)) {
      for (const call of calls) if (record(call) !== undefined) this.#calls.add(call as CallFragment, parts)
    } else {
      const legacy = record(legacyCall)
      if (legacy !== undefined) this.#calls.add({ index: 0, function: legacy }, parts)
    }
    return parts.length > before
  }

  #opaque (call: Record<string, unknown> | undefined, index: number): Opaque | undefined {
    const message = index === 0 ? this.#reasoning.keys : undefined
    if (call === undefined && message === undefined) return undefined
    return { origin: this.#origin, ...(call && { call }), ...(message && { message }) }
  }

  #reason (): FinishReason {
    const called = this.#calls.count > 0
    const reason = this.#finish === undefined ? 'stop' : FINISH_REASONS[this.#finish.toLowerCase()] ?? 'other'
    // Several vendors say `stop` with calls; the other way round there is nothing to call.
    if (reason === 'stop' && called) return 'tool_calls'
    return reason === 'tool_calls' && !called ? 'stop' : reason
  }
}

function firstChoice (chunk: Record<string, unknown>): Record<string, unknown> | undefined {
  if (!Array.isArray(chunk.choices)) return undefined
  const choice = record(chunk.choices[0])
  // More than one answer is never asked for.
  return choice?.index === undefined || choice.index === 0 ? choice : undefined
}

/** Mistral's reasoning models give content as parts, thinking among them. */
function joinedText (content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content.map(part => part?.type === 'text' && typeof part.text === 'string' ? part.text : '').join('')
}

/** Vendors name it in three ways; some send one text under two names. */
function reasoningText ({ reasoning_content: long, reasoning: short, content }: Record<string, unknown>): string {
  if (typeof long === 'string' && long !== '') return long
  if (typeof short === 'string' && short !== '') return short
  if (!Array.isArray(content)) return ''
  return content.map(part => part?.type === 'thinking' ? joinedText(part.thinking) : '').join('')
}

function usageOf (value: unknown): ModelUsage | undefined {
  const usage = record(value)
  if (usage === undefined || (usage.prompt_tokens == null && usage.completion_tokens == null)) return undefined
  const cached = record(usage.prompt_tokens_details)?.cached_tokens ?? usage.prompt_cache_hit_tokens
  const reasoning = record(usage.completion_tokens_details)?.reasoning_tokens
  return {
    promptTokens: count(usage.prompt_tokens),
    completionTokens: count(usage.completion_tokens),
    ...(typeof cached === 'number' ? { cachedTokens: count(cached) } : {}),
    ...(typeof reasoning === 'number' ? { reasoningTokens: count(reasoning) } : {})
  }
}

function count (value: unknown): number {
  return typeof value === 'number' && value >= 0 ? Math.trunc(value) : 0
}

function record (value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
}
