import { randomUUID } from 'node:crypto'
import { type BlobKey, LEFTOVERS_MS } from '../blob-store.js'
import { RedisConnection } from './connection.js'
import { refuseNewer } from './layout.js'
import type { RedisRecordStoreOptions } from './options.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'
import { inChunks, readChunks } from '../base/chunks.js'

/** As for the record store. A blob expires `ttl` seconds after it was put, even if it is read later. */
export type RedisBlobStoreOptions = RedisRecordStoreOptions

/** A put or a reader holds two or three of them in memory. */
const CHUNK_BYTES = 512 * 1024

/**
 * Bytes in Redis or a Redis Cluster. A blob is one hash, `<prefix>{<project>:<id>}:blob`: its chunks by number, and what
 * a reader has to know. It is written under another name, which expires by itself, and then renamed.
 */
export class RedisBlobStore extends AbstractBlobStore {
  readonly #connection: RedisConnection

  constructor (options: RedisBlobStoreOptions = {}) {
    super()
    this.#connection = new RedisConnection(options)
  }

  protected async open (): Promise<void> {
    await this.#connection.open()
    try {
      await refuseNewer(this.#connection)
    } catch (error) {
      this.#connection.close()
      throw error
    }
  }

  protected close (): void {
    this.#connection.close()
  }

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const final = this.#keyOf(key)
    const upload = randomUUID()
    const unfinished = `${final}:${upload}`
    try {
      let size = 0
      let number = 0
      await this.#connection.run(client => client.multi().hset(unfinished, { upload, chunk: CHUNK_BYTES }).expire(unfinished, LEFTOVERS_MS / 1000).exec())
      for await (const chunk of inChunks(source, CHUNK_BYTES)) {
        await this.#connection.run(client => client.hset(unfinished, String(number++), chunk))
        size += chunk.length
      }
      await this.#connection.run(client => {
        const last = client.multi().hset(unfinished, 'size', size)
        if (this.#connection.ttl > 0) last.expire(unfinished, this.#connection.ttl)
        else last.persist(unfinished)
        return last.rename(unfinished, final).exec()
      })
    } catch (error) {
      // When this fails, too, the key expires.
      await this.#connection.run(client => client.unlink(unfinished)).catch(() => {})
      throw error
    }
  }

  protected async find (key: BlobKey): Promise<FoundBlob | undefined> {
    const name = this.#keyOf(key)
    const [size, chunk, upload] = await this.#connection.run(client => client.hmget(name, 'size', 'chunk', 'upload'))
    if (upload === null) return undefined
    return {
      size: Number(size),
      read: (start, end) => readChunks(start, end, Number(chunk), async number => {
        const [now, bytes] = await this.#connection.run(client => client.hmgetBuffer(name, 'upload', String(number)))
        if (now?.toString() !== upload || bytes == null) throw new BlobGoneError()
        return bytes
      })
    }
  }

  protected async remove (key: BlobKey): Promise<boolean> {
    return await this.#connection.run(client => client.unlink(this.#keyOf(key))) > 0
  }

  #keyOf ({ project, id }: BlobKey): string {
    // Encoded, neither part contains a colon or a brace: names never collide, and the tag never ends early.
    return `${this.#connection.prefix}{${encodeURIComponent(project)}:${encodeURIComponent(id)}}:blob`
  }
}
