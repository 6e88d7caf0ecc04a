import type { RecordStore } from '../../../storage/record-store.js'
import type { ByteBudget, Holding } from '../../shared/byte-budget.js'
import type { Clock } from '../../shared/clock.js'
import type { Logger } from '../../shared/log.js'
import { Timer } from '../../shared/timers.js'
import type { EventFormat } from '../dialect.js'
import { EventLog } from './event-log.js'
import { exportLog, forgetExport, mirrorLog } from './mirror.js'
import type { JobKey } from '../job.js'

export interface LogKeeperServices {
  records: RecordStore
  clock: Clock
  /** How events of a dialect look. */
  formatOf (key: JobKey): EventFormat
  /** Whether a job has yet to end. */
  isActive (key: JobKey): Promise<boolean>
  log: Logger
  /** Of the events of all runs that are executed here. */
  budget: ByteBudget
  /** Of the events of those that have stopped. */
  pastBudget: ByteBudget
  limits: {
    /** Bytes of a run's events, as they are sent, kept for its readers. */
    maxLogBytes: number
    /** How long the events of a run that has stopped are kept, in milliseconds. */
    logRetentionMs: number
  }
}

interface Kept {
  key: JobKey
  log: EventLog
  /** Drops the log when the run has stopped for long enough. */
  retirement: Timer
  /** Of the events so far, a piece each. */
  holdings: Holding[]
  accounted: number
  /** Ends the export to other instances, if there is one. */
  exporting: AbortController | undefined
  /** Whether any of it may be in the store. */
  wasExported: boolean
}

interface Mirror {
  log: Promise<EventLog | undefined>
  /** The run is executed here now: there is nothing to copy any more, and this is its log. */
  replace: (log: EventLog) => void
}

/** An event log takes its room in pieces of about this many bytes. */
const PIECE_BYTES = 256 * 1024

/** The event logs of this instance: those of runs that it executes or has just executed, and copies of others'. */
export class LogKeeper {
  readonly #services: LogKeeperServices
  readonly #kept = new Map<string, Kept>()
  readonly #mirrors = new Map<string, Mirror>()
  readonly #closing = new AbortController()

  constructor (services: LogKeeperServices) {
    this.#services = services
  }

  /** The log of a run that is executed here from now on: the one that is there, or a new one. */
  open (key: JobKey): EventLog {
    const kept = this.#kept.get(key.jobId)
    if (kept !== undefined && !kept.log.isClosed) {
      kept.retirement.clear()
      this.#unaccount(kept)
      return kept.log
    }
    const log = this.#keep(key, new EventLog(this.#services.formatOf(key), this.#services.limits.maxLogBytes))
    this.#mirrors.get(key.jobId)?.replace(log)
    return log
  }

  /** The log of a run that is, or was a moment ago, executed here. */
  find (jobId: string): EventLog | undefined {
    return this.#kept.get(jobId)?.log
  }

  /** Keeps a log that was made from the records of a waiting run, so that readers can wait for what comes next. */
  adopt (key: JobKey, log: EventLog): EventLog {
    const kept = this.#kept.get(key.jobId)
    if (kept !== undefined) return kept.log
    return this.#keep(key, log)
  }

