import { randomUUID } from 'node:crypto'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import type { Logger } from '../shared/log.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { loadStore } from './store-change.js'
import { Indexing, JobLost, type HeldJob, type IndexingServices } from './indexing.js'
import { partitionOf, purgeJob, removeRecord, type ActiveStoreBody, type ChunkBody, type JobBody } from './records.js'

export interface IndexerLimits {
  /** Files that are indexed at a time. */
  parallelism: number
  /** How long an instance holds a file without renewing, in milliseconds. */
  leaseMs: number
  /** How often a file may be begun. */
  maxAttempts: number
}

export const DEFAULT_INDEXER_LIMITS: IndexerLimits = { parallelism: 2, leaseMs: 15_000, maxAttempts: 3 }

export interface IndexerServices extends IndexingServices {
  log: Logger
  limits: IndexerLimits
}

/** An index entry younger than this may be of jobs that are just being written. */
const GRACE_MS = 60_000
const PURGED_AT_ONCE = 200

class Stopping extends Error {}

/**
 * Works through the jobs of all vector stores, like the run engine: the instance that holds a job's lease does it, renews while it
 * works, and whatever is left behind is taken up by another instance, or by this one when it is back. Knows nothing of HTTP.
 */
export class Indexer {
  readonly #services: IndexerServices
  readonly #owner = randomUUID()
  /** Stores in which there may be a job to take. */
  readonly #stores = new Map<string, StoreRef>()
  readonly #running = new Map<string, Indexing>()
  readonly #work = new Set<Promise<void>>()
  #claims: Promise<void> = Promise.resolve()
  #sweeping: Promise<void> = Promise.resolve()
  /** Whether leases of other owners are those of the dead. */
  #alone = false
  #stopped = false
  #stopTimers: (() => void)[] = []
  #settled!: Promise<void>
  #tellSettled!: () => void

  constructor (services: IndexerServices) {
    this.#services = services
    this.#watchNext()
  }

  /**
   * Takes up what was left behind, then looks for more and renews leases until `stop()`.
   *
   * @param alone nobody else works on this store, so every lease found in it is a dead one.
   */
  async start (alone: boolean): Promise<void> {
    this.#alone = alone
    const { leaseMs } = this.#services.limits
    this.#every(leaseMs / 3, async () => { await Promise.all([...this.#running.values()].map(async indexing => await this.#renew(indexing))) })
    this.#every(leaseMs, async () => await this.#sweep())
    await this.#sweep()
  }

