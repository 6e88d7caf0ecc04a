import type { Run } from '../../schemas/runs.js'
import { eachRecord } from '../../storage/each-record.js'
import { getAnyway } from '../../storage/get-anyway.js'
import { DEFAULT_PROJECT, KIND, PARTITION, RUN_LOCK_ID, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { DamagedRecordError, PartitionKey, RecordStore, WriteItem } from '../../storage/record-store.js'
import { isActive, transition } from '../dialects/assistants/state.js'
import { remakeLock } from '../dialects/assistants/remake-lock.js'
import { unindexJob, type ActiveJob } from '../runs/lease.js'
import { freeingItems, lockRecord, type RunLock } from '../threads/lock.js'
import { activate, indexJob, purgeJob, type FileBody } from '../vector-stores/records.js'

/** What was done about a damaged record, as the end of a sentence; undefined when nothing but a backup helps. */
export type Repaired = string | undefined

type Repair = (records: RecordStore, error: Damaged) => Promise<Repaired>
/** With the version that it takes to replace or remove the record. */
type Damaged = DamagedRecordError & { version: number }

const OF_RUN = [KIND.runInclude, KIND.runMessage, KIND.turn, KIND.step, KIND.events]
const NO_USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, prompt_token_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } }

const remove = ({ key, version }: Damaged): WriteItem => ({ op: 'delete', kind: key.kind, id: key.id, expect: version })
const write = async (records: RecordStore, { project, partition }: PartitionKey, items: WriteItem[], done: string): Promise<Repaired> =>
  await records.write({ project, partition }, items) ? done : 'changed meanwhile: look again'

/** By the kind of the record. What is in no row can be restored from a backup or an export only. */
const REPAIRS: Partial<Record<string, Repair>> = {
  [KIND.activeRun]: remakeEntry,
  [KIND.lease]: async (records, error) => await write(records, error.key, [remove(error)], 'removed: any instance may take the run over'),
  [KIND.lock]: async (records, { key, version }) => await remakeLock(records, key.project, key.partition, version) ? 'made anew' : 'changed meanwhile: look again',
  [KIND.events]: async (records, error) => await write(records, error.key, [remove(error)], 'removed'),
  [KIND.run]: removeRun,
  [KIND.step]: async (records, error) => await removePart(records, error),
  [KIND.turn]: async (records, error) => await removePart(records, error),
  [KIND.runInclude]: async (records, error) => await write(records, error.key, [remove(error)], 'removed'),
  [KIND.message]: async (records, error) => await write(records, error.key, [remove(error), { op: 'delete', kind: KIND.runMessage, id: error.key.id }], 'removed from its thread'),
  [KIND.vectorStoreJob]: remakeJob
}

/** Repairs what belongs to a damaged record, as far as that loses nothing more than is lost already. */
export async function repair (records: RecordStore, error: DamagedRecordError): Promise<Repaired> {
  if (error.version === undefined) return undefined
  return await REPAIRS[error.key.kind]?.(records, error as Damaged)
}

/** An entry of the index of active runs names the run's thread, which is looked for. */
async function remakeEntry (records: RecordStore, error: Damaged): Promise<Repaired> {
  const { key } = error
  for await (const { id: project } of allProjects(records)) {
    for await (const { id: threadId } of eachRecord(records, { project, partition: PARTITION.threads, kind: KIND.thread }, { onDamaged: () => {} })) {
      const run = await getAnyway<Run>(records, { project, partition: threadId, kind: KIND.run, id: key.id })
      if (run?.body === undefined || !isActive(run.body.status)) continue
      const body: ActiveJob = { project, thread_id: threadId, created: Date.now() }
      return await write(records, key, [{ op: 'put', kind: key.kind, id: key.id, body, expect: error.version }], `made anew: the run goes on in ${threadId}`)
    }
  }
  return await write(records, key, [remove(error)], 'removed: no thread has such a run under way')
}

async function * allProjects (records: RecordStore): AsyncGenerator<{ id: string }> {
  yield { id: DEFAULT_PROJECT }
  for await (const { id } of eachRecord(records, { project: SYSTEM_PROJECT, partition: PARTITION.projects, kind: KIND.project }, { onDamaged: () => {} })) if (id !== DEFAULT_PROJECT) yield { id }
}

/** A run of which nothing is known any more but its id: its steps go with it, its messages stay. */
async function removeRun (records: RecordStore, error: Damaged): Promise<Repaired> {
  const { key } = error
  const freeing = await freeingItems(records, key.project, key.partition)
  const lock = await getAnyway<RunLock>(records, lockRecord(key.project, key.partition))
  const items: WriteItem[] = [remove(error), { op: 'delete', kind: KIND.lease, id: key.id }]
  if (lock?.body?.run_id === key.id) items.push(...freeing, { op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID, expect: lock.version })
  const done = await write(records, key, items, 'removed, and its thread is free')
  for (const kind of OF_RUN) {
    for await (const { id } of eachRecord(records, { ...key, kind, parent: key.id }, { onDamaged: () => {} })) await records.write(key, [{ op: 'delete', kind, id }])
  }
  await unindexJob(records, key.id)
  return done
}

/** A part of a run: the run cannot go on without it, and ends as failed. */
async function removePart (records: RecordStore, error: Damaged): Promise<Repaired> {
  const { key } = error
  const run = await activeRun(records, key)
  if (run === undefined) return await write(records, key, [remove(error)], 'removed from its run')
  const body = transition(run.body, { to: 'failed', at: Math.floor(Date.now() / 1000), usage: NO_USAGE, error: { code: 'server_error', message: 'A part of the run was lost.' } })
  const done = await write(records, key, [
    remove(error),
    { op: 'put', kind: KIND.run, id: run.id, body, expect: run.version },
    { op: 'delete', kind: KIND.lease, id: run.id },
    { op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID }
  ], `removed; its run ${run.id} has failed, and the thread is free`)
  await unindexJob(records, run.id)
  return done
}

/** The run that a damaged step or turn may belong to: the one that is active. Of the others nothing is expected any more. */
async function activeRun (records: RecordStore, key: PartitionKey) {
  const lock = await getAnyway<RunLock>(records, lockRecord(key.project, key.partition))
  if (lock?.body === undefined) return undefined
  const run = await records.get<Run>({ project: key.project, partition: key.partition, kind: KIND.run, id: lock.body.run_id })
  return run !== undefined && isActive(run.body.status) ? run : undefined
}

async function remakeJob (records: RecordStore, { key, version }: Damaged): Promise<Repaired> {
  const file = await getAnyway<FileBody>(records, { ...key, kind: KIND.vectorStoreFile })
  await activate(records, { project: key.project, storeId: key.partition }, Date.now())
  if (file === undefined) return await write(records, key, [{ ...purgeJob(key.id), expect: version } as WriteItem], 'made anew: what is of no use is removed')
  if (file.body?.file.status !== 'in_progress') return await write(records, key, [{ op: 'delete', kind: key.kind, id: key.id, expect: version }], 'removed: there is nothing to do')
  return await write(records, key, [{ ...indexJob(key.id), expect: version } as WriteItem], 'made anew: the file is indexed again')
}
