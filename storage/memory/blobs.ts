import type { BlobKey } from '../blob-store.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'
import { inChunks, readChunks } from '../base/chunks.js'

const CHUNK_BYTES = 64 * 1024

/** Chunks by project and id. */
export type MemoryBlobs = Map<string, Buffer[]>

/** Keeps all bytes in this process and forgets them with it. */
export class MemoryBlobStore extends AbstractBlobStore {
  readonly #blobs: MemoryBlobs

  /** @param blobs where they are kept. Default: with this object. */
  constructor (blobs: MemoryBlobs = new Map()) {
    super()
    this.#blobs = blobs
  }

  /** How many blobs there are. */
  get count (): number {
    return this.#blobs.size
  }

  protected open (): void {}

  /** Blobs stay: they live as long as the object. */
  protected close (): void {}

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Buffer[] = []
    // Copies, so that what the caller does with its buffers later changes nothing.
    for await (const chunk of inChunks(source, CHUNK_BYTES)) chunks.push(chunk)
    const last = chunks.pop()
    // The last one is a part of a larger piece of memory.
    if (last !== undefined) chunks.push(Buffer.from(last))
    this.#blobs.set(nameOf(key), chunks)
  }

  protected find (key: BlobKey): FoundBlob | undefined {
    const chunks = this.#blobs.get(nameOf(key))
    if (chunks === undefined) return undefined
    return {
      size: chunks.reduce((size, chunk) => size + chunk.length, 0),
      read: (start, end) => readChunks(start, end, CHUNK_BYTES, async number => {
        const chunk = chunks[number]
        if (chunk === undefined) throw new BlobGoneError()
        return Buffer.from(chunk)
      })
    }
  }

  protected remove (key: BlobKey): boolean {
    return this.#blobs.delete(nameOf(key))
  }
}

// U+0000 cannot be part of a key, so joined keys never collide.
const nameOf = ({ project, id }: BlobKey): string => `${project}\0${id}`
