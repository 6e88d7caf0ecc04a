import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { ModelError } from '../models/provider.js'
import { unixSeconds } from '../shared/clock.js'
import { SerialQueue } from '../shared/serial-queue.js'
import { isStoredAs } from '../shared/stored-as.js'
import { pause } from '../shared/timers.js'
import type { Payer } from '../usage/spending.js'
import type { Change, Dialect, DialectEvent, EarlyEnd, JobMove, Scribe } from './dialect.js'
import type { EventLog } from './events/event-log.js'
import type { Item } from './items.js'
import { totalUsage, type JobError, type JobKey, type JobState } from './job.js'
import { loadJob, partitionOf, unindexJob, type HeldJob } from './lease.js'
import type { EngineServices } from './services.js'
import type { ObservedRun } from './observer.js'
import { RunNotes, type RunReport } from './report.js'
import { RunStopped, type StopReason } from './stop.js'
import { TurnLoop, type Host } from './turn-loop.js'
import { TurnWriter, type Committer } from './turn-writer.js'

/** Between two attempts to write while the store is away: what a run waits at most, once the store is back. */
const MOST_PAUSE_MS = 2000

/** What an execution works on. */
export interface ExecutionInput {
  dialect: Dialect
  key: JobKey
  held: HeldJob
  log: EventLog
  scribe: Scribe
  items: Item[]
  observed?: ObservedRun | undefined
  /** Called when the job has stopped: it has ended or waits for its client. Must not throw. */
  onStopped (body: object, report: RunReport): void
}

/**
 * One job in the hands of this instance, from the claim of its lease to its release. Every write carries the expectation that
 * job and lease are as we know them, so that an instance that lost its lease cannot write any more.
 */
export class RunExecution implements Committer, Host {
  readonly dialect: Dialect
  readonly key: JobKey
  readonly log: EventLog
  readonly notes: RunNotes
  readonly observed: ObservedRun | undefined
  /** Settles when the execution is over; never rejects. */
  readonly finished: Promise<void>
  readonly #services: EngineServices
  readonly #abort = new AbortController()
  readonly #writer: TurnWriter
  readonly #loop: TurnLoop
  readonly #onStopped: ExecutionInput['onStopped']
  #held: HeldJob
  #ending = false
  /** The job has ended or waits for its client, and its readers have been told. */
  #hasStopped = false
  #handedOver = false
  /** What stops the execution first is its reason; the shutdown may come behind it. */
  #isShuttingDown = false
  /** Our own writes and lease renewals never race each other. */
  readonly #writes = new SerialQueue()
  #resolveFinished!: () => void

