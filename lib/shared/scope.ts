import type { CreateVectorStoreFileRequest, CreateVectorStoreRequest, VectorStore } from '../../schemas/vector-stores.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from './clock.js'
import type { ThreadLocks } from './thread-locks.js'

/**
 * What every domain service works in: the store, the time, and the one project whose records it can name. A service
 * has no way to spell a key of another project.
 */
export interface Scope {
  readonly records: RecordStore
  readonly clock: Clock
  readonly project: string
  readonly locks: ThreadLocks
  /** Absent where threads are kept without a server: nothing is indexed there. */
  readonly vectorStores?: ThreadVectorStores | undefined
}

/** What threads, messages and runs do with the vector stores of their project. `VectorStoreApi` implements it. */
export interface ThreadVectorStores {
  readonly stores: {
    create (request: CreateVectorStoreRequest): Promise<VectorStore>
    /** Undefined when it does not exist. */
    find (id: string): Promise<VectorStore | undefined>
    /** Throws the 404, and the 400 when the store has expired. */
    requireUsable (id: string): Promise<unknown>
    /** Starts the time to its expiry anew. */
    touch (id: string): Promise<void>
    delete (id: string): Promise<unknown>
  }
  readonly files: {
    /** @param options `token` marks the files, so that `detach` finds those of one caller. */
    attach (storeId: string, files: readonly CreateVectorStoreFileRequest[], options?: { token?: string }): Promise<unknown>
    /** False when the store does not have the file, or not with this token. */
    detach (storeId: string, fileId: string, token?: string): Promise<boolean>
  }
}
