import { Readable } from 'node:stream'
import { AbstractStore, type MaybePromise } from './abstract-store.js'
import { isText, MAX_KEY_BYTES } from './batch.js'
import type { BlobKey, BlobRange, BlobSource, BlobStore, PutOptions } from '../blob-store.js'
import { StorageClosedError } from '../record-store.js'

/** A complete blob, as a backend finds it. */
export interface FoundBlob {
  size: number
  /** The bytes from `start` to before `end`. Throws a `BlobGoneError` when the blob was replaced or deleted meanwhile. `end` is greater than `start`. */
  read (start: number, end: number): AsyncIterable<Uint8Array>
}

/**
 * What all blob stores share: the life cycle, validation, ranges, and ending puts and reads. A backend implements five methods, which are
 * never called with an invalid key or while the store is closed.
 */
export abstract class AbstractBlobStore extends AbstractStore implements BlobStore {
  readonly #puts = new Set<(reason: unknown) => void>()
  readonly #reads = new Set<Readable>()

  protected abstract find (key: BlobKey): MaybePromise<FoundBlob | undefined>
  protected abstract remove (key: BlobKey): MaybePromise<boolean>

  /** Stores all chunks as one blob. When `chunks` or the backend throws, it leaves nothing behind and throws that error. */
  protected abstract write (key: BlobKey, chunks: AsyncIterable<Uint8Array>): Promise<void>

  protected override closing (): void {
    const reason = new StorageClosedError('The blob store was closed.')
    for (const end of this.#puts) end(reason)
    for (const stream of this.#reads) stream.destroy(reason)
  }

  async put (key: BlobKey, source: BlobSource, options: PutOptions = {}): Promise<number> {
    try {
      this.requireOpen()
      if (!isBlobKey(key)) throw new TypeError(`Not a key that can be stored: ${JSON.stringify([key.project, key.id]).slice(0, 200)}.`)
      options.signal?.throwIfAborted()
      return await this.track(this.#put(key, source, options))
    } finally {
      // So that the sender of the bytes notices that they are no longer read.
      if (source instanceof Readable) source.destroy()
    }
  }

  async get (key: BlobKey, { start = 0, end = Infinity }: BlobRange = {}): Promise<Readable | undefined> {
    this.requireOpen()
    for (const offset of [start, end]) {
      if (!(offset >= 0) || (offset !== Infinity && !Number.isInteger(offset))) throw new TypeError(`A range is made of whole numbers from 0 on, got ${offset}.`)
    }
    const found = isBlobKey(key) ? await this.track(this.find(key)) : undefined
    if (found === undefined) return undefined
    // Closed meanwhile: the stream would not be ended.
    this.requireOpen()
    const from = Math.min(start, found.size)
    const to = Math.max(from, Math.min(end, found.size))
    const stream = Readable.from(from === to ? [] : found.read(from, to), { objectMode: false })
    this.#reads.add(stream)
    // Readers get the error by their own means. A stream without a reader must not end the process when the store is closed.
    stream.on('error', () => {})
    stream.once('close', () => { this.#reads.delete(stream) })
    return stream
  }

  async size (key: BlobKey): Promise<number | undefined> {
    this.requireOpen()
    return isBlobKey(key) ? (await this.track(this.find(key)))?.size : undefined
  }

  async delete (key: BlobKey): Promise<boolean> {
    this.requireOpen()
    return isBlobKey(key) && await this.track(this.remove(key))
  }

  async #put (key: BlobKey, source: BlobSource, { signal, check }: PutOptions): Promise<number> {
    let ended: { reason: unknown } | undefined
    const end = (reason: unknown) => {
      ended ??= { reason }
      // A source that has stalled would never yield another chunk.
      if (source instanceof Readable) source.destroy(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
    }
    const abort = () => { end(signal?.reason) }
    signal?.addEventListener('abort', abort)
    this.#puts.add(end)

    let bytes = 0
    async function * counted (): AsyncGenerator<Uint8Array> {
      for await (const chunk of source as AsyncIterable<Uint8Array>) {
        if (ended !== undefined) throw ended.reason
        bytes += chunk.length
        check?.(bytes)
        if (chunk.length > 0) yield chunk
      }
      if (ended !== undefined) throw ended.reason
    }
    try {
      await this.write(key, counted())
      return bytes
    } catch (error) {
      throw ended === undefined ? error : ended.reason
    } finally {
      this.#puts.delete(end)
      signal?.removeEventListener('abort', abort)
    }
  }
}

function isBlobKey ({ project, id }: BlobKey): boolean {
  return [project, id].every(part => part !== '' && isText(part, MAX_KEY_BYTES))
}

/** The blob was replaced or deleted while it was read. */
export class BlobGoneError extends Error {
  override name = 'BlobGoneError'
  constructor () {
    super('The blob was replaced or deleted while it was read.')
  }
}
