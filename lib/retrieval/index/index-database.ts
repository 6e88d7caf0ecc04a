import { rmSync } from 'node:fs'
import Libsql, { type Database } from 'libsql'
import { INDEX_VERSION } from '../analysis/version.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexOpeningsQuery, IndexQuery, StoreRef } from './contract.js'
import { openings, search } from './search.js'
import { StoreIndex } from './store-index.js'

export interface IndexDatabaseOptions {
  /** The file. What is in it can be made anew, and is when it is broken or belongs to other records. */
  path: string
  /** Names the records that the index was made from. */
  identity: string
  /** Memory for vectors, in bytes. Those of the store searched last stay even when they exceed it. */
  maxVectorBytes: number
}

/** All indexes of one instance, in one SQLite file. Every call blocks: it lives in a thread of its own. */
export class IndexDatabase {
  readonly #database: Database
  readonly #maxVectorBytes: number
  /** Those in use, the one used last at the end. */
  readonly #open = new Map<number, StoreIndex>()

  constructor (options: IndexDatabaseOptions) {
    this.#database = openDatabase(options)
    this.#maxVectorBytes = options.maxVectorBytes
  }

  cursor (store: StoreRef): number {
    const row = this.#database.prepare('SELECT cursor FROM stores WHERE project = ? AND id = ?').raw().get(store.project, store.storeId) as [number] | undefined
    return row?.[0] ?? 0
  }

  has (store: StoreRef, generation: string, chunks?: number): boolean {
    return this.#find(store)?.has(generation, chunks) ?? false
  }

  addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): void {
    this.#transaction(() => this.#make(store).addChunks(file, chunks))
  }

  addFile (store: StoreRef, file: IndexedFile, cursor: number): void {
    this.#transaction(() => {
      this.#make(store).addFile(file)
      this.#database.prepare('UPDATE stores SET cursor = max(cursor, ?) WHERE project = ? AND id = ?').run(cursor, store.project, store.storeId)
    })
  }

  removeGeneration (store: StoreRef, generation: string): void {
    this.#transaction(() => this.#find(store)?.removeGeneration(generation))
  }

  removeFile (store: StoreRef, fileId: string): void {
    this.#transaction(() => this.#find(store)?.removeFile(fileId))
  }

  search (stores: readonly StoreRef[], query: IndexQuery): IndexHit[] {
    const found = search(this.#findAll(stores), query)
    this.#boundMemory(stores.length)
    return found
  }

  openings (stores: readonly StoreRef[], query: IndexOpeningsQuery): IndexHit[] {
    return openings(this.#findAll(stores), query)
  }

  drop (store: StoreRef): void {
    const number = this.#number(store)
    if (number === undefined) return
    this.#open.delete(number)
    this.#transaction(() => {
      StoreIndex.drop(this.#database, number)
      this.#database.prepare('DELETE FROM files WHERE store = ?').run(number)
      this.#database.prepare('DELETE FROM stores WHERE number = ?').run(number)
    })
  }

  stores (): StoreRef[] {
    const rows = this.#database.prepare('SELECT project, id FROM stores').raw().all() as [string, string][]
    return rows.map(([project, storeId]) => ({ project, storeId }))
  }

  close (): void {
    this.#open.clear()
    this.#database.close()
  }

  #number ({ project, storeId }: StoreRef): number | undefined {
    return (this.#database.prepare('SELECT number FROM stores WHERE project = ? AND id = ?').raw().get(project, storeId) as [number] | undefined)?.[0]
  }

  #find (store: StoreRef): StoreIndex | undefined {
    const number = this.#number(store)
    return number === undefined ? undefined : this.#use(number, store)
  }

  #findAll (stores: readonly StoreRef[]): StoreIndex[] {
    return stores.map(store => this.#find(store)).filter(store => store !== undefined)
  }

  #make (store: StoreRef): StoreIndex {
    this.#database.prepare('INSERT OR IGNORE INTO stores (project, id, cursor) VALUES (?, ?, 0)').run(store.project, store.storeId)
    return this.#use(this.#number(store)!, store)
  }

  #use (number: number, store: StoreRef): StoreIndex {
    const index = this.#open.get(number) ?? new StoreIndex(this.#database, number, store)
    this.#open.delete(number)
    this.#open.set(number, index)
    return index
  }

  /** Those that were searched last stay. */
  #boundMemory (searched: number): void {
    const open = [...this.#open.values()].map(index => index.vectors)
    let bytes = open.reduce((sum, vectors) => sum + vectors.bytes, 0)
    for (const vectors of open.slice(0, -searched)) {
      if (bytes <= this.#maxVectorBytes) return
      bytes -= vectors.bytes
      vectors.unload()
    }
  }

  #transaction (work: () => void): void {
    this.#database.exec('BEGIN')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      // What the objects remember may be ahead of the file now: they are read from it again.
      this.#open.clear()
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

function openDatabase (options: IndexDatabaseOptions): Database {
  try {
    return prepared(options)
  } catch {
    for (const suffix of ['', '-wal', '-shm']) rmSync(options.path + suffix, { force: true })
    return prepared(options)
  }
}

function prepared ({ path, identity }: IndexDatabaseOptions): Database {
  const database = new Libsql(path)
  try {
    // A power cut may cost the last entries, which the cursor knows, never the file.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824; PRAGMA temp_store = MEMORY')
    database.exec(`
      CREATE TABLE IF NOT EXISTS meta (identity TEXT NOT NULL, version INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS stores (number INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, id TEXT NOT NULL, cursor INTEGER NOT NULL, passages INTEGER NOT NULL DEFAULT 0, terms INTEGER NOT NULL DEFAULT 0, languages TEXT NOT NULL DEFAULT '{}', UNIQUE (project, id));
      CREATE TABLE IF NOT EXISTS files (number INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL, file_id TEXT NOT NULL, generation TEXT NOT NULL, attributes TEXT NOT NULL, model TEXT, ready INTEGER NOT NULL);
      CREATE INDEX IF NOT EXISTS files_by_store ON files (store);
    `)
    const meta = database.prepare('SELECT identity, version FROM meta').raw().get() as [string, number] | undefined
    if (meta === undefined) database.prepare('INSERT INTO meta VALUES (?, ?)').run(identity, INDEX_VERSION)
    else if (meta[0] !== identity || meta[1] !== INDEX_VERSION) throw new Error('the index was made from other records, or by another version')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
