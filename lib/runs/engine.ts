import { randomUUID } from 'node:crypto'
import type { Run } from '../../schemas/runs.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'
import { ModelError } from '../models/provider.js'
import type { ModelRegistry } from '../models/registry.js'
import type { ToolRunner } from '../tools/tool.js'
import { RunBus, type BusMessage } from './events/bus.js'
import type { EventLog } from './events/event-log.js'
import { RunExecution, RunStopped, type HeldRun } from './execution.js'
import { LogKeeper } from './events/log-keeper.js'
import { leaseRecord, loadItems, loadRun, showsPassages, unindexRun, type ActiveRun, type Lease, type RunItem, type RunKey } from './records.js'
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
  /** How long a server that shuts down lets its runs finish before it hands them over, in milliseconds. */
  drainMs: number
}

export const DEFAULT_LIMITS: EngineLimits = {
  leaseMs: 15_000,
  maxModelTurns: 50,
  maxPromptMessages: 1000,
  maxPromptTokens: 128_000,
  maxLogBytes: 16 * 1024 * 1024,
  logRetentionMs: 60_000,
  maxTakeovers: 3,
  drainMs: 0
}

/** What the engine works with. */
export interface EngineServices {
  records: RecordStore
  clock: Clock
  models: Pick<ModelRegistry, 'resolve'>
  tools: ToolRunner
  log: Logger
  limits: EngineLimits
  /** Told when a run has come to rest here: it has ended, or waits for the client. Must not throw. */
  onStopped (key: RunKey, run: Run): void
  /** Told when a run has ended on another instance and its thread is free. Must not throw. */
  onUnlocked (project: string, threadId: string): void
}

