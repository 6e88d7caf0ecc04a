import { SYSTEM_PROJECT } from '../../storage/layout.js'
import { StorageUnavailableError, type NotificationListener, type Page, type PageQuery, type PartitionKey, type PartitionWrite, type PutItem, type RecordKey, type RecordStore, type StoredRecord, type WriteItem } from '../../storage/record-store.js'
import { monotonicMs, systemClock, type Clock } from './clock.js'
import { isStoredAs } from './stored-as.js'
import { settlesWithin } from './timers.js'
import { noteWrite } from './write-watch.js'

/** A store that failed sooner than this lost its connection and may be back. One that took longer hangs: a second try would take as long. */
const RETRY_WITHIN_MS = 1000

/** How long a caller that has waited for a hanging store waits for its records. */
const READ_BACK_MS = 1000

/** A put with an expectation, which its own success makes false: a write that holds one cannot be carried out twice. */
type ConditionalPut = PutItem & { expect: NonNullable<PutItem['expect']> }

/** A record store that can be watched. */
export interface ObservableStore extends RecordStore {
  /** Called after each verb with the time that it took. Undefined costs nothing. */
  onVerb?: ((verb: string, seconds: number, failed: boolean) => void) | undefined
}

/**
 * A record store whose writes end in a verdict wherever there is one. When the answer to a write is lost, the records tell whether it was
 * carried out; if it was not, and the store is back, it is tried once more. Only a write about which nothing can be found out, or which a
 * hanging store may yet carry out, ends in a `StorageUnavailableError`. After such an error nothing may be undone.
 */
class CertainStore implements ObservableStore {
  onVerb?: ObservableStore['onVerb']
  readonly supports
  readonly writeAfter?: NonNullable<RecordStore['writeAfter']>
  readonly notify?: NonNullable<RecordStore['notify']>
  readonly listen?: NonNullable<RecordStore['listen']>
  readonly blobs?: NonNullable<RecordStore['blobs']>
  readonly snapshot?: NonNullable<RecordStore['snapshot']>
  /** Of the file, when there is one. */
  readonly path?: unknown
  /** Where the database is, when they are in PostgreSQL. */
  readonly postgres?: unknown
  readonly #inner: RecordStore
  readonly #clock: Clock

  constructor (inner: RecordStore & { path?: unknown, postgres?: unknown }, clock: Clock) {
    this.#inner = inner
    this.#clock = clock
    this.supports = inner.supports
    if (inner.writeAfter !== undefined) {
      this.writeAfter = async (before: readonly PartitionWrite[], key: PartitionKey, items: readonly WriteItem[]) =>
        await this.#noted(key, items, async () => await inner.writeAfter!(before, key, items))
    }
    if (inner.notify !== undefined) this.notify = async (topic: string, payload: string) => { await inner.notify!(topic, payload) }
    if (inner.listen !== undefined) this.listen = async (topic: string, listener: NotificationListener) => await inner.listen!(topic, listener)
    this.path = inner.path
    this.postgres = inner.postgres
    if (inner.blobs !== undefined) this.blobs = () => inner.blobs!()
    if (inner.snapshot !== undefined) this.snapshot = async () => await inner.snapshot!()
  }

  get clockSkewMs (): number { return this.#inner.clockSkewMs ?? 0 }
  get warnings (): readonly string[] { return this.#inner.warnings ?? [] }

  async connect (): Promise<void> { await this.#inner.connect() }
  async disconnect (): Promise<void> { await this.#inner.disconnect() }
  async get<Body> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    if (this.onVerb === undefined) return await this.#inner.get<Body>(key)
    // Each verb by itself: one function around them all would be a promise more.
    const from = performance.now()
    let failed = true
    try {
      const record = await this.#inner.get<Body>(key)
      failed = false
      return record
    } finally {
      this.#done('get', from, failed)
    }
  }

  async page<Body> (query: PageQuery): Promise<Page<Body>> {
    if (this.onVerb === undefined) return await this.#inner.page<Body>(query)
    const from = performance.now()
    let failed = true
    try {
      const page = await this.#inner.page<Body>(query)
      failed = false
      return page
    } finally {
      this.#done('page', from, failed)
    }
  }

  write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    return this.#noted(key, items, async () => await this.#inner.write(key, items))
  }

  /** @param attempt makes the write. These are the records that tell whether it was carried out. */
  async #noted (key: PartitionKey, items: readonly WriteItem[], attempt: () => Promise<boolean>): Promise<boolean> {
    const isOfIndex = key.project === SYSTEM_PROJECT
    const from = performance.now()
    let failed = true
    try {
      const done = await this.#write(key, items, attempt)
      failed = false
      if (done && !isOfIndex) noteWrite()
      return done
    } catch (error) {
      if (isUncertain(error) && !isOfIndex) noteWrite()
      throw error
    } finally {
      this.#done('write', from, failed)
    }
  }

  #done (verb: string, from: number, failed: boolean): void {
    this.onVerb?.(verb, (performance.now() - from) / 1000, failed)
  }

