import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { AbstractBlobStore, BlobGoneError, inChunks, readChunks, StorageUnavailableError, type BlobKey, type FoundBlob } from 'fastify-openai-compat'
import Database from 'libsql'

const CHUNK_BYTES = 256 * 1024

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, upload TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunks (upload TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;
  -- What a process left that died while it wrote.
  DELETE FROM chunks WHERE upload NOT IN (SELECT upload FROM blobs);`

/**
 * Keeps the bytes of files in one SQLite file, in chunks, so that a file of any size takes little memory on its way. One process at a time
 * may use it. Each put writes under an upload of its own; only when all of it is there the blob's name points to it.
 */
export class SqliteBlobStore extends AbstractBlobStore {
  readonly #path: string
  #database: Database.Database | undefined

  constructor (path: string) {
    super()
    this.#path = path
  }

  protected open (): void {
    this.#guard(() => {
      mkdirSync(dirname(this.#path), { recursive: true })
      this.#database = new Database(this.#path)
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
      this.#database.exec(SCHEMA)
    })
  }

  protected close (): void {
    this.#database?.close()
    this.#database = undefined
  }

  protected async write (key: BlobKey, source: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = randomUUID()
    let size = 0
    let number = 0
    try {
      for await (const bytes of inChunks(source, CHUNK_BYTES)) {
        this.#run('INSERT INTO chunks (upload, number, bytes) VALUES (?, ?, ?)', upload, number++, bytes)
        size += bytes.length
      }
      this.#transaction(() => {
        this.#run('DELETE FROM chunks WHERE upload = (SELECT upload FROM blobs WHERE name = ?)', nameOf(key))
        this.#run('INSERT OR REPLACE INTO blobs (name, upload, size) VALUES (?, ?, ?)', nameOf(key), upload, size)
      })
    } catch (error) {
      this.#run('DELETE FROM chunks WHERE upload = ?', upload)
      throw error
    }
  }

  protected find (key: BlobKey): FoundBlob | undefined {
    const found = this.#get<{ upload: string, size: number }>('SELECT upload, size FROM blobs WHERE name = ?', nameOf(key))
    if (found === undefined) return undefined
    const load = async (number: number): Promise<Buffer> => {
      const chunk = this.#get<{ bytes: Buffer }>('SELECT bytes FROM chunks WHERE upload = ? AND number = ?', found.upload, number)
      // Replaced or deleted while it is read: an error, never bytes of another blob.
      if (chunk === undefined) throw new BlobGoneError()
      return chunk.bytes
    }
    return { size: found.size, read: (start, end) => readChunks(start, end, CHUNK_BYTES, load) }
  }

  protected remove (key: BlobKey): boolean {
    return this.#transaction(() => {
      this.#run('DELETE FROM chunks WHERE upload = (SELECT upload FROM blobs WHERE name = ?)', nameOf(key))
      return this.#run('DELETE FROM blobs WHERE name = ?', nameOf(key)) > 0
    })
  }

  /** How many rows it changed. */
  #run (sql: string, ...values: unknown[]): number {
    return this.#guard(database => database.prepare(sql).run(...values).changes)
  }

  #get<T> (sql: string, ...values: unknown[]): T | undefined {
    return this.#guard(database => database.prepare(sql).get(...values) as T | undefined)
  }

  #transaction<T> (work: () => T): T {
    return this.#guard(database => database.transaction(work)() as T)
  }

  /** Every error of SQLite means that the store is unavailable. */
  #guard<T> (work: (database: Database.Database) => T): T {
    try {
      return work(this.#database as Database.Database)
    } catch (error) {
      if (error instanceof StorageUnavailableError) throw error
      throw new StorageUnavailableError(`The SQLite file ${this.#path} failed: ${(error as Error).message}`, { cause: error })
    }
  }
}

const nameOf = ({ project, id }: BlobKey): string => JSON.stringify([project, id])
