import type { Clock } from './clock.js'

/** What an attempt returns when an active run holds the thread's lock. */
export class Locked {
  readonly runId: string
  constructor (runId: string) {
    this.runId = runId
  }
}

/** What happens to messages and runs that come while a run of their thread is active. */
export interface ThreadLocks {
  /** The attempt's result; `Locked` when the thread stayed locked as long as it may be waited for. */
  runWhenUnlocked<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked>
  /** A run of the thread has ended. */
  released (project: string, threadId: string): void
  /** Nobody waits any longer. */
  close (): void
}

/** As the real API does: a locked thread is an error at once. */
export const rejectingLocks: ThreadLocks = {
  runWhenUnlocked: async (_project, _threadId, attempt) => await attempt(),
  released () {},
  close () {}
}

export interface WaitingLocksOptions {
  clock: Clock
  /** How long one request waits, in milliseconds. */
  waitMs: number
  /** Requests that may wait for one thread. */
  maxWaiters: number
}

/** The news of a release may be lost (another instance's run, say): look again after this time. */
const POLL_MS = 1000

/** One waiting request. */
class Waiter {
  #isDue = false
  #wake = (): void => {}

  /** Its turn has come, or the thread is free; remembered until it looks. */
  wake (): void {
    this.#isDue = true
    this.#wake()
  }

  async pause (clock: Clock, ms: number): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>(resolve => {
        const cancel = clock.after(ms, resolve)
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#isDue = false
  }
}

interface Queue {
  waiters: Waiter[]
  /** Who is in the way, as the first waiter was last told. */
  locked: Locked
}

/** Requests wait their turn, first come, first served. */
export class WaitingLocks implements ThreadLocks {
  readonly #options: WaitingLocksOptions
  readonly #queues = new Map<string, Queue>()
  #isClosed = false

  constructor (options: WaitingLocksOptions) {
    this.#options = options
  }

  async runWhenUnlocked<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const key = `${project}/${threadId}`
    if (!this.#queues.has(key)) {
      const result = await attempt()
      if (!(result instanceof Locked)) return result
      if (this.#options.maxWaiters === 0 || this.#isClosed) return result
      // Somebody else may have begun to wait meanwhile.
      if (!this.#queues.has(key)) this.#queues.set(key, { waiters: [], locked: result })
    }
    const queue = this.#queues.get(key) as Queue
    if (queue.waiters.length >= this.#options.maxWaiters || this.#isClosed) return queue.locked
    const me = new Waiter()
    queue.waiters.push(me)
    // The thread may have become free between the attempt and this.
    if (queue.waiters[0] === me) me.wake()
    try {
      return await this.#wait(queue, me, attempt)
    } finally {
      queue.waiters.splice(queue.waiters.indexOf(me), 1)
      if (queue.waiters.length === 0) this.#queues.delete(key)
      queue.waiters[0]?.wake()
    }
  }

  released (project: string, threadId: string): void {
    this.#queues.get(`${project}/${threadId}`)?.waiters[0]?.wake()
  }

  close (): void {
    this.#isClosed = true
    for (const { waiters } of this.#queues.values()) {
      for (const waiter of waiters) waiter.wake()
    }
  }

  async #wait<T> (queue: Queue, me: Waiter, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const { clock, waitMs } = this.#options
    const deadline = clock.now() + waitMs
    while (!this.#isClosed && clock.now() < deadline) {
      await me.pause(clock, Math.min(POLL_MS, deadline - clock.now()))
      if (queue.waiters[0] !== me || this.#isClosed) continue
      const result = await attempt()
      if (!(result instanceof Locked)) return result
      queue.locked = result
    }
    return queue.locked
  }
}
