import { randomUUID } from 'node:crypto'
import type { Run } from '../../schemas/runs.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore, StoredRecord } from '../../storage/record-store.js'
import type { Clock } from '../clock.js'
import type { Logger } from '../log.js'
import { ModelError } from '../models/provider.js'
import type { ModelRegistry } from '../models/registry.js'
import type { ToolRunner } from '../tools/tool.js'
import { EventLog } from './event-log.js'
import { RunExecution, RunStopped, type HeldRun } from './execution.js'
import { leaseRecord, loadItems, loadRun, unindexRun, type ActiveRun, type Lease, type RunItem, type RunKey } from './records.js'
import { isActive } from './state.js'

/** Bounds of the engine. */
export interface EngineLimits {
  /** How long an instance holds a run without renewing, in milliseconds. */
  leaseMs: number
  /** Model calls in one run. */
  maxModelTurns: number
  /** Messages of a thread that a prompt takes, counted from the newest. */
  maxPromptMessages: number
  /** Tokens of a prompt; older messages are left out beyond it. What a model can take, if that is less, is the provider's affair. */
  maxPromptTokens: number
  /** Payload bytes of a run's events kept for its readers. */
  maxLogBytes: number
  /** How long the events of a run that has stopped are kept, in milliseconds. */
  logRetentionMs: number
  /** How often a run may be taken over before it fails. */
  maxTakeovers: number
}

export const DEFAULT_LIMITS: EngineLimits = {
  leaseMs: 15_000,
  maxModelTurns: 50,
  maxPromptMessages: 1000,
  maxPromptTokens: 128_000,
  maxLogBytes: 16 * 1024 * 1024,
  logRetentionMs: 60_000,
  maxTakeovers: 3
}

/** What the engine works with. */
export interface EngineServices {
  records: RecordStore
  clock: Clock
  models: Pick<ModelRegistry, 'resolve'>
  tools: ToolRunner
  log: Logger
  limits: EngineLimits
  /** Told when a run has come to rest: it has ended, or waits for the client. Must not throw. */
  onStopped (key: RunKey, run: Run): void
}

interface KeptLog {
  log: EventLog
  /** Takes back the timer that will forget it. */
  keep: () => void
}

/** An index entry younger than this may belong to a run that is just being written. */
const INDEX_GRACE_MS = 60_000

/**
 * Executes runs: those created here, and those that another instance, or an earlier life of this one, left unfinished.
 * Knows nothing of HTTP; a run goes on whoever listens.
 */
export class RunEngine {
  readonly owner = randomUUID()
  readonly #services: EngineServices
  readonly #executions = new Map<string, RunExecution>()
  readonly #logs = new Map<string, KeptLog>()
  readonly #expiry = new Map<string, () => void>()
  #stopTimers: (() => void)[] = []
  #sweep: Promise<void> = Promise.resolve()
  #stopped = false

  constructor (services: EngineServices) {
    this.#services = services
  }

  get limits (): EngineLimits {
    return this.#services.limits
  }

  /**
   * Takes up what was left behind, then looks for more and renews leases until `stop()`.
   *
   * @param alone nobody else works on this store, so every lease found in it is a dead one.
   */
  async start (alone: boolean): Promise<void> {
    await this.#recover(alone)
    this.#every(this.limits.leaseMs / 3, async () => await this.#renewLeases())
    this.#every(this.limits.leaseMs, async () => await this.#recover(false))
  }

