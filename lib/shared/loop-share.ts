/** How long streams may hold the event loop at a stretch, in milliseconds. */
const SLICE_MS = 5

/**
 * Shares the event loop between the streams that feed on it and all else: a model in this process, or a fast vendor with a hundred
 * streams, always has something ready, and what is ready runs before any request is looked at. Streams have `SLICE_MS` of each turn
 * of the loop; who comes later waits for the next one, each project's oldest in turn.
 */
export class LoopShare {
  readonly #now: () => number
  /** On that clock; undefined before the first stream of a turn. */
  #turnBegan: number | undefined
  /** By project, in the order in which they are served next. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** @param now milliseconds. For tests. */
  constructor (now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Called between two pieces of work. Undefined when there is time left, else what to wait for. */
  breathe (project: string): Promise<void> | undefined {
    const now = this.#now()
    if (this.#turnBegan === undefined) {
      this.#beginTurn(now)
      return undefined
    }
    if (now - this.#turnBegan < SLICE_MS) return undefined
    return new Promise(resolve => {
      const line = this.#waiting.get(project)
      if (line === undefined) this.#waiting.set(project, [resolve])
      else line.push(resolve)
    })
  }

  #beginTurn (now: number): void {
    this.#turnBegan = now
    setImmediate(this.#nextTurn)
  }

  readonly #nextTurn = (): void => {
    this.#turnBegan = undefined
    if (this.#waiting.size === 0) return
    this.#beginTurn(this.#now())
    this.#resume()
  }

  /** One after the other, as long as there is time: none begins before the one ahead of it waits for something. */
  readonly #resume = (): void => {
    const [first] = this.#waiting
    if (first === undefined || this.#turnBegan === undefined || this.#now() - this.#turnBegan >= SLICE_MS) return
    const [project, line] = first
    // To the end of the round.
    this.#waiting.delete(project)
    const next = line.shift()
    if (line.length > 0) this.#waiting.set(project, line)
    next?.()
    // Ticks come when there are no more microtasks.
    queueMicrotask(() => process.nextTick(this.#resume))
  }
}

/** Of this process's event loop. */
export const loopShare = new LoopShare()
