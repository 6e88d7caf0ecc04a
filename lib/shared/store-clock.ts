import { monotonicMs, type Clock } from './clock.js'

/**
 * The time by the clock of the store, which all instances share: what one of them stamps, another lets expire. Without it an instance whose
 * clock is two hours ahead would end the runs of all others.
 */
export class StoreClock implements Clock {
  /** By how much the clock of this machine is ahead of the store's, in milliseconds. */
  skewMs = 0
  readonly #clock: Clock

  /** @param clock of this machine. */
  constructor (clock: Clock) {
    this.#clock = clock
  }

  now (): number {
    return this.#clock.now() - this.skewMs
  }

  monotonic (): number {
    return monotonicMs(this.#clock)
  }

  after (delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, callback)
  }
}