  async #write (key: PartitionKey, items: readonly WriteItem[], attempt: () => Promise<boolean>): Promise<boolean> {
    const began = monotonicMs(this.#clock)
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error
      const hangs = monotonicMs(this.#clock) - began > RETRY_WITHIN_MS
      const verdict = this.#verdict(key, items, hangs, attempt).catch(() => undefined)
      if (hangs && !await settlesWithin(this.#clock, READ_BACK_MS, verdict)) throw error
      const done = await verdict
      if (done === undefined) throw error
      return done
    }
  }

  /** Undefined when nothing is known. */
  async #verdict (key: PartitionKey, items: readonly WriteItem[], hangs: boolean, attempt: () => Promise<boolean>): Promise<boolean | undefined> {
    if (await this.#wasCarriedOut(key, items)) return true
    // It may yet be carried out.
    if (hangs) return undefined
    // When the lost one was carried out after all, meanwhile, this one changes nothing.
    return await attempt() || await this.#wasCarriedOut(key, items)
  }

  /**
   * Whether the records are as the write leaves them, those without conditions too: the conditional ones of two instances may be equal. False
   * for a write without conditions: it may be repeated.
   */
  async #wasCarriedOut (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    if (items.some(({ op }) => op === 'clear') || !items.some(isConditional)) return await this.#areGone(key, items)
    return (await Promise.all(items.map(async item => await (isConditional(item) ? this.#isStored(key, item) : this.#isAsWritten(key, item))))).every(Boolean)
  }

  /** Whether a record is as an item without a condition leaves it. */
  async #isAsWritten (key: PartitionKey, item: WriteItem): Promise<boolean> {
    if (item.op !== 'put' && item.op !== 'delete') return true
    const record = await this.#inner.get({ ...key, kind: item.kind, id: item.id })
    return item.op === 'delete' ? record === undefined : record !== undefined && isStoredAs(record.body, item.body)
  }

  async #isStored (key: PartitionKey, { kind, id, body, expect }: ConditionalPut): Promise<boolean> {
    const record = await this.#inner.get({ ...key, kind, id })
    // The version alone would mistake another instance's write for this one.
    return record?.version === (expect === 'absent' ? 1 : expect + 1) && isStoredAs(record.body, body)
  }

  /** Whether the records are gone of which the write expects a version, and which it removes. */
  async #areGone (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    const clears = items.some(({ op }) => op === 'clear')
    const removed = items.filter(item => (item.op === 'delete' || (clears && item.op === 'check')) && typeof item.expect === 'number') as { kind: string, id: string }[]
    if (removed.length === 0) return false
    return (await Promise.all(removed.map(async ({ kind, id }) => await this.#inner.get({ ...key, kind, id })))).every(record => record === undefined)
  }
}

function isConditional (item: WriteItem): item is ConditionalPut {
  return item.op === 'put' && item.expect !== undefined
}

/**
 * The same store, with certain writes.
 *
 * @param clock tells a store that fails from one that hangs. For tests.
 */
export function certain (records: RecordStore, clock: Clock = systemClock): ObservableStore {
  return records instanceof CertainStore ? records : new CertainStore(records, clock)
}

/** Whether an error leaves open if the write was carried out: nothing that it may have relied on may be undone. */
export function isUncertain (error: unknown): boolean {
  return error instanceof StorageUnavailableError
}
