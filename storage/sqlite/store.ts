import { rmSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { Database } from 'libsql'
import type { MaybePromise } from '../base/abstract-store.js'
import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import { applyBatch, prepareBatch, type PreparedItem } from '../base/batch.js'
import { FolderBlobStore } from '../folder/blobs.js'
import { MemoryBlobStore } from '../memory/blobs.js'
import type { BlobStore } from '../blob-store.js'
import { loadDriver } from '../base/driver.js'
import { fileWords } from '../base/file-words.js'
import { makePrivateFile } from '../base/private-file.js'
import { type PartitionKey, type PartitionWrite, type RecordKey, type WriteItem, StorageClosedError, StorageUnavailableError } from '../record-store.js'
import { LogFile, syncer, type Sync } from './log-file.js'
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

interface Batch { key: PartitionKey, items: PreparedItem[] }

interface PendingWrite {
  /** The last of them decides. */
  batches: Batch[]
  resolve: (done: boolean) => void
  reject: (error: Error) => void
}

interface Verdict { write: PendingWrite, done: boolean, changed: PartitionKey[] }

/**
 * Records in one SQLite file, owned by this process. A write is on the disk before it is acknowledged, and before anyone reads it. All
 * writes that are issued in one turn of the event loop, or while the disk is busy with those before them, share a transaction and its
 * fsync, which the event loop does not wait for unless the disk is quick.
 */
export class SqliteRecordStore extends AbstractRecordStore {
  readonly supports = { shared: false, persistent: true }
  readonly path: string
  readonly snapshot?: () => Promise<Readable>
  #database: Database | undefined
  #statements: Statements | undefined
  /** Identifies the file that was opened. */
  #file: string | undefined
  #log: LogFile | undefined
  /** Issued, and in no transaction yet. */
  #pending: PendingWrite[] = []
  /** Whether a transaction with what is pending is about to begin, or will be once the one before is on the disk. */
  #isFlushDue = false
  readonly #sync: Sync
  /** Copies of the file that are being made. */
  #copies = 0
  readonly #rows = new RowCache()

  /** @param sync brings what was written to an open file to the disk. For tests. */
  constructor ({ path }: SqliteRecordStoreOptions, sync: Sync = syncer()) {
    super()
    this.#sync = sync
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
      // SQLite itself waits for the disk at checkpoints alone. That of the log which commits need is `LogFile`'s affair.
      database.exec('PRAGMA synchronous = NORMAL')
      migrate(database)
      this.#statements = prepareStatements(database)
      if (this.path === ':memory:') return
      // What a process that was killed has left in the log may be in the system's memory alone.
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      this.#file = fileAt(this.path)
      this.#log = new LogFile(this.path, this.#sync)
      // The lock is ours: no other process makes one.
      removeCopies(this.path)
    } catch (error) {
      this.close()
      throw this.#unavailable(error)
    }
  }

  protected close (): void {
    const database = this.#database
    this.#database = this.#statements = undefined
    this.#rows.clear()
    const log = this.#log
    this.#log = undefined
    log?.close()
    if (database === undefined) return
    try {
      // A log that may have holes is left to the next process, which checks it.
      log?.requireSound()
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

  protected read ({ project, partition, kind, id }: RecordKey): MaybePromise<Row | undefined> {
    const key = { project, partition, kind, id }
    const unsafe = this.#log?.unsafe(key)
    if (unsafe !== undefined) return unsafe.then(() => this.read(key))
    this.#log?.requireSound()
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

  protected scan (scan: Scan): MaybePromise<Row[]> {
    const unsafe = this.#log?.unsafe(scan)
    if (unsafe !== undefined) return unsafe.then(() => this.scan(scan))
    this.#log?.requireSound()
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

  protected commit (key: PartitionKey, items: PreparedItem[]): Promise<boolean> {
    return this.#enqueue([{ key, items }])
  }

  /** All of them in one transaction. */
  async writeAfter (before: readonly PartitionWrite[], key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    this.requireOpen()
    const batches: Batch[] = []
    for (const write of [...before, { key, items }]) {
      const { project, partition } = write.key
      const prepared = prepareBatch(write.key, write.items)
      if (prepared === undefined) return false
      batches.push({ key: { project, partition }, items: prepared })
    }
    return this.track(this.#enqueue(batches))
  }

  #enqueue (batches: Batch[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ batches, resolve, reject })
      this.#flushSoon()
    })
  }

  /** In a turn of the event loop to come: what is issued until then goes along. */
  #flushSoon (): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => { this.#flush().catch((error: unknown) => { throw error }) })
  }

  /** One transaction, until it is on the disk. Never rejects: each write gets its verdict. */
  async #flush (): Promise<void> {
    const writes = this.#pending
    this.#pending = []
    const verdicts = this.#carryOut(writes)
    const changed = verdicts.flatMap(({ changed }) => changed)
    try {
      // What was refused was so because of what is on the disk already, or is about to be.
      if (changed.length > 0) await this.#log?.sync(changed)
      for (const { write, done } of verdicts) write.resolve(done)
    } catch (error) {
      for (const { write } of verdicts) write.reject(error as StorageUnavailableError)
    }
    this.#isFlushDue = false
    if (this.#pending.length > 0) this.#flushSoon()
  }

  /** The verdicts on those that did not fail. */
  #carryOut (writes: readonly PendingWrite[]): Verdict[] {
    try {
      return this.#transaction(writes)
    } catch (error) {
      // Of several one is at fault, or the disk is: each gets a transaction of its own.
      if (writes.length > 1) return writes.flatMap(write => this.#carryOut([write]))
      writes[0]!.reject(this.#unavailable(error))
      return []
    }
  }

  #transaction (writes: readonly PendingWrite[]): Verdict[] {
    const database = this.#database!
    this.#log?.requireSound()
    this.#requireFile()
    for (const { key, items } of writes.flatMap(({ batches }) => batches)) this.#rows.forget(key, items)
    database.exec('BEGIN IMMEDIATE')
    try {
      const results = writes.map(write => {
        const carriedOut = write.batches.filter(({ key, items }) => applyBatch(new SqlitePartition(this.#statements!, key), items))
        return { write, done: carriedOut.at(-1) === write.batches.at(-1), changed: carriedOut.map(({ key }) => key) }
      })
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
    const words = fileWords(error)
    if (words !== undefined) return new StorageUnavailableError(`The SQLite file ${this.path} cannot be used: ${words}`, { cause: error, reason: code === 'ENOSPC' ? 'full' : undefined })
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
