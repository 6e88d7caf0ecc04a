import type { Opaque, Origin } from '../chat/opaque.js'
import type { Translator } from '../in-process/call.js'
import type { FinishReason, ModelPart, ModelUsage } from '../provider.js'
import type { AiSdkStreamPart, AiSdkUsage, ByProvider, ReasoningPart } from './types.js'

interface Call {
  index: number
  empty: boolean
}

/** Longer thinking is not kept: it would weigh on the thread with every turn. */
const LONGEST_REASONING = 256 * 1024

const FINISH_REASONS: Record<string, FinishReason> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter'
}

/** Turns the stream parts of an AI SDK model into ours. */
export class AiSdkTranslator implements Translator<AiSdkStreamPart> {
  readonly #origin: Origin
  readonly #showsReasoning: boolean
  readonly #calls = new Map<string, Call>()
  readonly #reasoning = new Map<string, ReasoningPart>()
  #reasoningLength = 0
  #finish: (AiSdkStreamPart & { type: 'finish' }) | undefined

  /** @param showsReasoning whether reasoning becomes parts. */
  constructor (origin: Origin, showsReasoning: boolean) {
    this.#origin = origin
    this.#showsReasoning = showsReasoning
  }

  get finished (): boolean {
    return this.#finish !== undefined
  }

  /** Throws what an `error` part holds. */
  add (part: AiSdkStreamPart, parts: ModelPart[]): void {
    switch (part.type) {
      case 'text-delta':
        if (part.delta !== '') parts.push({ type: 'text', text: part.delta })
        break
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        this.#addReasoning(part)
        if (this.#showsReasoning && part.type === 'reasoning-delta' && part.delta !== '') parts.push({ type: 'reasoning', text: part.delta })
        break
      case 'tool-input-start':
        // Tools of the vendor's own run there; what they found comes as text.
        if (part.providerExecuted !== true) this.#announce(part.id, part.toolName, part.providerMetadata, parts)
        break
      case 'tool-input-delta':
        this.#push(part.id, part.delta, parts)
        break
      case 'tool-call':
        if (part.providerExecuted !== true) this.#addCall(part, parts)
        break
      case 'finish':
        this.#finish = part
        break
      case 'error':
        throw part.error
    }
  }

  end (parts: ModelPart[]): void {
    for (const [id, call] of this.#calls) if (call.empty) this.#push(id, '{}', parts)
    const usage = usageOf(this.#finish?.usage)
    if (usage !== undefined) parts.push({ type: 'usage', usage })
    const given = this.#finish?.finishReason ?? 'other'
    const unified = typeof given === 'string' ? given : given.unified
    const reason = FINISH_REASONS[unified] ?? 'other'
    const called = this.#calls.size > 0
    parts.push({
      type: 'finish',
      reason: reason === 'stop' && called ? 'tool_calls' : reason === 'tool_calls' && !called ? 'stop' : reason,
      raw: typeof given === 'string' ? given : given.raw ?? unified
    })
  }

  /** Calls come whole, after their input was streamed or without. */
  #addCall (part: AiSdkStreamPart & { type: 'tool-call' }, parts: ModelPart[]): void {
    const known = this.#calls.get(part.toolCallId)
    const call = known ?? this.#announce(part.toolCallId, part.toolName, part.providerMetadata, parts)
    if (call.empty) this.#push(part.toolCallId, part.input, parts)
    const opaque = known === undefined ? undefined : this.#opaque(call.index, part.providerMetadata)
    if (opaque !== undefined) parts.push({ type: 'tool_arguments', index: call.index, fragment: '', opaque })
  }

  #announce (id: string, name: string, metadata: ByProvider | undefined, parts: ModelPart[]): Call {
    const call: Call = { index: this.#calls.size, empty: true }
    this.#calls.set(id, call)
    const opaque = this.#opaque(call.index, metadata)
    parts.push({ type: 'tool_call', index: call.index, id, name, ...(opaque === undefined ? {} : { opaque }) })
    return call
  }

  #push (id: string, fragment: string, parts: ModelPart[]): void {
    const call = this.#calls.get(id)
    if (call === undefined || fragment === '') return
    call.empty = false
    parts.push({ type: 'tool_arguments', index: call.index, fragment })
  }

  /** What came as metadata goes back as options: that is how these models keep signatures of their thinking. */
  #opaque (index: number, call: ByProvider | undefined): Opaque | undefined {
    const reasoning = [...this.#reasoning.values()]
    const message = index === 0 && reasoning.length > 0 && this.#reasoningLength <= LONGEST_REASONING
      ? { reasoning: reasoning.map(part => ({ ...part })) }
      : undefined
    if (call === undefined && message === undefined) return undefined
    return { origin: this.#origin, ...(call && { call }), ...(message && { message }) }
  }

  #addReasoning (part: AiSdkStreamPart & { type: 'reasoning-start' | 'reasoning-delta' | 'reasoning-end' }): void {
    const block = this.#reasoning.get(part.id) ?? { type: 'reasoning', text: '' }
    this.#reasoning.set(part.id, block)
    if (part.providerMetadata !== undefined) block.providerOptions = merged(block.providerOptions, part.providerMetadata)
    if (part.type !== 'reasoning-delta') return
    this.#reasoningLength += part.delta.length
    if (this.#reasoningLength <= LONGEST_REASONING) block.text += part.delta
  }
}

function merged (before: ByProvider | undefined, more: ByProvider): ByProvider {
  const result = { ...before }
  for (const [provider, values] of Object.entries(more)) result[provider] = { ...result[provider], ...values }
  return result
}

function usageOf (usage: AiSdkUsage | undefined): ModelUsage | undefined {
  if (usage === undefined) return undefined
  const { inputTokens: input, outputTokens: output } = usage
  const promptTokens = typeof input === 'object' ? input.total : input
  const completionTokens = typeof output === 'object' ? output.total : output
  if (promptTokens === undefined && completionTokens === undefined) return undefined
  const cachedTokens = typeof input === 'object' ? input.cacheRead : usage.cachedInputTokens
  const reasoningTokens = typeof output === 'object' ? output.reasoning : usage.reasoningTokens
  return {
    promptTokens: promptTokens ?? 0,
    completionTokens: completionTokens ?? 0,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens })
  }
}