  /** Hands running runs over and ends all readers. New runs are refused from here on. */
  async stop (): Promise<void> {
    this.#stopped = true
    for (const stop of [...this.#stopTimers, ...this.#expiry.values()]) stop()
    const executions = [...this.#executions.values()]
    for (const execution of executions) execution.stop('shutdown')
    for (const { log, keep } of this.#logs.values()) {
      keep()
      log.close()
    }
    this.#logs.clear()
    await Promise.all(executions.map(async execution => await execution.finished))
    await this.#sweep
  }

  /** The lease that goes into the store with a run that this instance is about to execute. */
  newLease (): Lease {
    return { owner: this.owner, expiresAt: this.#services.clock.now() + this.limits.leaseMs, takeovers: 0 }
  }

  /** Executes a run whose lease was just written. Returns at once. */
  launch (key: RunKey, held: HeldRun, log: EventLog, items: RunItem[]): void {
    this.#track(new RunExecution(this.#services, key, held, log, items), async execution => await execution.execute())
  }

  /** The events of a run, from its beginning in this process: the log that is there, or a new one. */
  logFor (runId: string): EventLog {
    const kept = this.#logs.get(runId)
    if (kept !== undefined) {
      kept.keep()
      return kept.log
    }
    const log = new EventLog(this.limits.maxLogBytes)
    this.#logs.set(runId, { log, keep: () => {} })
    return log
  }

  /** The events of a run that this process executes or has just executed. */
  findLog (runId: string): EventLog | undefined {
    return this.#logs.get(runId)?.log
  }

  /** Ends a run that was just marked `cancelling`: at once if it runs here or nowhere, else its instance finds out. */
  cancelSoon (key: RunKey): void {
    this.#stopOrEnd(key, 'cancelled').catch(error => {
      this.#services.log.warn({ err: error, run_id: key.runId }, 'a run could not be cancelled yet; recovery will')
    })
  }

  /** Stops working on runs of a thread that is gone. */
  abandon (threadId: string): void {
    for (const execution of this.#executions.values()) {
      if (execution.key.threadId === threadId) execution.stop('lost')
    }
  }

  /** Ends a run that nobody answered in time. Called by the timer, by recovery, and by whoever reads an overdue run. */
  async expire (key: RunKey): Promise<void> {
    await this.#stopOrEnd(key, 'expired')
  }

  /** Whether an active run is past its time. */
  isOverdue (run: Run): boolean {
    return isActive(run.status) && run.expires_at !== null && this.#services.clock.now() >= run.expires_at * 1000
  }

  async #stopOrEnd (key: RunKey, reason: 'cancelled' | 'expired'): Promise<void> {
    const execution = this.#executions.get(key.runId)
    if (execution !== undefined) {
      execution.stop(reason)
      await execution.finished
      return
    }
    const claimed = await this.#claim(key, false)
    if (claimed === undefined) return
    this.#track(claimed, async execution => await execution.end(new RunStopped(reason)))
    await claimed.finished
  }

  /** Takes the lease of a run that nobody holds. Undefined when somebody does, or the run has ended. */
  async #claim (key: RunKey, ignoreLease: boolean): Promise<RunExecution | undefined> {
    const { records, clock } = this.#services
    const [run, lease] = await Promise.all([loadRun(records, key), records.get<Lease>(leaseRecord(key))])
    if (run === undefined || !isActive(run.body.status)) return undefined
    if (lease !== undefined && !ignoreLease && lease.body.expiresAt > clock.now()) return undefined
    const mine: Lease = { ...this.newLease(), takeovers: lease === undefined ? 0 : lease.body.takeovers + 1 }
    const won = await records.write({ project: key.project, partition: key.threadId }, [
      { op: 'check', kind: KIND.run, id: key.runId, expect: run.version },
      { op: 'put', kind: KIND.lease, id: key.runId, body: mine, expect: lease?.version ?? 'absent' }
    ])
    if (!won) return undefined
    const held = { run: run.body, version: run.version, lease: mine, leaseVersion: (lease?.version ?? 0) + 1 }
    return new RunExecution(this.#services, key, held, this.logFor(key.runId), await loadItems(records, key))
  }

  #track (execution: RunExecution, work: (execution: RunExecution) => Promise<void>): void {
    const { runId } = execution.key
    this.#executions.set(runId, execution)
    if (this.#stopped) execution.stop('shutdown')
    this.#watchExpiry(execution.key, execution.run)
    work(execution).catch(error => {
      this.#services.log.error({ err: error, run_id: runId }, 'a run execution broke down')
    }).finally(() => {
      this.#executions.delete(runId)
      if (!isActive(execution.run.status)) {
        this.#unwatchExpiry(runId)
        execution.log.close()
      }
      this.#retire(runId)
    })
  }

  /** A run that has stopped leaves its events for a while, for readers that come late. */
  #retire (runId: string): void {
    const kept = this.#logs.get(runId)
    if (kept === undefined) return
    kept.keep()
    kept.keep = this.#services.clock.after(this.limits.logRetentionMs, () => {
      kept.log.close()
      this.#logs.delete(runId)
    })
  }

  #watchExpiry (key: RunKey, run: Run): void {
    this.#unwatchExpiry(key.runId)
    if (run.expires_at === null) return
    this.#expiry.set(key.runId, this.#services.clock.after(run.expires_at * 1000 - this.#services.clock.now(), () => {
      this.#expiry.delete(key.runId)
      this.expire(key).catch(error => {
        this.#services.log.warn({ err: error, run_id: key.runId }, 'a run could not be expired; recovery will')
      })
    }))
  }

  #unwatchExpiry (runId: string): void {
    this.#expiry.get(runId)?.()
    this.#expiry.delete(runId)
  }

  async #renewLeases (): Promise<void> {
    await Promise.all([...this.#executions.values()].map(async execution => {
      try {
        await execution.renewLease()
      } catch (error) {
        if (error instanceof RunStopped) execution.stop(error.reason)
        else this.#services.log.warn({ err: error, run_id: execution.key.runId }, 'a lease could not be renewed')
      }
    }))
  }

  /** Walks the index of active runs: takes over, expires, and removes what has ended. */
  async #recover (ignoreLeases: boolean): Promise<void> {
    const { records } = this.#services
    let after: number | undefined
    for (;;) {
      const page = await records.page<ActiveRun>({ project: SYSTEM_PROJECT, partition: PARTITION.activeRuns, kind: KIND.activeRun, order: 'asc', limit: 100, after })
      for (const entry of page.records) {
        if (this.#stopped) return
        if (!this.#executions.has(entry.id)) await this.#recoverRun(entry, ignoreLeases)
      }
      after = page.records.at(-1)?.position
      if (!page.hasMore) return
    }
  }

  async #recoverRun (entry: StoredRecord<ActiveRun>, ignoreLease: boolean): Promise<void> {
    const { records, clock, log } = this.#services
    const key: RunKey = { project: entry.body.project, threadId: entry.body.thread_id, runId: entry.id }
    const record = await loadRun(records, key)
    if (record === undefined || !isActive(record.body.status)) {
      if (record !== undefined || clock.now() - entry.body.created > INDEX_GRACE_MS) await unindexRun(records, entry.id)
      return
    }
    const run = record.body
    if (this.isOverdue(run)) return await this.expire(key)
    if (run.status === 'requires_action') {
      if (!this.#expiry.has(key.runId)) this.#watchExpiry(key, run)
      return
    }
    const execution = await this.#claim(key, ignoreLease)
    if (execution === undefined) return
    if (run.status === 'cancelling') {
      this.#track(execution, async execution => await execution.end(new RunStopped('cancelled')))
    } else if (execution.takeovers > this.limits.maxTakeovers) {
      const error = new ModelError('server_error', `The run was interrupted ${execution.takeovers} times and was given up.`)
      this.#track(execution, async execution => await execution.end(error))
    } else {
      log.info({ run_id: key.runId, thread_id: key.threadId }, 'taking a run over')
      this.#track(execution, async execution => await execution.execute())
    }
  }

  #every (ms: number, work: () => Promise<void>): void {
    let cancel = (): void => {}
    const next = (): void => {
      cancel = this.#services.clock.after(ms, () => {
        this.#sweep = work().catch(error => {
          this.#services.log.warn({ err: error }, 'looking after the runs failed; it is tried again')
        }).then(() => { if (!this.#stopped) next() })
      })
    }
    next()
    this.#stopTimers.push(() => cancel())
  }
}
