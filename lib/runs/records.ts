import type { Message } from '../../schemas/messages.js'
import type { RunStep } from '../../schemas/run-steps.js'
import type { Run, Usage } from '../../schemas/runs.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordKey, RecordStore, StoredRecord, WriteItem } from '../../storage/record-store.js'
import type { ModelUsage } from '../models/provider.js'
import { fileSearchOf, type SearchRecord } from '../tools/file-search/search.js'

/** Names one run in one project. */
export interface RunKey {
  project: string
  threadId: string
  runId: string
}

/** Which instance executes a run. Milliseconds since the epoch. */
export interface Lease {
  owner: string
  /** Of one claim: an instance that lost a run and got it back is not to go on where it was. */
  token: string
  expiresAt: number
  /** How often the run was taken from an instance that had stopped renewing. */
  takeovers: number
}

/** What a model turn leaves behind for the run to go on with. */
export interface TurnState {
  /** The turn's usage, shown in its step once that ends. */
  usage: Usage
  /** By tool call id: what the provider wants back with the call. */
  opaque: Record<string, unknown>
  /** By tool call id: searches of files, and what they found. */
  searches?: Record<string, SearchRecord>
}

/** An entry of the index of active runs. */
export interface ActiveRun {
  project: string
  thread_id: string
  /** Milliseconds since the epoch. */
  created: number
}

/** What a run's events show beyond the records of its steps: values of `include[]`. */
export interface RunInclude {
  include: readonly string[]
}

/** A finished or open piece of a run, as the prompt and recovery see it. */
export type RunItem =
  | { kind: 'message', step: RunStep, message: Message | undefined }
  | { kind: 'tools', step: RunStep, turn: TurnState | undefined }

const key = (run: RunKey, kind: string, id: string): RecordKey => ({ project: run.project, partition: run.threadId, kind, id })

export const runRecord = (run: RunKey): RecordKey => key(run, KIND.run, run.runId)
export const leaseRecord = (run: RunKey): RecordKey => key(run, KIND.lease, run.runId)

export async function loadRun (records: RecordStore, run: RunKey): Promise<StoredRecord<Run> | undefined> {
  return await records.get<Run>(runRecord(run))
}

/** All items of a run, oldest first. A run has few: its model turns are bounded. */
export async function loadItems (records: RecordStore, run: RunKey): Promise<RunItem[]> {
  const items: RunItem[] = []
  let after: number | undefined
  for (;;) {
    const page = await records.page<RunStep>({ project: run.project, partition: run.threadId, kind: KIND.step, parent: run.runId, order: 'asc', limit: 100, after })
    items.push(...await Promise.all(page.records.map(async ({ body: step }) => await loadItem(records, run, step))))
    after = page.records.at(-1)?.position
    if (!page.hasMore) return items
  }
}

async function loadItem (records: RecordStore, run: RunKey, step: RunStep): Promise<RunItem> {
  if (step.step_details.type === 'message_creation') {
    const message = await records.get<Message>(key(run, KIND.message, step.step_details.message_creation.message_id))
    return { kind: 'message', step, message: message?.body }
  }
  const turn = await records.get<TurnState>(key(run, KIND.turn, step.id))
  return { kind: 'tools', step, turn: turn?.body }
}

/** What the creator of a run wants its events to show; undefined for the steps as they are kept. */
export function putInclude (run: RunKey, include: readonly string[] = []): WriteItem | undefined {
  if (include.length === 0) return undefined
  return { op: 'put', kind: KIND.runInclude, id: run.runId, parent: run.runId, body: { include } satisfies RunInclude, expect: 'absent' }
}

/** Whether the events of a run are to show the text of search results. Asked only of runs that can search. */
export async function showsPassages (records: RecordStore, run: RunKey, { tools }: Pick<Run, 'tools'>): Promise<boolean> {
  if (fileSearchOf(tools) === undefined) return false
  const record = await records.get<RunInclude>(key(run, KIND.runInclude, run.runId))
  return record !== undefined && record.body.include.length > 0
}

export const putStep = (step: RunStep): WriteItem => ({ op: 'put', kind: KIND.step, id: step.id, parent: step.run_id, body: step })
export const putTurn = (step: RunStep, turn: TurnState): WriteItem => ({ op: 'put', kind: KIND.turn, id: step.id, parent: step.run_id, body: turn })

/** Enters a run into the index. Written before the run, so that no active run is missing from it. */
export async function indexRun (records: RecordStore, run: RunKey, now: number): Promise<void> {
  const body: ActiveRun = { project: run.project, thread_id: run.threadId, created: now }
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }, [{ op: 'put', kind: KIND.activeRun, id: run.runId, body }])
}

export async function unindexRun (records: RecordStore, runId: string): Promise<void> {
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }, [{ op: 'delete', kind: KIND.activeRun, id: runId }])
}

export const NO_USAGE: Usage = {
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 }
}

/** A model's usage in the wire's words (the key `prompt_token_details` is spelled so there). */
export function wireUsage (usage: ModelUsage): Usage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_token_details: { cached_tokens: usage.cachedTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 }
  }
}

/** A run's usage is the sum over its steps (API reference, "The run object"). */
export function totalUsage (usages: Iterable<Usage | null | undefined>): Usage {
  let total = NO_USAGE
  for (const usage of usages) {
    if (usage == null) continue
    total = {
      prompt_tokens: total.prompt_tokens + usage.prompt_tokens,
      completion_tokens: total.completion_tokens + usage.completion_tokens,
      total_tokens: total.total_tokens + usage.total_tokens,
      prompt_token_details: { cached_tokens: (total.prompt_token_details?.cached_tokens ?? 0) + (usage.prompt_token_details?.cached_tokens ?? 0) },
      completion_tokens_details: { reasoning_tokens: (total.completion_tokens_details?.reasoning_tokens ?? 0) + (usage.completion_tokens_details?.reasoning_tokens ?? 0) }
    }
  }
  return total
}
