import { getAnyway } from '../../storage/get-anyway.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { RecordKey } from '../../storage/record-store.js'
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
