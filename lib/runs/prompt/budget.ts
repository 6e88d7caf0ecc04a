import type { ModelMessage, ModelTool, ModelUsage } from '../../models/provider.js'
import { BYTES_PER_TOKEN, countTexts } from '../../models/token-counts.js'
import { countable, countableTools, tokensAtMost, type Countable } from '../../models/tokens.js'
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

/** Text of the conversation that is counted at once, in characters. */
const BATCH = 64_000

/**
 * The prompt within the budget. With `truncates` the oldest messages are left out, never the newest; else
 * `history` is what the run has chosen. Undefined when what must be sent does not fit a limit that the run asked for.
 *
 * Nothing is counted when all of it fits for certain, and nothing behind what exceeds the budget.
 *
 * @param project whose run it is.
 */
export async function fitPrompt (parts: PromptParts, tools: readonly ModelTool[], budget: Budget, truncates: boolean, project: string): Promise<ModelMessage[] | undefined> {
  const { system, history, own } = parts
  const all = [...system, ...history, ...own]
  if (surelyFits([countableTools(tools), ...all.map(countable)], budget.prompt)) return all

  const count = new BudgetCount(budget.prompt, project)
  await count.take([countableTools(tools), ...[...system, ...own].map(countable)])
  let from = history.length
  while (from > 0 && count.left >= 0) {
    const batch = newest(history.slice(0, from))
    from -= await count.take(batch)
  }
  const indispensableFrom = truncates ? Math.max(history.length - 1, 0) : 0
  const fits = from <= indispensableFrom && (count.left >= 0 || from < history.length)
  if (!fits && budget.promptIsLimited) return undefined
  return [...system, ...history.slice(Math.min(from, indispensableFrom)), ...own]
}

function surelyFits (countables: readonly Countable[], tokens: number): boolean {
  let left = tokens
  return countables.every(each => (left -= tokensAtMost(each)) >= 0)
}

/** The last messages, newest first, one at least. */
function newest (messages: readonly ModelMessage[]): Countable[] {
  const batch: Countable[] = []
  let characters = 0
  for (let i = messages.length - 1; i >= 0 && characters < BATCH; i--) {
    const next = countable(messages[i]!)
    characters += next.texts.reduce((sum, text) => sum + text.length, 0)
    batch.push(next)
  }
  return batch
}

/** Takes tokens from a budget. */
class BudgetCount {
  left: number
  readonly #project: string

  constructor (tokens: number, project: string) {
    this.left = tokens
    this.#project = project
  }

  /** Takes one after the other, up to the first that exceeds what is left. How many did not. */
  async take (countables: readonly Countable[]): Promise<number> {
    const counts = await countTexts(countables.flatMap(({ texts }) => texts), { project: this.#project, atMost: this.left })
    let at = 0
    for (const [i, { texts, fixed }] of countables.entries()) {
      this.left -= counts.slice(at, at + texts.length).reduce((sum, tokens) => sum + tokens, fixed)
      at += texts.length
      if (this.left < 0) return i
    }
    return countables.length
  }
}

/** Of a prompt that is longer no more is counted: its tokens are estimated from these. */
const MOST_ESTIMATED = 200_000

/** Usage for a provider that reports none. */
export async function estimateUsage (prompt: readonly ModelMessage[], tools: readonly ModelTool[], completion: ModelMessage, project: string): Promise<ModelUsage> {
  return {
    promptTokens: await estimate([countableTools(tools), ...prompt.map(countable)], project),
    completionTokens: await estimate([countable(completion)], project)
  }
}

async function estimate (countables: readonly Countable[], project: string): Promise<number> {
  const texts = countables.flatMap(({ texts }) => texts)
  const counts = await countTexts(texts, { project, atMost: MOST_ESTIMATED })
  const counted = counts.reduce((sum, tokens) => sum + tokens, 0)
  const fixed = countables.reduce((sum, each) => sum + each.fixed, 0)
  if (counts.length === texts.length && counted <= MOST_ESTIMATED) return fixed + counted
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  return fixed + Math.max(counted, Math.ceil(bytes / BYTES_PER_TOKEN))
}
