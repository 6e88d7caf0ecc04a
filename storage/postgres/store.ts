import { clockWarnings, measureClockSkew } from '../base/clock-skew.js'
import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import type { PreparedItem, PreparedPut } from '../base/batch.js'
import { PostgresBlobStore } from './blobs.js'
import type { BlobStore } from '../blob-store.js'
import { cannotBeUsed, guard, openPool, rowsOf, type OpenPool } from './connections.js'
import { PostgresListener } from './listener.js'
import { migrate, type TableNames, tableNames } from './schema.js'
import { type PartitionKey, type RecordKey, StorageUnavailableError } from '../record-store.js'
import type { PostgresRecordStoreOptions } from './options.js'
import { storeTimeouts, type StoreTimeouts } from '../base/timeouts.js'

/**
 * Transactions that PostgreSQL has rolled back in favour of another one. They occur only where the default isolation is stricter than
 * READ COMMITTED.
 */
const RETRYABLE = new Set(['40001', '40P01'])
const MAX_ATTEMPTS = 100

/** Records in one PostgreSQL table, for any number of instances. A batch is one round trip and one transaction. */
export class PostgresRecordStore extends AbstractRecordStore {
  readonly supports = { shared: true, persistent: true }
  /** Where the records are, for what else is kept in the same database. */
  readonly postgres: PostgresRecordStoreOptions
  readonly #names: TableNames
  readonly #timeouts: StoreTimeouts
  #connections: OpenPool | undefined
  #listener: PostgresListener | undefined
  clockSkewMs = 0
  #warnings: readonly string[] = []

  constructor (options: PostgresRecordStoreOptions) {
    super()
    if (options.pool === undefined && !options.connectionString) throw new TypeError('PostgreSQL storage needs a connectionString or a pool.')
    this.postgres = options
    this.#timeouts = storeTimeouts(options.timeoutMs)
    this.#names = tableNames(options.schema ?? 'public', options.tableName ?? 'openai_compat_data')
  }

  get warnings (): readonly string[] {
    return this.#warnings
  }

  /** Tables beside the one of the records. */
  blobs (): BlobStore {
    const { poolSize: _ofRecords, ...options } = this.postgres
    return this.closedWithThis(new PostgresBlobStore(options))
  }

  protected async open (): Promise<void> {
    this.#connections = await openPool({ poolSize: 10, ...this.postgres }, this.#timeouts)
    const { pool } = this.#connections
    try {
      await migrate(pool, this.#names)
      this.clockSkewMs = await measureClockSkew(async () => Number((await this.#query('SELECT extract(epoch FROM clock_timestamp()) * 1000', []))[0]?.[0]))
      this.#warnings = clockWarnings('PostgreSQL', this.clockSkewMs)
    } catch (error) {
      await this.close()
      if (error instanceof StorageUnavailableError) throw error
      throw cannotBeUsed(pool, error)
    }
    this.#listener = new PostgresListener(pool, this.#names.table, (topic, payload) => this.deliver(topic, payload))
  }

  protected async close (): Promise<void> {
    await this.#listener?.close()
    this.#listener = undefined
    await this.#connections?.close()
    this.#connections = undefined
  }

  protected async read ({ project, partition, kind, id }: RecordKey): Promise<Row | undefined> {
    const [row] = await this.#query(
      `SELECT ${COLUMNS} FROM ${this.#names.table} WHERE project = $1 AND partition = $2 AND kind = $3 AND id = $4`,
      [project, partition, kind, id])
    return row && toRow(row)
  }

  protected async scan ({ project, partition, kind, parent, above, below, descending, limit }: Scan): Promise<Row[]> {
    const rows = await this.#query(
      `SELECT ${COLUMNS} FROM ${this.#names.table}
       WHERE project COLLATE "POSIX" = $1 AND partition COLLATE "POSIX" = $2 AND kind COLLATE "POSIX" = $3
         AND parent COLLATE "POSIX" = $4 AND position > $5 AND position < $6
       ORDER BY position ${descending ? 'DESC' : 'ASC'} LIMIT $7`,
      [project, partition, kind, parent, above, below, limit])
    return rows.map(toRow)
  }

  protected async commit ({ project, partition }: PartitionKey, batch: PreparedItem[]): Promise<boolean> {
    // Items travel as one array for each column.
    const column = <T> (pick: (item: PreparedPut) => T) => batch.map(item => pick(item as PreparedPut) ?? null)
    const values = [
      project, partition,
      column(item => item.op), column(item => item.kind), column(item => item.id), column(item => item.parent),
      column(item => item.json), column(item => item.expect), column(item => item.position)
    ]
    const [row] = await this.#query(`SELECT ${this.#names.writeFunction}($1, $2, $3, $4, $5, $6, $7, $8, $9)`, values)
    return row?.[0] === true
  }

  protected override async publish (topic: string, payload: string): Promise<void> {
    await this.#query('SELECT pg_notify($1, $2)', [this.#listener!.channel, PostgresListener.encode(topic, payload)])
  }

  protected override subscribe (): Promise<void> {
    return guard(this.#connections!.pool, () => this.#listener!.start())
  }

  #query (text: string, values: unknown[]): Promise<unknown[][]> {
    const { pool } = this.#connections!
    return guard(pool, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await rowsOf(pool, text, values)
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || !RETRYABLE.has((error as { code?: string }).code ?? '')) throw error
        }
      }
    })
  }
}

// Parsing the body is left to the caller, as with the other stores; bigint arrives as text.
const COLUMNS = 'id, parent, position, version, body::text'

function toRow ([id, parent, position, version, json]: unknown[]): Row {
  return { id: id as string, parent: parent as string, position: Number(position), version: Number(version), json: json as string }
}
