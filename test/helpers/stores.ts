import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import pg from 'pg'
import type { Test } from 'tap'
import type { ThreadStorage } from '../../storage/thread-storage/thread-storage.js'
import { InMemoryThreadStorage, PostgresThreadStorage, RedisThreadStorage, SqliteThreadStorage } from '../../storage/thread-storage/classes.js'
import { MapStorage } from './map-storage.js'

export const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
export const databaseUrl = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'

/**
 * False when the server answers. Else, on a laptop, why the tests are skipped and what would enable them; where
 * `CI=true` the missing server is an error.
 */
async function reasonToSkip (name: string, reach: () => Promise<unknown>, command: string): Promise<string | false> {
  try {
    await reach()
    return false
  } catch (error) {
    const reason = `${name} does not answer (${(error as Error).message || (error as { code?: string }).code}); start one with: ${command}`
    if (process.env.CI === 'true') throw new Error(reason, { cause: error })
    return reason
  }
}

export const skipRedis = (): Promise<string | false> => reasonToSkip(
  `Redis at ${redisUrl}`,
  async () => {
    const client = quietRedis({ maxRetriesPerRequest: 0, retryStrategy: () => null })
    try {
      await client.ping()
    } finally {
      client.disconnect()
    }
  },
  'docker run -d -p 6379:6379 redis:7'
)

export const skipPostgres = (): Promise<string | false> => reasonToSkip(
  `PostgreSQL at ${databaseUrl}`,
  () => queryPostgres('SELECT 1'),
  'docker run -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust -e POSTGRES_DB=test postgres:16'
)

export function quietRedis (options: RedisOptions = {}): Redis {
  const client = new Redis(redisUrl, options)
  client.on('error', () => {})
  return client
}

export async function queryPostgres (sql: string, values?: unknown[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    return await client.query(sql, values)
  } finally {
    await client.end()
  }
}

const unique = (): string => `test_${process.pid}_${randomBytes(4).toString('hex')}`

/** A key prefix of the test's own; its keys are removed at the end. */
export function redisPrefix (t: Test): string {
  const prefix = `${unique()}:`
  t.teardown(async () => {
    const client = quietRedis()
    for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await client.unlink(keys)
    }
    client.disconnect()
  })
  return prefix
}

/** A schema of the test's own, dropped at the end, but kept for a look when the test failed. */
export function postgresSchema (t: Test): string {
  const schema = unique()
  t.teardown(async () => {
    if (t.passing()) await queryPostgres(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    else t.comment(`kept PostgreSQL schema ${schema}`)
  })
  return schema
}

export interface TestStorage {
  name: string
  /** Why it cannot be tested here, or false. */
  skip: () => Promise<string | false>
  /**
   * A fresh place for data, removed when the test ends. Returns what opens a storage on it, not connected yet; one
   * that is persistent finds there what an earlier one left.
   */
  place: (t: Test) => () => ThreadStorage
}

const always = async (): Promise<false> => false

/** Every storage there is, for tests that have to hold over each. */
export const storages: TestStorage[] = [
  { name: 'memory', skip: always, place: () => () => new InMemoryThreadStorage() },
  {
    name: 'sqlite',
    skip: always,
    place: t => {
      const path = `${temporaryFolder(t)}/records.db`
      return () => new SqliteThreadStorage({ path })
    }
  },
  {
    name: 'redis',
    skip: skipRedis,
    place: t => {
      const keyPrefix = redisPrefix(t)
      return () => new RedisThreadStorage({ url: redisUrl, keyPrefix })
    }
  },
  {
    name: 'postgres',
    skip: skipPostgres,
    place: t => {
      const schema = postgresSchema(t)
      return () => new PostgresThreadStorage({ connectionString: databaseUrl, schema })
    }
  },
  {
    name: 'custom',
    skip: always,
    place: () => {
      const storage = new MapStorage()
      return () => storage
    }
  }
]

/** A folder outside of the test's own, which is emptied when it is asked for again. */
export function temporaryFolder (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

/** A store by its URL, as the command line and the option `storage` take it. */
export interface StoreUrl {
  name: 'sqlite' | 'redis' | 'postgres'
  skip: () => Promise<string | false>
  /** The URL of a fresh place for data, removed when the test ends. */
  url: (t: Test) => string
}

/** Those that any number of instances may work on at once. */
export const sharedStores: StoreUrl[] = [
  { name: 'redis', skip: skipRedis, url: t => `${redisUrl}?keyPrefix=${redisPrefix(t)}` },
  { name: 'postgres', skip: skipPostgres, url: t => `${databaseUrl}?schema=${postgresSchema(t)}` }
]

/** Those that outlive a process. */
export const persistentStores: StoreUrl[] = [
  { name: 'sqlite', skip: always, url: t => `sqlite:${temporaryFolder(t)}/records.db` },
  ...sharedStores
]
