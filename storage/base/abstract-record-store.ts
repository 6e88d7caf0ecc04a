import { isStorable, prepareBatch, type PreparedItem } from './batch.js'
import type { BlobStore } from '../blob-store.js'
import { Listeners, requireSendable } from './notifications.js'
import {
  StorageClosedError,
  type NotificationListener,
  type Page,
  type PageQuery,
  type PartitionKey,
  type RecordKey,
  type RecordStore,
  type StorageSupport,
  type StoredRecord,
  type WriteItem
} from '../record-store.js'

/** A record as backends hold it: the body is JSON text. */
export interface Row {
  id: string
  parent: string
  position: number
  version: number
  json: string
}

/** A page, reduced to one range scan: `limit` rows with `above < position < below`. */
export interface Scan extends PartitionKey {
  kind: string
  parent: string
  above: number
  below: number
  descending: boolean
  limit: number
}

/** Beyond every position. */
const AFTER_ALL = 2 ** 53

type MaybePromise<T> = T | Promise<T>

/**
 * What all backends share: the life cycle, checking and serialising what comes in, paging, and notifications within
 * the process. A backend adds five methods that never meet a bad key, a bad batch or a closed store.
 */
export abstract class AbstractRecordStore implements RecordStore {
  abstract readonly supports: StorageSupport

  #isOpen = false
  /** Tail of the chain of `connect` and `disconnect` calls, which never overlap. */
  #transition: Promise<void> = Promise.resolve()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #blobStores: BlobStore[] = []
  readonly #listeners = new Listeners(topic => this.subscribe(topic), topic => this.unsubscribe(topic))

  protected abstract open (): MaybePromise<void>
  protected abstract close (): MaybePromise<void>
  protected abstract read (key: RecordKey): MaybePromise<Row | undefined>
  protected abstract scan (scan: Scan): MaybePromise<Row[]>
  protected abstract commit (key: PartitionKey, batch: PreparedItem[]): MaybePromise<boolean>

  connect (): Promise<void> {
    return this.#then(async () => {
      if (this.#isOpen) return
      await this.open()
      this.#isOpen = true
    })
  }

  disconnect (): Promise<void> {
    return this.#then(async () => {
      if (!this.#isOpen) return
      this.#isOpen = false
      this.#listeners.clear()
      while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
      await Promise.all(this.#blobStores.map(async blobs => await blobs.disconnect()))
      await this.close()
    })
  }

  /** A blob store with connections of its own: closed with this store at the latest, since who opened this one may not know of it. */
  protected closedWithThis<T extends BlobStore> (blobs: T): T {
    this.#blobStores.push(blobs)
    return blobs
  }

  async get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    this.requireOpen()
    const { project, partition, kind, id } = key
    if (id === '' || !isStorable(project, partition, kind, id)) return undefined
    const row = await this.track(this.read(key))
    return row && toRecord<Body>(key, row)
  }

  async page<Body = unknown> (query: PageQuery): Promise<Page<Body>> {
    this.requireOpen()
    const { project, partition, kind, parent = '', order, limit, after, before } = query
    if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`limit must be a positive integer, got ${limit}.`)
    if (!isStorable(project, partition, kind, parent)) return { records: [], hasMore: false }

    // `before` alone asks for what is adjacent to the cursor, so that page is read backwards and turned round.
    const backwards = before !== undefined && after === undefined
    const [above, below] = order === 'asc' ? [after, before] : [before, after]
    const rows = await this.track(this.scan({
      project,
      partition,
      kind,
      parent,
      above: Math.max(above ?? 0, 0),
      below: Math.min(below ?? AFTER_ALL, AFTER_ALL),
      descending: (order === 'desc') !== backwards,
      limit: limit + 1
    }))
    const hasMore = rows.length > limit
    if (hasMore) rows.length = limit
    if (backwards) rows.reverse()
    return { records: rows.map(row => toRecord<Body>(query, row)), hasMore }
  }

  async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    this.requireOpen()
    const batch = prepareBatch(key, items)
    if (batch === undefined) return false
    if (batch.length === 0) return true
    return this.track(this.commit({ project: key.project, partition: key.partition }, batch))
  }

  async notify (topic: string, payload: string): Promise<void> {
    this.requireOpen()
    requireSendable(topic, payload)
    await this.track(this.publish(topic, payload))
  }

  async listen (topic: string, listener: NotificationListener): Promise<() => Promise<void>> {
    this.requireOpen()
    requireSendable(topic, '')
    return this.track(this.#listeners.add(topic, listener))
  }

  /** Sends to all instances. By default there is one: this. */
  protected publish (topic: string, payload: string): MaybePromise<void> {
    // Not at once: the sender need not expect that others run before `notify` returns.
    queueMicrotask(() => this.deliver(topic, payload))
  }

  /** Makes the backend call `deliver` for this topic. */
  protected subscribe (_topic: string): MaybePromise<void> {}
  protected unsubscribe (_topic: string): MaybePromise<void> {}

  /** For the backend: hands what was received to the listeners. */
  protected deliver (topic: string, payload: string): void {
    this.#listeners.deliver(topic, payload)
  }

  protected requireOpen (): void {
    if (!this.#isOpen) throw new StorageClosedError()
  }

  /** Makes `disconnect` wait for it. */
  protected track<T> (result: MaybePromise<T>): MaybePromise<T> {
    if (!(result instanceof Promise)) return result
    this.#underWay.add(result)
    const done = () => { this.#underWay.delete(result) }
    result.then(done, done)
    return result
  }

  #then (step: () => Promise<void>): Promise<void> {
    const result = this.#transition.then(step)
    this.#transition = result.catch(() => {})
    return result
  }
}

function toRecord<Body> ({ project, partition, kind }: Omit<RecordKey, 'id'>, row: Row): StoredRecord<Body> {
  const { id, parent, position, version, json } = row
  return { project, partition, kind, id, parent, position, version, body: JSON.parse(json) as Body }
}