/** Runs that can be looked up without the store. */
const RECENT_RUNS = 1000

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
  readonly #logs: LogKeeper
  readonly #bus: RunBus
  readonly #recent = new Map<string, Pick<RunExecution, 'key' | 'run'>>()
  readonly #expiry = new Map<string, () => void>()
  /** Ends of runs that nobody works on, while they are made: whoever wants one too waits for it. */
  readonly #ends = new Map<string, Promise<void>>()
  #stopTimers: (() => void)[] = []
  #sweep: Promise<void> = Promise.resolve()
  #stopped = false
  #handingOver: Promise<void> | undefined

  constructor (services: EngineServices) {
    const { onStopped } = services
    this.#services = {
      ...services,
      onStopped: (key, run) => {
        if (!isActive(run.status)) this.#bus.send({ type: 'unlocked', project: key.project, thread_id: key.threadId, run_id: key.runId })
        onStopped(key, run)
      }
    }
    this.#logs = new LogKeeper(services)
    this.#bus = new RunBus(services.records, this.owner, services.log)
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
    await this.#bus.listen(message => this.#receive(message))
    await this.#recover(alone)
    this.#every(this.limits.leaseMs / 3, async () => await this.#renewLeases())
    this.#every(this.limits.leaseMs, async () => await this.#recover(false))
  }

  /**
   * Lets running runs finish within the grace period, hands the rest over, and ends all readers. New runs are refused from here on;
   * what is kept can be read until `stop()`.
   */
  async handOver (): Promise<void> {
    this.#handingOver ??= this.#handOver()
    await this.#handingOver
  }

  /** Hands over what there is yet to hand over. Nothing may be asked of the engine any more. */
  async stop (): Promise<void> {
    await this.handOver()
    // Claimed meanwhile, to be ended for whoever asked.
    await this.#settled()
    await this.#bus.close()
  }

  async #handOver (): Promise<void> {
    this.#stopped = true
    for (const stop of [...this.#stopTimers, ...this.#expiry.values()]) stop()
    await this.#drain()
    for (const execution of this.#executions.values()) execution.stop('shutdown')
    this.#logs.close()
    await this.#settled()
    await this.#sweep
  }

  async #settled (): Promise<void> {
    await Promise.all([...this.#executions.values()].map(async execution => await execution.finished))
  }

  async #drain (): Promise<void> {
    const { clock, limits } = this.#services
    if (limits.drainMs === 0 || this.#executions.size === 0) return
    const renewal = this.#every(limits.leaseMs / 3, async () => await this.#renewLeases())
    let cancel = (): void => {}
    const late = new Promise<void>(resolve => { cancel = clock.after(limits.drainMs, resolve) })
    await Promise.race([late, this.#settled()])
    cancel()
    renewal()
  }

  /** The lease that goes into the store with a run that this instance is about to execute. */
  newLease (): Lease {
    if (this.#stopped) {
      throw new ApiError(503, 'The server is shutting down. Please retry your request.', { code: 'shutting_down', headers: { 'retry-after': '1' } })
    }
    return { owner: this.owner, token: randomUUID(), expiresAt: this.#services.clock.now() + this.limits.leaseMs, takeovers: 0 }
  }

  /** Executes a run whose lease was just written. Returns at once. */
  launch (key: RunKey, held: HeldRun, log: EventLog, items: RunItem[]): void {
    if (items.length > 0) this.#bus.send({ type: 'moved', run_id: key.runId })
    this.#track(new RunExecution(this.#services, key, held, log, items), async execution => await execution.execute())
  }

  /** The event log of a run that is executed here from now on. */
  openLog (key: RunKey): EventLog {
    return this.#logs.open(key)
  }

  /** Takes over the log of a run that waits for the client, as its records tell it. */
  adoptLog (key: RunKey, run: Run, log: EventLog): EventLog {
    const adopted = this.#logs.adopt(key, log)
    this.#logs.retire(key.runId, this.#restsFor(run))
    return adopted
  }

  /** How long a run that rests may yet go on, in milliseconds. */
  #restsFor (run: Run): number {
    if (!isActive(run.status) || run.expires_at === null) return 0
    return Math.max(run.expires_at * 1000 - this.#services.clock.now(), 0)
  }

  /**
   * The events of a run for a reader that joins: our own log, or a copy of the one that its executor keeps. Undefined when nobody
   * has them any more.
   */
  async joinLog (key: RunKey, run: Run): Promise<EventLog | undefined> {
    const { records, clock } = this.#services
    const own = this.#logs.find(key.runId)
    if (this.#executions.has(key.runId)) return own
    const lease = await records.get<Lease>(leaseRecord(key))
    const elsewhere = lease !== undefined && lease.body.owner !== this.owner && lease.body.expiresAt > clock.now()
    if (!elsewhere && own !== undefined) return own
    if (!elsewhere && run.status === 'requires_action') return undefined
    // Of a run that has ended elsewhere the events may still be kept where other readers asked for them.
    return await this.#logs.mirror(key, () => this.#bus.send({ type: 'follow', run_id: key.runId }))
  }

  /** A run that was created, answered or taken over here, as it is now; the last thousand are remembered. */
  recentRun (key: RunKey): Run | undefined {
    const recent = this.#recent.get(key.runId)
    return recent?.key.project === key.project && recent.key.threadId === key.threadId ? recent.run : undefined
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
    const end = this.#ends.get(key.runId) ?? this.#endUnheld(key, reason).finally(() => this.#ends.delete(key.runId))
    this.#ends.set(key.runId, end)
    await end
  }

  async #endUnheld (key: RunKey, reason: 'cancelled' | 'expired'): Promise<void> {
    const claimed = await this.#claim(key, false)
    if (claimed === undefined) {
      this.#bus.send({ type: 'look', run_id: key.runId })
      return
    }
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
    // What is left here of an earlier claim has lost the run without noticing.
    const stale = this.#executions.get(key.runId)
    stale?.stop('lost')
    await stale?.finished
    const [items, shows] = await Promise.all([loadItems(records, key), showsPassages(records, key, run.body)])
    const held = { run: run.body, version: run.version, lease: mine, leaseVersion: (lease?.version ?? 0) + 1, showsPassages: shows }
    return new RunExecution(this.#services, key, held, this.#logs.open(key), items)
  }

  #track (execution: RunExecution, work: (execution: RunExecution) => Promise<void>): void {
    const { runId } = execution.key
    this.#executions.set(runId, execution)
    this.#remember(execution)
    if (this.#stopped) execution.stop('shutdown')
    this.#watchExpiry(execution.key, execution.run)
    work(execution).catch(error => {
      this.#services.log.error({ err: error, run_id: runId }, 'a run execution broke down')
    }).finally(() => {
      if (this.#executions.get(runId) !== execution) return
      this.#executions.delete(runId)
      // The run alone: its events and items are not to be held.
      if (this.#recent.get(runId) === execution) this.#recent.set(runId, { key: execution.key, run: execution.run })
      if (!isActive(execution.run.status)) {
        this.#unwatchExpiry(runId)
        execution.log.close()
      }
      this.#logs.retire(runId, this.#restsFor(execution.run))
      if (execution.wasHandedOver) this.#bus.send({ type: 'orphan', project: execution.key.project, thread_id: execution.key.threadId, run_id: runId })
    })
  }

  #remember (execution: RunExecution): void {
    const { runId } = execution.key
    this.#recent.delete(runId)
    this.#recent.set(runId, execution)
    const [oldest] = this.#recent.keys()
    if (this.#recent.size > RECENT_RUNS && oldest !== undefined) this.#recent.delete(oldest)
  }

  #watchExpiry (key: RunKey, run: Run): void {
    this.#unwatchExpiry(key.runId)
    if (run.expires_at === null) return
    this.#expiry.set(key.runId, this.#services.clock.after(run.expires_at * 1000 - this.#services.clock.now(), () => {
      this.#expiry.delete(key.runId)
      // A timer has a longest time, and may come too early for a run that has longer.
      if (!this.isOverdue(run)) return this.#watchExpiry(key, run)
      this.expire(key).catch(error => {
        this.#services.log.warn({ err: error, run_id: key.runId }, 'a run could not be expired; recovery will')
      })
    }))
  }

  /** What other instances say. Whatever comes of it is tried again by the timers if it fails. */
  #receive (message: BusMessage): void {
    const trouble = (error: unknown): void => this.#services.log.warn({ err: error, ...message }, 'news of another instance could not be followed')
    switch (message.type) {
      case 'look': {
        const execution = this.#executions.get(message.run_id)
        if (execution !== undefined) this.#renew(execution).catch(trouble)
        break
      }
      case 'orphan':
        if (!this.#stopped) this.#recoverRun({ project: message.project, threadId: message.thread_id, runId: message.run_id }, 0, false).catch(trouble)
        break
      case 'moved':
        if (!this.#executions.has(message.run_id)) this.#logs.drop(message.run_id)
        break
      case 'unlocked':
        this.#services.onUnlocked(message.project, message.thread_id)
        // It ended elsewhere; what is told of it here is not the whole story any more.
        if (!this.#executions.has(message.run_id)) this.#logs.drop(message.run_id)
        break
      case 'follow':
        this.#logs.export(message.run_id)
        break
    }
  }

  #unwatchExpiry (runId: string): void {
    this.#expiry.get(runId)?.()
    this.#expiry.delete(runId)
  }

  async #renewLeases (): Promise<void> {
    await Promise.all([...this.#executions.values()].map(async execution => await this.#renew(execution)))
  }

  async #renew (execution: RunExecution): Promise<void> {
    try {
      await execution.renewLease()
    } catch (error) {
      if (error instanceof RunStopped) execution.stop(error.reason)
      else this.#services.log.warn({ err: error, run_id: execution.key.runId }, 'a lease could not be renewed')
    }
  }

  /** Walks the index of active runs: takes over, expires, and removes what has ended. */
  async #recover (ignoreLeases: boolean): Promise<void> {
    const { records } = this.#services
    let after: number | undefined
    for (;;) {
      const page = await records.page<ActiveRun>({ project: SYSTEM_PROJECT, partition: PARTITION.activeRuns, kind: KIND.activeRun, order: 'asc', limit: 100, after })
      for (const entry of page.records) {
        if (this.#stopped) return
        const { project, thread_id: threadId, created } = entry.body
        if (!this.#executions.has(entry.id)) await this.#recoverRun({ project, threadId, runId: entry.id }, created, ignoreLeases)
      }
      after = page.records.at(-1)?.position
      if (!page.hasMore) return
    }
  }

  async #recoverRun (key: RunKey, created: number, ignoreLease: boolean): Promise<void> {
    const { records, clock, log } = this.#services
    const record = await loadRun(records, key)
    if (record === undefined || !isActive(record.body.status)) {
      if (record !== undefined || clock.now() - created > INDEX_GRACE_MS) await unindexRun(records, key.runId)
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

  /** Repeats until `stop()`, or until the returned function is called. */
  #every (ms: number, work: () => Promise<void>): () => void {
    let ended = false
    let cancel = (): void => {}
    const next = (): void => {
      cancel = this.#services.clock.after(ms, () => {
        this.#sweep = work().catch(error => {
          this.#services.log.warn({ err: error }, 'looking after the runs failed; it is tried again')
        }).then(() => { if (!ended) next() })
      })
    }
    const end = (): void => {
      ended = true
      cancel()
    }
    next()
    this.#stopTimers.push(end)
    return end
  }
}
