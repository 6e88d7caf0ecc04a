import { randomUUID } from 'node:crypto'
import { DamagedRecordError, type StoredRecord } from '../../storage/record-store.js'
import { ModelError } from '../models/provider.js'
import { isUncertain } from '../shared/certain-store.js'
import { Leases } from '../shared/lease.js'
import { PeriodicTask, settlesWithin } from '../shared/timers.js'
import type { Dialect, Scribe } from './dialect.js'
import { fieldsOf, keyOf, RunBus, type BusMessage } from './events/bus.js'
import type { EventLog } from './events/event-log.js'
import { LogKeeper } from './events/log-keeper.js'
import { RunExecution } from './execution.js'
import { ExpiryTimers } from './expiry-timers.js'
import { heldBudgets, type HeldBudgets } from './held-budgets.js'
import type { Item } from './items.js'
import type { JobKey, JobState } from './job.js'
import { jobKeyOf, leaseRecord, loadJob, loadLease, parkJob, unindexJob, visitActiveJobs, type FoundJob, type HeldJob, type JobLease } from './lease.js'
import type { ObservedRun } from './observer.js'
import { RecentRuns } from './recent-runs.js'
import type { EngineLimits, EngineServices } from './services.js'
import { Wakes } from './wakes.js'
import { RunStopped, shuttingDown } from './stop.js'

/** Runs that can be looked up without the store. */
const RECENT_RUNS = 1000

/** An index entry younger than this may belong to a run that is just being written. */
const INDEX_GRACE_MS = 60_000

/** A job that is to be executed here. */
export interface Launch {
  key: JobKey
  held: HeldJob
  log: EventLog
  scribe: Scribe
  /** What the job has produced so far: nothing, when it is new. */
  items: Item[]
  observed?: ObservedRun | undefined
}

/**
 * Executes runs: those created here, and those that another instance, or an earlier process of this one, left unfinished.
 * Knows nothing of HTTP; a run goes on whether or not anyone reads its events.
 */
export class RunEngine {
  readonly #leases: Leases
  readonly #services: EngineServices
  readonly #dialects: ReadonlyMap<string, Dialect>
  readonly #logs: LogKeeper
  readonly #bus: RunBus
  readonly #budgets: HeldBudgets
  readonly #background = new Set<Promise<void>>()
  readonly #executions = new Map<string, RunExecution>()
  readonly #recent: RecentRuns
  readonly #expiry: ExpiryTimers
  /** Jobs without an executor that are being ended; concurrent requests to end one share the promise. */
  readonly #ends = new Map<string, Promise<void>>()
  /** Executions that are looked at, by the leases that they begin with. */
  readonly #observed = new WeakMap<JobLease, ObservedRun>()
  readonly #setAsides = new Set<string>()
  /** The versions of the jobs that waited for their clients when recovery last looked at them. */
  readonly #waiting = new Map<string, number>()
  readonly #wakes: Wakes
  readonly #renewal: PeriodicTask
  readonly #recovery: PeriodicTask
  #stopped = false
  #handingOver: Promise<void> | undefined

