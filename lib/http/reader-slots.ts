import { ApiError } from '../shared/errors.js'

export interface ReaderLimits {
  /** Streams of runs that this process sends at a time; more are refused with a 429. */
  maxReaders: number
  /** Of one project. Where all keys are of one project, or there are none, the default is `maxReaders`. */
  maxReadersPerProject: number
}

/** Counts the streams that are being sent: each takes a connection and what its client has not taken yet. */
export class ReaderSlots {
  readonly #limits: ReaderLimits
  readonly #projects = new Map<string, number>()
  #readers = 0

  constructor (limits: ReaderLimits) {
    this.#limits = limits
  }

  /** Streams that are being sent. */
  get count (): number {
    return this.#readers
  }

  /** Does the work that sends a stream. Throws the 429 when there are too many. */
  async hold<T> (project: string, work: () => Promise<T>): Promise<T> {
    const own = this.#projects.get(project) ?? 0
    if (own >= this.#limits.maxReadersPerProject || this.#readers >= this.#limits.maxReaders) {
      throw new ApiError(429, 'Too many streams are open. Read or close some of them, or try again later.',
        { type: 'requests', code: 'rate_limit_exceeded', headers: { 'retry-after': '1' } })
    }
    this.#projects.set(project, own + 1)
    this.#readers++
    try {
      return await work()
    } finally {
      const left = (this.#projects.get(project) ?? 1) - 1
      if (left === 0) this.#projects.delete(project)
      else this.#projects.set(project, left)
      this.#readers--
    }
  }
}
