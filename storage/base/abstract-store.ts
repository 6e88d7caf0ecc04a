import { StorageClosedError } from '../record-store.js'
import { SerialQueue } from './serial-queue.js'

export type MaybePromise<T> = T | Promise<T>

/**
 * The life cycle of record stores and blob stores: they can be opened and closed any number of times, refuse operations while they are
 * closed, and close only when the operations under way have ended.
 */
export abstract class AbstractStore {
  #isOpen = false
  /** Calls of `connect` and `disconnect` never overlap. */
  readonly #transitions = new SerialQueue()
  readonly #underWay = new Set<Promise<unknown>>()

  /** Connects to the backend. Called only while the store is closed. When it throws, the store stays closed. */
  protected abstract open (): MaybePromise<void>

  /** Disconnects from the backend. Called only when the store was open and no operation is under way any more. */
  protected abstract close (): MaybePromise<void>

  /** Called at the begin of `disconnect`, to end what operations under way may wait for. */
  protected closing (): MaybePromise<void> {}

  /** Without effect when the store is open. */
  async connect (): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#isOpen) return
      await this.open()
      this.#isOpen = true
    })
  }

  /** Without effect when the store is closed. */
  async disconnect (): Promise<void> {
    await this.#transitions.run(async () => {
      if (!this.#isOpen) return
      this.#isOpen = false
      await this.closing()
      while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
      await this.close()
    })
  }

  /** Throws a `StorageClosedError` while the store is closed. */
  protected requireOpen (): void {
    if (!this.#isOpen) throw new StorageClosedError()
  }

  /** Makes `disconnect` wait for an operation. */
  protected track<T> (result: MaybePromise<T>): MaybePromise<T> {
    if (!(result instanceof Promise)) return result
    this.#underWay.add(result)
    const done = (): void => { this.#underWay.delete(result) }
    result.then(done, done)
    return result
  }
}
