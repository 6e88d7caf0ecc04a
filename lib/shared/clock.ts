/** Time as the engine sees it. Injected, so that tests move it instead of waiting. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now (): number
  /** Milliseconds since some moment, which setting the clock does not change. Default: as `now()`. */
  monotonic? (): number
  /** Calls `callback` once after `delayMs`; the returned function takes it back. Never keeps the process alive. */
  after (delayMs: number, callback: () => void): () => void
}

/** Node clamps longer delays to 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after (delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  }
}

/** For measuring how long something takes, in milliseconds. */
export function monotonicMs (clock: Clock): number {
  return clock.monotonic?.() ?? clock.now()
}

/** Unix seconds, as on the wire. */
export function unixSeconds (clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}
