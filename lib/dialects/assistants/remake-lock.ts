import { KIND, RUN_LOCK_ID } from '../../../storage/layout.js'
import type { Run } from '../../../schemas/runs.js'
import { getAnyway } from '../../../storage/get-anyway.js'
import type { RecordStore } from '../../../storage/record-store.js'
import { freeingItems, lockRecord, type RunLock } from '../../threads/lock.js'
import { isActive } from './state.js'

/** Makes a damaged lock anew when a run of the thread is active, and removes it otherwise. False when it is of another version by now. */
export async function remakeLock (records: RecordStore, project: string, threadId: string, version: number): Promise<boolean> {
  const freeing = await freeingItems(records, project, threadId)
  // The lock is held by the newest run that is not damaged itself.
  const { records: [newest] } = await records.page<Run>({ project, partition: threadId, kind: KIND.run, order: 'desc', limit: 1, onDamaged: () => {} })
  const active = newest !== undefined && isActive(newest.body.status) ? newest : undefined
  const lock = await getAnyway<RunLock>(records, lockRecord(project, threadId))
  if (lock?.version !== version || lock.body !== undefined) return false
  return await records.write({ project, partition: threadId }, active === undefined
    ? [...freeing, { op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID, expect: version }]
    : [
        { op: 'check', kind: KIND.run, id: active.id, expect: active.version },
        { op: 'put', kind: KIND.lock, id: RUN_LOCK_ID, body: { run_id: active.id } satisfies RunLock, expect: version }
      ])
}
