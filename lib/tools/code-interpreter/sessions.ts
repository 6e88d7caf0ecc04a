import { randomUUID } from 'node:crypto'
import type { Sandbox, SandboxLimits, SandboxSession } from '../../sandbox/sandbox.js'
import { unlessAborted } from '../../shared/abort.js'
import type { Clock } from '../../shared/clock.js'
import { SerialQueue } from '../../shared/serial-queue.js'
import { Timer } from '../../shared/timers.js'

export interface SessionLimits {
  /** Sessions at a time. */
  sessions: number
  /** A session that no call has used for so long is ended. */
  idleMs: number
  /** A session that is older is ended before its next call. */
  ageMs: number
  /** How long a call waits for a session when all are busy. */
  waitMs: number
  /** Sessions that are kept started for threads that have none, once one was needed. */
  warm: number
}

export interface SessionsOptions {
  sandbox: Sandbox
  sandboxLimits: SandboxLimits
  limits: SessionLimits
  clock: Clock
}

/** All sessions are busy, and stayed so. */
export class SessionsBusy extends Error {
  override readonly name = 'SessionsBusy'
}

/** The place of one thread: its session, as long as it has one. */
export class Place {
  readonly project: string
  readonly queue = new SerialQueue()
  session: SandboxSession | undefined
  /** Names the session to other instances and later calls. */
  sessionId = ''
  /** By name in `/mnt/data`: the id of the file that was put there. */
  staged = new Map<string, string>()
  /** Calls that use it or wait for it. */
  users = 0
  startedAt = 0
  usedAt = 0
  readonly idle: Timer

  constructor (project: string, clock: Clock) {
    this.project = project
    this.idle = new Timer(clock)
  }
}

interface Waiter {
  project: string
  admit: () => void
}

