import type { Database } from 'libsql'
import type { Language } from '../analysis/function-words.js'
import { matchesFilter, type AttributeFilter, type Attributes } from '../filters.js'
import type { IndexedChunk, IndexedFile, StoreRef } from './contract.js'
import type { Totals } from './relevance.js'
import { StoreVectors } from './store-vectors.js'
import { StoreWords } from './store-words.js'

/** A chunk's row is its file's number and its own in one, so that the rows of a file stand together. */
export const CHUNKS_PER_FILE = 2 ** 20

export interface FileRow extends Omit<IndexedFile, 'name'> {
  number: number
  ready: boolean
  /** Of the passage told last. */
  language?: Language
}

/** What a store has in all. */
export interface StoreTotals extends Totals {
  /** Passages by language. */
  languages: Partial<Record<Language, number>>
}

/** The index of one vector store: its files, the words of their chunks, and their vectors. */
export class StoreIndex {
  readonly store: StoreRef
  readonly words: StoreWords
  readonly vectors: StoreVectors
  readonly totals: StoreTotals
  readonly #id: number
  readonly #database: Database
  readonly #files = new Map<number, FileRow>()
  readonly #byGeneration = new Map<string, FileRow>()

  constructor (database: Database, id: number, store: StoreRef) {
    this.#database = database
    this.#id = id
    this.store = store
    this.words = new StoreWords(database, id)
    this.vectors = new StoreVectors(database, id)
    const [passages, terms, languages] = database.prepare('SELECT passages, terms, languages FROM stores WHERE number = ?').raw().get(id) as [number, number, string]
    this.totals = { passages, terms, languages: JSON.parse(languages) as StoreTotals['languages'] }
    const rows = database.prepare('SELECT number, file_id, generation, attributes, model, ready FROM files WHERE store = ?').raw().all(id)
    for (const [number, fileId, generation, attributes, model, ready] of rows as [number, string, string, string, string | null, number][]) {
      this.#remember({ number, fileId, generation, attributes: JSON.parse(attributes) as Attributes, model, ready: ready === 1 })
    }
  }

  static drop (database: Database, id: number): void {
    StoreWords.drop(database, id)
    StoreVectors.drop(database, id)
  }

  has (generation: string, chunks?: number): boolean {
    const row = this.#byGeneration.get(generation)
    if (row === undefined || row.ready || chunks === undefined) return row?.ready === true
    return this.words.between(row.number * CHUNKS_PER_FILE, (row.number + 1) * CHUNKS_PER_FILE).length === chunks
  }

  addChunks (file: IndexedFile, chunks: readonly IndexedChunk[]): void {
    const row = this.#byGeneration.get(file.generation) ?? this.#insertFile(file)
    const numbers = chunks.map(({ number }) => row.number * CHUNKS_PER_FILE + number)
    const [first, last] = [Math.min(...numbers), Math.max(...numbers)]
    const isThere = new Set(chunks.length === 0 ? [] : this.words.between(first, last + 1))
    for (const [i, chunk] of chunks.entries()) {
      const number = numbers[i]!
      if (isThere.has(number)) this.#forget(number, number + 1)
      const { length, language } = this.words.put(number, file, chunk, row.language)
      row.language = language
      this.#count(language, 1, length)
      if (chunk.vector !== undefined) this.vectors.put(number, file.model, chunk.vector)
    }
    this.#keepTotals()
  }

  addFile (file: IndexedFile): void {
    const row = this.#byGeneration.get(file.generation) ?? this.#insertFile(file)
    for (const other of this.#ofFile(file.fileId)) if (other !== row) this.#removeRow(other)
    Object.assign(row, { attributes: file.attributes, ready: true })
    this.#database.prepare('UPDATE files SET attributes = ?, ready = 1 WHERE number = ?').run(JSON.stringify(file.attributes), row.number)
    this.#keepTotals()
  }

  removeFile (fileId: string): void {
    for (const row of this.#ofFile(fileId)) this.#removeRow(row)
    this.#keepTotals()
  }

  removeGeneration (generation: string): void {
    const row = this.#byGeneration.get(generation)
    if (row === undefined) return
    this.#removeRow(row)
    this.#keepTotals()
  }

  /** Files that can be searched and that a filter lets pass, the newest first. */
  passing (filter: AttributeFilter | undefined): FileRow[] {
    return [...this.#files.values()].filter(({ ready, attributes }) => ready && (filter === undefined || matchesFilter(filter, attributes)))
      .sort((a, b) => b.number - a.number)
  }

  get files (): number {
    return this.#files.size
  }

  fileOf (chunk: number): FileRow | undefined {
    return this.#files.get(Math.floor(chunk / CHUNKS_PER_FILE))
  }

  #insertFile ({ fileId, generation, attributes, model }: IndexedFile): FileRow {
    const [number] = this.#database.prepare('INSERT INTO files (store, file_id, generation, attributes, model, ready) VALUES (?, ?, ?, ?, ?, 0) RETURNING number').raw()
      .get(this.#id, fileId, generation, JSON.stringify(attributes), model) as [number]
    return this.#remember({ number, fileId, generation, attributes, model, ready: false })
  }

  #remember (row: FileRow): FileRow {
    this.#files.set(row.number, row)
    this.#byGeneration.set(row.generation, row)
    return row
  }

  #ofFile (fileId: string): FileRow[] {
    return [...this.#files.values()].filter(row => row.fileId === fileId)
  }

  #removeRow ({ number, generation }: FileRow): void {
    this.#forget(number * CHUNKS_PER_FILE, (number + 1) * CHUNKS_PER_FILE)
    this.#database.prepare('DELETE FROM files WHERE number = ?').run(number)
    this.#files.delete(number)
    this.#byGeneration.delete(generation)
  }

  #forget (from: number, below: number): void {
    for (const { language, passages, length } of this.words.remove(from, below)) this.#count(language, -passages, -length)
    this.vectors.remove(from, below)
  }

  #count (language: Language, passages: number, terms: number): void {
    const { totals } = this
    totals.passages += passages
    totals.terms += terms
    totals.languages[language] = (totals.languages[language] ?? 0) + passages
  }

  #keepTotals (): void {
    const { passages, terms, languages } = this.totals
    this.#database.prepare('UPDATE stores SET passages = ?, terms = ?, languages = ? WHERE number = ?').run(passages, terms, JSON.stringify(languages), this.#id)
  }
}
