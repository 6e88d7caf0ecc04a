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
  if (typeof option !== 'object' || option === null) throw new TypeError('Option "storage" must be a URL or a storage.')
  if ('write' in option) return { threadStorage: new StorageOverRecords(option), records: certain(option), isOurs: false }
  const missing = METHODS.find(name => typeof (option as Partial<ThreadStorage>)[name] !== 'function')
  if (missing !== undefined) throw new TypeError(`Option "storage" is no storage: it has no ${missing}(). Give a URL, a storage of this package, or one of your own as docs/storage.md has it.`)
  return { threadStorage: option, records: certain(recordsOver(option)), isOurs: false }
}

/** Those that no storage can do without. */
const METHODS = [
  'saveThread', 'loadThread', 'deleteThread', 'listThreads', 'saveAssistant', 'loadAssistant', 'deleteAssistant', 'listAssistants', 'saveFile', 'loadFile', 'deleteFile', 'listFiles'
] as const satisfies readonly (keyof ThreadStorage)[]

class StorageOverRecords extends RecordThreadStorage {}
