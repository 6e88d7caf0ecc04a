import { newId } from '../../shared/ids.js'
import type { Translator } from '../in-process/call.js'
import type { FinishReason, ModelPart } from '../provider.js'
import type { CogitatorChunk, CogitatorUsage } from './types.js'

const FINISH_REASONS: Record<string, FinishReason> = { stop: 'stop', tool_calls: 'tool_calls', length: 'length' }

/** Turns Cogitator's chunks into parts. Calls come whole; usage comes after the finish reason. */
export class CogitatorTranslator implements Translator<CogitatorChunk> {
  #calls = 0
  #finish: string | undefined
  #usage: CogitatorUsage | undefined

  get finished (): boolean {
    return this.#finish !== undefined
  }

  add ({ delta, finishReason, usage }: CogitatorChunk, parts: ModelPart[]): void {
    if (typeof delta?.content === 'string' && delta.content !== '') parts.push({ type: 'text', text: delta.content })
    for (const call of delta?.toolCalls ?? []) {
      if (call.name === undefined || call.name === '') continue
      const index = this.#calls++
      parts.push({ type: 'tool_call', index, id: call.id === undefined || call.id === '' ? newId.toolCall() : call.id, name: call.name })
      parts.push({ type: 'tool_arguments', index, fragment: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {}) })
    }
    this.#finish = finishReason ?? this.#finish
    this.#usage = usage ?? this.#usage
  }

  end (parts: ModelPart[]): void {
    if (this.#usage !== undefined) {
      parts.push({ type: 'usage', usage: { promptTokens: this.#usage.inputTokens ?? 0, completionTokens: this.#usage.outputTokens ?? 0 } })
    }
    const raw = this.#finish ?? ''
    const reason = FINISH_REASONS[raw] ?? 'other'
    const called = this.#calls > 0
    parts.push({ type: 'finish', reason: reason === 'stop' && called ? 'tool_calls' : reason === 'tool_calls' && !called ? 'stop' : reason, raw })
  }
}
