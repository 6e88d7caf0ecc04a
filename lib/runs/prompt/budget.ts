import type { ModelMessage, ModelTool, ModelUsage } from '../../models/provider.js'
import { messageTokens, messageTokensAtMost, tokenCounter, toolTokens } from '../../models/tokens.js'
import type { JobSpec, TokenUsage } from '../job.js'

/** What a run may still use, as totals over its model calls (API reference, "Create run", token limits). */
export interface Budget {
  /** Tokens for the next prompt. */
  prompt: number
  /** Whether the run asked for that bound itself. If not, it is only there to keep prompts reasonable, and what must be sent is sent. */
  promptIsLimited: boolean
  /** Tokens for the next completion; undefined without a limit. */
  completion: number | undefined
}

export function remaining (limits: JobSpec['limits'], used: TokenUsage, contextTokens: number): Budget {
  return {
    prompt: Math.min(contextTokens, limits.promptTokens === null ? Infinity : limits.promptTokens - used.promptTokens),
    promptIsLimited: limits.promptTokens !== null,
    completion: limits.completionTokens === null ? undefined : limits.completionTokens - used.completionTokens
  }
}

export interface PromptParts {
  /** Always sent: the instructions. */
  system: ModelMessage[]
  /** The conversation before the run, oldest first. */
  history: ModelMessage[]
  /** Always sent: what the run itself has done. */
  own: ModelMessage[]
}

/** Characters of an output that are left of it when it is shortened. */
const SHORT_OUTPUT = 500

/**
 * The prompt within the budget. Outputs of tools in the history are shortened first, the oldest first. Then, with `truncates`, the oldest
 * messages are left out, never the newest; else `history` is what the run has chosen, and only calls are left out of it, the oldest first.
 * Undefined when what must be sent does not fit a limit that the run asked for.
 */
export async function fitPrompt (parts: PromptParts, tools: readonly ModelTool[], budget: Budget, truncates: boolean): Promise<ModelMessage[] | undefined> {
  const { system, own } = parts
  const all = [...system, ...parts.history, ...own]
  const atMost = all.reduce((sum, message) => sum + messageTokensAtMost(message), 0) + toolTokens(text => Buffer.byteLength(text), tools)
  if (atMost <= budget.prompt) return all

  const count = await tokenCounter()
  const cost = (messages: readonly ModelMessage[]): number => messages.reduce((sum, message) => sum + messageTokens(count, message), 0)
  const left = budget.prompt - toolTokens(count, tools) - cost(system) - cost(own)
  const kept: { messages: ModelMessage[], tokens: number, whole: ModelMessage[] }[] = []
  let used = 0
  for (const whole of unitsOf(parts.history).reverse()) {
    const messages = whole.map(shortened)
    const tokens = cost(messages)
    if (truncates && used + tokens > left && kept.length > 0) break
    used += tokens
    kept.push({ messages, tokens, whole })
  }
  const replace = (unit: typeof kept[number], messages: ModelMessage[], tokens: number): void => {
    used += tokens - unit.tokens
    Object.assign(unit, { messages, tokens })
  }
  for (const unit of kept) {
    if (unit.whole.every((message, i) => message === unit.messages[i])) continue
    const tokens = cost(unit.whole)
    if (used + tokens - unit.tokens > left) break
    replace(unit, unit.whole, tokens)
  }
  for (const unit of [...kept].reverse()) {
    if (used <= left || unit.messages.length === 1) continue
    const messages = withoutCalls(unit.messages)
    replace(unit, messages, cost(messages))
  }
  if (used > left && budget.promptIsLimited) return undefined
  return [...system, ...kept.reverse().flatMap(({ messages }) => messages), ...own]
}

/** Messages that cannot be sent without each other: calls and their outputs. */
function unitsOf (history: readonly ModelMessage[]): ModelMessage[][] {
  const units: ModelMessage[][] = []
  for (const message of history) {
    const last = units.at(-1)
    if (message.role === 'tool' && last !== undefined) last.push(message)
    else units.push([message])
  }
  return units
}

function shortened (message: ModelMessage): ModelMessage {
  if (message.role !== 'tool' || message.content.length <= SHORT_OUTPUT) return message
  // No half of a character is left.
  return { ...message, content: `${message.content.slice(0, SHORT_OUTPUT).replace(/[\ud800-\udbff]$/, '')} [shortened]` }
}

function withoutCalls ([first]: ModelMessage[]): ModelMessage[] {
  return first?.role === 'assistant' && first.content !== null ? [{ role: 'assistant', content: first.content }] : []
}

/** Usage for a provider that reports none. */
export async function estimateUsage (prompt: readonly ModelMessage[], tools: readonly ModelTool[], completion: ModelMessage): Promise<ModelUsage> {
  const count = await tokenCounter()
  return {
    promptTokens: prompt.reduce((sum, message) => sum + messageTokens(count, message), 0) + toolTokens(count, tools),
    completionTokens: messageTokens(count, completion)
  }
}
