interface Waiting {
  start (): void
}

/**
 * Lets so much work run at once and serves those who wait in turn: each project's oldest work, one project after the other. A
 * project with a thousand pieces of work delays another's first one by a single piece.
 */
export class FairQueue {
  readonly #atOnce: number
  #running = 0
  /** By project, in the order in which they are served next. */
  readonly #waiting = new Map<string, Waiting[]>()

  constructor (atOnce: number) {
    this.#atOnce = atOnce
  }

  /** Runs the work when it is the project's turn; rejects as it does. An aborted signal takes it out of the queue while it waits, and rejects with its reason. */
  async run<T> (project: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#turn(project, signal)
    else this.#running++
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      this.#next()
    }
  }

  /** Resolves when the place of work that has ended is the caller's. */
  async #turn (project: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const line = this.#waiting.get(project) ?? []
      this.#waiting.set(project, line)
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        }
      }
      const leave = (): void => {
        line.splice(line.indexOf(waiting), 1)
        if (line.length === 0) this.#waiting.delete(project)
        reject(signal?.reason)
      }
      line.push(waiting)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  #next (): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#running--
      return
    }
    const [project, line] = first
    // To the end of the round.
    this.#waiting.delete(project)
    const next = line.shift()
    if (line.length > 0) this.#waiting.set(project, line)
    next?.start()
  }
}
