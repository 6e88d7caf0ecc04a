import type { Clock } from './clock.js'
import { Notifier } from './timers.js'

/** What an attempt returns when an active run holds the thread's lock. */
export class Locked {
  readonly runId: string
  constructor (runId: string) {
    this.runId = runId
  }
}

/** What happens to messages and runs that are created while a run of their thread is active. */
export interface ThreadLocks {
  /** The attempt's result; `Locked` when the thread was still locked at the end of the time that the request may wait. */
  runWhenUnlocked<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked>
  /** Called when a run of the thread has ended. */
  released (project: string, threadId: string): void
  /** Ends all waits. */
  close (): void
}

/** As the real API does: a locked thread is an error at once. */
export const rejectingLocks: ThreadLocks = {
  runWhenUnlocked: async (_project, _threadId, attempt) => await attempt(),
  released () {},
  close () {}
}

/** Locks that are freed when they name a run that will not free them. */
export class FreeingLocks implements ThreadLocks {
  readonly #inner: ThreadLocks
  readonly #free: (project: string, threadId: string, runId: string) => Promise<boolean>

  /** @param free frees a lock for which there is no reason any more; false when there is one. */
  constructor (inner: ThreadLocks, free: (project: string, threadId: string, runId: string) => Promise<boolean>) {
    this.#inner = inner
    this.#free = free
  }

  async runWhenUnlocked<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    return await this.#inner.runWhenUnlocked(project, threadId, async () => {
      const result = await attempt()
      return result instanceof Locked && await this.#free(project, threadId, result.runId) ? await attempt() : result
    })
  }

  released (project: string, threadId: string): void {
    this.#inner.released(project, threadId)
  }

  close (): void {
    this.#inner.close()
  }
}

export interface WaitingLocksOptions {
  clock: Clock
  /** How long one request waits, in milliseconds. */
  waitMs: number
  /** Requests that may wait for one thread. */
  maxWaiters: number
}

/** Notifications are best-effort, those of other instances above all; polling finds what was missed. */
const POLL_MS = 1000

interface Queue {
  /** One for each waiting request. Notified when it becomes the first, or when the thread was unlocked. */
  waiters: Notifier[]
  /** The run that held the lock at the latest attempt. */
  locked: Locked
}

/** Requests wait until the thread is unlocked, and are served in the order in which they came. */
export class WaitingLocks implements ThreadLocks {
  readonly #options: WaitingLocksOptions
  readonly #queues = new Map<string, Queue>()
  #isClosed = false

  constructor (options: WaitingLocksOptions) {
    this.#options = options
  }

  async runWhenUnlocked<T> (project: string, threadId: string, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const key = `${project}/${threadId}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      const result = await attempt()
      if (!(result instanceof Locked)) return result
      if (this.#options.maxWaiters === 0 || this.#isClosed) return result
      // Another request may have begun to wait meanwhile.
      queue = this.#queues.get(key) ?? { waiters: [], locked: result }
      this.#queues.set(key, queue)
    }
    if (queue.waiters.length >= this.#options.maxWaiters || this.#isClosed) return queue.locked
    const waiter = new Notifier()
    queue.waiters.push(waiter)
    // The thread may have been unlocked since the attempt.
    if (queue.waiters[0] === waiter) waiter.notify()
    try {
      return await this.#wait(queue, waiter, attempt)
    } finally {
      queue.waiters.splice(queue.waiters.indexOf(waiter), 1)
      if (queue.waiters.length === 0) this.#queues.delete(key)
      queue.waiters[0]?.notify()
    }
  }

  released (project: string, threadId: string): void {
    this.#queues.get(`${project}/${threadId}`)?.waiters[0]?.notify()
  }

  close (): void {
    this.#isClosed = true
    for (const { waiters } of this.#queues.values()) {
      for (const waiter of waiters) waiter.notify()
    }
  }

  async #wait<T> (queue: Queue, waiter: Notifier, attempt: () => Promise<T | Locked>): Promise<T | Locked> {
    const { clock, waitMs } = this.#options
    const deadline = clock.now() + waitMs
    while (!this.#isClosed && clock.now() < deadline) {
      await waiter.wait(clock, Math.min(POLL_MS, deadline - clock.now()))
      if (queue.waiters[0] !== waiter || this.#isClosed) continue
      const result = await attempt()
      if (!(result instanceof Locked)) return result
      queue.locked = result
    }
    return queue.locked
  }
}
