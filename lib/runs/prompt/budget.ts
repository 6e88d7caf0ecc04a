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

/**
 * The prompt within the budget. With `truncates` the oldest messages are left out, never the newest; else
 * `history` is what the run has chosen. Undefined when what must be sent does not fit a limit that the run asked for.
 */
export async function fitPrompt (parts: PromptParts, tools: readonly ModelTool[], budget: Budget, truncates: boolean): Promise<ModelMessage[] | undefined> {
  const { system, history, own } = parts
  const all = [...system, ...history, ...own]
  const atMost = all.reduce((sum, message) => sum + messageTokensAtMost(message), 0) + toolTokens(text => Buffer.byteLength(text), tools)
  if (atMost <= budget.prompt) return all

  const count = await tokenCounter()
  let left = budget.prompt - toolTokens(count, tools)
  for (const message of [...system, ...own]) left -= messageTokens(count, message)
  let from = history.length
  for (const message of [...history].reverse()) {
    left -= messageTokens(count, message)
    if (left < 0) break
    from--
  }
  const indispensableFrom = truncates ? Math.max(history.length - 1, 0) : 0
  const fits = from <= indispensableFrom && (left >= 0 || from < history.length)
  if (!fits && budget.promptIsLimited) return undefined
  return [...system, ...history.slice(Math.min(from, indispensableFrom)), ...own]
}

/** Usage for a provider that reports none. */
export async function estimateUsage (prompt: readonly ModelMessage[], tools: readonly ModelTool[], completion: ModelMessage): Promise<ModelUsage> {
  const count = await tokenCounter()
  return {
    promptTokens: prompt.reduce((sum, message) => sum + messageTokens(count, message), 0) + toolTokens(count, tools),
    completionTokens: messageTokens(count, completion)
  }
}
