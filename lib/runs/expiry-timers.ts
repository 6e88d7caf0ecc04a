import type { Clock } from '../shared/clock.js'
import { Timer } from '../shared/timers.js'

/** One timer per run that has a last moment. */
export class ExpiryTimers {
  readonly #clock: Clock
  readonly #timers = new Map<string, Timer>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  has (jobId: string): boolean {
    return this.#timers.has(jobId)
  }

  /**
   * Calls `expire` once the time has come, instead of what was set for the run before.
   *
   * @param expiresAt in seconds since the epoch; null is never.
   */
  set (jobId: string, expiresAt: number | null, expire: () => void): void {
    this.clear(jobId)
    if (expiresAt === null) return
    const timer = new Timer(this.#clock)
    this.#timers.set(jobId, timer)
    timer.set(expiresAt * 1000 - this.#clock.now(), () => {
      this.#timers.delete(jobId)
      // A timer has a longest time, and may come too early for a run that has longer.
      if (this.#clock.now() < expiresAt * 1000) this.set(jobId, expiresAt, expire)
      else expire()
    })
  }

  clear (jobId: string): void {
    this.#timers.get(jobId)?.clear()
    this.#timers.delete(jobId)
  }

  clearAll (): void {
    for (const timer of this.#timers.values()) timer.clear()
    this.#timers.clear()
  }
}
