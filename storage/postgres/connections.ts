import type { Client, Pool, PoolClient, PoolConfig } from 'pg'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError } from '../record-store.js'
import { KEEP_ALIVE_MS, type StoreTimeouts } from '../base/timeouts.js'

/** A connection that is closed says goodbye; for an answer to it nobody waits longer than this, in milliseconds. */
const GOODBYE_MS = 1000

export interface OpenPool {
  pool: Pool
  /** Without effect on a pool that was handed in. */
  close (): Promise<void>
}

export interface PoolOptions {
  connectionString?: string
  poolSize: number
  /** One that was handed in. */
  pool?: Pool | undefined
}

/** The pool that was handed in, or one of our own. */
export async function openPool ({ connectionString, poolSize, pool: given }: PoolOptions, { commandMs, connectMs }: StoreTimeouts): Promise<OpenPool> {
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  const ignore = (): void => {}
  if (given !== undefined) {
    given.on('error', ignore)
    return { pool: given, async close () { given.off('error', ignore) } }
  }
  const { default: pg } = await loadDriver('pg', () => import('pg'))
  const pool = new pg.Pool({
    connectionString, max: poolSize, connectionTimeoutMillis: connectMs, query_timeout: commandMs, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS
  })
  pool.on('error', ignore)
  const clients = new Set<PoolClient>()
  pool.on('connect', client => clients.add(client))
  pool.on('remove', client => clients.delete(client))
  return {
    pool,
    async close () {
      // The pool itself does not wait for its connections, and one whose other end is silent would keep the process.
      const timer = setTimeout(() => { for (const client of clients) destroy(client) }, GOODBYE_MS)
      await pool.end()
      while (clients.size > 0) await new Promise(resolve => pool.once('remove', resolve))
      clearTimeout(timer)
    }
  }
}

/**
 * A client beside the pool. A pool carries its client class and configuration, so one that was handed in serves as
 * well. The options must not be copied: pg-pool hides the password from enumeration.
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

/** Why a store on this pool cannot be opened, with the address. */
export function cannotBeUsed (pool: Pool, error: unknown): StorageUnavailableError {
  const { host, port } = createClient(pool)
  return new StorageUnavailableError(`PostgreSQL at ${host}:${port} cannot be used: ${reason(error)}`, { cause: error })
}

/** Node's error for a host with several addresses has no message, only a code. */
export function reason (error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  return message || String(code)
}

function destroy (client: Client | PoolClient): void {
  (client as unknown as { connection: { stream: { destroy (): void } } }).connection.stream.destroy()
}