  constructor (services: EngineServices, dialects: readonly Dialect[]) {
    const { records, clock, log, limits } = services
    this.#services = services
    this.#leases = new Leases({ records, clock, leaseMs: limits.leaseMs })
    this.#dialects = new Map(dialects.map(dialect => [dialect.name, dialect]))
    this.#budgets = heldBudgets(limits.maxHeldBytes)
    this.#recent = new RecentRuns(this.#budgets.past, RECENT_RUNS)
    this.#expiry = new ExpiryTimers(clock)
    this.#wakes = new Wakes(services)
    this.#logs = new LogKeeper({
      ...services,
      budget: this.#budgets.running,
      pastBudget: this.#budgets.past,
      formatOf: key => this.#dialect(key).format,
      isActive: async key => {
        const dialect = this.#dialect(key)
        const job = await loadJob(records, dialect, key)
        return job !== undefined && dialect.state(job.body).phase !== 'ended'
      }
    })
    this.#bus = new RunBus(records, this.#leases.owner, log)
    const onError = (error: unknown): void => log.warn({ err: error }, 'the recovery of runs failed; it will be retried')
    this.#renewal = new PeriodicTask({ clock, intervalMs: limits.leaseMs / 3, run: async () => { await Promise.all([...this.#executions.values()].map(async execution => await this.#renew(execution))) }, onError })
    this.#recovery = new PeriodicTask({ clock, intervalMs: limits.leaseMs / 2, run: async () => await this.#recover(false), onError })
  }

  get limits (): EngineLimits {
    return this.#services.limits
  }

  /** Runs that are being executed here. */
  get activeCount (): number {
    return this.#executions.size
  }

  /** Bytes held for readers of events, and of the last runs. */
  get heldBytes (): number {
    return this.#budgets.running.bytes + this.#budgets.past.bytes
  }

  /**
   * Continues the runs that were left unfinished, then looks for more and renews leases until `stop()`.
   *
   * @param alone no other instance works on this store, so every lease found in it is a dead one.
   */
  async start (alone: boolean): Promise<void> {
    await this.#bus.listen(message => this.#receive(message))
    await this.#recover(alone)
    this.#renewal.start()
    this.#recovery.start()
  }

  /** Looks for runs that no instance carries out, without waiting for the time to do so. Returns at once. */
  recoverSoon (): void {
    this.#inBackground(this.#recovery.runNow(), () => {})
  }

  /**
   * Lets running runs finish within the grace period, hands the rest over, and ends all readers. New runs are refused from here on;
   * what is persisted can be read until `stop()`.
   */
  async handOver (): Promise<void> {
    this.#handingOver ??= this.#handOver()
    await this.#handingOver
  }

  /** Hands over what is left. No method may be called afterwards. */
  async stop (): Promise<void> {
    await this.handOver()
    // What was under way in the background may have claimed a run meanwhile.
    await this.#quiet()
    await this.#bus.close()
    await this.#quiet()
  }

  async #handOver (): Promise<void> {
    this.#stopped = true
    this.#expiry.clearAll()
    const recovered = this.#recovery.stop()
    // Leases are renewed while runs finish.
    const { clock, limits } = this.#services
    if (limits.drainMs > 0 && this.#executions.size > 0) await settlesWithin(clock, limits.drainMs, this.#settled())
    const renewed = this.#renewal.stop()
    for (const execution of this.#executions.values()) execution.stop('shutdown')
    this.#logs.close()
    await this.#settled()
    await Promise.all([recovered, renewed])
  }

  /** Work that no caller waits for. `stop()` does: it uses the store. */
  #inBackground (work: Promise<void>, onError: (error: unknown) => void): void {
    const done = work.catch(onError).finally(() => this.#background.delete(done))
    this.#background.add(done)
  }

  async #quiet (): Promise<void> {
    while (this.#background.size > 0 || this.#executions.size > 0) {
      await Promise.all(this.#background)
      await this.#settled()
    }
  }

  async #settled (): Promise<void> {
    await Promise.all([...this.#executions.values()].map(async execution => await execution.finished))
  }

  /**
   * The lease that goes into the store with a run that this instance is about to execute.
   *
   * @param payer whose tokens the run uses.
   */
  newLease (payer?: JobLease['payer']): JobLease {
    if (this.#stopped) throw shuttingDown()
    return this.#newLease(payer, undefined)
  }

  /** @param taken the lease of the execution that this one goes on with. */
  #newLease (payer: JobLease['payer'], taken: JobLease | undefined): JobLease {
    const observed = this.#services.observer?.begin(taken?.trace)
    const lease: JobLease = {
      ...this.#leases.terms(),
      token: randomUUID(),
      takeovers: taken === undefined ? 0 : taken.takeovers + 1,
      ...payer === undefined ? {} : { payer },
      ...observed === undefined ? {} : { trace: observed.trace }
    }
    if (observed !== undefined) this.#observed.set(lease, observed)
    return lease
  }

  /**
   * Executes a run. Returns at once.
   *
   * @param launch with `lease` as `newLease()` has made it, which was just written for the first time.
   */
  launch ({ lease, ...launch }: Omit<Launch, 'held' | 'observed'> & { held: Omit<HeldJob, 'lease'>, lease: JobLease }): void {
    const { key, items } = launch
    if (items.length > 0) this.#bus.send({ type: 'continuedElsewhere', job_id: key.jobId })
    const held = { ...launch.held, lease: this.#leases.held(leaseRecord(key), lease) }
    this.#track(this.#execution({ ...launch, held, observed: this.#observed.get(lease) }), async execution => await execution.execute())
  }

  /** The event log of a run that is executed here from now on. */
  openLog (key: JobKey): EventLog {
    const stale = this.#executions.get(key.jobId)
    // It has lost the run without noticing, and its events are not those of the one that follows.
    if (stale !== undefined && stale.state.phase !== 'waiting') {
      stale.stop('lost')
      this.#logs.drop(key.jobId)
    }
    return this.#logs.open(key)
  }

  /** Keeps the log of a run that waits for the client, made from its records. */
  adoptLog (key: JobKey, body: object, log: EventLog): EventLog {
    const adopted = this.#logs.adopt(key, log)
    this.#logs.retire(key.jobId, this.#waitsFor(this.#dialect(key).state(body)))
    return adopted
  }

  /** How long a stopped run may yet go on, in milliseconds. */
  #waitsFor ({ phase, expiresAt }: JobState): number {
    if (phase === 'ended' || expiresAt === null) return 0
    return Math.max(expiresAt * 1000 - this.#services.clock.now(), 0)
  }

  /**
   * The events of a run for a reader that joins: our own log, or a copy of the one that its executor keeps. Undefined when no instance
   * has them any more.
   */
  async joinLog (key: JobKey, body: object): Promise<EventLog | undefined> {
    if (this.#executions.has(key.jobId)) return this.#logs.find(key.jobId)
    const lease = await loadLease(this.#services.records, key)
    // This instance may have taken the run over meanwhile.
    const own = this.#logs.find(key.jobId)
    const elsewhere = lease !== undefined && this.#leases.isHeldElsewhere(lease.body)
    if (!elsewhere && own !== undefined) return own
    if (!elsewhere && this.#dialect(key).state(body).phase === 'waiting') return undefined
    // The events of a run that has ended elsewhere may still be kept where other readers asked for them.
    return await this.#logs.mirror(key, () => this.#bus.send({ type: 'streamRequested', job_id: key.jobId }))
  }

  /** A run that was created, answered or taken over here, as it is now; the last thousand are remembered, as far as there is room. */
  recent (key: JobKey): object | undefined {
    return this.#recent.find(key)
  }

  /**
   * Writes to a run that may be waiting for its client, so that recovery sees that it goes on.
   *
   * @param write the change of the run's records.
   */
  async wake<T> (key: JobKey, write: () => Promise<T>): Promise<T> {
    return await this.#wakes.wake(key.jobId, write)
  }

  /** Ends a run that was just marked as cancelling: at once if it is executed here or nowhere, else its instance finds out. */
  cancelSoon (key: JobKey): void {
    this.#inBackground(this.#stopOrEnd(key, 'cancelled'), error => {
      this.#services.log.warn({ err: error, run_id: key.jobId }, 'a run could not be cancelled yet; recovery will cancel it')
    })
  }

  /** Stops working on runs of a partition that is gone. */
  abandon (partition: string): void {
    for (const execution of this.#executions.values()) {
      if (execution.key.partition === partition) execution.stop('lost')
    }
  }

  /** Ends a run whose client did not answer in time. Called by the timer, by recovery, and by requests that read an overdue run. */
  async expire (key: JobKey): Promise<void> {
    await this.#stopOrEnd(key, 'expired')
  }

  /** Whether an active run is past its time. */
  isOverdue ({ phase, expiresAt }: JobState): boolean {
    return phase !== 'ended' && expiresAt !== null && this.#services.clock.now() >= expiresAt * 1000
  }

  async #stopOrEnd (key: JobKey, reason: 'cancelled' | 'expired'): Promise<void> {
    const execution = this.#executions.get(key.jobId)
    if (execution !== undefined) {
      execution.stop(reason)
      await execution.finished
      // An execution that had already stopped, because its run waits for the client, does not react.
      if (execution.state.phase !== 'waiting' || this.#stopped) return
    }
    const end = this.#ends.get(key.jobId) ?? this.#endWithoutExecutor(key, reason).finally(() => this.#ends.delete(key.jobId))
    this.#ends.set(key.jobId, end)
    await end
  }

  async #endWithoutExecutor (key: JobKey, reason: 'cancelled' | 'expired'): Promise<void> {
    const job = await loadJob(this.#services.records, this.#dialect(key), key)
    if (job === undefined || this.#dialect(key).state(job.body).phase === 'ended') return
    const claimed = await this.#claim(key, job, lease => this.#leases.isHeld(lease.body))
    if (claimed === undefined) {
      this.#bus.send({ type: 'checkLease', job_id: key.jobId })
      return
    }
    this.#track(claimed.execution, async execution => await execution.end(new RunStopped(reason)))
    await claimed.execution.finished
  }

  /**
   * Takes the lease of a run that no instance holds. Undefined when one does, or when the run is not any more as it was read: the caller
   * has decided on what it read, and a run that has moved on since may want something else.
   *
   * @param isHeld whether an instance holds the lease that was found.
   */
  async #claim (key: JobKey, job: StoredRecord<object>, isHeld: (lease: NonNullable<Awaited<ReturnType<typeof loadLease>>>) => boolean): Promise<{ execution: RunExecution, isDamaged: boolean } | undefined> {
    const { records, tools, log } = this.#services
    const dialect = this.#dialect(key)
    const lease = await loadLease(records, key)
    if (lease !== undefined && isHeld(lease)) return undefined
    if (this.#stopped) throw shuttingDown()
    const mine = this.#newLease(lease?.body.payer, lease?.body)
    const claimed = await this.#leases.claim(leaseRecord(key), lease, mine, [{ op: 'check', kind: dialect.kind, id: key.jobId, expect: job.version }])
    if (claimed === undefined) return undefined
    // What is left here of an earlier claim has lost the run without noticing.
    const stale = this.#executions.get(key.jobId)
    stale?.stop('lost')
    await stale?.finished
    const scribe = dialect.scribe({ records, key, body: job.body, tools })
    // A run whose steps cannot be read any more can still be ended.
    const items = await scribe.load().catch((error: unknown) => {
      if (!(error instanceof DamagedRecordError)) throw error
      log.error({ err: error, run_id: key.jobId }, 'a part of a run is damaged; the run fails')
      return error
    })
    const held = { body: job.body, version: job.version, lease: claimed }
    const isDamaged = items instanceof DamagedRecordError
    return { execution: this.#execution({ key, held, log: this.#logs.open(key), scribe, items: isDamaged ? [] : items, observed: this.#observed.get(mine) }), isDamaged }
  }

  #track (execution: RunExecution, work: (execution: RunExecution) => Promise<void>): void {
    const { key } = execution
    const { jobId } = key
    this.#executions.set(jobId, execution)
    this.#recent.remember(execution)
    if (this.#stopped) execution.stop('shutdown')
    this.#watchExpiry(key, execution.state.expiresAt)
    work(execution).catch(error => {
      this.#services.log.error({ err: error, run_id: jobId }, 'a run execution broke down')
    }).finally(() => {
      if (this.#executions.get(jobId) !== execution) return
      this.#executions.delete(jobId)
      this.#recent.settle(execution)
      const { state } = execution
      if (state.phase === 'ended') {
        this.#expiry.clear(jobId)
        execution.log.close()
      }
      this.#logs.retire(jobId, this.#waitsFor(state))
      if (execution.wasHandedOver) this.#bus.send({ type: 'released', ...fieldsOf(key) })
    })
  }

  /** Expires the run once its time has come. It never changes, so the first timer stays. */
  #watchExpiry (key: JobKey, expiresAt: number | null): void {
    if (this.#expiry.has(key.jobId)) return
    this.#expiry.set(key.jobId, expiresAt, () => {
      this.#inBackground(this.expire(key), error => {
        this.#services.log.warn({ err: error, run_id: key.jobId }, 'a run could not be expired; recovery will expire it')
      })
    })
  }

  /** Messages of other instances. What fails here is tried again by the timers. */
  #receive (message: BusMessage): void {
    const failed = (error: unknown): void => this.#services.log.warn({ err: error, ...message }, 'a message of another instance could not be handled')
    switch (message.type) {
      case 'checkLease': {
        const execution = this.#executions.get(message.job_id)
        if (execution !== undefined) this.#inBackground(this.#renew(execution), failed)
        break
      }
      case 'released':
        if (!this.#stopped && this.#dialects.has(message.dialect)) this.#inBackground(this.#recoverJob(keyOf(message), false), failed)
        break
      case 'continuedElsewhere':
        if (!this.#executions.has(message.job_id)) this.#logs.drop(message.job_id)
        break
      case 'ended':
        this.#dialects.get(message.dialect)?.onEndedElsewhere?.(keyOf(message))
        this.#expiry.clear(message.job_id)
        // The events kept here lack those of its end.
        if (!this.#executions.has(message.job_id)) this.#logs.drop(message.job_id)
        break
      case 'streamRequested':
        this.#logs.export(message.job_id)
        break
    }
  }

  async #renew (execution: RunExecution): Promise<void> {
    try {
      await execution.renewLease()
    } catch (error) {
      if (error instanceof RunStopped) execution.stop(error.reason)
      else this.#services.log.warn({ err: error, run_id: execution.key.jobId }, 'a lease could not be renewed')
    }
  }

  /** Walks the index of active runs: takes runs over, expires them, and removes the entries of those that have ended. */
  async #recover (ignoreLeases: boolean): Promise<void> {
    const found = new Set<string>()
    await visitActiveJobs(this.#services.records, error => { this.#setAside(error.key.id, error) }, async entry => {
      const { id, body } = entry
      if (this.#stopped) return false
      found.add(id)
      if (this.#executions.has(id) || this.#setAsides.has(id)) return true
      try {
        const key = jobKeyOf(id, body)
        if (!this.#dialects.has(key.dialect)) return true
        if (body.due !== undefined && body.due > this.#services.clock.now() && !this.#wakes.isDoubtful(id)) this.#watchExpiry(key, body.due / 1000)
        else await this.#recoverJob(key, ignoreLeases, entry)
      } catch (error) {
        if (isUncertain(error) || this.#stopped) throw error
        this.#setAside(id, error)
      }
      return true
    })
    for (const id of this.#waiting.keys()) if (!found.has(id)) this.#waiting.delete(id)
    this.#wakes.settle(found)
  }

  /** Ignores a run that cannot be recovered until the next start, so that it does not block the recovery of others. */
  #setAside (jobId: string, error: unknown): void {
    if (this.#setAsides.has(jobId)) return
    this.#setAsides.add(jobId)
    this.#services.log.error({ err: error, run_id: jobId }, 'a run cannot be recovered; it is left alone until the next start')
  }

  /** @param entry where the index of active jobs was walked. */
  async #recoverJob (key: JobKey, ignoreLease: boolean, entry?: FoundJob): Promise<void> {
    const { records, clock, log } = this.#services
    const dialect = this.#dialect(key)
    const record = await loadJob(records, dialect, key)
    if (record === undefined) {
      if (clock.now() - (entry?.body.created ?? 0) > INDEX_GRACE_MS) await unindexJob(records, key.jobId, entry)
      return
    }
    const state = dialect.state(record.body)
    if (state.phase === 'ended') return await unindexJob(records, key.jobId, entry)
    if (this.isOverdue(state)) return await this.expire(key)
    if (state.phase === 'waiting') {
      this.#watchExpiry(key, state.expiresAt)
      // A job that has waited since the last look will probably wait on: until it is due there is no need to look again, unless a write to it
      // may yet be carried out.
      if (entry !== undefined && !this.#wakes.isDoubtful(key.jobId) && state.expiresAt !== null && this.#waiting.get(key.jobId) === record.version) {
        await parkJob(records, entry, state.expiresAt * 1000)
      }
      this.#waiting.set(key.jobId, record.version)
      return
    }
    const claimed = await this.#claim(key, record, lease => !ignoreLease && this.#leases.isAlive(leaseRecord(key), lease))
    if (claimed === undefined) return
    const { execution, isDamaged } = claimed
    if (state.phase === 'cancelling') {
      this.#track(execution, async execution => await execution.end(new RunStopped('cancelled')))
    } else if (isDamaged) {
      this.#track(execution, async execution => await execution.end(new ModelError('server_error', 'A part of the run was lost.')))
    } else if (execution.takeovers > this.limits.maxTakeovers) {
      const error = new ModelError('server_error', `The run was interrupted ${execution.takeovers} times and was given up.`)
      this.#track(execution, async execution => await execution.end(error))
    } else {
      log.info({ run_id: key.jobId, thread_id: key.partition }, 'taking a run over')
      this.#track(execution, async execution => await execution.execute())
    }
  }

  #dialect (key: JobKey): Dialect {
    const dialect = this.#dialects.get(key.dialect)
    if (dialect === undefined) throw new Error(`there is no dialect "${key.dialect}"`)
    return dialect
  }

  #execution (launch: Launch): RunExecution {
    const { key } = launch
    const dialect = this.#dialect(key)
    return new RunExecution(this.#services, {
      ...launch,
      dialect,
      onStopped: (body, report) => {
        if (dialect.state(body).phase === 'ended') this.#bus.send({ type: 'ended', ...fieldsOf(key) })
        dialect.onStopped?.(key, body, report)
      }
    })
  }
}
