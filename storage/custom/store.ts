import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import { applyBatch, type PreparedItem } from '../base/batch.js'
import { DocumentBlobStore } from './blobs.js'
import type { BlobStore } from '../blob-store.js'
import { type Documents, documentsOf } from './documents.js'
import type { MemoryPartition } from '../memory/store.js'
import { type PartitionKey, type RecordKey, type RecordStore, StorageUnavailableError } from '../record-store.js'
import type { ThreadStorage } from '../thread-storage/thread-storage.js'

/** Partitions held in memory; beyond it the one that was not used for longest is dropped, and read again when needed. */
const MAX_CACHED = 256

interface PendingWrite {
  batch: PreparedItem[]
  resolve: (done: boolean) => void
  reject: (error: Error) => void
}

interface CachedPartition {
  documents: Documents
  /** As the storage has it. Absent before the first use and after a failure. */
  saved: Promise<MemoryPartition> | undefined
  pending: PendingWrite[]
  isSaving: boolean
}

/** The records of any storage: those of our own classes directly, those of a custom one by way of its documents. */
export function recordsOver (storage: ThreadStorage): RecordStore {
  return isOverRecords(storage) ? storage.records : new CustomRecordStore(storage)
}

function isOverRecords (storage: ThreadStorage): storage is ThreadStorage & { records: RecordStore } {
  return 'records' in storage
}

/**
 * Records over a storage that has only the twelve documented methods. A thread with all that belongs to it is one document,
 * saved as a whole with each change (changes that come while it is being saved go together with the next one),
 * so the cost of a write grows with the thread. This process must be the only one that writes.
 */
class CustomRecordStore extends AbstractRecordStore {
  readonly supports = { shared: false, persistent: true }
  readonly #storage: ThreadStorage
  readonly #cache = new Map<string, CachedPartition>()

  constructor (storage: ThreadStorage) {
    super()
    this.#storage = storage
  }

  blobs (): BlobStore {
    return new DocumentBlobStore(this.#storage)
  }

  protected open (): Promise<void> {
    return this.#guard(async () => this.#storage.connect?.())
  }

  protected close (): Promise<void> {
    this.#cache.clear()
    return this.#guard(async () => this.#storage.disconnect?.())
  }

  protected async read (key: RecordKey): Promise<Row | undefined> {
    return (await this.#load(this.#cached(key))).read(key.kind, key.id)
  }

  protected async scan (scan: Scan): Promise<Row[]> {
    return (await this.#load(this.#cached(scan))).scan(scan)
  }

  protected async commit (key: PartitionKey, batch: PreparedItem[]): Promise<boolean> {
    const cached = this.#cached(key)
    if (cached.documents.save === undefined) return true
    return new Promise((resolve, reject) => {
      cached.pending.push({ batch, resolve, reject })
      if (!cached.isSaving) this.#saveAll(cached).catch(reject)
    })
  }

  /** Never throws: the writer receives the error. */
  async #saveAll (cached: CachedPartition): Promise<void> {
    cached.isSaving = true
    while (cached.pending.length > 0) {
      let writes: PendingWrite[] = []
      try {
        const before = await this.#load(cached)
        writes = cached.pending.splice(0)
        // A copy, for readers must not see what is not saved.
        const after = before.clone()
        const results = writes.map(write => ({ write, done: applyBatch(after, write.batch) }))
        if (results.some(({ done }) => done)) {
          await this.#guard(() => cached.documents.save!(after, before))
          cached.saved = Promise.resolve(after)
        }
        for (const { write, done } of results) write.resolve(done)
      } catch (error) {
        // What the storage has now is anybody's guess: it is read again.
        cached.saved = undefined
        for (const write of [...writes, ...cached.pending.splice(0)]) write.reject(error as Error)
      }
    }
    cached.isSaving = false
  }

  async #load (cached: CachedPartition): Promise<MemoryPartition> {
    if (cached.documents.save === undefined) return this.#guard(() => cached.documents.load())
    cached.saved ??= this.#guard(() => cached.documents.load())
    try {
      return await cached.saved
    } catch (error) {
      cached.saved = undefined
      throw error
    }
  }

  #cached (key: PartitionKey): CachedPartition {
    const name = `${key.project}\0${key.partition}`
    const cached = this.#cache.get(name) ?? { documents: documentsOf(this.#storage, key), saved: undefined, pending: [], isSaving: false }
    // A map keeps the order of insertion: the first is the one that was not used for longest.
    this.#cache.delete(name)
    this.#cache.set(name, cached)
    if (this.#cache.size > MAX_CACHED) {
      for (const [name, other] of this.#cache) {
        // Two entries of one partition would overwrite each other's saves.
        if (other.isSaving || other === cached) continue
        this.#cache.delete(name)
        break
      }
    }
    return cached
  }

  async #guard<T> (action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw new StorageUnavailableError(`The custom storage failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}
