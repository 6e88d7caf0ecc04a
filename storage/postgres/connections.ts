import type { Client, Pool, PoolClient, PoolConfig } from 'pg'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError } from '../record-store.js'
import { KEEP_ALIVE_MS, type StoreTimeouts } from '../base/timeouts.js'

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
  pool?: Pool | undefined
}

/** The pool that was passed in, or a new one. */
export async function openPool ({ connectionString, poolSize, pool: given }: PoolOptions, { commandMs, connectMs }: StoreTimeouts): Promise<OpenPool> {
  // The pool replaces an idle connection that fails; without a listener its error would end the process.
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
      // The pool itself does not wait until its connections are closed, and one whose server is silent would keep the process alive.
      const timer = setTimeout(() => { for (const client of clients) destroy(client) }, GOODBYE_MS)
      await pool.end()
      while (clients.size > 0) await new Promise(resolve => pool.once('remove', resolve))
      clearTimeout(timer)
    }
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

/** Throws a `StorageUnavailableError` when the command fails. */
export async function guard<T> (command: () => Promise<T>): Promise<T> {
  try {
    return await command()
  } catch (error) {
    if (error instanceof StorageUnavailableError) throw error
    throw new StorageUnavailableError(`PostgreSQL failed: ${reason(error)}`, { cause: error })
  }
}

/** Node's error for a host with several addresses has no message, only a code. */
function reason (error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  return message || String(code)
}

function destroy (client: Client | PoolClient): void {
  (client as unknown as { connection: { stream: { destroy (): void } } }).connection.stream.destroy()
}
