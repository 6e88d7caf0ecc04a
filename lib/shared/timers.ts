import { monotonicMs, type Clock } from './clock.js'

/**
 * Waits on the injected clock. None of them rejects: a wait ends early when its signal is aborted, and the caller looks at the
 * signal, as loops do anyway. No timer or listener stays behind a wait that has ended.
 */

/** Resolves after `delayMs`, or as soon as the signal is aborted. */
export async function pause (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  await wait(clock, delayMs, signal, () => undefined)
}

/**
 * Whether `work` settles, by success or failure, within `timeoutMs`. False when the time is up or the signal is aborted first. The
 * work goes on, and its failure stays with the caller.
 */
export async function settlesWithin (clock: Clock, timeoutMs: number, work: Promise<unknown>, signal?: AbortSignal): Promise<boolean> {
  return await wait(clock, timeoutMs, signal, settle => {
    work.then(settle, settle)
  })
}

/** A signal from one part of the program to one waiting loop. A notification that comes before the wait is remembered; several count as one. */
export class Notifier {
  #isNotified = false
  #wake: (() => void) | undefined

  notify (): void {
    this.#isNotified = true
    this.#wake?.()
  }

  /** Waits for a notification, however long it takes, and consumes it. One waiter at a time. */
  notified (): Promise<void> {
    return new Promise(resolve => {
      const consume = (): void => {
        this.#wake = undefined
        this.#isNotified = false
        resolve()
      }
      if (this.#isNotified) consume()
      else this.#wake = consume
    })
  }

  /**
   * As `notified`, within bounds.
   *
   * @param timeoutMs the longest wait.
   * @returns whether there was a notification; false when the time is up or the signal is aborted.
   */
  async wait (clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (!this.#isNotified) {
      await wait(clock, timeoutMs, signal, wake => {
        this.#wake = wake
      })
      this.#wake = undefined
    }
    const wasNotified = this.#isNotified
    this.#isNotified = false
    return wasNotified
  }
}

/** Whether the wait ended because `subscribe`'s callback was called. */
function wait (clock: Clock, delayMs: number, signal: AbortSignal | undefined, subscribe: (wake: () => void) => void): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false)
  return new Promise(resolve => {
    const timer = new Timer(clock)
    const end = (isWoken: boolean): void => {
      timer.clear()
      signal?.removeEventListener('abort', abort)
      resolve(isWoken)
    }
    const abort = (): void => end(false)
    signal?.addEventListener('abort', abort, { once: true })
    timer.set(delayMs, () => end(false))
    subscribe(() => end(true))
  })
}

/** One timer that is set, replaced and cleared. */
export class Timer {
  readonly #clock: Clock
  #cancel: (() => void) | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Calls `callback` once after `delayMs`, instead of what was set before. Infinity: never. */
  set (delayMs: number, callback: () => void): void {
    this.clear()
    if (delayMs === Infinity) return
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined
      callback()
    })
  }

  clear (): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/**
 * A time limit that begins anew all the time, with each piece of a stream for instance. The timer behind it stays as it is, and is set
 * anew only when it fires early: beginning costs no more than a look at the clock.
 */
export class IdleTimer {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #onIdle: () => void
  readonly #timer: Timer
  #isSet = false
  #since: number | undefined

  /** @param idleMs Infinity: never. */
  constructor (clock: Clock, idleMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#onIdle = onIdle
    this.#timer = new Timer(clock)
  }

  /** From now on `idleMs` may pass. */
  begin (): void {
    if (this.#idleMs === Infinity) return
    this.#since = monotonicMs(this.#clock)
    if (!this.#isSet) this.#set(this.#idleMs)
  }

  /** Time does not count until it begins again. */
  pause (): void {
    this.#since = undefined
  }

  clear (): void {
    this.#since = undefined
    this.#isSet = false
    this.#timer.clear()
  }

  #set (delayMs: number): void {
    this.#isSet = true
    this.#timer.set(delayMs, () => {
      this.#isSet = false
      if (this.#since === undefined) return
      const left = this.#idleMs - (monotonicMs(this.#clock) - this.#since)
      if (left > 0) return this.#set(left)
      this.#since = undefined
      this.#onIdle()
    })
  }
}

export interface PeriodicTaskOptions {
  clock: Clock
  /** From the end of one run to the start of the next, in milliseconds. */
  intervalMs: number
  /** What is done. The signal is aborted by `stop()`, for work that can end early. */
  run (signal: AbortSignal): Promise<void>
  /** Called with what `run` threw; the next run takes place all the same. Not called after `stop()`. */
  onError (error: unknown): void
}

/** Repeats work until it is stopped. Its runs never overlap. */
export class PeriodicTask {
  readonly #options: PeriodicTaskOptions
  readonly #timer: Timer
  readonly #stopping = new AbortController()
  #current: Promise<void> | undefined

  constructor (options: PeriodicTaskOptions) {
    this.#options = options
    this.#timer = new Timer(options.clock)
  }

  /** Runs for the first time after one interval. Returns the task. */
  start (): this {
    if (!this.#stopping.signal.aborted) this.#timer.set(this.#options.intervalMs, () => { this.#current ??= this.#run() })
    return this
  }

  /**
   * Runs at once, unless a run is under way, and every interval from then on. Resolves when that run has ended; never rejects.
   */
  async runNow (): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#timer.clear()
    this.#current ??= this.#run()
    await this.#current
  }

  /** No run begins any more. Resolves when the one under way, if there is one, has ended; never rejects. */
  async stop (): Promise<void> {
    this.#timer.clear()
    this.#stopping.abort()
    await this.#current
  }

  async #run (): Promise<void> {
    const { run, onError } = this.#options
    const { signal } = this.#stopping
    // Begins in a turn of its own, so that `#current` is set before the run can end.
    await Promise.resolve()
    try {
      await run(signal)
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
    this.#current = undefined
    this.start()
  }
}
