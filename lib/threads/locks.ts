import type { Clock } from '../clock.js'

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
  pass<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked>
  /** A run of the thread has ended. */
  released (project: string, threadId: string): void
}

/** As the real API does: a locked thread is an error at once. */
export const rejectingLocks: ThreadLocks = {
  pass: async (_project, _threadId, attempt) => await attempt(),
  released () {}
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

interface Waiter {
  /** Ends the present pause. */
  wake: () => void
}

/** Requests wait their turn, first come, first served. */
export class WaitingLocks implements ThreadLocks {
  readonly #options: WaitingLocksOptions
  readonly #queues = new Map<string, Waiter[]>()

  constructor (options: WaitingLocksOptions) {
    this.#options = options
  }

  async pass<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const key = `${project}/${threadId}`
    if (!this.#queues.has(key)) {
      const result = await attempt()
      if (!(result instanceof Locked)) return result
    }
    const queue = this.#queues.get(key) ?? []
    if (queue.length >= this.#options.maxWaiters) return await attempt()
    const me: Waiter = { wake: () => {} }
    queue.push(me)
    this.#queues.set(key, queue)
    try {
      return await this.#wait(queue, me, attempt)
    } finally {
      queue.splice(queue.indexOf(me), 1)
      if (queue.length === 0) this.#queues.delete(key)
      queue[0]?.wake()
    }
  }

  released (project: string, threadId: string): void {
    this.#queues.get(`${project}/${threadId}`)?.[0]?.wake()
  }

  async #wait<T> (queue: Waiter[], me: Waiter, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const { clock, waitMs } = this.#options
    const deadline = clock.now() + waitMs
    for (;;) {
      const late = clock.now() >= deadline
      // Whoever is late tries once more, out of turn, only to be told which run is in the way.
      if (queue[0] === me || late) {
        const result = await attempt()
        if (!(result instanceof Locked) || late) return result
      }
      await this.#pause(me, Math.min(POLL_MS, deadline - clock.now()))
    }
  }

  async #pause (me: Waiter, ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const cancel = this.#options.clock.after(ms, resolve)
      me.wake = () => {
        cancel()
        resolve()
      }
    })
    me.wake = () => {}
  }
}
