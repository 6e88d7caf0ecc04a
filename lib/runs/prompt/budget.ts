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

/** Characters of an output that are left of it when it is shortened. */
const SHORT_OUTPUT = 500

/** Messages of the history that cannot be sent without each other: one, or calls with their outputs. */
interface Unit {
  /** With the outputs as they are. */
  whole: readonly ModelMessage[]
  /** With shortened outputs. */
  short: readonly ModelMessage[]
  /** Without the calls. */
  bare: readonly ModelMessage[]
  /** What is sent of it, and the tokens that it takes. */
  sent: readonly ModelMessage[]
  tokens: number
}

/**
 * The prompt within the budget. Outputs of tools in the history are shortened first, the oldest first. Then, with `truncates`, the oldest
 * messages are left out, never the newest; else `history` is what the run has chosen, and only calls are left out of it, the oldest first.
 * Undefined when what must be sent does not fit a limit that the run asked for.
 *
 * Nothing is counted when all of it fits for certain, and nothing behind what exceeds the budget.
 *
 * @param project whose run it is.
 */
export async function fitPrompt (parts: PromptParts, tools: readonly ModelTool[], budget: Budget, truncates: boolean, project: string): Promise<ModelMessage[] | undefined> {
  const { system, own } = parts
  const all = [...system, ...parts.history, ...own]
  if (surelyFits([countableTools(tools), ...all.map(countable)], budget.prompt)) return all

  const atMost = Math.min(budget.prompt, Number.MAX_SAFE_INTEGER)
  const cost = async (countables: readonly Countable[]): Promise<number> => await tokensOf(countables, project, atMost)
  let left = budget.prompt - await cost([countableTools(tools), ...[...system, ...own].map(countable)])
  /** Sends more of the units, in their order, up to the first for which there is no room. Whether there was room for all. */
  const send = async (units: readonly Unit[], form: 'whole' | 'short' | 'bare'): Promise<boolean> => {
    for (const unit of units) {
      const messages = unit[form]
      if (messages === unit.sent) continue
      const tokens = await cost(messages.map(countable))
      if (tokens - unit.tokens > left) return false
      left -= tokens - unit.tokens
      unit.sent = messages
      unit.tokens = tokens
    }
    return true
  }

  const newestFirst = unitsOf(parts.history).reverse()
  const required = truncates ? newestFirst.slice(0, 1) : newestFirst
  const fits = left >= 0 && await send(required, 'bare')
  if (!fits) {
    if (budget.promptIsLimited) return undefined
    for (const unit of required) unit.sent = unit.bare
  } else if (await send(required, 'short')) {
    if (truncates) await send(newestFirst, 'short')
    await send(newestFirst, 'whole')
  }
  return [...system, ...newestFirst.reverse().flatMap(({ sent }) => sent), ...own]
}

/** Tokens of what is sent, exact up to `atMost`, and above it when there are more. */
async function tokensOf (countables: readonly Countable[], project: string, atMost: number): Promise<number> {
  const texts = countables.flatMap(({ texts }) => texts)
  const counts = await countTexts(texts, { project, atMost })
  return [...counts, ...countables.map(({ fixed }) => fixed)].reduce((sum, tokens) => sum + tokens, 0)
}

function unitsOf (history: readonly ModelMessage[]): Unit[] {
  const units: ModelMessage[][] = []
  for (const message of history) {
    const last = units.at(-1)
    if (message.role === 'tool' && last !== undefined) last.push(message)
    else units.push([message])
  }
  return units.map(whole => ({ whole, short: shortened(whole), bare: withoutCalls(whole), sent: [], tokens: 0 }))
}

function shortened (messages: readonly ModelMessage[]): readonly ModelMessage[] {
  if (!messages.some(isLongOutput)) return messages
  // No half of a character is left.
  return messages.map(message => isLongOutput(message) ? { ...message, content: `${message.content.slice(0, SHORT_OUTPUT).replace(/[\ud800-\udbff]$/, '')} [shortened]` } : message)
}

function isLongOutput (message: ModelMessage): message is Extract<ModelMessage, { role: 'tool' }> {
  return message.role === 'tool' && message.content.length > SHORT_OUTPUT
}

function withoutCalls (messages: readonly ModelMessage[]): readonly ModelMessage[] {
  if (messages.length === 1) return messages
  const [first] = messages
  return first?.role === 'assistant' && first.content !== null ? [{ role: 'assistant', content: first.content }] : []
}

function surelyFits (countables: readonly Countable[], tokens: number): boolean {
  let left = tokens
  return countables.every(each => (left -= tokensAtMost(each)) >= 0)
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
