import type { Message } from '../../../schemas/messages.js'
import type { RunStep, StepToolCall } from '../../../schemas/run-steps.js'
import type { Usage } from '../../../schemas/runs.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordKey, RecordStore, WriteItem } from '../../../storage/record-store.js'
import { NO_USAGE, type JobKey, type TokenUsage } from '../../runs/job.js'
import type { BuiltInTools } from '../../tools/built-in-tools.js'
import { FIRST_DIALECT } from '../../runs/lease.js'

/** Names one run in one project. */
export function runKey (project: string, threadId: string, runId: string): JobKey {
  return { dialect: FIRST_DIALECT, project, partition: threadId, jobId: runId }
}

/** What is stored of a built-in tool's call beside its step. */
export interface StoredCall {
  /** As the model made them: JSON, valid or not. */
  arguments: string
  /** What the tool keeps. Absent until the call has run. */
  kept?: unknown
}

/** What a model turn leaves behind for the run to go on with. */
export interface TurnState {
  /** The turn's usage, shown in its step once that ends. */
  usage: Usage
  /** By tool call id: what the provider wants back with the call. */
  opaque: Record<string, unknown>
  /** What the model said behind the calls. */
  said?: string
  /** By tool call id: calls of built-in tools. */
  calls?: Record<string, StoredCall>
}

/** As version 0.1.0 wrote it: calls of file_search only, which were made again after a restart. */
interface TurnState010 extends TurnState {
  searches?: Record<string, { arguments: string, passages: unknown[] }>
}

/** What a run's events show beyond the records of its steps: values of `include[]`. */
export interface RunInclude {
  include: readonly string[]
}

/** A step with what it points to. */
export type StepRecord =
  | { kind: 'message', step: RunStep, message: Message | undefined, version: number }
  | { kind: 'calls', step: RunStep, turn: TurnState | undefined }

const recordOf = ({ project, partition }: JobKey, kind: string, id: string): RecordKey => ({ project, partition, kind, id })

/** All steps of a run, oldest first. A run has few: its model turns are bounded. */
export async function loadSteps (records: RecordStore, key: JobKey): Promise<StepRecord[]> {
  const steps: StepRecord[] = []
  let after: number | undefined
  for (;;) {
    const page = await records.page<RunStep>({ project: key.project, partition: key.partition, kind: KIND.step, parent: key.jobId, order: 'asc', limit: 100, ...after === undefined ? {} : { after } })
    steps.push(...await Promise.all(page.records.map(async ({ body: step }) => await loadStep(records, key, step))))
    after = page.records.at(-1)?.position
    if (!page.hasMore) return steps
  }
}

async function loadStep (records: RecordStore, key: JobKey, step: RunStep): Promise<StepRecord> {
  if (step.step_details.type === 'tool_calls') return { kind: 'calls', step, turn: await loadTurn(records, key, step.id) }
  const message = await records.get<Message>(recordOf(key, KIND.message, step.step_details.message_creation.message_id))
  return { kind: 'message', step, message: message?.body, version: message?.version ?? 0 }
}

export async function loadTurn (records: RecordStore, key: JobKey, stepId: string): Promise<TurnState | undefined> {
  const record = await records.get<TurnState010>(recordOf(key, KIND.turn, stepId))
  return record === undefined ? undefined : currentTurn(record.body)
}

/**
 * Records of version 0.1.0 are read as they are; the next write of the turn stores them in the current form. They do not say whether a
 * search without results had run: it is made again.
 */
function currentTurn ({ searches, ...turn }: TurnState010): TurnState {
  if (searches === undefined) return turn
  const calls = Object.entries(searches).map(([id, { arguments: args, passages }]) => [id, { arguments: args, ...passages.length === 0 ? {} : { kept: passages } }])
  return { ...turn, calls: Object.fromEntries(calls) }
}

/** What the creator of a run wants its events to show; undefined for the steps as they are stored. */
export function putInclude (key: JobKey, include: readonly string[] = []): WriteItem | undefined {
  if (include.length === 0) return undefined
  return { op: 'put', kind: KIND.runInclude, id: key.jobId, parent: key.jobId, body: { include } satisfies RunInclude, expect: 'absent' }
}

/** The `include[]` of a run's creation. Looked up only where a tool of the run can add something. */
export async function loadInclude (records: RecordStore, key: JobKey, tools: BuiltInTools, declared: readonly { type: string }[]): Promise<readonly string[]> {
  if (!tools.offered(declared).some(({ tool }) => tool.including !== undefined)) return []
  const record = await records.get<RunInclude>(recordOf(key, KIND.runInclude, key.jobId))
  return record?.body.include ?? []
}

/** A step with what `include[]` adds to its calls, which is not part of its record. */
export function withIncluded (step: RunStep, turn: TurnState | undefined, tools: BuiltInTools, include: readonly string[]): RunStep {
  const { step_details: details } = step
  if (include.length === 0 || details.type !== 'tool_calls') return step
  const calls = details.tool_calls.map(call => {
    const tool = tools.byType(call.type)
    return tool?.including === undefined ? call : tool.including(call, turn?.calls?.[call.id]?.kept, include) as StepToolCall
  })
  return { ...step, step_details: { type: 'tool_calls', tool_calls: calls } }
}

export const putStep = (step: RunStep): WriteItem => ({ op: 'put', kind: KIND.step, id: step.id, parent: step.run_id, body: step })
export const putTurn = (step: RunStep, turn: TurnState): WriteItem => ({ op: 'put', kind: KIND.turn, id: step.id, parent: step.run_id, body: turn })

/** A usage in the wire's words (the key `prompt_token_details` is spelled so there). */
export function wireUsage ({ promptTokens, completionTokens, cachedTokens, reasoningTokens }: TokenUsage): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_token_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens }
  }
}

export function tokenUsage (usage: Usage | null | undefined): TokenUsage {
  if (usage == null) return NO_USAGE
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    cachedTokens: usage.prompt_token_details?.cached_tokens ?? 0,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0
  }
}
