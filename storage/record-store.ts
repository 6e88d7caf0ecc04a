/**
 * The storage contract: partitioned records and one atomic, conditional write.
 *
 * Everything above it (thread locks, compare-and-set of a run's status, leases, uniqueness) is written
 * once, in `lib`, in terms of these few verbs. Everything below it is a backend. No driver type and no
 * transaction handle crosses this line.
 *
 * - All that must change together lives in one **partition** (a thread with its messages, runs, steps and
 *   lock). No read and no write ever spans two partitions, so a partition maps to a Redis Cluster slot or
 *   a database shard as it is.
 * - Absence is `undefined`, a lost race is `false`. A verb throws only when the backend itself fails
 *   (`StorageUnavailableError`), or after `disconnect()` (`StorageClosedError`).
 * - Bodies are JSON values. They are copied in and out: changing what was passed or returned never
 *   changes what is stored.
 */
import type { Readable } from 'node:stream'
import type { BlobStore } from './blob-store.js'

/**
 * Where a set of records lives: a tenant and one of its partitions.
 *
 * `project`, `partition`, `kind`, `id` and `parent` may hold any characters but U+0000 and lone surrogates, up to
 * 512 bytes of UTF-8 each. All but `project` (where '' is reserved) and `parent` are non-empty. Nothing can be
 * stored beyond that, so an id that came with a request may be looked up as it is: reading, checking or deleting
 * such a record finds nothing, only putting it throws a `TypeError`.
 */
export interface PartitionKey {
  /** Tenant. Records of different projects never meet. */
  project: string
  /** The unit of atomicity: a thread id, `assistants`, ... */
  partition: string
}

/** The full address of one record. `kind` and `id` are unique together within a partition. */
export interface RecordKey extends PartitionKey {
  kind: string
  id: string
}

/** A record as read. */
export interface StoredRecord<Body = unknown> extends RecordKey {
  /** Groups records of a kind for `page`: a step's run, say. '' when not used. Fixed at insertion. */
  parent: string
  /**
   * Order of insertion: greater than that of every record inserted into this partition before, so that
   * records made in the same second keep their order. A safe integer; kept when the record is replaced.
   */
  position: number
  /** 1 after insertion, then one more with each replacement. */
  version: number
  body: Body
}

/** What must be true of a record for the batch to be carried out: it does not exist, or it has this version. */
export type Expectation = 'absent' | number

/** Inserts or replaces a record. */
export interface PutItem {
  op: 'put'
  kind: string
  id: string
  /** Used at insertion; ignored when the record exists. Default ''. */
  parent?: string | undefined
  body: unknown
  /** Without it the put is unconditional. */
  expect?: Expectation | undefined
  /**
   * Used at insertion, when records move here from elsewhere and must keep their order. From 1 to 2^52,
   * unique within the partition. Later insertions without one are placed after the highest seen.
   */
  position?: number | undefined
}

/** Removes a record. Removing one that does not exist is no failure unless a version is expected. */
export interface DeleteItem {
  op: 'delete'
  kind: string
  id: string
  expect?: number | undefined
}

/** Changes nothing; the batch is carried out only if the expectation holds. */
export interface CheckItem {
  op: 'check'
  kind: string
  id: string
  expect: Expectation
}

/**
 * Removes every record of the partition (those put by the same batch too, when they stand before it) and forgets
 * its positions: afterwards the partition is as one that was never written.
 */
export interface ClearItem {
  op: 'clear'
}

export type WriteItem = PutItem | DeleteItem | CheckItem | ClearItem

/** One call of `write`. */
export interface PartitionWrite {
  key: PartitionKey
  items: readonly WriteItem[]
}

export interface PageQuery extends PartitionKey {
  kind: string
  /** Only records with this parent. Default: ''. */
  parent?: string | undefined
  /** By position. */
  order: 'asc' | 'desc'
  /** At most this many records, 1 or more. */
  limit: number
  /** Exclusive: only records that come after this position **in the given order**. */
  after?: number | undefined
  /**
   * Exclusive: only records that come before this position in the given order. Without `after` the page is the one
   * adjacent to the cursor (the last `limit` records before it), still returned in the given order.
   */
  before?: number | undefined
  /** Called for each record of the page that cannot be read, which the page then lacks. Without it such a record makes `page` throw. */
  onDamaged?: ((error: DamagedRecordError) => void) | undefined
}

