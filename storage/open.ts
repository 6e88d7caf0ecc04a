import { redisAddress } from './redis/address.js'
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
  return createThreadStorage(parseStorageUrl(url))
}

const STORAGE_SCHEMES = new Map<string, (url: string, fail: Fail) => ThreadStorageConfig>([
  ['memory', memoryConfig],
  ['sqlite', sqliteConfig],
  ['redis', redisConfig],
  ['rediss', redisConfig],
  ['redis+sentinel', redisHostsConfig],
  ['rediss+sentinel', redisHostsConfig],
  ['redis+cluster', redisHostsConfig],
  ['rediss+cluster', redisHostsConfig],
  ['postgres', postgresConfig],
  ['postgresql', postgresConfig]
])

/** Makes an error that names the URL's origin. None repeats the URL, which may contain a password. */
type Fail = (problem: string) => TypeError

/**
 * The configuration that a storage URL stands for. Throws a `TypeError` that names `subject`, and never the URL.
 *
 * @param subject where the URL comes from, for error messages.
 */
export function parseStorageUrl (url: string, subject = 'The storage URL'): ThreadStorageConfig {
  const parse = STORAGE_SCHEMES.get(schemeOf(url))
  if (parse === undefined) throw new TypeError(`${subject} ${MUST_BE}${hintFor(url)}.`)
  return parse(url, problem => new TypeError(`${subject} ${problem}.`))
}

const MUST_BE = 'must be sqlite:FILE, memory:, or a redis://, rediss:// or postgres:// URL'

/** What was probably meant. The name of a database alone is no file. */
function hintFor (url: string): string {
  if (url === 'memory') return '; write memory:'
  return PATH.test(url) && !DATABASE.test(url) ? `; for a file write sqlite:${url}` : ''
}

const DATABASE = /^(?:sqlite3?|rediss?|postgres(?:ql)?|pg|mysql|mongodb)$/i

/** What looks like a file, and can hold no password. */
const PATH = /^(?:\.{0,2}\/|[a-z]:\\)?[\w.\-\\/ ]+$/i

/** Whether `parseStorageUrl` knows the URL's scheme. */
export function hasStorageScheme (url: string): boolean {
  return STORAGE_SCHEMES.has(schemeOf(url))
}

const schemeOf = (url: string): string => /^[a-z0-9+]+(?=:)/.exec(url)?.[0] ?? ''

function memoryConfig (url: string, fail: Fail): ThreadStorageConfig {
  if (url !== 'memory:') throw fail(MUST_BE)
  return { type: 'memory' }
}

function sqliteConfig (url: string, fail: Fail): ThreadStorageConfig {
  // sqlite:///folder/file.db is a common spelling, too.
  const path = url.slice('sqlite:'.length).replace(/^\/\//, '')
  if (path === '') throw fail('names no file: write sqlite:./file.db')
  return { type: 'sqlite', path }
}

function redisConfig (url: string, fail: Fail): ThreadStorageConfig {
  const { url: server, parameters: { ttl = '0', timeoutMs, allowEviction, ...parameters } } = splitUrl(url, ['ttl', 'keyPrefix', 'timeoutMs', 'allowEviction'], fail)
  if (!/^\d+$/.test(ttl)) throw fail(`has a ttl that is not a number of whole seconds: ${JSON.stringify(ttl)}`)
  if (allowEviction !== undefined && !/^(true|false)$/.test(allowEviction)) throw fail('has an allowEviction that is neither true nor false')
  return { type: 'redis', url: server, ttl: Number(ttl), ...allowEviction === 'true' ? { allowEviction: true } : {}, ...timeout(timeoutMs), ...parameters }
}

/** Several hosts are more than a URL can hold: its host and path are checked by themselves. */
function redisHostsConfig (url: string, fail: Fail): ThreadStorageConfig {
  const [address = '', query] = url.split('?')
  try {
    redisAddress(address)
  } catch (error) {
    throw fail(`is wrong: ${(error as Error).message.replace(/\.$/, '')}`)
  }
  const config = redisConfig(`redis://hosts${query === undefined ? '' : `?${query}`}`, fail)
  return { ...config, url: address } as ThreadStorageConfig
}

function postgresConfig (url: string, fail: Fail): ThreadStorageConfig {
  const { url: connectionString, parameters: { timeoutMs, ...parameters } } = splitUrl(url, ['schema', 'tableName', 'timeoutMs'], fail)
  return { type: 'postgres', connectionString, ...timeout(timeoutMs), ...parameters }
}

/** The option of the store, which refuses what is not a number. */
const timeout = (text: string | undefined): { timeoutMs?: number } => text === undefined ? {} : { timeoutMs: text === '' ? NaN : Number(text) }

/** Separates our parameters from a URL; the rest is the driver's. */
function splitUrl<Name extends string> (text: string, names: readonly Name[], fail: Fail): { url: string, parameters: Partial<Record<Name, string>> } {
  if (!/^\w+:\/\//.test(text) || !URL.canParse(text)) throw fail(MUST_BE)
  const url = new URL(text)
  const parameters: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = url.searchParams.get(name)
    if (value !== null) parameters[name] = value
    url.searchParams.delete(name)
  }
  return { url: url.href, parameters }
}
