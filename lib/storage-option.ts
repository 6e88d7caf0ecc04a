import { MemoryRecordStore } from '../storage/memory.js'
import type { RecordStore } from '../storage/record-store.js'
import { SqliteRecordStore } from '../storage/sqlite.js'
import type { ThreadStorage } from '../storage/thread-storage.js'

export type ResolvedStorage = ThreadStorage & { readonly records: RecordStore }

export function resolveStorage (option: string | ThreadStorage | RecordStore): ResolvedStorage {
  if (option === 'memory:') return { records: new MemoryRecordStore() } as unknown as ResolvedStorage
  if (typeof option === 'string') return { records: new SqliteRecordStore({ path: option.slice(7) }) } as unknown as ResolvedStorage
  return { records: option } as unknown as ResolvedStorage
}
