import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import type { ModelMessage, ModelRequest } from '../../../lib/models/provider.js'
import type { Change, Dialect, DialectEvent, JobMove, Scribe, ScribeContext, TurnRequest } from '../../../lib/runs/dialect.js'
import type { JobError, JobKey, JobSpec, JobState } from '../../../lib/runs/job.js'
import type { RunReport } from '../../../lib/runs/report.js'
import { NoteDialect, type Note } from './note-dialect.js'

/** A job of the task dialect. */
export interface Task extends Note {
  /** Unix seconds. */
  expiresAt: number | null
  error: JobError | null
  /** Unix seconds of the last move that has such. */
  at?: number
  /** Told to those who look at executions, where there is one. */
  status?: string
}

/** The record that an active task holds, as a run of a thread holds its lock. */
export const LOCK = { kind: 'task_lock', id: 'lock' }

/** Jobs that wait for their client, are cancelled, expire and hold a lock, as those of the Assistants API; their items are those of notes. */
export class TaskDialect implements Dialect<Task> {
  readonly name = 'tasks'
  readonly kind = 'task'
  /** The jobs that stopped here, how, and what was reported. */
  readonly stopped: { id: string, result: string | null, report: RunReport }[] = []
  readonly endedElsewhere: JobKey[] = []
  /** Called when the items of a job are to be loaded. */
  onLoad: ((jobId: string) => Promise<void>) | undefined
  /** Called when a job has stopped. */
  onEnd: (() => void) | undefined
  readonly #notes = new NoteDialect()

  readonly format = {
    endsStretch: (event: string) => event === 'task.waiting' || event === 'task.ended',
    serialise: ({ data }: DialectEvent) => JSON.stringify(data)
  }

  state ({ phase, expiresAt }: Task): JobState {
    return { phase, expiresAt }
  }

  spec (task: Task): JobSpec {
    const { context, ...spec } = this.#notes.spec(task)
    return { ...spec, context: { ...context, threadId: 'place', assistantId: 'assistant' } }
  }

  request (task: Task, turn: TurnRequest): ModelRequest {
    return this.#notes.request(task, turn)
  }

  async history (_records: RecordStore, _key: JobKey, { ask }: Task): Promise<ModelMessage[]> {
    return [{ role: 'user', content: ask }]
  }

  async threadResources (): Promise<null> {
    return null
  }

  move (task: Task, move: JobMove): Change<Task> & { body: Task } {
    if (task.phase === 'ended') throw new Error(`task ${task.id} has ended`)
    const phase = move.to === 'running' || move.to === 'waiting' ? move.to : 'ended'
    const body: Task = { ...task, phase, result: move.to, usage: 'usage' in move ? move.usage : null, error: 'error' in move ? move.error : null, ...'at' in move ? { at: move.at } : {} }
    return { body, events: [{ event: `task.${phase}`, data: { result: move.to } }] }
  }

  announce ({ phase }: Task): DialectEvent[] {
    return [{ event: 'task.state', data: { phase } }]
  }

  release (): WriteItem[] {
    return [{ op: 'delete', ...LOCK }]
  }

  scribe (context: ScribeContext<Task>): Scribe {
    const scribe = this.#notes.scribe(context)
    const load = scribe.load.bind(scribe)
    scribe.load = async () => {
      await this.onLoad?.(context.body.id)
      return await load()
    }
    return scribe
  }

  onStopped ({ jobId: id }: JobKey, { result }: Task, report: RunReport): void {
    this.stopped.push({ id, result, report })
    this.onEnd?.()
  }

  onEndedElsewhere (key: JobKey): void {
    this.endedElsewhere.push(key)
  }
}
