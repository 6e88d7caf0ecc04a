import type { Redis, RedisOptions } from 'ioredis'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError } from '../record-store.js'
import { KEEP_ALIVE_MS, type StoreTimeouts } from '../base/timeouts.js'

/** What our own connections look like. */
const connection = ({ commandMs, connectMs }: StoreTimeouts): RedisOptions => ({
  lazyConnect: true,
  connectTimeout: connectMs,
  // One that refuses connections fails a command sooner, with the next attempt to connect.
  commandTimeout: commandMs,
  // A connection whose other end is gone without a word is given up: the commands behind would fail for a quarter of an hour yet.
  socketTimeout: commandMs,
  keepAlive: KEEP_ALIVE_MS,
  // What was sent when the connection broke fails then and there: sent again it could run twice.
  maxRetriesPerRequest: 0,
  retryStrategy: attempt => Math.min(attempt * 50, 1000)
})

export interface RedisAddress {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  url?: string | undefined
  /** When there is no `url`. Default 127.0.0.1. */
  host?: string | undefined
  /** When there is no `url`. Default 6379. */
  port?: number | undefined
}

/** A connection of our own. Throws `StorageUnavailableError` with the address when there is no server. */
export async function connectRedis ({ url, host = '127.0.0.1', port = 6379 }: RedisAddress, timeouts: StoreTimeouts): Promise<Redis> {
  const { Redis } = await loadDriver('ioredis', () => import('ioredis'))
  const options = connection(timeouts)
  const ours = url === undefined ? new Redis({ ...options, host, port }) : new Redis(url, options)
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
