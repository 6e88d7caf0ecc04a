import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { openBlobUrl } from '../../storage/open-blobs.js'
import type { BlobStore } from '../../storage/blob-store.js'
import type { RecordStore } from '../../storage/record-store.js'

export interface ResolvedBlobs {
  store: BlobStore
  /** Whether it was opened by us, and so is closed by us. */
  isOurs: boolean
}

/**
 * Where the bytes go: to what is named, else to what goes with the store. Throws a `TypeError` for what is no blob store,
 * and where a store of the user's own needs one to be named.
 */
export function resolveBlobs (option: string | BlobStore | undefined, records: RecordStore): ResolvedBlobs {
  if (typeof option === 'string') return { store: openBlobUrl(option), isOurs: true }
  if (option !== undefined) {
    if (typeof option.put !== 'function') throw new TypeError('Option "blobs" must be a URL or a blob store.')
    return { store: option, isOurs: false }
  }
  const store = records.blobs?.()
  if (store === undefined && !records.supports.persistent) return { store: new MemoryBlobStore(), isOurs: true }
  if (store === undefined) throw new TypeError('A record store of your own needs the option "blobs" beside it: where the bytes of files are kept.')
  return { store, isOurs: true }
}
