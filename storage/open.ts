import type { RecordThreadStorage } from './thread-storage/record-thread-storage.js'
import {
  InMemoryThreadStorage,
  PostgresThreadStorage,
  type PostgresThreadStorageConfig,
  RedisThreadStorage,
  type RedisThreadStorageConfig,
  SqliteThreadStorage,
  type SqliteThreadStorageConfig
} from './thread-storage/classes.js'

/** A storage by its type, and the options of its class. */
export type ThreadStorageConfig =
  | { type: 'memory' }
  | { type: 'sqlite' } & SqliteThreadStorageConfig
  | { type: 'redis' } & RedisThreadStorageConfig
  | { type: 'postgres' } & PostgresThreadStorageConfig

/**
 * The storage that a configuration describes, not connected yet; in memory without one. Throws a `TypeError` for a
 * bad option.
 */
export function createThreadStorage (config: ThreadStorageConfig = { type: 'memory' }): RecordThreadStorage {
  switch (config.type) {
    case 'memory': return new InMemoryThreadStorage()
    case 'sqlite': return new SqliteThreadStorage(config)
    case 'redis': return new RedisThreadStorage(config)
    case 'postgres': return new PostgresThreadStorage(config)
    default: throw new TypeError(`Unknown storage type ${JSON.stringify((config as { type?: unknown }).type)}: use memory, sqlite, redis or postgres.`)
  }
}

/**
 * The storage that a URL names, not connected yet: `memory:`, `sqlite:./file.db`, `redis://` or `rediss://` (with
 * `?ttl=` in seconds, without which nothing is forgotten, and `?keyPrefix=`), `postgres://` (with `?schema=` and
 * `?tableName=`), both with `?timeoutMs=`. Throws a `TypeError` for any other.
 */
export function openStorageUrl (url: string): RecordThreadStorage {
  if (url === 'memory:') return new InMemoryThreadStorage()
  const scheme = /^[a-z]+(?=:)/.exec(url)?.[0]
  if (scheme === 'sqlite') {
    // sqlite:///folder/file.db is a common spelling too.
    const path = url.slice('sqlite:'.length).replace(/^\/\//, '')
    if (path === '') throw new TypeError('The storage URL names no file: write sqlite:./file.db.')
    return new SqliteThreadStorage({ path })
  }
  if (scheme === 'redis' || scheme === 'rediss') {
    const { url: server, parameters: { ttl, timeoutMs, ...parameters } } = splitUrl(url, ['ttl', 'keyPrefix', 'timeoutMs'])
    if (ttl !== undefined && !/^\d+$/.test(ttl)) throw new TypeError(`ttl in the storage URL must be a number of whole seconds, got ${JSON.stringify(ttl)}.`)
    return new RedisThreadStorage({ url: server, ttl: Number(ttl ?? 0), ...timeout(timeoutMs), ...parameters })
  }
  if (scheme === 'postgres' || scheme === 'postgresql') {
    const { url: connectionString, parameters: { timeoutMs, ...parameters } } = splitUrl(url, ['schema', 'tableName', 'timeoutMs'])
    return new PostgresThreadStorage({ connectionString, ...timeout(timeoutMs), ...parameters })
  }
  throw badUrl(scheme === undefined ? JSON.stringify(url) : `${scheme}:`)
}

/** As an option; the store refuses what is no number. */
const timeout = (text: string | undefined): { timeoutMs?: number } => text === undefined ? {} : { timeoutMs: text === '' ? NaN : Number(text) }

/** Takes our parameters out of a URL; the rest is the driver's. */
function splitUrl<Name extends string> (text: string, names: readonly Name[]): { url: string, parameters: Partial<Record<Name, string>> } {
  if (!URL.canParse(text)) throw badUrl(`an address that cannot be read, beginning with ${text.slice(0, text.indexOf(':') + 1)}`)
  const url = new URL(text)
  const parameters: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = url.searchParams.get(name)
    if (value !== null) parameters[name] = value
    url.searchParams.delete(name)
  }
  return { url: url.href, parameters }
}

/** The URL itself may hold a password, so it is not repeated. */
function badUrl (found: string): TypeError {
  return new TypeError(`The storage URL must be memory:, sqlite:./file.db, redis://host, rediss://host or postgres://host/database, got ${found}.`)
}
