import type { RecordStore, StoredRecord } from '../../storage/record-store.js'

/** Among whom seats are given out: records of one kind in one partition, each of which holds a seat. */
export interface Seats {
  project: string
  partition: string
  kind: string
}

/**
 * Whether a record that was just written is among the first `limit` of its kind. Since their order is that of the store, of several instances that fill
 * the last seat at once one gets it.
 *
 * @param isVacant whether a record holds a seat that no longer belongs to anything: it is removed, and those behind it move up.
 */
export async function hasSeat (records: RecordStore, seats: Seats, id: string, limit: number, isVacant?: (record: StoredRecord) => Promise<boolean>): Promise<boolean> {
  const first = await firstOf(records, seats, limit)
  if (first.some(record => record.id === id)) return true
  if (isVacant === undefined) return false
  let freed = 0
  for (const record of first) {
    if (!await isVacant(record)) continue
    await records.write(seats, [{ op: 'delete', kind: seats.kind, id: record.id }])
    freed++
  }
  return freed > 0 && (await firstOf(records, seats, limit)).some(record => record.id === id)
}

/** The first `limit` records, in the order in which they were written. */
async function firstOf (records: RecordStore, seats: Seats, limit: number): Promise<StoredRecord[]> {
  const found: StoredRecord[] = []
  for (let after: number | undefined; found.length < limit;) {
    const page = await records.page({ ...seats, order: 'asc', limit: Math.min(limit - found.length, PAGE), ...after === undefined ? {} : { after } })
    found.push(...page.records)
    if (!page.hasMore) break
    after = page.records.at(-1)?.position
  }
  return found
}

const PAGE = 1000