  #keep (key: JobKey, log: EventLog): EventLog {
    this.drop(key.jobId)
    const kept: Kept = { key, log, retirement: new Timer(this.#services.clock), holdings: [], accounted: 0, exporting: undefined, wasExported: false }
    this.#kept.set(key.jobId, kept)
    log.onChange(() => {
      if (!log.isClosed && log.keptBytes - kept.accounted >= PIECE_BYTES) this.#account(kept)
    })
    return log
  }

  /** Takes room for what the log has grown. When there is no more for this project, its oldest events are forgotten. */
  #account (kept: Kept): void {
    const grown = kept.log.keptBytes - kept.accounted
    kept.accounted += grown
    kept.holdings.push(this.#services.budget.hold(kept.key.project, grown, () => {
      kept.accounted -= grown
      kept.log.forget(grown)
    }))
  }

  #unaccount (kept: Kept): void {
    for (const holding of kept.holdings) holding.end()
    kept.holdings = []
    kept.accounted = 0
  }

  /**
   * Keeps the events of a run that has stopped for a while, for readers that join late.
   *
   * @param waitsForMs how long it may yet go on, in milliseconds; 0 when it has ended.
   */
  retire (jobId: string, waitsForMs: number): void {
    const kept = this.#kept.get(jobId)
    if (kept === undefined) return
    kept.retirement.clear()
    this.#unaccount(kept)
    // A reader that joins later gets the events from the records.
    kept.holdings.push(this.#services.pastBudget.hold(kept.key.project, kept.log.keptBytes, () => this.drop(jobId)))
    if (this.#kept.get(jobId) !== kept) return
    kept.retirement.set(waitsForMs + this.#services.limits.logRetentionMs, () => {
      this.drop(jobId)
      if (kept.wasExported) this.#inBackground(jobId, forgetExport(this.#services, kept.key))
    })
  }

  /** Forgets a run's events at once; their readers end. */
  drop (jobId: string): void {
    const kept = this.#kept.get(jobId)
    if (kept === undefined) return
    this.#kept.delete(jobId)
    this.#unaccount(kept)
    kept.retirement.clear()
    kept.exporting?.abort()
    kept.log.close()
  }

  /** Makes the events of a run that is executed here readable on other instances. */
  export (jobId: string): void {
    const kept = this.#kept.get(jobId)
    if (kept === undefined || kept.exporting !== undefined) return
    const exporting = new AbortController()
    kept.exporting = exporting
    kept.wasExported = true
    this.#inBackground(jobId, (async () => {
      try {
        // Chunks of an earlier executor belong to another log.
        await forgetExport(this.#services, kept.key)
        await exportLog(this.#services, kept.key, kept.log, exporting.signal)
      } catch (error) {
        // Readers of other instances ask every second: the store may be back by then.
        kept.exporting = undefined
        throw error
      }
    })())
  }

  /**
   * A copy of the events that another instance has; undefined when the run has ended and there are none. All readers here share
   * one copy.
   *
   * @param ask asks the run's executor to export.
   */
  async mirror (key: JobKey, ask: () => void): Promise<EventLog | undefined> {
    const there = await this.#mirrors.get(key.jobId)?.log
    if (there !== undefined && !there.isClosed) return there
    const replaced = new AbortController()
    let replace: Mirror['replace'] = () => {}
    const own = new Promise<EventLog>(resolve => { replace = resolve })
    const copy = mirrorLog(this.#services, key, this.#services.limits.maxLogBytes, ask, AbortSignal.any([this.#closing.signal, replaced.signal]))
    const coming: Mirror = {
      // A reader that asked before this instance took the run over must not wait for another instance.
      log: Promise.race([own, copy]),
      replace: log => {
        replace(log)
        replaced.abort()
      }
    }
    this.#mirrors.set(key.jobId, coming)
    const forget = (): void => {
      if (this.#mirrors.get(key.jobId) === coming) this.#mirrors.delete(key.jobId)
    }
    const log = await coming.log.catch(error => {
      forget()
      throw error
    })
    if (log === undefined || log.isClosed) forget()
    else {
      const off = log.onChange(() => {
        if (!log.isClosed) return
        off()
        forget()
      })
    }
    return log
  }

  /** Ends all readers. */
  close (): void {
    this.#closing.abort()
    for (const jobId of [...this.#kept.keys()]) this.drop(jobId)
  }

  #inBackground (jobId: string, work: Promise<void>): void {
    work.catch(error => {
      this.#services.log.warn({ err: error, run_id: jobId }, 'events could not be shared with other instances')
    })
  }
}