  /** Lets go of everything, for whoever comes next. */
  async stop (): Promise<void> {
    this.#stopped = true
    for (const stop of this.#stopTimers) stop()
    for (const indexing of this.#running.values()) indexing.stop(new Stopping())
    await Promise.all([this.#claims, this.#sweeping])
    await Promise.all(this.#work)
  }

  /** There is something to do in the store. Returns at once. */
  wake (ref: StoreRef): void {
    if (this.#stopped) return
    this.#stores.set(key(ref), ref)
    this.#pump()
  }

  /** Resolves when a job of this instance has ended, whatever its outcome. */
  settled (): Promise<void> {
    // One promise for all who ask: whoever stops waiting leaves nothing behind.
    return this.#settled
  }

  #watchNext (): void {
    this.#settled = new Promise<void>(resolve => { this.#tellSettled = resolve })
  }

  /** Takes jobs while there are some and hands are free. Claims come one after the other, so that no two hands reach for the same job. */
  #pump (): void {
    this.#claims = this.#claims.then(async () => {
      while (!this.#stopped && this.#work.size < this.#services.limits.parallelism) {
        const ref = this.#stores.values().next().value
        if (ref === undefined) return
        // To the end of the line: stores take turns.
        this.#stores.delete(key(ref))
        if (await this.#startNext(ref)) this.#stores.set(key(ref), ref)
      }
    }).catch(error => {
      this.#services.log.warn({ err: error }, 'vector stores could not be looked after; it is tried again')
    })
  }

  /** Takes the first job of the store that nobody holds. False when there is none. */
  async #startNext (ref: StoreRef): Promise<boolean> {
    const { records, clock } = this.#services
    let jobs = 0
    for await (const record of eachRecord<JobBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreJob })) {
      jobs++
      const { owner, expiresAt } = record.body
      const isHeld = owner === this.#owner ? this.#running.has(jobKey(ref, record.id)) : owner !== null && !this.#alone && expiresAt > clock.now()
      if (isHeld) continue
      const job = await this.#claim(ref, record)
      if (job === undefined) continue
      const work = this.#do(ref, job).finally(() => {
        this.#work.delete(work)
        this.#pump()
        this.#tellSettled()
        this.#watchNext()
      })
      this.#work.add(work)
      return true
    }
    if (jobs === 0) await this.#deactivate(ref)
    return false
  }

  async #claim (ref: StoreRef, { id, body, version }: StoredRecord<JobBody>): Promise<HeldJob | undefined> {
    const { records, clock, limits } = this.#services
    const mine: JobBody = {
      ...body, owner: this.#owner, expiresAt: clock.now() + limits.leaseMs, attempts: body.attempts + 1, generation: body.type === 'index' ? randomUUID() : null
    }
    const items: WriteItem[] = [{ op: 'put', kind: KIND.vectorStoreJob, id, body: mine, expect: version }]
    // What an earlier attempt has left is of no use.
    if (body.generation !== null) items.push(purgeJob(body.generation))
    return await records.write(partitionOf(ref), items) ? { id, body: mine, version: version + 1 } : undefined
  }

  async #do (ref: StoreRef, job: HeldJob): Promise<void> {
    const { log, limits } = this.#services
    const place = { project: ref.project, vector_store_id: ref.storeId, job: job.id }
    try {
      if (job.body.type === 'purge') return await this.#purge(ref, job.id)
      await this.#index(ref, job, limits.maxAttempts)
    } catch (error) {
      if (error instanceof JobLost) log.debug(place, 'a file was taken out of hand')
      // Its lease runs out, and somebody tries again.
      else if (!(error instanceof Stopping)) log.warn({ err: error, ...place }, 'a file could not be indexed; it is tried again')
    }
  }

  async #index (ref: StoreRef, job: HeldJob, maxAttempts: number): Promise<void> {
    const { search, log } = this.#services
    const indexing = new Indexing(this.#services, ref, job)
    this.#running.set(jobKey(ref, job.id), indexing)
    // Claimed while the server was told to stop: the threads that read documents may be gone already.
    if (this.#stopped) indexing.stop(new Stopping())
    try {
      await indexing.run(maxAttempts)
    } catch (error) {
      if (this.#stopped && !(error instanceof JobLost)) await indexing.release()
      throw error
    } finally {
      this.#running.delete(jobKey(ref, job.id))
    }
    // So that the first search need not wait for it.
    search.sync(ref).catch(error => { if (!this.#stopped) log.warn({ err: error }, 'an index could not be brought up to date; the next search will') })
  }

  /** Removes chunks, then the job. May be done twice. */
  async #purge (ref: StoreRef, generation: string): Promise<void> {
    const { records } = this.#services
    for (;;) {
      if (this.#stopped) throw new Stopping()
      const page = await records.page<ChunkBody>({ ...partitionOf(ref), kind: KIND.vectorStoreChunk, parent: generation, order: 'asc', limit: PURGED_AT_ONCE })
      const chunks = page.records.map(({ id }) => removeRecord(KIND.vectorStoreChunk, id))
      await records.write(partitionOf(ref), page.hasMore ? chunks : [...chunks, removeRecord(KIND.vectorStoreJob, generation)])
      if (!page.hasMore) return
    }
  }

  async #renew (indexing: Indexing): Promise<void> {
    try {
      await indexing.renew(this.#services.limits.leaseMs)
    } catch (error) {
      if (error instanceof JobLost) indexing.stop(error)
      else this.#services.log.warn({ err: error }, 'a hold on a file could not be renewed')
    }
  }

  /** Every store in which something was left to do. */
  async #sweep (): Promise<void> {
    const { records } = this.#services
    for await (const { id, body } of eachRecord<ActiveStoreBody>(records, ACTIVE)) this.wake({ project: body.project, storeId: id })
  }

  async #deactivate (ref: StoreRef): Promise<void> {
    const { records, clock } = this.#services
    const entry = await records.get<ActiveStoreBody>({ ...ACTIVE, id: ref.storeId })
    if (entry === undefined) return
    const isYoung = clock.now() - entry.body.at < GRACE_MS
    // A store that is gone gets no more jobs.
    if (isYoung && await loadStore(records, ref) !== undefined) return
    await records.write(ACTIVE, [{ op: 'delete', kind: KIND.activeVectorStore, id: ref.storeId, expect: entry.version }])
  }

  /** Repeats until `stop()`. */
  #every (ms: number, work: () => Promise<void>): void {
    const { clock, log } = this.#services
    let cancel = (): void => {}
    const next = (): void => {
      cancel = clock.after(ms, () => {
        this.#sweeping = work().catch(error => {
          if (!this.#stopped) log.warn({ err: error }, 'vector stores could not be looked after; it is tried again')
        }).finally(() => { if (!this.#stopped) next() })
      })
    }
    next()
    this.#stopTimers.push(() => cancel())
  }
}

const ACTIVE = { project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores, kind: KIND.activeVectorStore }
const key = ({ project, storeId }: StoreRef): string => `${project} ${storeId}`
const jobKey = (ref: StoreRef, id: string): string => `${key(ref)} ${id}`
