import type { Clock } from '../../shared/clock.js'

/** One timer that is set again and again: for the connection, the first token, each pause. */
export class Deadline {
  readonly #clock: Clock
  #takeBack: (() => void) | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Replaces what was set before. 0 or Infinity means no limit. */
  set (ms: number, onPassed: () => void): void {
    this.clear()
    if (ms > 0 && ms !== Infinity) this.#takeBack = this.#clock.after(ms, onPassed)
  }

  clear (): void {
    this.#takeBack?.()
    this.#takeBack = undefined
  }
}
