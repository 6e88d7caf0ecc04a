import { newerVersion } from '../base/newer-version.js'
import type { RedisConnection } from './connection.js'

/** What keys and values look like. To be raised with a change that servers of before would misread. */
const SCHEMA = 1

/** Throws a `StorageUnavailableError` when a newer version has written behind the same prefix. Otherwise this version is noted down there. */
export async function refuseNewer (connection: RedisConnection): Promise<void> {
  const key = `${connection.prefix}schema`
  const found = Number(await connection.run(async client => await client.get(key)) ?? 0)
  if (found > SCHEMA) throw newerVersion(`The Redis keys ${connection.prefix}* were`, found, SCHEMA, 'another keyPrefix')
  // A server that takes no writes says so when it is asked for one.
  if (found < SCHEMA) await connection.run(async client => await client.set(key, SCHEMA)).catch(() => {})
}
