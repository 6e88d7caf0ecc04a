import { StorageClosedError, type Page, type PageQuery, type PartitionKey, type RecordKey, type RecordStore, type StoredRecord, type WriteItem } from '../../../storage/record-store.js'
import { Gate } from '../../helpers/upstream-gate.js'

type Matches = (items: readonly WriteItem[]) => boolean

/** A store as one process has it open. The process may die, and then nothing of it is written any more. */
export class ProcessView implements RecordStore {
  readonly supports
  readonly notify?: NonNullable<RecordStore['notify']>
  readonly listen?: NonNullable<RecordStore['listen']>
  readonly #inner: RecordStore
  #isDead = false
  #holds: { matches: Matches, gate: Gate }[] = []
  #refuses: Matches = () => false

  /** @param deaf whether it hears nothing of what other processes say, nor they of it. */
  constructor (inner: RecordStore, { shared = false, deaf = false } = {}) {
    this.#inner = inner
    // What is kept beside the records does not matter here: nothing should ask for a place for it.
    this.supports = { shared, persistent: false }
    if (deaf) return
    this.notify = async (topic, payload) => { await this.#alive().notify?.(topic, payload) }
    this.listen = async (topic, listener) => {
      const end = await this.#alive().listen?.(topic, payload => { if (!this.#isDead) listener(payload) })
      return async () => { await end?.() }
    }
  }

  /** The next write that matches waits at the gate before it is carried out. */
  hold (matches: Matches): Gate {
    const gate = new Gate()
    this.#holds.push({ matches, gate })
    return gate
  }

  /** Writes that match fail from now on. */
  refuse (matches: Matches): void {
    this.#refuses = matches
  }

  die (): void {
    this.#isDead = true
  }

  async connect (): Promise<void> { await this.#inner.connect() }
  async disconnect (): Promise<void> { await this.#inner.disconnect() }
  async get<Body> (key: RecordKey): Promise<StoredRecord<Body> | undefined> { return await this.#alive().get(key) }
  async page<Body> (query: PageQuery): Promise<Page<Body>> { return await this.#alive().page(query) }

  async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    if (this.#refuses(items)) throw new Error('out of reach')
    const hold = this.#holds.find(({ matches }) => matches(items))
    if (hold !== undefined) {
      this.#holds.splice(this.#holds.indexOf(hold), 1)
      await hold.gate.pass()
    }
    return await this.#alive().write(key, items)
  }

  #alive (): RecordStore {
    if (this.#isDead) throw new StorageClosedError('the process is dead')
    return this.#inner
  }
}
