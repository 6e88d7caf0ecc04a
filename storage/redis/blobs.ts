import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { type BlobKey, LEFTOVERS_MS } from '../blob-store.js'
import { StorageUnavailableError } from '../record-store.js'
import { connectRedis } from './connection.js'
import type { RedisRecordStoreOptions } from './options.js'
import { storeTimeouts, type StoreTimeouts } from '../base/timeouts.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'
import { inChunks, readChunks } from '../base/chunks.js'

/** As the record store takes them. A blob is forgotten `ttl` seconds after it was put, whatever is read or written later. */
export type RedisBlobStoreOptions = RedisRecordStoreOptions

/** What a put or a reader holds in memory is two or three of them. */
const CHUNK_BYTES = 512 * 1024

/**
 * Bytes in Redis or a Redis Cluster. A blob is one hash, `<prefix>{<project>:<id>}:blob`: its chunks by number, and what
 * a reader has to know. It is filled under another name, which expires by itself, and takes its place with a
 * rename.
 */
export class RedisBlobStore extends AbstractBlobStore {
  readonly #options: RedisBlobStoreOptions
  readonly #ttl: number
  readonly #prefix: string
  readonly #timeouts: StoreTimeouts
  #client: Redis | Cluster | undefined

  constructor (options: RedisBlobStoreOptions = {}) {
    super()
    const { ttl = 0, keyPrefix = 'cogitator:openai:' } = options
    if (!Number.isSafeInteger(ttl) || ttl < 0) throw new TypeError(`ttl must be a number of whole seconds, 0 for ever, got ${ttl}.`)
    this.#options = options
    this.#ttl = ttl
    this.#prefix = keyPrefix
    this.#timeouts = storeTimeouts(options.timeoutMs)
  }

  protected async open (): Promise<void> {
    const { client } = this.#options
    this.#client = client ?? await connectRedis(this.#options, this.#timeouts)
    if (client !== undefined) await this.#guard(() => client.ping())
  }

  protected close (): void {
    if (this.#options.client === undefined) this.#client?.disconnect()
    this.#client = undefined
  }

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const final = this.#keyOf(key)
    const upload = randomUUID()
    const unfinished = `${final}:${upload}`
    try {
      let size = 0
      let number = 0
      await this.#guard(client => client.multi().hset(unfinished, { upload, chunk: CHUNK_BYTES }).expire(unfinished, LEFTOVERS_MS / 1000).exec())
      for await (const chunk of inChunks(source, CHUNK_BYTES)) {
        await this.#guard(client => client.hset(unfinished, String(number++), chunk))
        size += chunk.length
      }
      await this.#guard(client => {
        const last = client.multi().hset(unfinished, 'size', size)
        if (this.#ttl > 0) last.expire(unfinished, this.#ttl)
        else last.persist(unfinished)
        return last.rename(unfinished, final).exec()
      })
    } catch (error) {
      // When Redis is what failed, the key expires.
      await this.#guard(client => client.unlink(unfinished)).catch(() => {})
      throw error
    }
  }

  protected async find (key: BlobKey): Promise<FoundBlob | undefined> {
    const name = this.#keyOf(key)
    const [size, chunk, upload] = await this.#guard(client => client.hmget(name, 'size', 'chunk', 'upload'))
    if (upload === null) return undefined
    return {
      size: Number(size),
      read: (start, end) => readChunks(start, end, Number(chunk), async number => {
        const [now, bytes] = await this.#guard(client => client.hmgetBuffer(name, 'upload', String(number)))
        if (now?.toString() !== upload || bytes == null) throw new BlobGoneError()
        return bytes
      })
    }
  }

  protected async remove (key: BlobKey): Promise<boolean> {
    return await this.#guard(client => client.unlink(this.#keyOf(key))) > 0
  }

  #keyOf ({ project, id }: BlobKey): string {
    // Encoded, neither part can hold a colon or a brace: names never collide, and the tag never ends early.
    return `${this.#prefix}{${encodeURIComponent(project)}:${encodeURIComponent(id)}}:blob`
  }

  async #guard<T> (command: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      const result = await command(this.#client!)
      // A transaction reports what failed in it as a result.
      const failed = Array.isArray(result) ? result.find(reply => Array.isArray(reply) && reply[0] instanceof Error) as [Error] | undefined : undefined
      if (failed !== undefined) throw failed[0]
      return result
    } catch (error) {
      const { name, message } = error as Error
      const reason = name === 'MaxRetriesPerRequestError' ? 'the connection was lost' : message
      throw new StorageUnavailableError(`Redis failed: ${reason}`, { cause: error })
    }
  }
}
