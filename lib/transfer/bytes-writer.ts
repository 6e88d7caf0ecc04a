import type { BlobKey, BlobStore } from '../../storage/blob-store.js'
import { Notifier } from '../shared/timers.js'
import { BadLineError, type BytesLine } from './lines.js'

/** The bytes of one file that is being imported. */
interface Incoming {
  key: BlobKey
  offset: number
  chunks: ChunkQueue
  done: Promise<unknown>
}

/** Writes the bytes of imported files, with one line in memory at a time. */
export class BytesWriter {
  readonly #blobs: BlobStore
  #incoming: Incoming | undefined
  #skipping: string | undefined

  constructor (blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** Throws a `BadLineError` for bytes that do not continue those before. */
  async add ({ project, id, offset, data, end }: BytesLine): Promise<void> {
    const name = `${project}/${id}`
    if (offset === 0) {
      await this.abandon()
      this.#skipping = await this.#blobs.size({ project, id }) === undefined ? undefined : name
      if (this.#skipping === undefined) this.#begin({ project, id })
    }
    if (this.#skipping === name) return
    const incoming = this.#incoming
    if (incoming === undefined || incoming.key.id !== id || incoming.key.project !== project || incoming.offset !== offset) {
      await this.abandon()
      throw new BadLineError(`bytes of ${id} that do not continue those before`)
    }
    const bytes = Buffer.from(data, 'base64')
    incoming.offset += bytes.length
    await Promise.race([incoming.chunks.push(bytes), incoming.done])
    if (end !== true) return
    incoming.chunks.end()
    this.#incoming = undefined
    await incoming.done
  }

  /** Discards bytes whose last line is missing. */
  async abandon (): Promise<void> {
    const incoming = this.#incoming
    this.#incoming = undefined
    incoming?.chunks.fail(new BadLineError('the end of the bytes is missing'))
    await incoming?.done.catch(() => {})
  }

  #begin (key: BlobKey): void {
    const chunks = new ChunkQueue()
    const done = this.#blobs.put(key, chunks)
    done.catch(() => {})
    this.#incoming = { key, offset: 0, chunks, done }
  }
}

/** Passes chunks from a producer to a consumer, one at a time. */
class ChunkQueue implements AsyncIterable<Uint8Array> {
  #next: { chunk: Uint8Array, taken: () => void } | undefined
  #ended: { error?: Error } | undefined
  readonly #changes = new Notifier()

  /** Resolves when the consumer has taken the chunk. */
  push (chunk: Uint8Array): Promise<void> {
    return new Promise(resolve => {
      this.#next = { chunk, taken: resolve }
      this.#changes.notify()
    })
  }

  end (): void {
    this.#ended = {}
    this.#changes.notify()
  }

  fail (error: Error): void {
    this.#ended = { error }
    this.#changes.notify()
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#next !== undefined) {
        const { chunk, taken } = this.#next
        this.#next = undefined
        taken()
        yield chunk
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error
        return
      } else {
        await this.#changes.notified()
      }
    }
  }
}