  constructor (services: EngineServices, { dialect, key, held, log, scribe, items, observed, onStopped }: ExecutionInput) {
    this.#services = services
    this.dialect = dialect
    this.key = key
    this.#held = held
    this.#onStopped = onStopped
    this.log = log
    this.notes = new RunNotes(services.clock)
    const spec = dialect.spec(held.body)
    this.observed = observed
    observed?.describe({ ...spec.context, agentId: spec.context.assistantId, model: spec.model, takeovers: held.lease.body.takeovers })
    const offered = services.tools.offered(spec.tools)
    this.#writer = new TurnWriter(this, scribe, offered, items, services.offsetUnit ?? 'utf16')
    this.#loop = new TurnLoop(services, this, this.#writer, spec, offered)
    this.finished = new Promise(resolve => { this.#resolveFinished = resolve })
  }

  get body (): object {
    return this.#held.body
  }

  get state (): JobState {
    return this.dialect.state(this.#held.body)
  }

  get signal (): AbortSignal {
    return this.#abort.signal
  }

  get payer (): Payer {
    return { ...this.#held.lease.body.payer, project: this.key.project }
  }

  get takeovers (): number {
    return this.#held.lease.body.takeovers
  }

  /** Whether the job was released for another instance to go on with. */
  get wasHandedOver (): boolean {
    return this.#handedOver
  }

  now (): number {
    return unixSeconds(this.#services.clock)
  }

  publish (events: DialectEvent[]): void {
    // What a tool reports that heeds its signal late, or not at all, has no place behind the end.
    if (!this.#hasStopped) this.log.append(events)
  }

  /** Makes the execution stop at the next opportunity, the upstream request at once. */
  stop (reason: StopReason): void {
    if (reason === 'shutdown') this.#isShuttingDown = true
    this.#abort.abort(new RunStopped(reason))
  }

  /** Takes the job as far as it goes: to its end, or to where its client has to answer. */
  async execute (): Promise<void> {
    try {
      this.#writer.resume()
      if (this.state.phase !== 'running') await this.commit(() => this.moved({ to: 'running', at: this.now() }))
      await this.#loop.run()
    } catch (error) {
      await this.#conclude(error)
    } finally {
      this.#over()
    }
  }

  /** Ends a job that no instance was executing. */
  async end (why: RunStopped | ModelError): Promise<void> {
    this.#writer.resume()
    await this.#conclude(why)
    this.#over()
  }

  #over (): void {
    const { status = this.state.phase } = this.body as { status?: string }
    this.#resolveFinished()
    this.observed?.end(this.#handedOver ? 'handed_over' : status, this.notes.report({ keyName: this.payer.keyName, takeovers: this.takeovers }))
  }

  /** A move as part of a larger change. */
  moved (move: JobMove): Change {
    return this.dialect.move(this.body, move)
  }

  /** Writes, one write at a time, and publishes the events once it is persisted. Throws `RunStopped` when the job is not ours to write. */
  async commit (build: (retry: boolean) => Change | Promise<Change>): Promise<void> {
    await this.#writes.run(async () => {
      for (let retry = false; ; retry = true) {
        // It may read what the write that came first has left.
        const { body, items = [], events = [] } = await this.retryWhileStorageDown(async () => await build(retry))
        const phase = body === undefined ? 'running' : this.dialect.state(body).phase
        const stopped = phase === 'ended' || phase === 'waiting' ? body : undefined
        if (await this.#write(body, items, stopped !== undefined)) {
          if (body !== undefined) this.#held = { ...this.#held, body, version: this.#held.version + 1 }
          this.publish(events)
          this.#hasStopped = stopped !== undefined
          if (stopped !== undefined) this.#onStopped(stopped, this.notes.report({ keyName: this.payer.keyName, takeovers: this.takeovers }))
          return
        }
        await this.#refresh()
      }
    })
  }

  /** Extends the lease. Throws `RunStopped` when the job changed hands or was cancelled on another instance. */
  async renewLease (): Promise<void> {
    await this.#writes.run(async () => {
      const { lease, version } = this.#held
      if (!await lease.renew([{ op: 'check', kind: this.dialect.kind, id: this.key.jobId, expect: version }])) await this.#refresh()
    })
  }

  /** The job has ended. */
  async unindex (): Promise<void> {
    await unindexJob(this.#services.records, this.key.jobId)
  }

  /**
   * Waits for a store that is down, as long as the job has time and nothing stops it. Nothing is lost meanwhile: the model's
   * answer stays in memory until it can be persisted.
   */
  async retryWhileStorageDown<T> (work: (uncertain: boolean) => Promise<T>): Promise<T> {
    const { clock, log } = this.#services
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(attempt > 0)
      } catch (error) {
        const { expiresAt } = this.state
        const late = expiresAt !== null && clock.now() >= expiresAt * 1000
        if (!(error instanceof StorageUnavailableError) || late || this.#isShuttingDown) throw error
        log.warn({ err: error, run_id: this.key.jobId }, 'the store is unavailable; the run waits for it')
        await pause(clock, Math.min(100 * 2 ** attempt, MOST_PAUSE_MS))
      }
    }
  }

  /** Ends the job for the reason that stopped it, unless it is no longer ours. */
  async #conclude (error: unknown): Promise<void> {
    const cause = this.#abort.signal.aborted ? this.#abort.signal.reason as unknown : error
    // Calls of tools beside the one that failed, or whose output could not be written, would go on.
    this.#abort.abort(error instanceof RunStopped ? error : new RunStopped('failed'))
    try {
      if (isStopped(cause, 'shutdown')) await this.#handOver()
      else if (!isStopped(cause, 'lost')) return await this.#endEarly(cause)
    } catch (next) {
      if (!isStopped(next, 'lost')) return this.#services.log.error({ err: next, run_id: this.key.jobId }, 'a run could not be ended; recovery will end it')
    }
    // The instance that has the job now tells its readers the rest.
    this.log.close()
  }

  async #endEarly (cause: unknown): Promise<void> {
    this.#ending = true
    await this.#writes.run(async () => await this.#reload())
    const before = this.body
    const why = this.#earlyEnd(cause)
    this.#writer.reopenLeftovers()
    await this.commit(async retry => {
      const closing = await this.#writer.cutOff(why, retry)
      const at = this.now()
      const usage = totalUsage(this.#writer.usages())
      const end = this.moved(why.reason === 'failed' ? { to: 'failed', at, usage, error: why.error } : { to: why.reason, at, usage })
      const cancelling = why.reason === 'cancelled' ? this.dialect.announce(before) : []
      return { ...end, items: [...closing.items ?? [], ...end.items ?? []], events: [...cancelling, ...closing.events ?? [], ...end.events ?? []] }
    })
    await this.unindex()
  }

  #earlyEnd (cause: unknown): EarlyEnd {
    if (isStopped(cause, 'expired')) return { reason: 'expired' }
    // A failure that comes after the user has cancelled is not reported.
    if (this.state.phase === 'cancelling') return { reason: 'cancelled' }
    return { reason: 'failed', error: this.#jobError(cause) }
  }

  #jobError (cause: unknown): JobError {
    this.observed?.failed(cause)
    if (cause instanceof ModelError) {
      this.#services.log.warn({ err: cause, run_id: this.key.jobId }, 'the model failed')
      return { code: cause.code, message: cause.message }
    }
    this.#services.log.error({ err: cause, run_id: this.key.jobId }, 'a run failed')
    return { code: 'server_error', message: 'Sorry, something went wrong.' }
  }

