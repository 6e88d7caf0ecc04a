import { KIND } from './layout.js'
import type { PartitionKey, RecordStore, StoredRecord, WriteItem } from './record-store.js'

/**
 * Where deleted records were: clients delete what they list while they page through it, and name an object as cursor that is gone. Kept
 * as records of kind `deleted` under the record's id, with its kind as parent.
 */
interface DeletedPlace {
  position: number
  /** The record's. */
  parent: string
  /** How many of its kind were deleted before it. */
  number: number
}

/** Places of one kind that a partition remembers, the newest. */
const MAX_PLACES = 10_000
/** The oldest ones that one deletion forgets at the most: more than one, so that deletions at the same time do not leave more and more. */
const FORGOTTEN_AT_ONCE = 4

/**
 * The items that go into the batch that deletes the record. They name no record but those of kind `deleted`.
 *
 * A place that is kept under the same id, of an object that was deleted before and made anew since, is forgotten at once. As long as the
 * object is there it says nothing, and replaced it would stay among the oldest, where it would keep those behind it from being forgotten.
 *
 * @param max places of the kind that are remembered.
 */
export async function rememberPlace (records: RecordStore, { id, kind, parent, position, project, partition }: StoredRecord, max = MAX_PLACES): Promise<WriteItem[]> {
  const places = { project, partition, kind: KIND.deleted, parent: kind }
  const [earlier, newest, oldest] = await Promise.all([
    records.get<DeletedPlace>({ project, partition, kind: KIND.deleted, id }),
    records.page<DeletedPlace>({ ...places, order: 'desc', limit: 1 }),
    records.page<DeletedPlace>({ ...places, order: 'asc', limit: FORGOTTEN_AT_ONCE })
  ])
  if (earlier !== undefined) await records.write({ project, partition }, [{ op: 'delete', kind: KIND.deleted, id, expect: earlier.version }])
  const number = (newest.records[0]?.body.number ?? 0) + 1
  const body: DeletedPlace = { position, parent, number }
  return [
    { op: 'put', kind: KIND.deleted, id, parent: kind, body },
    ...oldest.records.filter(old => old.id !== id && old.body.number <= number - max).map((old): WriteItem => ({ op: 'delete', kind: KIND.deleted, id: old.id }))
  ]
}

/** The position that a record had; undefined when none of this kind and parent was deleted, or longer ago than is remembered. */
export async function placeOfDeleted (records: RecordStore, { project, partition }: PartitionKey, kind: string, parent: string, id: string): Promise<number | undefined> {
  const found = await records.get<DeletedPlace>({ project, partition, kind: KIND.deleted, id })
  return found?.parent === kind && found.body.parent === parent ? found.body.position : undefined
}
