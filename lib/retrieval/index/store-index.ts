import type { Database, Statement } from 'libsql'
import { matchesFilter, type Attributes } from '../filters.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexQuery } from './contract.js'
import { Counts } from './counts.js'
import { fuse } from './fusion.js'
import { Matrix } from './matrix.js'
import { spaced, TOKENIZER, type QueryWords } from './words.js'

/** A chunk's row is its file's number and its own in one, so that the rows of a file stand together. */
const CHUNKS_PER_FILE = 2 ** 20
/** How many chunks each of the two searches proposes. */
const CANDIDATES = 200
/**
 * Chunks that are scored by words for one query. Frequent words, which say little, are left out when rarer ones have as many already:
 * without that bound a search takes as long as its commonest word is common.
 */
const MAX_SCORED = 6_000
/** Of BM25, as SQLite has it. */
const K1 = 1.2

interface FileRow extends IndexedFile {
  number: number
  ready: boolean
}

/** The index of one vector store: the words of its chunks in a full-text table, their vectors in another and in memory. */
export class StoreIndex {
  readonly #id: number
  readonly #database: Database
  readonly #queryWords: QueryWords
  readonly #files = new Map<number, FileRow>()
  readonly #byGeneration = new Map<string, FileRow>()
  /** Loaded by the first search that needs it. */
  #matrix: { model: string, vectors: Matrix } | undefined
  readonly #documents: Statement
  readonly #counts = new Counts()

  constructor (database: Database, id: number, queryWords: QueryWords) {
    this.#database = database
    this.#id = id
    this.#queryWords = queryWords
    database.exec(`
      CREATE VIRTUAL TABLE IF NOT EXISTS words_${id} USING fts5(text, content = '', contentless_delete = 1, tokenize = '${TOKENIZER}');
      CREATE VIRTUAL TABLE IF NOT EXISTS terms_${id} USING fts5vocab(words_${id}, row);
      CREATE TABLE IF NOT EXISTS vectors_${id} (chunk INTEGER PRIMARY KEY, vector BLOB NOT NULL);
    `)
    this.#documents = database.prepare(`SELECT doc FROM terms_${id} WHERE term = ?`).raw()
    const rows = database.prepare('SELECT number, file_id, generation, attributes, model, ready FROM files WHERE store = ?').raw().all(id)
    for (const [number, fileId, generation, attributes, model, ready] of rows as [number, string, string, string, string | null, number][]) {
      this.#remember({ number, fileId, generation, attributes: JSON.parse(attributes) as Attributes, model, ready: ready === 1 })
    }
  }

  get vectorBytes (): number {
    return this.#matrix?.vectors.bytes ?? 0
  }

  /** Frees what can be loaded again. */
  unload (): void {
    this.#matrix = undefined
  }

  has (generation: string): boolean {
    return this.#byGeneration.get(generation)?.ready === true
  }