  /**
   * Gives the lease up, so that another instance, or this one after a restart, takes the job over without waiting. Not that of another claim,
   * which may have come as far as the version of ours: the job has moved on before it.
   */
  async #handOver (): Promise<void> {
    const { kind } = this.dialect
    await this.#writes.run(async () => {
      const release = async (): Promise<boolean> => await this.#services.records.write(partitionOf(this.key), [
        { op: 'check', kind, id: this.key.jobId, expect: this.#held.version },
        this.#held.lease.remove()
      ])
      while (!await release()) await this.#reload()
    })
    this.#handedOver = true
  }

  async #write (body: object | undefined, items: WriteItem[], releases: boolean): Promise<boolean> {
    const { kind } = this.dialect
    const { jobId: id } = this.key
    const { version, lease } = this.#held
    const batch: WriteItem[] = [
      body === undefined ? { op: 'check', kind, id, expect: version } : { op: 'put', kind, id, body, expect: version },
      releases ? lease.remove() : lease.check(),
      ...items
    ]
    if (body !== undefined && this.dialect.state(body).phase === 'ended') batch.push(...this.dialect.release(this.key))
    return await this.retryWhileStorageDown(async uncertain => {
      const wasApplied = async (): Promise<boolean> => uncertain && body !== undefined && await this.#wasApplied(body)
      // An earlier try may also be carried out while this one is on its way, which changes nothing then.
      return await wasApplied() || await this.#services.records.write(partitionOf(this.key), batch) || await wasApplied()
    })
  }

  /** Whether a write of the job that ended without an answer was carried out all the same. */
  async #wasApplied (body: object): Promise<boolean> {
    const stored = await loadJob(this.#services.records, this.dialect, this.key)
    return stored?.version === this.#held.version + 1 && isStoredAs(stored.body, body)
  }

  /** Looks up which write came first. Throws unless the job is still ours and still to be worked on. */
  async #refresh (): Promise<void> {
    await this.#reload()
    if (this.state.phase === 'cancelling' && !this.#ending) throw new RunStopped('cancelled')
  }

  async #reload (): Promise<void> {
    const { lease } = this.#held
    const [job, isOurs] = await this.retryWhileStorageDown(async () =>
      await Promise.all([loadJob(this.#services.records, this.dialect, this.key), lease.refresh()]))
    if (job === undefined || !isOurs || this.dialect.state(job.body).phase === 'ended') throw new RunStopped('lost')
    this.#held = { body: job.body, version: job.version, lease }
  }
}

const isStopped = (cause: unknown, reason: StopReason): boolean => cause instanceof RunStopped && cause.reason === reason
