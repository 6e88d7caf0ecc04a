/** Runs one piece of work at a time, in the order in which it was handed in. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve()

  /** The result of `work`, which starts once everything handed in before it has settled. A failure reaches only the caller whose work failed. */
  async run<T> (work: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return await result
  }

  /** Resolves when all work handed in so far has settled. Never rejects. */
  async settled (): Promise<void> {
    await this.#tail
  }
}
