import { randomUUID } from 'node:crypto'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { StoredRecord } from '../../storage/record-store.js'
import { isUncertain } from '../shared/certain-store.js'
import { Leases, type Lease } from '../shared/lease.js'
import { SerialQueue } from '../shared/serial-queue.js'
import { pause, PeriodicTask } from '../shared/timers.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { loadStore } from './store-change.js'
import { Indexing, JobLost, type IndexingServices } from './indexing.js'
import { partitionOf, purgeJob, recordKey, removeRecord, type ActiveStoreBody, type ChunkBody, type JobBody } from './records.js'

export interface IndexerLimits {
  /** Files of one project that are indexed at a time; twice as many of all. */
  parallelism: number
  /** How long an instance holds a file without renewing its lease, in milliseconds. */
  leaseMs: number
  /** How many instances may begin to index a file before it fails. */
  maxAttempts: number
}

export const DEFAULT_INDEXER_LIMITS: IndexerLimits = { parallelism: 2, leaseMs: 15_000, maxAttempts: 3 }

export interface IndexerServices extends IndexingServices {
  limits: IndexerLimits
}

/** An entry of the index of active stores that is younger than this may belong to jobs that are just being written. */
const GRACE_MS = 60_000
/** The first wait for a store that is away; each is twice as long as the one before. */
const RETRY_MS = 100
const PURGE_BATCH = 200
/** Files at a time, as a multiple of `parallelism`, when several projects have some. */
const PLACES = 2

class ShuttingDown extends Error {}

/**
 * Works through the jobs of all vector stores, as the run engine does through runs: the instance that holds a job's lease does it and
 * renews the lease meanwhile. Jobs that an instance left unfinished are taken over by another one, or by the same one after a restart.
 * Knows nothing of HTTP.
 */
export class Indexer {
  readonly #services: IndexerServices
  readonly #leases: Leases
  /** Stores that may have a job to claim. */
  readonly #stores = new Map<string, StoreRef>()
  /** What this instance is at work on, by job: the claim of it, since a file that is attached again meanwhile has a new one. */
  readonly #running = new Map<string, Lease<JobBody>>()
  readonly #indexings = new Set<Indexing>()
  readonly #stopping = new AbortController()
  readonly #work = new Set<Promise<void>>()
  /** Jobs under way, by project. */
  readonly #projects = new Map<string, number>()
  /** Claims are made one at a time, so that no two of them reach for the same job. */
  readonly #claims = new SerialQueue()
  readonly #periodic: PeriodicTask[]
  readonly #looking: PeriodicTask
  /** Whether a lease of another owner belongs to a process that has died. */
  #hasExclusiveStore = false
  #stopped = false
  #settled!: Promise<void>
  #announceSettled!: () => void

