import type { ToolResources } from '../../schemas/tools.js'
import type { ModelMessage, ModelUsage } from '../models/provider.js'
import type { ToolDeclaration } from '../tools/built-in-tool.js'

/**
 * A job is one run as the engine sees it: something to be executed once, whose record has the shape of an API dialect. In the
 * Assistants dialect a job is a `thread.run`.
 */

/** Names a job. All its records lie in one partition. */
export interface JobKey {
  /** Name of the dialect that the job's records are written in. */
  readonly dialect: string
  readonly project: string
  readonly partition: string
  readonly jobId: string
}

/** Where a job is in its life. `waiting` is for its client; a job that has ended stays so. */
export type JobPhase = 'queued' | 'running' | 'waiting' | 'cancelling' | 'ended'

export interface JobState {
  phase: JobPhase
  /** Unix seconds; null when the job never expires. */
  expiresAt: number | null
}

export type TokenUsage = Required<ModelUsage>

export interface JobError {
  code: 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'
  message: string
}

/** Why an answer is incomplete. */
export type CutReason = 'max_completion_tokens' | 'max_prompt_tokens' | 'content_filter'

/** What the engine has to know of a job to execute it. Fixed from its creation to its end. */
export interface JobSpec {
  /** As its creator named it, to be resolved by the registry. */
  model: string
  /** Sent first with every model turn. */
  system: ModelMessage[]
  tools: readonly ToolDeclaration[]
  limits: {
    /** Tokens over all model turns; null without a limit. */
    promptTokens: number | null
    completionTokens: number | null
    /** Messages of the conversation that a prompt takes, counted from the newest; null for as many as the server takes. */
    lastMessages: number | null
    /** Whether old messages are left out to fit a prompt into its limit. */
    truncates: boolean
  }
  /** What tools know of the job. */
  context: {
    runId: string
    threadId: string
    assistantId: string
    metadata: Readonly<Record<string, string>>
    resources: ToolResources | null
  }
}

export const NO_USAGE: TokenUsage = { promptTokens: 0, completionTokens: 0, cachedTokens: 0, reasoningTokens: 0 }

export function totalUsage (usages: Iterable<TokenUsage | null | undefined>): TokenUsage {
  let total = NO_USAGE
  for (const usage of usages) {
    if (usage == null) continue
    total = {
      promptTokens: total.promptTokens + usage.promptTokens,
      completionTokens: total.completionTokens + usage.completionTokens,
      cachedTokens: total.cachedTokens + usage.cachedTokens,
      reasoningTokens: total.reasoningTokens + usage.reasoningTokens
    }
  }
  return total
}

/** A provider's usage, with zeros for what it does not report. */
export const fullUsage = (usage: ModelUsage): TokenUsage => ({ ...NO_USAGE, ...usage })
