import { isDeepStrictEqual } from 'node:util'
import type { Run } from '../../schemas/runs.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { PartitionKey, RecordStore, StoredRecord } from '../../storage/record-store.js'
import { isActive } from '../dialects/assistants/state.js'
import type { RunLock } from '../threads/lock.js'
import { contentsOf, recordsOf, RUN_CONTENTS } from './contents.js'

/** A record, and whether an earlier state of it may have been exported already. */
export interface ExportedRecord {
  record: StoredRecord
  again: boolean
}

/** How often an active run is read until two readings agree. One that moves faster than that is exported as last seen. */
const READINGS = 20

/**
 * The runs of a thread with what belongs to them, each run last. A run that is active, and may move while it is read, is
 * read until nothing has changed between two readings: recovery must find a state that there was.
 */
export async function * runsOf (records: RecordStore, key: PartitionKey): AsyncGenerator<ExportedRecord> {
  const lock = await records.get<RunLock>({ ...key, kind: KIND.lock, id: RUN_LOCK_ID })
  const activeId = lock?.body.run_id
  for await (const record of recordsOf(records, key, KIND.run)) {
    // Active without the lock that was there: begun since. It is not part of this export.
    if (record.id === activeId || isActive((record.body as Run).status)) continue
    for await (const { record: part } of contentsOf(records, key, RUN_CONTENTS, record.id)) yield { record: part, again: false }
    yield { record, again: false }
  }
  if (activeId !== undefined) yield * await settled(records, key, activeId)
}

async function settled (records: RecordStore, key: PartitionKey, runId: string): Promise<ExportedRecord[]> {
  let last: ExportedRecord[] = []
  for (let reading = 0; reading < READINGS; reading++) {
    const next = await readActive(records, key, runId)
    if (isDeepStrictEqual(next, last)) break
    last = next
  }
  return last
}

async function readActive (records: RecordStore, key: PartitionKey, runId: string): Promise<ExportedRecord[]> {
  const found: ExportedRecord[] = []
  const add = (record: StoredRecord | undefined, again = false): void => { if (record !== undefined) found.push({ record, again }) }
  const run = await records.get<Run>({ ...key, kind: KIND.run, id: runId })
  if (run === undefined) return []
  for await (const { record } of contentsOf(records, key, RUN_CONTENTS, runId)) {
    if (record.kind === KIND.runMessage) add(await records.get({ ...key, kind: KIND.message, id: record.id }), true)
    add(record)
  }
  const lock = await records.get<RunLock>({ ...key, kind: KIND.lock, id: RUN_LOCK_ID })
  if (lock?.body.run_id === runId) add(lock)
  add(run)
  return found
}
