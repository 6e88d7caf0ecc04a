import { activeJobs } from '../../../lib/runs/lease.js'
import type { RecordStore } from '../../../storage/record-store.js'

/** The ids of the jobs that the index of active ones names. */
export async function activeEntries (records: RecordStore): Promise<string[]> {
  const ids = []
  for await (const { id } of activeJobs(records, error => { throw error })) ids.push(id)
  return ids
}
