import type { Run } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import type { Thread } from '../../../schemas/threads.js'
import { KIND, RUN_LOCK_ID } from '../../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import type { ToolResources } from '../../../schemas/tools.js'
import type { ModelMessage, ModelRequest } from '../../models/provider.js'
import type { BuiltInTools } from '../../tools/built-in-tools.js'
import type { Change, Dialect, JobMove, Scribe, ScribeContext, TurnRequest } from '../../runs/dialect.js'
import { isAnswered } from '../../runs/items.js'
import type { JobKey, JobPhase, JobSpec, JobState } from '../../runs/job.js'
import type { RunReport } from '../../runs/report.js'
import { FIRST_DIALECT } from '../../runs/lease.js'
import { done, runEvent } from './events.js'
import { EVENT_FORMAT } from './format.js'
import { loadHistory, type History } from './prompt.js'
import { wireUsage } from './records.js'
import { modelRequest } from './request.js'
import { AssistantsScribe } from './scribe.js'
import { isActive, transition, type Move } from './state.js'

export interface AssistantsSettings {
  tools: BuiltInTools
  /** What a run reads of earlier runs. */
  history: History
}

export interface AssistantsHooks {
  /** Called when a run has stopped on this instance: it has ended or waits for its client. Must not throw. */
  onStopped (key: JobKey, run: Run, report: RunReport): void
  /** Called when a run has ended on another instance and its thread is free. Must not throw. */
  onEndedElsewhere (key: JobKey): void
}

const PHASES: Partial<Record<Run['status'], JobPhase>> = {
  queued: 'queued', in_progress: 'running', requires_action: 'waiting', cancelling: 'cancelling'
}

/** The Assistants API, version 2: a job is a `thread.run`, its partition is the thread's. */
export class AssistantsDialect implements Dialect<Run> {
  readonly name = FIRST_DIALECT
  readonly kind = KIND.run
  readonly format = EVENT_FORMAT
  readonly #settings: AssistantsSettings
  readonly #hooks: AssistantsHooks

  constructor (settings: AssistantsSettings, hooks: AssistantsHooks) {
    this.#settings = settings
    this.#hooks = hooks
  }

  state (run: Run): JobState {
    return { phase: PHASES[run.status] ?? 'ended', expiresAt: run.expires_at }
  }

  spec (run: Run): JobSpec {
    const { type, last_messages: newest } = run.truncation_strategy
    return {
      model: run.model,
      system: run.instructions === '' ? [] : [{ role: 'system', content: run.instructions }],
      tools: run.tools,
      limits: {
        promptTokens: run.max_prompt_tokens,
        completionTokens: run.max_completion_tokens,
        lastMessages: type === 'last_messages' ? newest : null,
        truncates: type === 'auto'
      },
      context: { runId: run.id, threadId: run.thread_id, assistantId: run.assistant_id, metadata: run.metadata, resources: run.tool_resources ?? null }
    }
  }

  request (run: Run, turn: TurnRequest): ModelRequest {
    return modelRequest(run, turn)
  }

  async history (records: RecordStore, key: JobKey, run: Run, newest: number): Promise<ModelMessage[]> {
    const { tools, history } = this.#settings
    return await loadHistory(records, key, { newest, ...history === 'all' ? { calls: tools.offered(run.tools) } : {} })
  }

  async threadResources (records: RecordStore, { project, partition }: JobKey): Promise<ToolResources | null> {
    const thread = await records.get<Thread>({ project, partition, kind: KIND.thread, id: partition })
    return thread?.body.tool_resources ?? null
  }

  move (run: Run, move: JobMove): Change<Run> & { body: Run } {
    const body = transition(run, wireMove(move))
    const stops = body.status === 'requires_action' || !isActive(body.status)
    return { body, events: [runEvent(body), ...stops ? [done] : []] }
  }

  announce (run: Run): StreamEvent[] {
    return [runEvent(run)]
  }

  /** The thread takes messages and runs again. */
  release (): WriteItem[] {
    return [{ op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID }]
  }

  scribe (context: ScribeContext<Run>): Scribe {
    return new AssistantsScribe(context)
  }

  onStopped (key: JobKey, run: Run, report: RunReport): void {
    this.#hooks.onStopped(key, run, report)
  }

  onEndedElsewhere (key: JobKey): void {
    this.#hooks.onEndedElsewhere(key)
  }
}

function wireMove (move: JobMove): Move {
  switch (move.to) {
    case 'running':
      return { to: 'in_progress', at: move.at }
    case 'waiting': {
      const pending = move.calls.filter(call => !isAnswered(call))
      return {
        to: 'requires_action',
        action: {
          type: 'submit_tool_outputs',
          submit_tool_outputs: { tool_calls: pending.map(({ id, name, arguments: args }) => ({ id, type: 'function', function: { name, arguments: args } })) }
        }
      }
    }
    default:
      return { ...move, usage: wireUsage(move.usage) }
  }
}