/** The sessions of this instance, one for a thread: started when they are needed, shared fairly between projects, ended when they idle. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #places = new Map<string, Place>()
  /** Places that have a session, or are getting one. */
  readonly #live = new Set<Place>()
  readonly #waiters: Waiter[] = []
  #warm: Promise<SandboxSession>[] = []
  readonly #closing = new AbortController()

  constructor (options: SessionsOptions) {
    this.#options = options
  }

  /** Sessions that there are, or are being started. */
  get count (): number {
    return this.#live.size
  }

  /** Waits until no other call uses the thread's place. `leave` must follow. Throws the signal's reason. */
  async enter (project: string, threadId: string, signal: AbortSignal): Promise<{ place: Place, leave: () => void }> {
    const key = JSON.stringify([project, threadId])
    const place = this.#places.get(key) ?? new Place(project, this.#options.clock)
    this.#places.set(key, place)
    place.users++
    place.idle.clear()
    let end = (): void => {}
    const held = new Promise<void>(resolve => { end = resolve })
    const leave = (): void => {
      end()
      place.users--
      if (place.users === 0) this.#rest(key, place)
    }
    const turn = new Promise<void>(resolve => {
      place.queue.run(async () => {
        resolve()
        await held
      }).catch(() => {})
    })
    try {
      await unlessAborted(turn, signal)
    } catch (error) {
      leave()
      throw error
    }
    return { place, leave }
  }

  /** The session of a place that was entered, started when there is none. Throws a `SessionsBusy`, a `SandboxError` or the signal's reason. */
  async session (place: Place, signal: AbortSignal): Promise<{ session: SandboxSession, isNew: boolean }> {
    const { clock, limits } = this.#options
    if (place.session !== undefined && clock.now() - place.startedAt >= limits.ageMs) await place.session.stop()
    if (place.session !== undefined && !place.session.hasEnded) return { session: place.session, isNew: false }
    await this.#admit(place, signal)
    try {
      const session = await this.#start(AbortSignal.any([signal, this.#closing.signal]))
      Object.assign(place, { session, sessionId: randomUUID(), startedAt: clock.now(), staged: new Map() })
      session.ended.finally(() => {
        if (place.session !== session) return
        place.session = undefined
        this.#gone(place)
      }).catch(() => {})
      return { session, isNew: true }
    } catch (error) {
      this.#gone(place)
      throw error
    }
  }

  /** Ends all sessions; calls that wait for one are refused. */
  async close (): Promise<void> {
    this.#closing.abort(new SessionsBusy('The server stops.'))
    for (const place of this.#places.values()) place.idle.clear()
    const warm = this.#warm.splice(0).map(async starting => { await (await starting.catch(() => undefined))?.stop() })
    await Promise.all([...warm, ...[...this.#live].map(async place => await place.session?.stop())])
  }

  async #start (signal: AbortSignal): Promise<SandboxSession> {
    const warm = this.#warm.shift()
    const session = warm === undefined ? undefined : await this.#taken(warm, signal)
    const ready = session === undefined || session.hasEnded ? await this.#options.sandbox.start({ limits: this.#options.sandboxLimits, signal }) : session
    this.#fillPool()
    return ready
  }

  /** A warm session; undefined when its start has failed. It goes back when the call that wanted it is given up. */
  async #taken (warm: Promise<SandboxSession>, signal: AbortSignal): Promise<SandboxSession | undefined> {
    try {
      return await unlessAborted(warm.catch(() => undefined), signal)
    } catch (error) {
      if (this.#closing.signal.aborted) warm.then(async session => await session.stop(), () => {}).catch(() => {})
      else this.#warm.push(warm)
      throw error
    }
  }

  #fillPool (): void {
    const { sandbox, sandboxLimits, limits } = this.#options
    while (this.#warm.length < limits.warm && !this.#closing.signal.aborted) {
      const starting = sandbox.start({ limits: sandboxLimits, signal: this.#closing.signal })
      // One that fails is found out by the call that gets it.
      starting.catch(() => {})
      this.#warm.push(starting)
    }
  }

  /** Makes sure that the place may have a session. */
  async #admit (place: Place, signal: AbortSignal): Promise<void> {
    if (this.#live.size < this.#options.limits.sessions) {
      this.#live.add(place)
      return
    }
    const waiting = new Promise<void>((resolve, reject) => {
      const timer = new Timer(this.#options.clock)
      const waiter: Waiter = {
        project: place.project,
        admit: () => {
          timer.clear()
          this.#live.add(place)
          resolve()
        }
      }
      timer.set(this.#options.limits.waitMs, () => {
        this.#forget(waiter)
        reject(new SessionsBusy('All sessions are busy.'))
      })
      signal.addEventListener('abort', () => {
        timer.clear()
        this.#forget(waiter)
      }, { once: true })
      this.#waiters.push(waiter)
    })
    this.#evict()
    await unlessAborted(waiting, AbortSignal.any([signal, this.#closing.signal]))
  }

  #forget (waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter)
    if (at !== -1) this.#waiters.splice(at, 1)
  }

  /** Ends the session that is missed least: of the project that has most, the one that has idled longest. */
  #evict (): void {
    const idle = [...this.#live].filter(place => place.users === 0 && place.session !== undefined && !place.session.hasEnded)
    const counts = this.#counts()
    const [victim] = idle.sort((a, b) => (counts.get(b.project) ?? 0) - (counts.get(a.project) ?? 0) || a.usedAt - b.usedAt)
    victim?.session?.stop().catch(() => {})
  }

  #counts (): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { project } of this.#live) counts.set(project, (counts.get(project) ?? 0) + 1)
    return counts
  }

  /** A session has ended: the next one is for the project that has fewest, and of its calls for the one that waits longest. */
  #gone (place: Place): void {
    this.#live.delete(place)
    if (this.#waiters.length === 0 || this.#live.size >= this.#options.limits.sessions) return
    const counts = this.#counts()
    const count = ({ project }: Waiter): number => counts.get(project) ?? 0
    const next = this.#waiters.reduce((best, waiter) => count(waiter) < count(best) ? waiter : best)
    this.#forget(next)
    next.admit()
  }

  /** No call uses the place. */
  #rest (key: string, place: Place): void {
    const { clock, limits } = this.#options
    place.usedAt = clock.now()
    if (place.session === undefined || place.session.hasEnded) {
      this.#places.delete(key)
      return
    }
    if (this.#waiters.length > 0) this.#evict()
    place.idle.set(limits.idleMs, () => {
      place.session?.stop().catch(() => {})
      this.#places.delete(key)
    })
  }
}
