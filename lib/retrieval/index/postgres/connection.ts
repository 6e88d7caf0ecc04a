import type { Pool, PoolClient, QueryConfig } from 'pg'
import { storeTimeouts, type StoreTimeouts } from '../../../../storage/base/timeouts.js'
import type { PostgresRecordStoreOptions } from '../../../../storage/postgres/options.js'
import { cannotBeUsed, guard, openPool, withConnection, type OpenPool } from '../../../../storage/postgres/connections.js'
import { StorageUnavailableError } from '../../../../storage/record-store.js'
import { createTables, indexTables, type IndexTables, type Query } from './tables.js'

/** Transactions that PostgreSQL has rolled back in favour of another one. */
const RETRYABLE = new Set(['40001', '40P01'])
const MAX_ATTEMPTS = 10
/** A server that failed sooner than this has lost the connection and may be back. One that took longer hangs: a second try would take as long. */
const RETRY_WITHIN_MS = 1000
/** Connections of one instance. */
const POOL_SIZE = 4
/** Time for the answer to arrive after the server has given up. */
const MARGIN_MS = 1000
/** For statements about a whole file, or a store. */
export const SLOW_MS = 60_000
/** For making a graph of a large store. */
const GRAPH_MS = 24 * 60 * 60 * 1000

interface Opened {
  connections: OpenPool
  tables: IndexTables
}

export interface TransactionOptions {
  /** How long a statement may take, in milliseconds. Default: the store's `timeoutMs`. */
  statementMs?: number
  /** Settings that hold for this transaction alone. */
  settings?: Readonly<Record<string, string>>
}

/** The database that the index is in: connected with the first call, its tables made if they are missing. Everything it throws is a `StorageUnavailableError`. */
export class IndexConnection {
  readonly #options: PostgresRecordStoreOptions
  readonly #timeouts: StoreTimeouts
  readonly #names: IndexTables
  #opened: Promise<Opened> | undefined
  #closing: Promise<void> | undefined

  /** Throws a `TypeError` for a wrong option. */
  constructor (options: PostgresRecordStoreOptions) {
    if (options.pool === undefined && !options.connectionString) throw new TypeError('A search index in PostgreSQL needs a connectionString or a pool.')
    this.#options = options
    this.#timeouts = storeTimeouts(options.timeoutMs)
    this.#names = indexTables(options)
  }

  async open (): Promise<void> {
    await this.#open()
  }

  async close (): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close (): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.connections.close()
  }

  /** Carries out all of the work or nothing. It may be repeated: it must not leave anything behind outside of the database. */
  async transaction<T> (work: (query: Query, tables: IndexTables) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const { connections: { pool }, tables } = await this.#open()
    for (let attempt = 1; ; attempt++) {
      const began = performance.now()
      try {
        return await guard(pool, async () => await this.#once(pool, tables, work, options))
      } catch (error) {
        const mayBeBack = attempt === 1 && isLostConnection(error) && performance.now() - began < RETRY_WITHIN_MS
        if (!mayBeBack && (attempt === MAX_ATTEMPTS || !RETRYABLE.has(codeOf(error)))) throw error
      }
    }
  }

  async #once<T> (pool: Pool, tables: IndexTables, work: (query: Query, tables: IndexTables) => Promise<T>, { statementMs = this.#timeouts.commandMs, settings = {} }: TransactionOptions): Promise<T> {
    return await withConnection(pool, async client => {
      const query = queryOf(client, statementMs + MARGIN_MS)
      const all = Object.entries({ statement_timeout: String(statementMs), ...settings })
      await query('BEGIN ISOLATION LEVEL READ COMMITTED')
      await query(`SELECT ${all.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(', ')}`, all.flat())
      const result = await work(query, tables)
      await query('COMMIT')
      return result
    })
  }

  /** Makes a graph over the vectors that a store has of one model. Others go on reading and writing meanwhile. Nothing when another instance is at it. */
  async makeGraph (store: number, { model, dimensions }: { model: number, dimensions: number }): Promise<void> {
    const { connections: { pool }, tables } = await this.#open()
    const name = tables.graph(store, model)
    await guard(pool, async () => await withConnection(pool, async client => {
      const query = queryOf(client, GRAPH_MS)
      const [[isMine]] = await query('SELECT pg_try_advisory_lock(hashtextextended($1, 0))', [name]) as [[boolean]]
      if (!isMine) return
      await query('SET statement_timeout = 0')
      try {
        const [known] = await query(GRAPH_IS_VALID, [`${tables.schema}.${name}`])
        // What was begun and not finished is of no use.
        if (known?.[0] === false) await query(`DROP INDEX ${tables.schema}.${name}`)
        if (known?.[0] !== true) {
          await query(`CREATE INDEX CONCURRENTLY ${name} ON ${tables.vectors}
            USING hnsw ((vector::${tables.extension}.halfvec(${dimensions})) ${tables.extension}.halfvec_cosine_ops) WHERE store = ${store} AND model = ${model}`)
        }
      } finally {
        await query('RESET statement_timeout')
        await query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name])
      }
    }))
  }

  async #open (): Promise<Opened> {
    if (this.#closing !== undefined) throw new StorageUnavailableError('The index is closed.')
    this.#opened ??= this.#connect().catch((error: unknown) => {
      // The next call tries again.
      this.#opened = undefined
      throw error
    })
    return await this.#opened
  }

  async #connect (): Promise<Opened> {
    const connections = await openPool({ poolSize: POOL_SIZE, ...this.#options }, this.#timeouts)
    const { pool } = connections
    try {
      let tables = this.#names
      // Instances that start together wait for the one that makes the tables.
      await this.#once(pool, tables, async query => { tables = await createTables(query, tables) }, { statementMs: SLOW_MS })
      return { connections, tables }
    } catch (error) {
      await connections.close()
      throw error instanceof StorageUnavailableError ? error : cannotBeUsed(pool, error)
    }
  }
}

/** Whether a graph is there and complete: no row without one. */
export const GRAPH_IS_VALID = 'SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)'

function queryOf (client: PoolClient, answerMs: number): Query {
  return async (text, values = []) =>
    (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array', query_timeout: answerMs } as QueryConfig & { rowMode: 'array' })).rows
}

const causeOf = (error: unknown): { code?: string } | undefined => (error as { cause?: { code?: string } }).cause
const codeOf = (error: unknown): string => causeOf(error)?.code ?? ''
/** The server's own verdicts have a code of five characters; those of class 08 and 57P say that it is gone. */
const isLostConnection = (error: unknown): boolean => causeOf(error) !== undefined && (!/^[0-9A-Z]{5}$/.test(codeOf(error)) || /^(08|57P)/.test(codeOf(error)))
