import type { DefineTest, SuiteTest } from '../runner.js'
import type { PartitionKey, PutItem, RecordStore, StoredRecord } from '../../record-store.js'

/**
 * Makes a fresh, isolated place for data, removed when the test ends, and returns what opens a store on it. Stores
 * are not connected yet. A store that is not persistent may start empty each time.
 */
export type StoreFactory = (t: any) => Promise<() => RecordStore>

export interface Suite {
  test: DefineTest
  factory: StoreFactory
}

export const home: PartitionKey = { project: 'project', partition: 'thread_1' }

/** A connected store with nothing in it. */
export async function emptyStore (t: Pick<SuiteTest, 'teardown'>, factory: StoreFactory): Promise<RecordStore> {
  const open = await factory(t)
  return connected(t, open())
}

export async function connected (t: Pick<SuiteTest, 'teardown'>, store: RecordStore): Promise<RecordStore> {
  t.teardown(() => store.disconnect())
  await store.connect()
  return store
}

export function put (id: string, more: Partial<Omit<PutItem, 'op' | 'id'>> = {}): PutItem {
  return { op: 'put', kind: 'message', id, body: { id }, ...more }
}

export const ids = (records: readonly StoredRecord[]): string[] => records.map(record => record.id)

/** `count` messages m1, m2, ... in one batch; those at positions 1, 2, ... of a new partition. */
export async function fill (store: RecordStore, count: number, key = home, kind = 'message'): Promise<void> {
  await store.write(key, Array.from({ length: count }, (_, index) => put(`m${index + 1}`, { kind })))
}
