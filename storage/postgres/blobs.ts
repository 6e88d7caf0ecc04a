import { randomUUID } from 'node:crypto'
import { type BlobKey, LEFTOVERS_MS } from '../blob-store.js'
import type { PostgresRecordStoreOptions } from './options.js'
import { cannotBeUsed, guard, openPool, rowsOf, withConnection, type OpenPool } from './connections.js'
import { creationLock, patiently, tableNames } from './schema.js'
import { StorageUnavailableError } from '../record-store.js'
import { storeTimeouts, type StoreTimeouts } from '../base/timeouts.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'
import { inChunks, readChunks } from '../base/chunks.js'

/** As for the record store. The tables are `<tableName>_blobs` and `<tableName>_blob_chunks`. `poolSize` is 5 by default. */
export type PostgresBlobStoreOptions = PostgresRecordStoreOptions

/** The bytes of one row. A put or a reader holds two or three of them in memory. */
const CHUNK_BYTES = 256 * 1024

/**
 * Bytes in rows of PostgreSQL. A slow client occupies neither a connection nor a transaction: each chunk is a statement of its own, and a
 * blob exists once its row has a size.
 */
export class PostgresBlobStore extends AbstractBlobStore {
  readonly #options: PostgresBlobStoreOptions
  readonly #timeouts: StoreTimeouts
  readonly #schema: string
  readonly #blobs: string
  readonly #chunks: string
  readonly #index: string
  #connections: OpenPool | undefined

  constructor (options: PostgresBlobStoreOptions) {
    super()
    if (options.pool === undefined && !options.connectionString) throw new TypeError('PostgreSQL blobs need a connectionString or a pool.')
    this.#options = options
    this.#timeouts = storeTimeouts(options.timeoutMs)
    const { schema, plain } = tableNames(options.schema ?? 'public', options.tableName ?? 'openai_compat_data')
    this.#schema = schema
    this.#blobs = `${schema}."${plain.table}_blobs"`
    this.#index = `"${plain.table}_blobs_by_id"`
    this.#chunks = `${schema}."${plain.table}_blob_chunks"`
  }

  protected async open (): Promise<void> {
    this.#connections = await openPool({ poolSize: 5, ...this.#options }, this.#timeouts)
    try {
      await this.#createTables()
      // Left by a process that died. A put that is under way for even longer fails with its next chunk.
      await this.#query(`DELETE FROM ${this.#blobs} WHERE size IS NULL AND started_at < now() - $1 * interval '1 ms'`, [LEFTOVERS_MS])
    } catch (error) {
      const { pool } = this.#connections
      await this.close()
      throw cannotBeUsed(pool, error instanceof StorageUnavailableError ? error.cause : error)
    }
  }

  protected async close (): Promise<void> {
    await this.#connections?.close()
    this.#connections = undefined
  }

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = randomUUID()
    await this.#query(`INSERT INTO ${this.#blobs} (upload, project, id, chunk_bytes) VALUES ($1, $2, $3, $4)`, [upload, key.project, key.id, CHUNK_BYTES])
    try {
      let size = 0
      let number = 0
      for await (const chunk of inChunks(source, CHUNK_BYTES)) {
        await this.#query(`INSERT INTO ${this.#chunks} (upload, number, bytes) VALUES ($1, $2, $3)`, [upload, number++, chunk])
        size += chunk.length
      }
      await this.#show(key, upload, size)
    } catch (error) {
      // When this fails, too, the row is removed with the leftovers.
      await this.#query(`DELETE FROM ${this.#blobs} WHERE upload = $1`, [upload]).catch(() => {})
      throw error
    }
  }

  /** Replaces the old blob, if there is one, with the new one. */
  async #show ({ project, id }: BlobKey, upload: string, size: number): Promise<void> {
    await this.#transaction(async query => {
      // Of puts that end at the same time, one waits here for the other: the unique index would refuse it.
      await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${this.#blobs} ${project}\n${id}`])
      await query(`DELETE FROM ${this.#blobs} WHERE project = $1 AND id = $2 AND size IS NOT NULL`, [project, id])
      const rows = await query(`UPDATE ${this.#blobs} SET size = $1 WHERE upload = $2 RETURNING upload`, [size, upload])
      if (rows.length === 0) throw new StorageUnavailableError('The upload took so long that its bytes were removed.')
    })
  }

  protected async find ({ project, id }: BlobKey): Promise<FoundBlob | undefined> {
    const [row] = await this.#query(
      `SELECT upload::text, size::float8, chunk_bytes FROM ${this.#blobs} WHERE project = $1 AND id = $2 AND size IS NOT NULL`, [project, id])
    if (row === undefined) return undefined
    const [upload, size, chunkBytes] = row as [string, number, number]
    return { size, read: (start, end) => readChunks(start, end, chunkBytes, async number => await this.#load(upload, number)) }
  }

  async #load (upload: string, number: number): Promise<Buffer> {
    const [row] = await this.#query(`SELECT bytes FROM ${this.#chunks} WHERE upload = $1 AND number = $2`, [upload, number])
    if (row === undefined) throw new BlobGoneError()
    return row[0] as Buffer
  }

  protected async remove ({ project, id }: BlobKey): Promise<boolean> {
    const rows = await this.#query(`DELETE FROM ${this.#blobs} WHERE project = $1 AND id = $2 AND size IS NOT NULL RETURNING upload`, [project, id])
    return rows.length > 0
  }

  async #createTables (): Promise<void> {
    const exists = async (query: Query) => (await query('SELECT to_regclass($1)::text', [this.#chunks]))[0]?.[0] !== null
    if (await exists(async (text, values) => await this.#query(text, values))) return
    await this.#transaction(async query => {
      await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [creationLock(this.#schema)])
      await query(`CREATE SCHEMA IF NOT EXISTS ${this.#schema}`)
      await query(`CREATE TABLE IF NOT EXISTS ${this.#blobs} (
        upload uuid PRIMARY KEY,
        project text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        -- NULL while the bytes are being received.
        size bigint,
        chunk_bytes integer NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now()
      )`)
      await query(`CREATE UNIQUE INDEX IF NOT EXISTS ${this.#index} ON ${this.#blobs} (project, id) WHERE size IS NOT NULL`)
      await query(`CREATE TABLE IF NOT EXISTS ${this.#chunks} (
        upload uuid NOT NULL REFERENCES ${this.#blobs} ON DELETE CASCADE,
        number integer NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (upload, number)
      )`)
      // Files are mostly compressed already.
      await query(`ALTER TABLE ${this.#chunks} ALTER COLUMN bytes SET STORAGE EXTERNAL`)
    })
  }

  async #transaction (body: (query: Query) => Promise<void>): Promise<void> {
    const { pool } = this.#connections!
    await guard(pool, async () => {
      await withConnection(pool, async client => {
        await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
        await body(async (text, values = []) => (await client.query<unknown[]>({ ...patiently(text, values), rowMode: 'array' })).rows)
        await client.query('COMMIT')
      })
    })
  }

  #query (text: string, values: unknown[] = []): Promise<unknown[][]> {
    const { pool } = this.#connections!
    return guard(pool, async () => await rowsOf(pool, text, values))
  }
}

type Query = (text: string, values?: unknown[]) => Promise<unknown[][]>
