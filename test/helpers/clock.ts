import type { Clock } from '../../lib/shared/clock.js'

interface Timer {
  at: number
  delayMs: number
  callback: () => void
}

/**
 * A clock that stands still until the test moves it:
 *
 *     const clock = new ManualClock()
 *     await clock.armed(ms => ms === 2000)   // the code under test waits for two seconds
 *     await clock.advance(2000)
 */
export class ManualClock implements Clock {
  #now: number
  #stoodStill = 0
  #shown: number | undefined
  #timers: Timer[] = []
  readonly #lookers: (() => void)[] = []
  #watchers: { matches: (delayMs: number) => boolean, resolve: (delayMs: number) => void }[] = []

  /** `now` in milliseconds since the epoch. Default: a whole second in 2023. */
  constructor (now = 1_700_000_000_000) {
    this.#now = now
  }

  now (): number {
    return this.#shown ?? this.#now - this.#stoodStill
  }

  monotonic (): number {
    for (const resolve of this.#lookers.splice(0)) resolve()
    return this.#now
  }

  /** Resolves when the code under test next looks at the clock: a limit that begins anew sets no timer. */
  looked (): Promise<void> {
    return new Promise(resolve => { this.#lookers.push(resolve) })
  }

  /** Lets time go by of which `now()` shows nothing: timers fire. */
  async elapse (ms: number): Promise<void> {
    this.#shown = this.now()
    await this.advance(ms)
    this.#shown = undefined
    this.#stoodStill += ms
  }

  /** How many timers are set. */
  get pending (): number {
    return this.#timers.length
  }

  after (delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), delayMs, callback }
    this.#timers.push(timer)
    const watched = this.#watchers.filter(({ matches }) => matches(delayMs))
    this.#watchers = this.#watchers.filter(watcher => !watched.includes(watcher))
    for (const { resolve } of watched) resolve(delayMs)
    return () => { this.#timers = this.#timers.filter(other => other !== timer) }
  }

  /** Resolves with the delay of a timer that `matches` (any, when not given), as soon as one is set. */
  armed (matches: (delayMs: number) => boolean = () => true): Promise<number> {
    const set = this.#timers.find(({ delayMs }) => matches(delayMs))
    return set === undefined ? this.next(matches) : Promise.resolve(set.delayMs)
  }

  /** As `armed`, for a timer that is set from now on. */
  next (matches: (delayMs: number) => boolean = () => true): Promise<number> {
    return new Promise(resolve => this.#watchers.push({ matches, resolve }))
  }

  /** Moves on, fires what is due in order, each at its own time, and lets promises settle after each. */
  async advance (ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end)
      if (due.length === 0) break
      const next = due.reduce((earliest, timer) => timer.at < earliest.at ? timer : earliest)
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settled()
    }
    this.#now = end
    await settled()
  }

  /** As `advance`, but as after a sleep of the machine: what is due meanwhile fires once, at the end. For hours and days. */
  async leap (ms: number): Promise<void> {
    this.#now += ms
    for (const timer of this.#timers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at)) {
      // What fires may clear what has yet to.
      if (!this.#timers.includes(timer)) continue
      this.#timers = this.#timers.filter(other => other !== timer)
      timer.callback()
      await settled()
    }
    await settled()
  }
}

/** A turn of the event loop, after which resolved promises have run their course. */
function settled (): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
