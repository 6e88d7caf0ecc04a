import type { BlobKey, BlobStore } from '../../storage/blob-store.js'
import { BadLineError, type BytesLine } from './lines.js'

/** Bytes that are coming in, chunk by chunk. */
interface Incoming {
  key: BlobKey
  offset: number
  chunks: ChunkQueue
  done: Promise<unknown>
}

/** Brings the bytes of files in, line by line, with one line in memory at a time. */
export class BytesWriter {
  readonly #blobs: BlobStore
  #incoming: Incoming | undefined
  #skipping: string | undefined

  constructor (blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** Throws a `BadLineError` for bytes that do not follow the ones before. */
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
      throw new BadLineError(`bytes of ${id} that do not follow the ones before`)
    }
    const bytes = Buffer.from(data, 'base64')
    incoming.offset += bytes.length
    await Promise.race([incoming.chunks.push(bytes), incoming.done])
    if (end !== true) return
    incoming.chunks.end()
    this.#incoming = undefined
    await incoming.done
  }

  /** Gives bytes up whose end has not come. */
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

/** Hands chunks from one who pushes to one who pulls, one at a time. */
class ChunkQueue implements AsyncIterable<Uint8Array> {
  #next: { chunk: Uint8Array, taken: () => void } | undefined
  #ended: { error?: Error } | undefined
  #wake = (): void => {}

  /** Resolves when the chunk was taken. */
  push (chunk: Uint8Array): Promise<void> {
    return new Promise(resolve => {
      this.#next = { chunk, taken: resolve }
      this.#wake()
    })
  }

  end (): void {
    this.#ended = {}
    this.#wake()
  }

  fail (error: Error): void {
    this.#ended = { error }
    this.#wake()
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
        await new Promise<void>(resolve => { this.#wake = resolve })
      }
    }
  }
}
