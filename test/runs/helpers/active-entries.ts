import { visitActiveJobs } from '../../../lib/runs/lease.js'
import type { RecordStore } from '../../../storage/record-store.js'

/** The ids of the jobs that the index of active ones names. */
export async function activeEntries (records: RecordStore): Promise<string[]> {
  const ids: string[] = []
  await visitActiveJobs(records, error => { throw error }, async ({ id }) => ids.push(id) > 0)
  return ids
}
