import { randomUUID } from 'node:crypto'
import type { RecordKey, RecordStore, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { monotonicMs, type Clock } from './clock.js'
import { isStoredAs } from './stored-as.js'

/** What the body of a record says on which one instance at a time may work. */
export interface LeaseTerms {
  /** The instance that holds it; null when none does. */
  owner: string | null
  /** Milliseconds since the epoch. From then on any instance may take it over. */
  expiresAt: number
}

export interface LeasesOptions {
  records: RecordStore
  clock: Clock
  /** How long an instance holds a lease without renewing it, in milliseconds. */
  leaseMs: number
}

/** How long a lease that has expired by its date is watched, in leases: longer than its owner takes to renew it, which is a third of one. */
const EXPIRED_WATCH = 0.4

/** Leases that are watched; beyond that, those that have not been checked for a while are forgotten. */
const MOST_WATCHED = 10_000

/** The leases of one instance. */
export class Leases {
  /** Names this instance in the leases that it holds. */
  readonly owner = randomUUID()
  readonly #options: LeasesOptions
  /** Leases of other instances, and since when they have not been renewed as far as this one has seen. */
  readonly #watched = new Map<string, { version: number, since: number, asked: number }>()

  constructor (options: LeasesOptions) {
    this.#options = options
  }

  get leaseMs (): number {
    return this.#options.leaseMs
  }

  /** The terms of a lease that begins, or is renewed, now. */
  terms (): { owner: string, expiresAt: number } {
    return { owner: this.owner, expiresAt: this.#options.clock.now() + this.#options.leaseMs }
  }

  /**
   * Whether an instance may be at work under a lease, independently of the instances' clocks: one that renews it is. A lease is free once
   * this instance has seen it unchanged for the length of a lease, or for less than half of that when it has expired by its date too. Ask
   * at least every half lease.
   */
  isAlive ({ project, partition, kind, id }: RecordKey, { body: { owner, expiresAt }, version }: Pick<StoredRecord<LeaseTerms>, 'body' | 'version'>): boolean {
    const { clock, leaseMs } = this.#options
    if (owner === null) return false
    const hasExpired = expiresAt <= clock.now()
    // Written with this very clock.
    if (owner === this.owner) return !hasExpired
    const name = JSON.stringify([project, partition, kind, id])
    const now = monotonicMs(clock)
    const seen = this.#watched.get(name)
    if (seen?.version !== version) {
      if (this.#watched.size >= MOST_WATCHED) this.#forgetUnasked(now)
      this.#watched.set(name, { version, since: now, asked: now })
      return true
    }
    seen.asked = now
    return now - seen.since < (hasExpired ? EXPIRED_WATCH * leaseMs : leaseMs)
  }

  #forgetUnasked (now: number): void {
    for (const [name, { asked }] of this.#watched) if (now - asked > this.#options.leaseMs) this.#watched.delete(name)
  }

  /** Whether some instance, this one included, holds a lease that has not expired by its date. */
  isHeld ({ owner, expiresAt }: LeaseTerms): boolean {
    return owner !== null && expiresAt > this.#options.clock.now()
  }

  /** As `isHeld`, by another instance. */
  isHeldElsewhere (terms: LeaseTerms): boolean {
    return terms.owner !== this.owner && this.isHeld(terms)
  }

  /** A lease that this instance has just written itself, as a new record or as part of a larger batch. */
  held<Body extends LeaseTerms> (key: RecordKey, body: Body, version = 1): Lease<Body> {
    return new Lease(this.#options, key, body, version)
  }

  /**
   * Takes a lease by writing `body` (with `terms()` in it), together with `also`. Undefined when the record has changed since
   * `previous` was read, or an expectation of `also` does not hold.
   *
   * @param previous the record as it was read; undefined when there was none.
   * @param also further items of the same partition.
   */
  async claim<Body extends LeaseTerms> (
    key: RecordKey, previous: Pick<StoredRecord, 'version'> | undefined, body: Body, also: readonly WriteItem[] = []
  ): Promise<Lease<Body> | undefined> {
    const { kind, id } = key
    const claimed = await this.#options.records.write(key, [{ op: 'put', kind, id, body, expect: previous?.version ?? 'absent' }, ...also])
    return claimed ? this.held(key, body, (previous?.version ?? 0) + 1) : undefined
  }
}

/**
 * A lease that this instance holds: a record of which it knows the version. Every write under the lease includes `check()`,
 * `remove()` or `put()`, so that nothing is written once another instance has taken over. Writes and renewals must not overlap: put them
 * through one `SerialQueue`.
 */
export class Lease<Body extends LeaseTerms> {
  readonly key: RecordKey
  readonly #options: LeasesOptions
  #body: Body
  #version: number

  /** Made by `Leases`. */
  constructor (options: LeasesOptions, key: RecordKey, body: Body, version: number) {
    this.#options = options
    this.key = key
    this.#body = body
    this.#version = version
  }

  /** The record's body as this instance last wrote or read it. */
  get body (): Body {
    return this.#body
  }

  get version (): number {
    return this.#version
  }

  /** For a batch that may be written only while this instance holds the lease. */
  check (): WriteItem {
    return { op: 'check', kind: this.key.kind, id: this.key.id, expect: this.#version }
  }

  /** For a batch that ends the work: as `check()`, and the record is gone. */
  remove (): WriteItem {
    return { op: 'delete', kind: this.key.kind, id: this.key.id, expect: this.#version }
  }

  /**
   * Extends the lease. False when it was lost, or an expectation of `also` does not hold; `refresh()` tells which.
   *
   * @param also further items of the same partition.
   */
  async renew (also: readonly WriteItem[] = []): Promise<boolean> {
    return await this.put({ ...this.#body, expiresAt: this.#options.clock.now() + this.#options.leaseMs }, also)
  }

  /** Writes another body, to release the lease for instance. False as for `renew()`. */
  async put (body: Body, also: readonly WriteItem[] = []): Promise<boolean> {
    const { kind, id } = this.key
    if (!await this.#options.records.write(this.key, [{ op: 'put', kind, id, body, expect: this.#version }, ...also])) return false
    this.#body = body
    this.#version++
    return true
  }

  /**
   * Reads the record again, after a write that failed or whose outcome is unknown. False when this instance holds the lease no more:
   * it is gone, or of another claim. A renewal changes nothing but `expiresAt`.
   */
  async refresh (): Promise<boolean> {
    const record = await this.#options.records.get<Body>(this.key)
    if (record === undefined || !isSameClaim(record.body, this.#body)) return false
    this.#body = record.body
    this.#version = record.version
    return true
  }
}

function isSameClaim<Body extends LeaseTerms> (stored: Body, ours: Body): boolean {
  return isStoredAs({ ...stored, expiresAt: 0 }, { ...ours, expiresAt: 0 })
}
