/**
 * Holds a scripted reply back until the test says so, in place of a sleep:
 *
 *     const gate = new Gate()
 *     upstream.enqueue(text(['Hello', gate, ' world']))
 *     await gate.reached()   // 'Hello' is on its way, the upstream waits
 *     gate.open()            // ' world' follows
 */
export class Gate {
  #permits = 0
  #passing: (() => void)[] = []
  #watching: { count: number, see: () => void }[] = []

  /** Lets `count` waiters through, those of the future included. `Infinity` leaves the gate open for good. */
  open (count = 1): void {
    this.#permits += count
    while (this.#permits > 0 && this.#passing.length > 0) {
      this.#permits--
      this.#passing.shift()?.()
    }
  }

  /** Resolves as soon as so many wait at the gate. */
  reached (count = 1): Promise<void> {
    if (this.#passing.length >= count) return Promise.resolve()
    return new Promise(resolve => this.#watching.push({ count, see: resolve }))
  }

  /** Waits to be let through. The upstream calls this; a responder function may too. */
  pass (): Promise<void> {
    if (this.#permits > 0) {
      this.#permits--
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.#passing.push(resolve)
      for (const watcher of this.#watching.splice(0)) {
        if (this.#passing.length >= watcher.count) watcher.see()
        else this.#watching.push(watcher)
      }
    })
  }
}
