import type { RecordStore } from '../../../storage/record-store.js'
import type { Clock } from '../../shared/clock.js'
import type { Logger } from '../../shared/log.js'
import { EventLog } from './event-log.js'
import { exportLog, forgetExport, mirrorLog } from './mirror.js'
import type { RunKey } from '../records.js'

export interface LogKeeperServices {
  records: RecordStore
  clock: Clock
  log: Logger
  limits: {
    /** Payload bytes of a run's events kept for its readers. */
    maxLogBytes: number
    /** How long the events of a run that has stopped are kept, in milliseconds. */
    logRetentionMs: number
  }
}

interface Kept {
  key: RunKey
  log: EventLog
  /** Takes back the timer that will forget the log. */
  keep: () => void
  /** Ends the export to other instances, if there is one. */
  exporting: AbortController | undefined
}

/** The event logs of this instance: those of runs that it executes or has just executed, and copies of others'. */
export class LogKeeper {
  readonly #services: LogKeeperServices
  readonly #kept = new Map<string, Kept>()
  readonly #mirrors = new Map<string, Promise<EventLog | undefined>>()
  readonly #closing = new AbortController()

  constructor (services: LogKeeperServices) {
    this.#services = services
  }

  /** The log of a run that is executed here from now on: the one that is there, or a new one. */
  open (key: RunKey): EventLog {
    const kept = this.#kept.get(key.runId)
    if (kept !== undefined && !kept.log.isClosed) {
      kept.keep()
      return kept.log
    }
    const log = new EventLog(this.#services.limits.maxLogBytes)
    this.#kept.set(key.runId, { key, log, keep: () => {}, exporting: undefined })
    return log
  }

  /** The log of a run that is, or was a moment ago, executed here. */
  find (runId: string): EventLog | undefined {
    return this.#kept.get(runId)?.log
  }

  /** Keeps a log that was told from the records of a run that rests, so that readers can wait for what comes next. */
  adopt (key: RunKey, log: EventLog): EventLog {
    const kept = this.#kept.get(key.runId)
    if (kept !== undefined) return kept.log
    this.#kept.set(key.runId, { key, log, keep: () => {}, exporting: undefined })
    return log
  }

  /**
   * A run that rests leaves its events for a while, for readers that come late.
   *
   * @param restsForMs how long it may yet go on, in milliseconds; 0 when it has ended.
   */
  retire (runId: string, restsForMs: number): void {
    const kept = this.#kept.get(runId)
    if (kept === undefined) return
    kept.keep()
    kept.keep = this.#services.clock.after(restsForMs + this.#services.limits.logRetentionMs, () => {
      this.drop(runId)
      if (kept.exporting !== undefined) this.#quietly(runId, forgetExport(this.#services, kept.key))
    })
  }

  /** Forgets a run's events at once; their readers end. */
  drop (runId: string): void {
    const kept = this.#kept.get(runId)
    if (kept === undefined) return
    this.#kept.delete(runId)
    kept.keep()
    kept.exporting?.abort()
    kept.log.close()
  }

  /** Makes the events of a run that is executed here readable on other instances. */
  export (runId: string): void {
    const kept = this.#kept.get(runId)
    if (kept === undefined || kept.exporting !== undefined) return
    const exporting = new AbortController()
    kept.exporting = exporting
    this.#quietly(runId, (async () => {
      // What an earlier executor has left is another story.
      await forgetExport(this.#services, kept.key)
      await exportLog(this.#services, kept.key, kept.log, exporting.signal)
    })())
  }

  /**
   * A copy of the events that another instance has; undefined when the run has ended and there are none. All readers here share
   * one copy.
   *
   * @param ask asks the run's executor to export.
   */
  async mirror (key: RunKey, ask: () => void): Promise<EventLog | undefined> {
    const there = await this.#mirrors.get(key.runId)
    if (there !== undefined && !there.isClosed) return there
    const coming = mirrorLog(this.#services, key, this.#services.limits.maxLogBytes, ask, this.#closing.signal)
    this.#mirrors.set(key.runId, coming)
    const forget = (): void => {
      if (this.#mirrors.get(key.runId) === coming) this.#mirrors.delete(key.runId)
    }
    const log = await coming.catch(error => {
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
    for (const runId of [...this.#kept.keys()]) this.drop(runId)
  }

  #quietly (runId: string, work: Promise<void>): void {
    work.catch(error => {
      this.#services.log.warn({ err: error, run_id: runId }, 'events could not be shared with other instances')
    })
  }
}
