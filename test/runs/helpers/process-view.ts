import { StorageClosedError, StorageUnavailableError, type Page, type PageQuery, type PartitionKey, type RecordKey, type RecordStore, type StoredRecord, type WriteItem } from '../../../storage/record-store.js'
import { Gate } from '../../helpers/upstream-gate.js'

type Matches = (items: readonly WriteItem[]) => boolean

/** A store as one process has it open. The process may die, and then nothing of it is written any more. */
export class ProcessView implements RecordStore {
  readonly supports
  readonly notify?: NonNullable<RecordStore['notify']>
  readonly listen?: NonNullable<RecordStore['listen']>
  /** How often each verb was called. */
  readonly calls = { get: 0, page: 0, write: 0 }
  readonly #inner: RecordStore
  #isDead = false
  #holds: { matches: Matches, gate: Gate }[] = []
  #refuses: Matches = () => false
  #failing: ((key: RecordKey) => boolean)[] = []
  #reads: { matches: (key: RecordKey) => boolean, gate: Gate }[] = []
  #unanswered: { matches: Matches, late: Gate | undefined }[] = []

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

  /** The next read that matches is made, and its answer waits at the gate: by then it may be out of date. */
  holdRead (matches: (key: RecordKey) => boolean): Gate {
    const gate = new Gate()
    this.#reads.push({ matches, gate })
    return gate
  }

  /**
   * The next write that matches is carried out, but its answer is lost.
   *
   * @param late carried out no sooner than this gate lets it: the store was waiting for a lock, say.
   */
  loseAnswer (matches: Matches, late?: Gate): void {
    this.#unanswered.push({ matches, late })
  }

  /** The next read that matches fails: the store is away. */
  failRead (matches: (key: RecordKey) => boolean): void {
    this.#failing.push(matches)
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
  async page<Body> (query: PageQuery): Promise<Page<Body>> {
    this.calls.page++
    return await this.#alive().page(query)
  }

  async get<Body> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    this.calls.get++
    if (take(this.#failing, matches => matches(key)) !== undefined) throw new StorageUnavailableError('out of reach')
    const record = await this.#alive().get<Body>(key)
    await take(this.#reads, ({ matches }) => matches(key))?.gate.pass()
    return record
  }

  async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    this.calls.write++
    if (this.#refuses(items)) throw new Error('out of reach')
    await take(this.#holds, ({ matches }) => matches(items))?.gate.pass()
    const unanswered = take(this.#unanswered, ({ matches }) => matches(items))
    if (unanswered === undefined) return await this.#alive().write(key, items)
    const done = (unanswered.late?.pass() ?? Promise.resolve()).then(async () => await this.#alive().write(key, items))
    if (unanswered.late === undefined) await done
    else done.catch(() => {})
    throw new StorageUnavailableError('the answer was lost')
  }

  #alive (): RecordStore {
    if (this.#isDead) throw new StorageClosedError('the process is dead')
    return this.#inner
  }
}

/** Removes the first that matches. */
function take<T> (list: T[], matches: (item: T) => boolean): T | undefined {
  const index = list.findIndex(matches)
  return index === -1 ? undefined : list.splice(index, 1)[0]
}
