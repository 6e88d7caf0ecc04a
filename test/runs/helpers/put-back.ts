import { DEFAULT_PROJECT, KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'

/** Makes the record of a run what a server of version 0.1 has written before it began with the run: queued. */
export async function putBack (records: RecordStore, { id, thread_id: threadId }: { id: string, thread_id: string }): Promise<void> {
  const place = { project: DEFAULT_PROJECT, partition: threadId }
  const { body, version } = (await records.get<object>({ ...place, kind: KIND.run, id }))!
  await records.write(place, [{ op: 'put', kind: KIND.run, id, body: { ...body, status: 'queued', started_at: null }, expect: version }])
}
