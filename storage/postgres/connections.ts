import type { EventEmitter } from 'node:events'
import type { Client, ClientConfig, Pool, PoolClient, PoolConfig } from 'pg'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError, type UnavailableReason } from '../record-store.js'
import { KEEP_ALIVE_MS, type StoreTimeouts } from '../base/timeouts.js'
import type { PostgresPool } from './options.js'

/** How long closing a connection waits for the server's answer, in milliseconds. */
const GOODBYE_MS = 1000

export interface OpenPool {
  pool: Pool
  /** Leaves a pool that was passed in open. */
  close (): Promise<void>
}

export interface PoolOptions {
  connectionString?: string
  poolSize: number
  /** One that was passed in. */
  pool?: PostgresPool | undefined
}

/** The size that each pool of ours was made with. */
const sizes = new WeakMap<Pool, number>()

/** The pool that was passed in, or a new one. */
export async function openPool ({ connectionString, poolSize, pool: passedIn }: PoolOptions, { commandMs, connectMs }: StoreTimeouts): Promise<OpenPool> {
  // The pool replaces an idle connection that fails; without a listener its error would end the process.
  const ignore = (): void => {}
  if (passedIn !== undefined) {
    const given = passedIn as Pool
    given.on('error', ignore)
    given.on('connect', watchMode)
    return {
      pool: given,
      async close () {
        given.off('error', ignore)
        given.off('connect', watchMode)
      }
    }
  }
  const { default: pg } = await loadDriver('pg', () => import('pg'))
  class WatchedClient extends pg.Client {
    constructor (config?: ClientConfig) {
      super(config)
      watchMode(this)
    }
  }
  const pool = new pg.Pool({
    Client: WatchedClient as never, connectionString, max: poolSize, connectionTimeoutMillis: connectMs, query_timeout: commandMs, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS
  })
  pool.on('error', ignore)
  sizes.set(pool, poolSize)
  const clients = new Set<PoolClient>()
  pool.on('connect', client => clients.add(client))
  pool.on('remove', client => clients.delete(client))
  return {
    pool,
    async close () {
      // The pool itself does not wait until its connections are closed, and one whose server is silent would keep the process alive.
      const timer = setTimeout(() => { for (const client of clients) destroy(client) }, GOODBYE_MS)
      await pool.end()
      while (clients.size > 0) await new Promise(resolve => pool.once('remove', resolve))
      clearTimeout(timer)
    }
  }
}

/** What a server that takes no writes calls it; reported since PostgreSQL 14. */
const READ_ONLY_MODES = ['default_transaction_read_only', 'in_hot_standby']

/** In which of these modes the server of each connection has said that it is. */
const modes = new WeakMap<Client | PoolClient, Set<string>>()

/** A server says when a mode of its changes: before the end of the next answer at the latest. */
function watchMode (client: Client | PoolClient): void {
  // Records and bytes may share a pool that was passed in.
  if (modes.has(client)) return
  const of = new Set<string>()
  modes.set(client, of)
  const { connection } = client as unknown as { connection: EventEmitter }
  connection.on('parameterStatus', ({ parameterName, parameterValue }: { parameterName: string, parameterValue: string }) => {
    if (!READ_ONLY_MODES.includes(parameterName)) return
    if (parameterValue === 'on') of.add(parameterName)
    else of.delete(parameterName)
  })
}

const isReadOnly = (client: PoolClient): boolean => (modes.get(client)?.size ?? 0) > 0

/**
 * The rows that a statement yields. A connection whose server takes writes no more is one to a primary that was: what it answered may be
 * out of date, and the statement is sent again over a new connection, which leads to the present one if there is any.
 */
export async function rowsOf (pool: Pool, text: string, values: unknown[]): Promise<unknown[][]> {
  for (;;) {
    const { rows, isStale } = await withConnection(pool, async client => {
      const wasReadOnly = isReadOnly(client)
      const { rows } = await client.query<unknown[]>({ text, values, rowMode: 'array' })
      return { rows, isStale: isReadOnly(client) && !wasReadOnly }
    })
    if (!isStale) return rows
  }
}

/**
 * A connection of the pool, for more than one statement. It is closed when `work` throws, because it may be what failed, and when its
 * server takes no writes: another one may be reached by the same address at any time. While it is ours the pool does not listen to its
 * errors, and one without a listener would end the process.
 */
export async function withConnection<T> (pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  const ignore = (): void => {}
  client.on('error', ignore)
  try {
    const result = await work(client)
    client.off('error', ignore)
    client.release(isReadOnly(client))
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/**
 * A client outside of the pool, with its class and configuration; this works for a pool that was passed in, too. The options must not
 * be copied, because pg-pool makes the password not enumerable.
 */
export function createClient (pool: Pool): Client {
  const { Client: PoolClient, options } = pool as unknown as { Client: new (config: PoolConfig) => Client, options: PoolConfig }
  return new PoolClient(options)
}

/** Closes a client of `createClient()`. */
export async function endClient (client: Client): Promise<void> {
  const timer = setTimeout(() => destroy(client), GOODBYE_MS)
  await client.end()
  clearTimeout(timer)
}

/** The error of a store that cannot be opened on this pool, with the address. */
export function cannotBeUsed (pool: Pool, error: unknown): StorageUnavailableError {
  const { host, port } = createClient(pool)
  return new StorageUnavailableError(`PostgreSQL at ${host}:${port} cannot be used: ${reason(error)}`, { cause: error })
}

/** The server, or the role, has no more connections to give. */
const TOO_MANY_CONNECTIONS = '53300'

/** How long a pool makes do with the connections that it got before it asks for more. */
const MAKE_DO_MS = 30_000

/** A server that takes no writes (any more): another one may be reached by the same address now. */
const READ_ONLY = '25006'

/** By SQLSTATE. */
const REASONS = new Map<string, UnavailableReason>([[READ_ONLY, 'read_only'], ['53100', 'full'], ['53200', 'full']])

/** Throws a `StorageUnavailableError` when the command fails. */
export async function guard<T> (pool: Pool, command: () => Promise<T>): Promise<T> {
  try {
    return await command()
  } catch (error) {
    if (error instanceof StorageUnavailableError) throw error
    // Nothing was carried out: there was no connection to do it on.
    if ((error as { code?: string }).code === TOO_MANY_CONNECTIONS && makeDo(pool)) return await guard(pool, command)
    if ((error as { code?: string }).code === READ_ONLY) closeIdle(pool)
    throw new StorageUnavailableError(`PostgreSQL failed: ${reason(error)}`, { cause: error, reason: REASONS.get((error as { code?: string }).code ?? '') })
  }
}

/** Has the pool wait for one of the connections that it has, for a while, instead of asking for another. False where it has none. */
function makeDo (pool: Pool): boolean {
  const size = sizes.get(pool)
  if (size === undefined || pool.totalCount === 0) return false
  pool.options.max = pool.totalCount
  setTimeout(() => { pool.options.max = size }, MAKE_DO_MS).unref()
  return true
}

/** The pool makes new connections in place of these. */
function closeIdle (pool: Pool): void {
  for (let count = pool.idleCount; count > 0; count--) pool.connect().then(client => { client.release(true) }, () => {})
}

/** Node's error for a host with several addresses has no message, only a code. */
function reason (error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  return message || String(code)
}

export function destroy (client: Client | PoolClient): void {
  (client as unknown as { connection: { stream: { destroy (): void } } }).connection.stream.destroy()
}