export interface Page<Body = unknown> {
  records: StoredRecord<Body>[]
  /** Whether more records lie beyond this page, in the direction the page was read. */
  hasMore: boolean
}

/** What a store can do beyond the verbs. */
export interface StorageSupport {
  /** Several instances may work on the same data at once. False: this process must be the only one. */
  shared: boolean
  /** Records outlive the process. */
  persistent: boolean
}

export interface RecordStore {
  readonly supports: StorageSupport

  /** What its operator should know once it is connected, in whole sentences. */
  readonly warnings?: readonly string[]

  /** By how much the clock of this machine was ahead of the backend's when it was connected, in milliseconds; 0 when they are within seconds of each other. */
  readonly clockSkewMs?: number

  /** Opens the backend. Idempotent. Throws `StorageUnavailableError` when it cannot be reached. */
  connect (): Promise<void>

  /**
   * Closes what `connect` opened, once writes under way have ended. Idempotent. Every verb then throws
   * `StorageClosedError`.
   */
  disconnect (): Promise<void>

  /** One record, or undefined. */
  get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined>

  /**
   * Records of one kind and parent, by position. The cost depends on `limit` alone, neither on the depth of the
   * page nor on what else the partition holds.
   */
  page<Body = unknown> (query: PageQuery): Promise<Page<Body>>

  /**
   * Carries out all items in order, or none. False when an expectation does not hold. Expectations are judged
   * against the state before the batch; a batch names a record at most once. Once it resolves to true, the write
   * survives the death of the process (where the store is persistent) and readers on every instance see it. A
   * malformed batch (a record named twice, a body that is no JSON value, ...) rejects with a `TypeError` and changes
   * nothing.
   */
  write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean>

  /**
   * As `write`, behind writes of other partitions without expectations: what it resolves to is true of the last one. It is never
   * carried out without those before it. Of stores that can do so in the time of one write.
   */
  writeAfter? (before: readonly PartitionWrite[], key: PartitionKey, items: readonly WriteItem[]): Promise<boolean>

  /**
   * Tells every listener of the topic, on this instance and on every other one, that something happened. A hint,
   * delivered at most once: it is lost while a connection is down, so who listens reads the records too. Listeners
   * get the messages of one sender in the order sent. Topic and payload: any characters but U+0000 and lone
   * surrogates, no line break in the topic, together up to 7,900 bytes of UTF-8; else a `TypeError`.
   */
  notify? (topic: string, payload: string): Promise<void>

  /**
   * Calls the listener for each `notify` of the topic from the moment the promise resolves until the function it
   * resolves to has been called. A listener must not throw. Listening ends with `disconnect()` too.
   */
  listen? (topic: string, listener: NotificationListener): Promise<() => Promise<void>>

  /**
   * The records of this moment as a file in the store's own format, of a store that has one (SQLite). It is not there without a file.
   * The bytes of files are no part of it.
   */
  snapshot? (): Promise<Readable>

  /**
   * A store for the bytes of files that goes with this one: in the same place, as lasting, shared by the same
   * instances. Not connected yet.
   */
  blobs? (): BlobStore
}

export type NotificationListener = (payload: string) => void

/** Why a store takes no writes: it lets nothing be changed (a replica, say), or has no room. Undefined: it fails, or cannot be reached. */
export type UnavailableReason = 'read_only' | 'full' | undefined

/** The backend failed or cannot be reached. Nothing is known of a write that ended so. */
export class StorageUnavailableError extends Error {
  override name = 'StorageUnavailableError'
  readonly reason: UnavailableReason
  constructor (message?: string, options: ErrorOptions & { reason?: UnavailableReason } = {}) {
    super(message, options)
    this.reason = options.reason
  }
}

/** What is stored is not what was written: reading this one record fails, now and later. */
export class DamagedRecordError extends Error {
  override name = 'DamagedRecordError'
  readonly key: RecordKey
  readonly position: number
  /** With which the record can be replaced or removed; undefined where it cannot be read either. */
  readonly version: number | undefined
  constructor (key: RecordKey, position: number, cause: unknown, version?: number) {
    super(`The stored ${key.kind} ${key.id} of ${key.partition} is damaged: ${(cause as Error).message}`, { cause })
    this.key = key
    this.position = position
    this.version = version
  }
}

/** A verb was called before `connect()` or after `disconnect()`. */
export class StorageClosedError extends Error {
  override name = 'StorageClosedError'
  constructor (message = 'The storage is not connected: call connect() first.') {
    super(message)
  }
}
