import { AbstractStore, type MaybePromise } from './abstract-store.js'
import { isStorable, prepareBatch, type PreparedItem } from './batch.js'
import type { BlobStore } from '../blob-store.js'
import { Listeners, requireSendable } from './notifications.js'
import {
  DamagedRecordError,
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

/** A record as backends store it, with its body as JSON text. */
export interface Row {
  id: string
  parent: string
  position: number
  version: number
  json: string
}

/** A page as one range scan: at most `limit` rows with `above < position < below`. */
export interface Scan extends PartitionKey {
  kind: string
  parent: string
  above: number
  below: number
  descending: boolean
  limit: number
}

/** Greater than every position. */
const AFTER_ALL = 2 ** 53

/**
 * What all record stores share: the life cycle, validating and serialising records, paging, and notifications within the process. A
 * backend implements five methods, which are never called with an invalid key or batch, or while the store is closed.
 */
export abstract class AbstractRecordStore extends AbstractStore implements RecordStore {
  abstract readonly supports: StorageSupport

  readonly #blobStores: BlobStore[] = []
  readonly #listeners = new Listeners(topic => this.subscribe(topic), topic => this.unsubscribe(topic))

  protected abstract read (key: RecordKey): MaybePromise<Row | undefined>
  protected abstract scan (scan: Scan): MaybePromise<Row[]>
  protected abstract commit (key: PartitionKey, batch: PreparedItem[]): MaybePromise<boolean>

  protected override async closing (): Promise<void> {
    this.#listeners.clear()
    await Promise.all(this.#blobStores.map(async blobs => await blobs.disconnect()))
  }

  /** For a blob store with connections of its own: closes it with this store, whose owner may not know of it. */
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

    // `before` alone asks for the page adjacent to the cursor, which is read backwards and then reversed.
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
    if (hasMore) rows.pop()
    if (backwards) rows.reverse()
    return { records: rows.flatMap(row => toRecord<Body>(query, row) ?? []), hasMore }
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

  /** Sends a notification to all instances. By default there is only this one. */
  protected publish (topic: string, payload: string): MaybePromise<void> {
    // Asynchronously: no listener is called before `notify` returns.
    queueMicrotask(() => this.deliver(topic, payload))
  }

  /** Makes the backend call `deliver` for notifications of this topic. */
  protected subscribe (_topic: string): MaybePromise<void> {}
  protected unsubscribe (_topic: string): MaybePromise<void> {}

  /** Called by the backend: passes a notification to the listeners. */
  protected deliver (topic: string, payload: string): void {
    this.#listeners.deliver(topic, payload)
  }
}

/** The record. One that is damaged is told to `onDamaged`, and left out; without it, this throws. */
function toRecord<Body> ({ project, partition, kind, onDamaged }: Omit<RecordKey, 'id'> & Pick<PageQuery, 'onDamaged'>, row: Row): StoredRecord<Body> | undefined {
  const { id, parent, position, version, json } = row
  let body: Body
  try {
    body = JSON.parse(json) as Body
  } catch (error) {
    const damaged = new DamagedRecordError({ project, partition, kind, id }, position, error, version)
    if (onDamaged === undefined) throw damaged
    onDamaged(damaged)
    return undefined
  }
  return { project, partition, kind, id, parent, position, version, body }
}
