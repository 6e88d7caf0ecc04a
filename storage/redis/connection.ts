import type { Socket } from 'node:net'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError, type UnavailableReason } from '../record-store.js'
import { KEEP_ALIVE_MS, storeTimeouts, type StoreTimeouts } from '../base/timeouts.js'
import { redisAddress, type RedisAddress, type RedisHost } from './address.js'
import type { RedisRecordStoreOptions } from './options.js'

/** The options of our own connections. */
const connection = ({ commandMs, connectMs }: StoreTimeouts): RedisOptions => ({
  lazyConnect: true,
  connectTimeout: connectMs,
  // When the server refuses connections, a command fails sooner: with the next attempt to connect.
  commandTimeout: commandMs,
  keepAlive: KEEP_ALIVE_MS,
  // A command that was under way when the connection was lost fails: sent again, it could run twice.
  maxRetriesPerRequest: 0,
  retryStrategy: attempt => Math.min(attempt * 50, 1000),
  // A server that was made a replica keeps its connections. Another one may be reached by the same address now.
  reconnectOnError: isReadOnly
})

/** A connection that was given up is made anew after this time. */
const REVIVE_MS = 100
/** How often a server is asked for its role. */
const ROLE_MS = 2000

/** An error within a script comes with a prefix in older versions. */
function unavailableReason (message: string): UnavailableReason {
  if (/\b(READONLY|NOREPLICAS)\b/.test(message)) return 'read_only'
  // MISCONF: what is written cannot be saved to the disk.
  return /\b(OOM|MISCONF)\b/.test(message) ? 'full' : undefined
}

const isReadOnly = ({ message }: Error): boolean => /\bREADONLY\b/.test(message)

/**
 * The result of a command. When it gets no answer in time, the connection is closed and made anew: its other end may have silently disappeared, and
 * its commands would fail for another quarter of an hour. (The driver's own `socketTimeout` outlives the connection and closes the next one.)
 */
async function breaking<T> (client: Redis | Cluster, command: (client: Redis | Cluster) => Promise<T>): Promise<T> {
  const streams = streamsOf(client)
  try {
    return await command(client)
  } catch (error) {
    if ((error as Error).message === 'Command timed out') for (const stream of streams) stream.destroy()
    throw error
  }
}

/** The sockets of a client at this moment. Of a cluster's nodes all: a command does not say where it went. */
export function streamsOf (client: Redis | Cluster): Socket[] {
  const nodes = 'nodes' in client ? client.nodes() : [client]
  return nodes.flatMap(node => (node as unknown as { stream?: Socket }).stream ?? [])
}

/** The client of a record store or a blob store: the one that was passed in, or a connection of its own. */
export class RedisConnection {
  /** Seconds. 0: nothing expires. */
  readonly ttl: number
  /** Precedes every key and channel. */
  readonly prefix: string
  readonly #options: RedisRecordStoreOptions
  readonly #timeouts: StoreTimeouts
  #client: Redis | Cluster | undefined
  #roleTimer: NodeJS.Timeout | undefined
  #onReconnected = (): void => {}

  /** Throws a `TypeError` for an invalid option. */
  constructor (options: RedisRecordStoreOptions) {
    const { ttl = 0, keyPrefix = 'cogitator:openai:', timeoutMs } = options
    if (!Number.isSafeInteger(ttl) || ttl < 0) throw new TypeError(`ttl must be a number of whole seconds, 0 for ever, got ${ttl}.`)
    this.ttl = ttl
    this.prefix = keyPrefix
    this.#options = options
    this.#timeouts = storeTimeouts(timeoutMs)
  }

  /** The number of the database; a cluster has one only. */
  get database (): number {
    const options = this.#client?.options
    return options !== undefined && 'db' in options ? options.db ?? 0 : 0
  }

  /** Throws a `StorageUnavailableError` when the server does not answer. */
  async open (): Promise<void> {
    const { client } = this.#options
    this.#client = client ?? await connect(this.#options, this.#timeouts)
    if (client === undefined) this.#keep(this.#client)
    if (client !== undefined) await this.run(async client => await client.ping())
  }

