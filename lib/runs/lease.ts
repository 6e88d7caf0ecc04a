import { eachRecord } from '../../storage/each-record.js'
import { getAnyway } from '../../storage/get-anyway.js'
import { ACTIVE_RUNS, activeRunsOf, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { DamagedRecordError, PartitionKey, PartitionWrite, RecordKey, RecordStore, StoredRecord } from '../../storage/record-store.js'
import type { LeaseTerms, Lease } from '../shared/lease.js'
import type { Payer } from '../usage/spending.js'
import type { Dialect } from './dialect.js'
import type { JobKey } from './job.js'
import type { JobTrace } from './observer.js'

/** Which instance executes a job. */
export interface JobLease extends LeaseTerms {
  owner: string
  /** Of one claim: an instance that lost a job and got it back must not go on where it was. */
  token: string
  /** How often the job was taken from an instance that had stopped renewing. */
  takeovers: number
  /** Whose tokens it uses, apart from its project's. Absent: the project's alone. */
  payer?: Omit<Payer, 'project'>
  /** Where its execution is traced, if it is. */
  trace?: JobTrace
}

/** An entry of the index of active jobs. */
export interface ActiveJob {
  project: string
  /** The job's partition. */
  thread_id: string
  /** Absent for the Assistants dialect. */
  dialect?: string
  /** Milliseconds since the epoch. */
  created: number
  /** Milliseconds since the epoch. The job waits for its client, and recovery has nothing to do before. Absent: look at the job. */
  due?: number
}

/** An entry where it was found. Those of older versions are in another partition than ours. */
export type FoundJob = StoredRecord<ActiveJob> & { in: PartitionKey }

/** A job's record and its lease as this instance holds them. */
export interface HeldJob<Body extends object = object> {
  body: Body
  version: number
  lease: Lease<JobLease>
}

export const partitionOf = ({ project, partition }: JobKey): { project: string, partition: string } => ({ project, partition })

export const leaseRecord = (key: JobKey): RecordKey => ({ ...partitionOf(key), kind: KIND.lease, id: key.jobId })

/** What a lease that cannot be read counts as: expired, so that it is watched for as long as its owner would take to renew it, and then free. */
const DAMAGED_LEASE: JobLease = { owner: '', expiresAt: 0, token: '', takeovers: 0 }

export async function loadLease (records: RecordStore, key: JobKey): Promise<Pick<StoredRecord<JobLease>, 'body' | 'version'> | undefined> {
  const found = await getAnyway<JobLease>(records, leaseRecord(key))
  return found && { body: found.body ?? DAMAGED_LEASE, version: found.version }
}

export async function loadJob<Body extends object> (records: RecordStore, dialect: Dialect<Body>, key: JobKey): Promise<StoredRecord<Body> | undefined> {
  return await records.get<Body>({ ...partitionOf(key), kind: dialect.kind, id: key.jobId })
}

/** The dialect that index entries leave out: it is older than the field. */
export const FIRST_DIALECT = 'assistants'

/** Where versions had the whole index that did not split it. Their instances may still be there, and do not look anywhere else. */
const OLD_PLACE = { project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }

/** A job's entry in the index of active ones. Written before the job, so that no active job is missing from it. */
export function indexEntry ({ dialect, project, partition, jobId }: JobKey, now: number): PartitionWrite {
  const body: ActiveJob = { project, thread_id: partition, ...dialect === FIRST_DIALECT ? {} : { dialect }, created: now }
  return { key: activeRunsOf(jobId), items: [{ op: 'put', kind: KIND.activeRun, id: jobId, body }] }
}

/** Enters a job into the index of active ones. */
export async function indexJob (records: RecordStore, job: JobKey, now: number): Promise<void> {
  const { key, items } = indexEntry(job, now)
  await records.write(key, items)
}

/**
 * Tells recovery to leave a job alone until it is due, unless its entry has changed since it was read.
 *
 * @param due in milliseconds since the epoch.
 */
export async function parkJob (records: RecordStore, { id, body, version, in: place }: FoundJob, due: number): Promise<void> {
  await records.write(place, [{ op: 'put', kind: KIND.activeRun, id, body: { ...body, due }, expect: version }])
}

/** Makes recovery look at a job again. Called before and after a waiting job goes on, since recovery may park it in between. */
export async function unparkJob (records: RecordStore, jobId: string): Promise<void> {
  let place = activeRunsOf(jobId)
  let entry = await records.get<ActiveJob>({ ...place, kind: KIND.activeRun, id: jobId })
  if (entry === undefined) {
    place = OLD_PLACE
    entry = await records.get<ActiveJob>({ ...place, kind: KIND.activeRun, id: jobId })
  }
  if (entry?.body.due === undefined) return
  const { due, ...body } = entry.body
  await records.write(place, [{ op: 'put', kind: KIND.activeRun, id: jobId, body, expect: entry.version }])
}

/**
 * Removes a job from the index.
 *
 * @param found its entry, where the index was walked. Default: the entry as this version writes it. One of an older version stays then, until
 * recovery finds that its job has ended.
 */
export async function unindexJob (records: RecordStore, jobId: string, found?: FoundJob): Promise<void> {
  await records.write(found?.in ?? activeRunsOf(jobId), [{ op: 'delete', kind: KIND.activeRun, id: jobId }])
}

/** A part of the index, oldest first. */
async function * jobsIn (records: RecordStore, partition: string, onDamaged: (error: DamagedRecordError) => void): AsyncGenerator<FoundJob> {
  const place = { project: SYSTEM_PROJECT, partition }
  for await (const entry of eachRecord<ActiveJob>(records, { ...place, kind: KIND.activeRun }, { onDamaged })) yield { ...entry, in: place }
}

/** Parts of the index that are walked at once: a look at a job is mostly waiting for the store, which has requests to answer, too. */
const WALKED_AT_ONCE = 4

/**
 * Looks at the jobs of the index that can be read, at a few of them at once. Resolves, or rejects as the first look that fails, when no look is under way any more.
 *
 * @param visit false to end the walk.
 */
export async function visitActiveJobs (records: RecordStore, onDamaged: (error: DamagedRecordError) => void, visit: (entry: FoundJob) => Promise<boolean>): Promise<void> {
  const partitions = ACTIVE_RUNS.values()
  let isOver = false
  const walks = await Promise.allSettled(Array.from({ length: WALKED_AT_ONCE }, async () => {
    try {
      for (const partition of partitions) {
        for await (const entry of jobsIn(records, partition, onDamaged)) {
          if (isOver) return
          if (!await visit(entry)) isOver = true
        }
      }
    } catch (error) {
      isOver = true
      throw error
    }
  }))
  for (const walk of walks) if (walk.status === 'rejected') throw walk.reason
}

export const jobKeyOf = (jobId: string, { project, thread_id: partition, dialect = FIRST_DIALECT }: ActiveJob): JobKey => ({ dialect, project, partition, jobId })
