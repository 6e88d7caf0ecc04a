import type { Redis, RedisOptions } from 'ioredis'
import { loadDriver } from './driver.js'
import { StorageUnavailableError } from './record-store.js'

/**
 * A server that stopped answering fails a verb after this many milliseconds; one that refuses connections does so
 * sooner, with the next attempt to connect.
 */
const TIMEOUT_MS = 10_000

/** What our own connections look like. */
const CONNECTION: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  commandTimeout: TIMEOUT_MS,
  // What was sent when the connection broke fails then and there: sent again it could run twice.
  maxRetriesPerRequest: 0,
  retryStrategy: attempt => Math.min(attempt * 50, 1000)
}

export interface RedisAddress {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  url?: string | undefined
  /** When there is no `url`. Default 127.0.0.1. */
  host?: string | undefined
  /** When there is no `url`. Default 6379. */
  port?: number | undefined
}

/** A connection of our own. Throws `StorageUnavailableError` with the address when there is no server. */
export async function connectRedis ({ url, host = '127.0.0.1', port = 6379 }: RedisAddress): Promise<Redis> {
  const { Redis } = await loadDriver('ioredis', () => import('ioredis'))
  const ours = url === undefined ? new Redis({ ...CONNECTION, host, port }) : new Redis(url, CONNECTION)
  // Without a listener ioredis prints to the console. What failed is told by the verb that failed; here the first
  // one is, because connect() itself only says that the connection was closed.
  let reason: Error | undefined
  ours.on('error', error => { reason ??= error })
  try {
    await ours.connect()
  } catch (error) {
    ours.disconnect()
    throw new StorageUnavailableError(
      `Redis at ${ours.options.host}:${ours.options.port} cannot be used: ${(reason ?? error as Error).message}`, { cause: reason ?? error })
  }
  return ours
}