  /** Closes a connection of our own, for good. No command is under way any more, so there is nothing that a QUIT would wait for. */
  close (): void {
    clearInterval(this.#roleTimer)
    const client = this.#client
    this.#client = undefined
    if (this.#options.client === undefined) client?.disconnect()
  }

  /** Calls back whenever a connection of our own has been made anew: the address may lead to another server than before. */
  onReconnected (callback: () => void): void {
    this.#onReconnected = callback
  }

  #keep (client: Redis | Cluster): void {
    client.on('ready', () => { this.#onReconnected() })
    // The driver gives a connection up, and says so in an `end`, when a Sentinel announces a failover while the connection is being made: it
    // takes its own closing for ours.
    client.on('end', () => {
      setTimeout(() => {
        if (this.#client === client && client.status === 'end') client.connect().catch(() => {})
      }, REVIVE_MS).unref()
    })
    // The nodes of a cluster change their roles, and say themselves where to go.
    if (!('nodes' in client)) this.#roleTimer = setInterval(() => { this.#leaveReplica(client) }, ROLE_MS).unref()
  }

  /**
   * A server that was made a replica keeps its connections and goes on answering, with what it knew or with what its master tells it. Who writes
   * is refused; who only reads has to ask. Never rejects: a server that does not answer, or does not let itself be asked, is no replica.
   */
  #leaveReplica (client: Redis): void {
    if (client.status !== 'ready') return
    const streams = streamsOf(client)
    client.role().then(([role]) => {
      if (role === 'slave') for (const stream of streams) stream.destroy()
    }).catch(() => {})
  }

  /** A further connection like this one, for subscriptions. */
  duplicate (): Redis | Cluster {
    const client = this.#client!
    return 'nodes' in client ? client.duplicate() : client.duplicate({ autoResubscribe: false })
  }

  /** The result of a command or a transaction. Throws a `StorageUnavailableError` when it fails. */
  async run<T> (command: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      const result = await (this.#options.client === undefined ? breaking(this.#client!, command) : command(this.#client!))
      // A transaction returns the failures of its commands as results.
      const failed = Array.isArray(result) ? result.find(reply => Array.isArray(reply) && reply[0] instanceof Error) as [Error] | undefined : undefined
      if (failed !== undefined) throw failed[0]
      return result
    } catch (error) {
      const { name, message } = error as Error
      const reason = name === 'MaxRetriesPerRequestError' ? 'the connection was lost' : message
      throw new StorageUnavailableError(`Redis failed: ${reason}`, { cause: error, reason: unavailableReason(message) })
    }
  }
}

/** A new connection. Throws a `StorageUnavailableError` with the address when there is no server. */
async function connect ({ url, host = '127.0.0.1', port = 6379 }: RedisRecordStoreOptions, timeouts: StoreTimeouts): Promise<Redis | Cluster> {
  const driver = await loadDriver('ioredis', () => import('ioredis'))
  const ours = make(driver, url === undefined ? { host, port } : redisAddress(url), connection(timeouts))
  // Without a listener ioredis prints errors to the console. Here the first one is the reason: connect() itself throws only that the
  // connection was closed.
  let reason: Error | undefined
  ours.on('error', error => { reason ??= error })
  try {
    await withinMs(timeouts.connectMs, ours.connect())
  } catch (error) {
    ours.disconnect()
    throw new StorageUnavailableError(`Redis at ${placeOf(ours)} cannot be used: ${deepest(reason ?? error as Error).message}`, { cause: reason ?? error })
  }
  return ours
}

function make ({ Redis, Cluster }: Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>, address: RedisAddress | RedisHost, options: RedisOptions): Redis | Cluster {
  if (!('kind' in address)) return new Redis({ ...options, ...address })
  switch (address.kind) {
    case 'server': return new Redis(address.url, options)
    case 'sentinel': return new Redis({
      ...options,
      ...address.settings,
      sentinels: address.hosts,
      name: address.name,
      sentinelRetryStrategy: attempt => Math.min(attempt * 50, 1000),
      // Without this a sentinel that hangs is waited for, for good.
      sentinelCommandTimeout: options.commandTimeout!,
      failoverDetector: true
    })
    case 'cluster': {
      const { lazyConnect: _, retryStrategy: _node, ...redisOptions } = options
      return new Cluster(address.hosts, {
        lazyConnect: true,
        redisOptions: { ...redisOptions, ...address.settings },
        slotsRefreshTimeout: options.connectTimeout!,
        // As above: a command that was under way when a connection was lost is not sent again.
        retryDelayOnFailover: 0,
        clusterRetryStrategy: attempt => Math.min(attempt * 50, 1000)
      })
    }
  }
}

/** Sentinels and clusters are asked again and again, until one answers: at the start, for so long only. */
async function withinMs (ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => reject(new Error('no answer')), ms * 2) })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => {})
  }
}

const hostAndPort = ({ host, port }: { host?: unknown, port?: unknown }): string => `${String(host)}:${String(port)}`

function placeOf (client: Redis | Cluster): string {
  if ('nodes' in client) return (client as unknown as { startupNodes: RedisHost[] }).startupNodes.map(hostAndPort).join(', ')
  const { options } = client
  return options.sentinels === null || options.sentinels === undefined ? hostAndPort(options) : options.sentinels.map(hostAndPort).join(', ')
}

/** The error of a cluster says only that no node could be used; the last node's says why. */
function deepest (error: Error & { lastNodeError?: Error }): Error {
  return error.lastNodeError ?? error
}