  constructor (services: IndexerServices) {
    this.#services = services
    const { records, clock, limits: { leaseMs } } = services
    this.#leases = new Leases({ records, clock, leaseMs })
    this.#looking = this.#repeat(leaseMs / 2, async () => await this.#wakeActiveStores())
    this.#periodic = [
      this.#repeat(leaseMs / 3, async () => { await Promise.all([...this.#indexings].map(async indexing => await this.#renew(indexing))) }),
      this.#looking
    ]
    this.#nextSettled()
  }

  /**
   * Claims jobs that were left unfinished, then renews leases and looks for more jobs until `stop()`.
   *
   * @param alone whether no other instance uses this store, so that every lease found in it belongs to a process that has died.
   */
  async start (alone: boolean): Promise<void> {
    this.#hasExclusiveStore = alone
    for (const task of this.#periodic) task.start()
    await this.#wakeActiveStores()
  }

  /** Releases all jobs, so that another instance can claim them at once. */
  async stop (): Promise<void> {
    this.#stopped = true
    this.#stopping.abort()
    for (const indexing of this.#indexings) indexing.stop(new ShuttingDown())
    await Promise.all([this.#claims.settled(), ...this.#periodic.map(async task => await task.stop())])
    await Promise.all(this.#work)
  }

  /** Vector stores in which there is something to do here. */
  get waitingStores (): number {
    return this.#stores.size
  }

  /** Looks for jobs in all stores, without waiting for the time to do so. Returns at once. */
  lookSoon (): void {
    this.#looking.runNow().catch(() => {})
  }

  /** Looks for jobs in the store. Returns at once. */
  wake (ref: StoreRef): void {
    if (this.#stopped) return
    this.#stores.set(key(ref), ref)
    this.#pump()
  }

  /** Resolves when a job of this instance has ended, with any outcome. */
  settled (): Promise<void> {
    // All callers share one promise: those that stop waiting leave nothing behind.
    return this.#settled
  }

  #nextSettled (): void {
    this.#settled = new Promise<void>(resolve => { this.#announceSettled = resolve })
  }

  /** Claims jobs while there are any and fewer are under way than may be. */
  #pump (): void {
    this.#claims.run(async () => {
      while (!this.#stopped) {
        const ref = this.#nextStore()
        if (ref === undefined) return
        // Back to the end of the line: stores take turns.
        this.#stores.delete(key(ref))
        // What fails in one store, a damaged record in it say, does not keep the others waiting.
        const started = await this.#startNext(ref).catch((error: unknown) => { this.#logFailure(error) })
        if (started === true) this.#stores.set(key(ref), ref)
      }
    }).catch(error => this.#logFailure(error))
  }

  /**
   * The store whose job is next: of a project that has none under way, if there is one. Such a project need not wait for a place either, within
   * reason: the others may have taken all of them with files that take a minute each.
   */
  #nextStore (): StoreRef | undefined {
    const { parallelism } = this.#services.limits
    if (this.#work.size >= parallelism * PLACES) return undefined
    const stores = [...this.#stores.values()]
    const idle = stores.find(({ project }) => !this.#projects.has(project))
    return idle ?? (this.#work.size < parallelism ? stores[0] : undefined)
  }

  #count (project: string, change: 1 | -1): void {
    const jobs = (this.#projects.get(project) ?? 0) + change
    if (jobs === 0) this.#projects.delete(project)
    else this.#projects.set(project, jobs)
  }

  /** Starts the first job of the store that can be claimed. False when no job can be claimed. */
  async #startNext (ref: StoreRef): Promise<boolean> {
    const { records } = this.#services
    let jobs = 0
    for await (const record of eachRecord<JobBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreJob }, { onDamaged: error => this.#logFailure(error) })) {
      jobs++
      if (this.#isHeld(ref, record)) continue
      const job = await this.#claim(ref, record)
      if (job === undefined) continue
      this.#count(ref.project, 1)
      const work = this.#do(ref, job).finally(() => {
        this.#count(ref.project, -1)
        this.#work.delete(work)
        this.#pump()
        this.#announceSettled()
        this.#nextSettled()
      })
      this.#work.add(work)
      return true
    }
    if (jobs === 0) await this.#deactivate(ref)
    return false
  }

  /** Whether some process is at work on the job, or has failed at it a short while ago: what failed is not tried again at once. */
  #isHeld (ref: StoreRef, job: StoredRecord<JobBody>): boolean {
    if (job.body.owner === this.#leases.owner) return this.#running.has(jobKey(ref, job.id)) || this.#leases.isHeld(job.body)
    return !this.#hasExclusiveStore && this.#leases.isAlive(recordKey(ref, KIND.vectorStoreJob, job.id), job)
  }

  async #claim (ref: StoreRef, job: StoredRecord<JobBody>): Promise<Lease<JobBody> | undefined> {
    const { id, body } = job
    const mine = { ...body, ...this.#leases.terms(), attempts: body.attempts + 1, generation: body.type === 'purge' ? null : randomUUID() }
    // The chunks of an earlier attempt are of no use.
    const leftovers = body.generation === null ? [] : [purgeJob(body.generation)]
    return await this.#leases.claim<JobBody>(recordKey(ref, KIND.vectorStoreJob, id), job, mine, leftovers)
  }

  async #do (ref: StoreRef, job: Lease<JobBody>): Promise<void> {
    const { log, limits } = this.#services
    const place = { project: ref.project, vector_store_id: ref.storeId, job: job.key.id }
    const name = jobKey(ref, job.key.id)
    this.#running.set(name, job)
    try {
      if (job.body.type === 'purge') return await this.#purge(ref, job.key.id)
      await this.#index(ref, job, limits.maxAttempts)
    } catch (error) {
      if (error instanceof JobLost) log.debug(place, 'a file was detached, or taken over by another instance, while it was indexed')
      // The lease expires, and the job is tried again.
      else if (!(error instanceof ShuttingDown)) log.warn({ err: error, ...place }, 'a file could not be indexed; it is tried again')
    } finally {
      if (this.#running.get(name) === job) this.#running.delete(name)
    }
  }

  async #index (ref: StoreRef, job: Lease<JobBody>, maxAttempts: number): Promise<void> {
    const { search, log } = this.#services
    const indexing = new Indexing(this.#services, ref, job)
    this.#indexings.add(indexing)
    // Claimed while the server began to shut down: the processes that read documents may have ended already.
    if (this.#stopped) indexing.stop(new ShuttingDown())
    try {
      await indexing.run(maxAttempts)
    } catch (error) {
      if (this.#stopped && !(error instanceof JobLost)) await indexing.release()
      // The file is not to blame, and is not to fail for it.
      else if (isUncertain(error)) await this.#releaseWhenBack(indexing)
      throw error
    } finally {
      this.#indexings.delete(indexing)
    }
    // So that the first search need not wait for it.
    search.sync(ref).catch(error => { if (!this.#stopped) log.warn({ err: error }, 'a search index could not be brought up to date; the next search does it') })
  }

  /**
   * Gives a job up after a while, once the store takes it, or leaves it to the end of its lease when that is long. The lease is renewed
   * meanwhile. What failed may be the store of the bytes, while that of the records would let the job be claimed again and again.
   */
  async #releaseWhenBack (indexing: Indexing): Promise<void> {
    const { clock, limits } = this.#services
    for (let waitMs = RETRY_MS; waitMs < limits.leaseMs; waitMs *= 2) {
      await pause(clock, waitMs, this.#stopping.signal)
      try {
        return await indexing.release()
      } catch (error) {
        if (!isUncertain(error) || this.#stopped) return
      }
    }
  }

  /** Removes the chunks of a generation, then the job. May be done twice. */
  async #purge (ref: StoreRef, generation: string): Promise<void> {
    const { records, search } = this.#services
    await search.discard(ref, generation)
    for (;;) {
      if (this.#stopped) throw new ShuttingDown()
      const page = await records.page<ChunkBody>({ ...partitionOf(ref), kind: KIND.vectorStoreChunk, parent: generation, order: 'asc', limit: PURGE_BATCH })
      const chunks = page.records.map(({ id }) => removeRecord(KIND.vectorStoreChunk, id))
      await records.write(partitionOf(ref), page.hasMore ? chunks : [...chunks, removeRecord(KIND.vectorStoreJob, generation)])
      if (!page.hasMore) return
    }
  }

  async #renew (indexing: Indexing): Promise<void> {
    try {
      await indexing.renew()
    } catch (error) {
      if (error instanceof JobLost) indexing.stop(error)
      else this.#services.log.warn({ err: error }, 'the lease of a file could not be renewed')
    }
  }

  /** Looks for jobs in every store of the index of active stores. */
  async #wakeActiveStores (): Promise<void> {
    const { records } = this.#services
    for await (const { id, body } of eachRecord<ActiveStoreBody>(records, ACTIVE, { onDamaged: error => this.#logFailure(error) })) this.wake({ project: body.project, storeId: id })
  }

  /** Removes a store without jobs from the index of active stores. */
  async #deactivate (ref: StoreRef): Promise<void> {
    const { records, clock } = this.#services
    const entry = await records.get<ActiveStoreBody>({ ...ACTIVE, id: ref.storeId })
    if (entry === undefined) return
    const isYoung = clock.now() - entry.body.at < GRACE_MS
    // A store that was deleted gets no more jobs.
    if (isYoung && await loadStore(records, ref) !== undefined) return
    await records.write(ACTIVE, [{ op: 'delete', kind: KIND.activeVectorStore, id: ref.storeId, expect: entry.version }])
  }

  #repeat (intervalMs: number, run: () => Promise<void>): PeriodicTask {
    return new PeriodicTask({ clock: this.#services.clock, intervalMs, run, onError: error => this.#logFailure(error) })
  }

  #logFailure (error: unknown): void {
    if (!this.#stopped) this.#services.log.warn({ err: error }, 'jobs of vector stores could not be looked up; it is tried again')
  }
}

const ACTIVE = { project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores, kind: KIND.activeVectorStore }
const key = ({ project, storeId }: StoreRef): string => `${project} ${storeId}`
const jobKey = (ref: StoreRef, id: string): string => `${key(ref)} ${id}`
