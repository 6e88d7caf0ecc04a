/**
 * The contract for the bytes of files. Records say what there is; a blob store only keeps bytes under a name, streaming
 * both ways, so that a file of any size costs a few chunks of memory.
 *
 * - A blob is visible once it is complete, and then never changes: a put replaces it as a whole, or leaves everything as
 *   it was. Nothing stays behind of a put that failed; what a put left that died with its process goes away by itself
 *   within `LEFTOVERS_MS`.
 * - Absence is `undefined`. A verb throws only when the backend fails (`StorageUnavailableError`), or after
 *   `disconnect()` (`StorageClosedError`), and `put` rejects with the error of its source.
 */
import type { Readable } from 'node:stream'

/** The name of a blob. Both parts hold any characters but U+0000 and lone surrogates, 1 to 512 bytes of UTF-8 each. */
export interface BlobKey {
  /** Tenant. Blobs of different projects never meet. */
  project: string
  /** The id of the object that the bytes belong to. */
  id: string
}

/** A part of a blob, in bytes, as `slice` takes it: what lies beyond the end is left out. */
export interface BlobRange {
  /** The first byte. Default 0. */
  start?: number
  /** The byte after the last one. Default: the end. */
  end?: number
}

/** Bytes on their way in. A `Readable` is destroyed when the put ends early; any other iterable is left at its next chunk. */
export type BlobSource = Readable | AsyncIterable<Uint8Array>

export interface PutOptions {
  /** Aborting it ends the put with the signal's reason. */
  signal?: AbortSignal
  /** Told how many bytes there are before each chunk is kept. What it throws ends the put. */
  check? (bytes: number): void
}

export interface BlobStore {
  /** Opens the backend. Idempotent. Throws `StorageUnavailableError` when it cannot be reached. */
  connect (): Promise<void>

  /** Ends the puts under way, and closes what `connect` opened. Idempotent. Every verb then throws `StorageClosedError`. */
  disconnect (): Promise<void>

  /**
   * Keeps everything that the source yields, and resolves to the number of bytes once they survive the death of the
   * process (and a power cut, where the backend can promise that). Of several puts of one key the last to end wins.
   */
  put (key: BlobKey, source: BlobSource, options?: PutOptions): Promise<number>

  /**
   * The bytes, or undefined when there is no such blob. Read them to the end or destroy the stream. A blob that is deleted
   * or replaced while it is read may end the stream with an error, never with bytes of another blob.
   */
  get (key: BlobKey, range?: BlobRange): Promise<Readable | undefined>

  /** The number of bytes, or undefined when there is no such blob. */
  size (key: BlobKey): Promise<number | undefined>

  /** Whether there was such a blob. */
  delete (key: BlobKey): Promise<boolean>
}

/** How long what is left of a put may stay when its process died. No upload takes as long. */
export const LEFTOVERS_MS = 24 * 60 * 60 * 1000
