import type { Cluster, Redis } from 'ioredis'
import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import type { PreparedItem } from '../base/batch.js'
import { RedisBlobStore } from './blobs.js'
import type { BlobStore } from '../blob-store.js'
import { type PartitionKey, type RecordKey, StorageUnavailableError } from '../record-store.js'
import { connectRedis } from './connection.js'
import { pageScript, type Script, writeScript } from './scripts.js'
import type { RedisRecordStoreOptions } from './options.js'
import { storeTimeouts, type StoreTimeouts } from '../base/timeouts.js'

/**
 * Records in Redis or a Redis Cluster, for any number of instances. How much survives a crash of Redis is up to its
 * own `appendonly` and `appendfsync`.
 *
 * A partition is two keys with one hash tag: `<prefix>{<project>:<partition>}:records`, a hash from kind and id to
 * "<version> <position> <parent> NUL <JSON>", whose field '' is the highest position; and `...:index`, a sorted set of equal
 * scores, hence in byte order, of "<kind> NUL <parent> NUL <16 digits of position> NUL <id>".
 */
export class RedisRecordStore extends AbstractRecordStore {
  readonly supports = { shared: true, persistent: true }
  readonly #options: RedisRecordStoreOptions
  readonly #ttl: number
  readonly #prefix: string
  readonly #timeouts: StoreTimeouts
  #client: Redis | Cluster | undefined
  #subscriber: Promise<Redis | Cluster> | undefined

  constructor (options: RedisRecordStoreOptions = {}) {
    super()
    const { ttl = 0, keyPrefix = 'cogitator:openai:' } = options
    if (!Number.isSafeInteger(ttl) || ttl < 0) throw new TypeError(`ttl must be a number of whole seconds, 0 for ever, got ${ttl}.`)
    this.#options = options
    this.#ttl = ttl
    this.#prefix = keyPrefix
    this.#timeouts = storeTimeouts(options.timeoutMs)
  }

  /** Keys behind the same prefix, with the same ttl. */
  blobs (): BlobStore {
    return this.closedWithThis(new RedisBlobStore(this.#options))
  }

  protected async open (): Promise<void> {
    const { url, host = '127.0.0.1', port = 6379, client } = this.#options
    if (client !== undefined) {
      this.#client = client
      await this.#guard(() => client.ping())
      return
    }
    this.#client = await connectRedis({ url, host, port }, this.#timeouts)
  }

  protected async close (): Promise<void> {
    const subscriber = await this.#subscriber?.catch(() => undefined)
    this.#subscriber = undefined
    subscriber?.disconnect()
    // Nothing is under way any more: there is nothing a polite QUIT would wait for.
    if (this.#options.client === undefined) this.#client?.disconnect()
    this.#client = undefined
  }

  protected async read (key: RecordKey): Promise<Row | undefined> {
    const value = await this.#guard(client => client.hget(this.#keys(key)[0], `${key.kind}\0${key.id}`))
    return value === null ? undefined : toRow(key.id, value)
  }

  protected async scan (scan: Scan): Promise<Row[]> {
    const group = `${scan.kind}\0${scan.parent}\0`
    const from = `[${group}${digits(scan.above + 1)}`
    const to = `(${group}${digits(scan.below)}`
    const found = await this.#run(pageScript, scan, scan.descending
      ? ['ZREVRANGEBYLEX', to, from, scan.limit, scan.kind, group]
      : ['ZRANGEBYLEX', from, to, scan.limit, scan.kind, group]) as string[]
    // Ids and values by turns.
    const rows: Row[] = []
    let id: string | undefined
    for (const text of found) {
      if (id !== undefined) rows.push(toRow(id, text))
      id = id === undefined ? text : undefined
    }
    return rows
  }

  protected async commit (key: PartitionKey, batch: PreparedItem[]): Promise<boolean> {
    const items = batch.map(item => item.op === 'clear'
      ? ['clear', '', '', '', '', '', '']
      : item.op === 'put'
        ? ['put', item.kind, item.id, item.parent, item.json, item.expect ?? '', item.position ?? '']
        : [item.op, item.kind, item.id, '', '', item.expect ?? '', ''])
    return await this.#run(writeScript, key, [this.#ttl, ...items.flat()]) === 1
  }

  protected override async publish (topic: string, payload: string): Promise<void> {
    await this.#guard(client => client.publish(this.#channel(topic), payload))
  }

  protected override async subscribe (topic: string): Promise<void> {
    this.#subscriber ??= this.#openSubscriber()
    const subscriber = await this.#subscriber
    await this.#guard(() => subscriber.subscribe(this.#channel(topic)))
  }

  protected override async unsubscribe (topic: string): Promise<void> {
    const subscriber = await this.#subscriber
    await this.#guard(async () => subscriber?.unsubscribe(this.#channel(topic)))
  }

  /**
   * A connection that has subscribed can do nothing else, so it is one of its own. When it was lost it subscribes
   * again by itself.
   */
  async #openSubscriber (): Promise<Redis | Cluster> {
    const subscriber = this.#client!.duplicate()
    subscriber.on('error', () => {})
    const prefix = this.#channel('')
    subscriber.on('message', (channel: string, payload: string) => {
      // A client handed in may have a prefix of its own, which stands before ours.
      this.deliver(channel.slice(channel.indexOf(prefix) + prefix.length), payload)
    })
    return subscriber
  }

  #channel (topic: string): string {
    return `${this.#prefix}notify:${topic}`
  }

  #keys ({ project, partition }: PartitionKey): [records: string, index: string] {
    // Encoded, neither part can hold a colon or a brace: tags never collide and never end early.
    const tag = `${this.#prefix}{${encodeURIComponent(project)}:${encodeURIComponent(partition)}}`
    return [`${tag}:records`, `${tag}:index`]
  }

  #run (script: Script, key: PartitionKey, args: (string | number)[]): Promise<unknown> {
    const keys = this.#keys(key)
    const keysAndArgs = [keys.length, ...keys, ...args]
    return this.#guard(async client => {
      try {
        return await client.call('evalsha', [script.sha1, ...keysAndArgs])
      } catch (error) {
        if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
        return await client.call('eval', [script.source, ...keysAndArgs])
      }
    })
  }

  async #guard<T> (command: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      return await command(this.#client!)
    } catch (error) {
      const { name, message } = error as Error
      const reason = name === 'MaxRetriesPerRequestError' ? 'the connection was lost' : message
      throw new StorageUnavailableError(`Redis failed: ${reason}`, { cause: error })
    }
  }
}

const digits = (position: number): string => String(position).padStart(16, '0')

function toRow (id: string, value: string): Row {
  const head = value.slice(0, value.indexOf('\0'))
  const [version = '', position = ''] = head.split(' ', 2)
  return {
    id,
    version: Number(version),
    position: Number(position),
    parent: head.slice(version.length + position.length + 2),
    json: value.slice(head.length + 1)
  }
}