  addChunks (file: IndexedFile, chunks: readonly IndexedChunk[]): void {
    const { number } = this.#byGeneration.get(file.generation) ?? this.#insertFile(file)
    const forget = this.#database.prepare(`DELETE FROM words_${this.#id} WHERE rowid = ?`)
    const putWords = this.#database.prepare(`INSERT INTO words_${this.#id} (rowid, text) VALUES (?, ?)`)
    const hasVector = this.#database.prepare(`SELECT 1 FROM vectors_${this.#id} WHERE chunk = ?`).raw()
    const putVector = this.#database.prepare(`INSERT OR REPLACE INTO vectors_${this.#id} (chunk, vector) VALUES (?, ?)`)
    this.#counts.changed(chunks.length)
    for (const chunk of chunks) {
      const row = number * CHUNKS_PER_FILE + chunk.number
      forget.run(row)
      putWords.run(row, spaced(chunk.text))
      if (chunk.vector === undefined) continue
      if (this.#matrix !== undefined && hasVector.get(row) !== undefined) this.#matrix.vectors.remove(row, row + 1)
      putVector.run(row, Buffer.from(chunk.vector.buffer, chunk.vector.byteOffset, chunk.vector.byteLength))
      if (this.#matrix?.model === file.model && this.#matrix.vectors.dimensions === chunk.vector.length) this.#matrix.vectors.add(row, chunk.vector)
    }
  }

  addFile (file: IndexedFile): void {
    const row = this.#byGeneration.get(file.generation) ?? this.#insertFile(file)
    for (const other of this.#ofFile(file.fileId)) if (other !== row) this.#removeRow(other)
    Object.assign(row, { attributes: file.attributes, ready: true })
    this.#database.prepare('UPDATE files SET attributes = ?, ready = 1 WHERE number = ?').run(JSON.stringify(file.attributes), row.number)
  }

  removeFile (fileId: string): void {
    for (const row of this.#ofFile(fileId)) this.#removeRow(row)
  }

  search ({ text, near, filter, limit }: IndexQuery): IndexHit[] {
    const passing = new Set<number>()
    for (const { number, ready, attributes } of this.#files.values()) {
      if (ready && (filter === undefined || matchesFilter(filter, attributes))) passing.add(number)
    }
    if (passing.size === 0) return []
    const isRestricted = passing.size < this.#files.size
    const candidates = Math.max(CANDIDATES, limit)
    const byWords = this.#byWords(text, candidates, isRestricted ? passing : undefined)
    const byVector = near === undefined ? undefined : this.#byVector(near, candidates, isRestricted ? passing : undefined)
    const found = byVector === undefined
      ? byWords
      : byWords.length === 0
        ? byVector
        : byVector.length === 0 ? byWords : fuse([byWords.map(({ number }) => number), byVector.map(({ number }) => number)])
    return found.slice(0, limit).flatMap(({ number, score }) => {
      const file = this.#files.get(Math.floor(number / CHUNKS_PER_FILE))
      return file === undefined ? [] : [{ fileId: file.fileId, generation: file.generation, number: number % CHUNKS_PER_FILE, score }]
    })
  }

  /** BM25. The score is the part of what a chunk could get at the most, with every word of the query that the store knows in it countless times. */
  #byWords (text: string, limit: number, passing: Set<number> | undefined): Scored[] {
    // No word is empty.
    const total = this.#counts.of('', () => (this.#database.prepare(`SELECT count(*) FROM words_${this.#id}_docsize`).raw().get() as [number])[0])
    const words = this.#queryWords.of(text)
      .map(({ word, term }) => ({ word, documents: this.#counts.of(term, () => (this.#documents.get(term) as [number] | undefined)?.[0] ?? 0) }))
      .sort((a, b) => a.documents - b.documents)
    let scored = 0
    const chosen = words.filter(({ documents }, i) => {
      if (documents === 0) return false
      scored += documents
      return scored <= MAX_SCORED || i === words.findIndex(word => word.documents > 0)
    })
    if (chosen.length === 0) return []
    const restriction = passing === undefined ? '' : `AND rowid / ${CHUNKS_PER_FILE} IN (SELECT value FROM json_each(?))`
    const rows = this.#database.prepare(`SELECT rowid, rank FROM words_${this.#id} WHERE words_${this.#id} MATCH ? ${restriction} ORDER BY rank LIMIT ?`).raw()
      .all(chosen.map(({ word }) => `"${word}"`).join(' OR '), ...passing === undefined ? [] : [JSON.stringify([...passing])], limit) as [number, number][]
    const idf = (documents: number): number => Math.max(1e-6, Math.log((total - documents + 0.5) / (documents + 0.5)))
    const most = words.reduce((sum, { documents }) => documents === 0 ? sum : sum + idf(documents) * (K1 + 1), 0)
    return rows.map(([number, rank]) => ({ number, score: Math.min(1, Math.max(0, -rank / most)) }))
  }

  #byVector ({ model, vector }: NonNullable<IndexQuery['near']>, limit: number, passing: Set<number> | undefined): Scored[] {
    const passes = passing === undefined ? undefined : (number: number) => passing.has(Math.floor(number / CHUNKS_PER_FILE))
    const kept = this.#database.prepare(`SELECT vector FROM vectors_${this.#id} WHERE chunk = ?`).raw()
    return this.#vectors(model, vector.length).nearest(vector, limit, passes)
      .map(number => ({ number, score: Math.min(1, cosine(vector, floatsOf((kept.get(number) as [Buffer])[0]))) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
  }

  #vectors (model: string, dimensions: number): Matrix {
    if (this.#matrix?.model === model && this.#matrix.vectors.dimensions === dimensions) return this.#matrix.vectors
    const [count] = this.#database.prepare(`SELECT count(*) FROM vectors_${this.#id}`).raw().get() as [number]
    const vectors = new Matrix(dimensions, Math.max(64, count))
    const rows = this.#database.prepare(`SELECT chunk, vector FROM vectors_${this.#id}`).raw()
    for (const [chunk, blob] of rows.iterate() as Iterable<[number, Buffer]>) {
      if (this.#files.get(Math.floor(chunk / CHUNKS_PER_FILE))?.model !== model || blob.length !== dimensions * 4) continue
      vectors.add(chunk, floatsOf(blob))
    }
    this.#matrix = { model, vectors }
    return vectors
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
    const rows = [number * CHUNKS_PER_FILE, (number + 1) * CHUNKS_PER_FILE] as const
    const { changes } = this.#database.prepare(`DELETE FROM words_${this.#id} WHERE rowid >= ? AND rowid < ?`).run(...rows)
    this.#counts.changed(changes)
    this.#database.prepare(`DELETE FROM vectors_${this.#id} WHERE chunk >= ? AND chunk < ?`).run(...rows)
    this.#database.prepare('DELETE FROM files WHERE number = ?').run(number)
    this.#files.delete(number)
    this.#byGeneration.delete(generation)
    this.#matrix?.vectors.remove(...rows)
  }
}

interface Scored {
  number: number
  score: number
}

/** As they were stored. The bytes may stand anywhere, and floats only at multiples of four. */
function floatsOf ({ buffer, byteOffset, length }: Buffer): Float32Array {
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length))
}

function cosine (one: Float32Array, other: Float32Array): number {
  let [product, square, otherSquare] = [0, 0, 0]
  for (let i = 0; i < one.length; i++) {
    product += one[i]! * other[i]!
    square += one[i]! ** 2
    otherSquare += other[i]! ** 2
  }
  return product === 0 ? 0 : product / Math.sqrt(square * otherSquare)
}
