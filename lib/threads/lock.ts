import type { Thread } from '../../schemas/threads.js'
import { getAnyway } from '../../storage/get-anyway.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { RecordKey, RecordStore, WriteItem } from '../../storage/record-store.js'
import type { Scope } from '../shared/scope.js'

/** What the lock in a thread's partition says. */
export interface RunLock {
  run_id: string
}

export const lockRecord = (project: string, threadId: string): RecordKey => ({ project, partition: threadId, kind: KIND.lock, id: RUN_LOCK_ID })

/** The lock of a thread, if it is locked. One that is damaged names no run: what meets it has it made anew or removed. */
export async function loadLock ({ records, project }: Pick<Scope, 'records' | 'project'>, threadId: string): Promise<RunLock | undefined> {
  const found = await getAnyway<RunLock>(records, lockRecord(project, threadId))
  return found && (found.body ?? { run_id: '' })
}

/**
 * For the writes that free a lock for which there is no reason any more: reads the thread, before the lock is read, and returns the items that
 * make it a new version of itself. The version of a lock does not tell it from that of a later run, since each begins with 1; of two writes
 * with these items the second fails, even where another run took the lock between them.
 */
export async function freeingItems (records: RecordStore, project: string, threadId: string): Promise<WriteItem[]> {
  const found = await getAnyway<Thread>(records, { project, partition: threadId, kind: KIND.thread, id: threadId })
  if (found === undefined) return []
  const { body, version } = found
  // No run is created in a thread that is damaged.
  if (body === undefined) return [{ op: 'check', kind: KIND.thread, id: threadId, expect: version }]
  return [{ op: 'put', kind: KIND.thread, id: threadId, body, expect: version }]
}
