import { recordsOver } from '../../storage/custom/store.js'
import { openStorageUrl } from '../../storage/open.js'
import { RecordThreadStorage } from '../../storage/thread-storage/record-thread-storage.js'
import { certain, type ObservableStore } from '../shared/certain-store.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { ThreadStorage } from '../../storage/thread-storage/thread-storage.js'

/** A store by URL, as one of our classes, as records, or as a storage of the user's own with the twelve documented methods. */
export type StorageOption = string | ThreadStorage | RecordStore

/** Both faces of one store. */
export interface ResolvedStorage {
  threadStorage: ThreadStorage
  records: ObservableStore
  /** Whether it was opened by us, and so is closed by us. */
  isOurs: boolean
}

/** Throws a TypeError for what is no storage. */
export function resolveStorage (option: StorageOption): ResolvedStorage {
  if (typeof option === 'string') {
    const storage = openStorageUrl(option)
    return { threadStorage: storage, records: certain(storage.records), isOurs: true }
  }
  if (option instanceof RecordThreadStorage) return { threadStorage: option, records: certain(option.records), isOurs: false }
  if ('write' in option) return { threadStorage: new StorageOverRecords(option), records: certain(option), isOurs: false }
  return { threadStorage: option, records: certain(recordsOver(option)), isOurs: false }
}

class StorageOverRecords extends RecordThreadStorage {}
