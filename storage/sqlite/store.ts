import { rmSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { Database } from 'libsql'
import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import { applyBatch, type PreparedItem } from '../base/batch.js'
import { FolderBlobStore } from '../folder/blobs.js'
import { MemoryBlobStore } from '../memory/blobs.js'
import type { BlobStore } from '../blob-store.js'
import { loadDriver } from '../base/driver.js'
import { makePrivateFile } from '../base/private-file.js'
import { type PartitionKey, type RecordKey, StorageClosedError, StorageUnavailableError } from '../record-store.js'
import { migrate, refuseForeign } from './schema.js'
import { RowCache } from './row-cache.js'
import { copyDatabase, readOnce, removeCopies } from './snapshot.js'
import { prepareStatements, SqlitePartition, type Statements } from './statements.js'

export interface SqliteRecordStoreOptions {
  /** The database file. It and its folder are made when missing. One process at a time can have it open. */
  path: string
}

/** SQLite's default: pages of the log after which they are written into the file. */
const CHECKPOINT_PAGES = 1000

interface PendingWrite {
  key: PartitionKey
  batch: PreparedItem[]
  resolve: (done: boolean) => void
  reject: (error: Error) => void
}

/**
 * Records in one SQLite file, owned by this process. A write is on the disk (WAL, `synchronous=FULL`) before it
 * is acknowledged; all writes issued in one turn of the event loop share a transaction and its fsync.
 */
export class SqliteRecordStore extends AbstractRecordStore {
  readonly supports = { shared: false, persistent: true }
  readonly path: string
  readonly snapshot?: () => Promise<Readable>
  #database: Database | undefined
  #statements: Statements | undefined
  /** Identifies the file that was opened. */
  #file: string | undefined
  #pending: PendingWrite[] = []
  /** Copies of the file that are being made. */
  #copies = 0
  readonly #rows = new RowCache()

  constructor ({ path }: SqliteRecordStoreOptions) {
    super()
    this.path = path === ':memory:' ? path : resolve(path)
    if (path !== ':memory:') this.snapshot = async () => await this.#snapshot()
  }

  /** Files in a folder beside the database. */
  blobs (): BlobStore {
    return this.path === ':memory:' ? new MemoryBlobStore() : new FolderBlobStore({ path: `${this.path}.blobs` })
  }

  protected async open (): Promise<void> {
    const { default: Libsql } = await loadDriver('libsql', () => import('libsql'))
    try {
      if (this.path !== ':memory:') makePrivateFile(this.path)
      const database = new Libsql(this.path)
      refuseForeign(database, this.path)
      this.#database = database
      // Exclusive: SQLite then refuses a second process, from the first transaction on.
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      database.exec('PRAGMA journal_mode = WAL')
      database.exec('PRAGMA synchronous = FULL')
      migrate(database)
      this.#statements = prepareStatements(database)
      this.#file = this.path === ':memory:' ? undefined : fileAt(this.path)
      // The lock is ours: no other process makes one.
      if (this.path !== ':memory:') removeCopies(this.path)
    } catch (error) {
      this.close()
      throw this.#unavailable(error)
    }
  }

  protected close (): void {
    const database = this.#database
    this.#database = this.#statements = undefined
    this.#rows.clear()
    if (database === undefined) return
    try {
      // libsql keeps the handle, and with it the lock, until the prepared statements are garbage collected.
      // Leaving WAL and exclusive mode gives the lock back now.
      database.exec('PRAGMA journal_mode = DELETE')
      database.exec('PRAGMA locking_mode = NORMAL')
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
    } catch {
      // Another process owns the file, or the disk failed: there is nothing to give back.
    }
    database.close()
  }

  protected read ({ project, partition, kind, id }: RecordKey): Row | undefined {
    const key = { project, partition, kind, id }
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    try {
      const row = this.#statements!.read(project, partition, kind, id)
      if (row !== undefined) this.#rows.keep(key, row)
      return row
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  protected scan (scan: Scan): Row[] {
    try {
      return this.#statements!.scan(scan)
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  /**
   * The file as it is at this moment, while it goes on being written: what is committed meanwhile stays in the log beside it until the
   * copy is made.
   */
  async #snapshot (): Promise<Readable> {
    const database = this.#database
    if (database === undefined) throw new StorageClosedError()
    let copy: string
    this.#copies++
    try {
      database.exec('PRAGMA wal_autocheckpoint = 0')
      const [isBusy] = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().get() as [number]
      if (isBusy !== 0) throw new StorageUnavailableError(`The log of the SQLite file ${this.path} could not be written into it.`)
      this.#requireFile()
      copy = await copyDatabase(this.path)
    } catch (error) {
      throw this.#unavailable(error)
    } finally {
      this.#copies--
      if (this.#copies === 0 && this.#database === database) database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    }
    if (this.#database !== database) {
      // Closing has written the log into the file while it was copied.
      rmSync(copy, { force: true })
      throw new StorageClosedError()
    }
    return await readOnce(copy)
  }

  protected commit (key: PartitionKey, batch: PreparedItem[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ key, batch, resolve, reject })
      if (this.#pending.length === 1) setImmediate(() => this.#flush())
    })
  }

  #flush (): void {
    const writes = this.#pending
    this.#pending = []
    this.#carryOut(writes)
  }

  /** Never throws: each write gets its verdict. */
  #carryOut (writes: readonly PendingWrite[]): void {
    try {
      for (const { write, done } of this.#transaction(writes)) write.resolve(done)
    } catch (error) {
      for (const write of writes) {
        // Of several one is at fault, or the disk is: each gets a transaction of its own.
        if (writes.length > 1) this.#carryOut([write])
        else write.reject(this.#unavailable(error))
      }
    }
  }

  #transaction (writes: readonly PendingWrite[]): { write: PendingWrite, done: boolean }[] {
    const database = this.#database!
    this.#requireFile()
    for (const { key, batch } of writes) this.#rows.forget(key, batch)
    database.exec('BEGIN IMMEDIATE')
    try {
      const results = writes.map(write => ({ write, done: applyBatch(new SqlitePartition(this.#statements!, write.key), write.batch) }))
      database.exec('COMMIT')
      return results
    } catch (error) {
      // Some errors, a full disk among them, have rolled back already.
      if (database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  /** Throws when the file was deleted or replaced: what is written to it would be lost with this process. */
  #requireFile (): void {
    if (this.#file === undefined || fileAt(this.path) === this.#file) return
    throw new StorageUnavailableError(`The SQLite file ${this.path} was deleted, moved or replaced while it was open: restore it, or restart the server.`, { reason: 'read_only' })
  }

  #unavailable (error: unknown): StorageUnavailableError {
    if (error instanceof StorageUnavailableError) return error
    const { code, message } = error as Error & { code?: string }
    return new StorageUnavailableError(code === 'SQLITE_BUSY'
      ? `Another process has the SQLite file ${this.path} open: stop that process, or give this one a file of its own.`
      : `The SQLite file ${this.path} failed: ${message}`, { cause: error, reason: code === 'SQLITE_FULL' ? 'full' : code?.startsWith('SQLITE_READONLY') === true ? 'read_only' : undefined })
  }
}

/** Of two files one after the other at one path, or none, no two are the same. */
function fileAt (path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.dev} ${stat.ino} ${stat.birthtimeNs}`
}
