import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import type { PreparedItem } from '../base/batch.js'
import { RedisBlobStore } from './blobs.js'
import type { BlobStore } from '../blob-store.js'
import type { PartitionKey, RecordKey } from '../record-store.js'
import { examine } from './examine.js'
import { refuseNewer } from './layout.js'
import { RedisConnection } from './connection.js'
import { RedisSubscriber } from './subscriber.js'
import { pageScript, type Script, writeScript } from './scripts.js'
import type { RedisRecordStoreOptions } from './options.js'

/**
 * Records in Redis or a Redis Cluster, for any number of instances. How much survives a crash of Redis is up to its
 * own `appendonly` and `appendfsync`.
 *
 * A partition is two keys with one hash tag: `<prefix>{<project>:<partition>}:records`, a hash from kind and id to
 * "<version> <position> <parent> NUL <JSON>", whose field '' is the highest position; and `...:index`, a sorted set of equal
 * scores, hence in byte order, of "<kind> NUL <parent> NUL <16 digits of position> NUL <id>". `<prefix>schema` says which version of this it is.
 */
export class RedisRecordStore extends AbstractRecordStore {
  readonly supports = { shared: true, persistent: true }
  readonly #options: RedisRecordStoreOptions
  readonly #connection: RedisConnection
  #subscriber: RedisSubscriber | undefined
  clockSkewMs = 0
  #warnings: readonly string[] = []

  constructor (options: RedisRecordStoreOptions = {}) {
    super()
    this.#options = options
    this.#connection = new RedisConnection(options)
  }

  get warnings (): readonly string[] {
    return this.#warnings
  }

  /** Keys behind the same prefix, with the same ttl. */
  blobs (): BlobStore {
    return this.closedWithThis(new RedisBlobStore(this.#options))
  }

  protected async open (): Promise<void> {
    await this.#connection.open()
    try {
      await refuseNewer(this.#connection)
      const { warnings, clockSkewMs } = await examine(this.#connection, this.#options.allowEviction ?? false)
      this.#warnings = warnings
      this.clockSkewMs = clockSkewMs
    } catch (error) {
      this.#connection.close()
      throw error
    }
  }

  protected close (): void {
    this.#subscriber?.close()
    this.#subscriber = undefined
    this.#connection.close()
  }

  protected async read (key: RecordKey): Promise<Row | undefined> {
    const value = await this.#connection.run(client => client.hget(this.#keys(key)[0], `${key.kind}\0${key.id}`))
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
    return await this.#run(writeScript, key, [this.#connection.ttl, ...items.flat()]) === 1
  }

  protected override async publish (topic: string, payload: string): Promise<void> {
    const channel = this.#channel(topic)
    // Each node of a cluster relays what was published to it, in no order relative to other nodes: a channel therefore publishes to one node.
    await this.#connection.run(async client => 'nodes' in client
      ? await client.call('eval', ["return redis.call('PUBLISH', KEYS[1], ARGV[1])", 1, channel, payload])
      : await client.publish(channel, payload))
  }

  protected override async subscribe (topic: string): Promise<void> {
    const prefix = this.#channel('')
    this.#subscriber ??= new RedisSubscriber(() => this.#connection.duplicate(), (channel, payload) => {
      // A client that was passed in may add a prefix of its own before ours.
      this.deliver(channel.slice(channel.indexOf(prefix) + prefix.length), payload)
    })
    const subscriber = this.#subscriber
    this.#connection.onReconnected(() => { subscriber.renew() })
    await this.#connection.run(async () => await subscriber.subscribe(this.#channel(topic)))
  }

  protected override async unsubscribe (topic: string): Promise<void> {
    await this.#connection.run(async () => await this.#subscriber?.unsubscribe(this.#channel(topic)))
  }

  #channel (topic: string): string {
    // All databases of a server share their channels, but not their records.
    return `${this.#connection.prefix}notify:${this.#connection.database}:${topic}`
  }

  #keys ({ project, partition }: PartitionKey): [records: string, index: string] {
    // Encoded, neither part contains a colon or a brace: tags never collide and never end early.
    const tag = `${this.#connection.prefix}{${encodeURIComponent(project)}:${encodeURIComponent(partition)}}`
    return [`${tag}:records`, `${tag}:index`]
  }

  #run (script: Script, key: PartitionKey, args: (string | number)[]): Promise<unknown> {
    const keys = this.#keys(key)
    const keysAndArgs = [keys.length, ...keys, ...args]
    return this.#connection.run(async client => {
      try {
        return await client.call('evalsha', [script.sha1, ...keysAndArgs])
      } catch (error) {
        if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
        return await client.call('eval', [script.source, ...keysAndArgs])
      }
    })
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
