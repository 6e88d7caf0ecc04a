import type { BlobKey } from '../blob-store.js'
import { DEFAULT_PROJECT } from '../layout.js'
import { StorageUnavailableError } from '../record-store.js'
import type { ThreadStorage } from '../thread-storage/thread-storage.js'
import { AbstractBlobStore, type FoundBlob } from '../base/abstract-blob-store.js'

/**
 * Bytes as the files of a storage that has only the twelve documented methods. Those take a file as one `Buffer`, so a
 * file is held in memory while it is written or read: choose another blob store for large ones. Connecting the storage
 * is up to the code that uses it for records.
 */
export class DocumentBlobStore extends AbstractBlobStore {
  readonly #storage: ThreadStorage

  constructor (storage: ThreadStorage) {
    super()
    this.#storage = storage
  }

  protected open (): void {}
  protected close (): void {}

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const id = documentId(key)
    const file = { id, content: Buffer.concat(chunks), filename: key.id, created_at: Math.floor(Date.now() / 1000) }
    await this.#guard(async () => await this.#storage.saveFile(id, file))
  }

  protected async find (key: BlobKey): Promise<FoundBlob | undefined> {
    const file = await this.#guard(async () => await this.#storage.loadFile(documentId(key)))
    if (file === null) return undefined
    const content = Buffer.from(file.content)
    return {
      size: content.length,
      async * read (start, end) { yield content.subarray(start, end) }
    }
  }

  protected async remove (key: BlobKey): Promise<boolean> {
    return await this.#guard(async () => await this.#storage.deleteFile(documentId(key)))
  }

  async #guard<T> (command: () => Promise<T>): Promise<T> {
    try {
      return await command()
    } catch (error) {
      throw new StorageUnavailableError(`The storage failed: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** The slash keeps the files of other projects apart from those of the default one. */
function documentId ({ project, id }: BlobKey): string {
  const name = encodeURIComponent(id)
  return project === DEFAULT_PROJECT ? name : `${encodeURIComponent(project)}/${name}`
}
