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
  #watching: (() => void)[] = []

  /** Lets `count` waiters through, those of the future included. `Infinity` leaves the gate open for good. */
  open (count = 1): void {
    this.#permits += count
    while (this.#permits > 0 && this.#passing.length > 0) {
      this.#permits--
      this.#passing.shift()?.()
    }
  }

  /** Resolves as soon as something waits at the gate. */
  reached (): Promise<void> {
    if (this.#passing.length > 0) return Promise.resolve()
    return new Promise(resolve => this.#watching.push(resolve))
  }

  /** Waits to be let through. The upstream calls this; a responder function may too. */
  pass (): Promise<void> {
    if (this.#permits > 0) {
      this.#permits--
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.#passing.push(resolve)
      for (const watcher of this.#watching.splice(0)) watcher()
    })
  }
}
