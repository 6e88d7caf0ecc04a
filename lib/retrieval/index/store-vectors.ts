import type { Database, Statement } from 'libsql'
import { Matrix } from './matrix.js'

/** The vectors of the passages of one store: all in a table, those of one model in memory too, once a search has asked for them. */
export class StoreVectors {
  readonly #id: number
  readonly #database: Database
  readonly #put: Statement
  readonly #get: Statement
  readonly #getAll: Statement
  #matrix: { model: string, vectors: Matrix } | undefined

  constructor (database: Database, id: number) {
    this.#database = database
    this.#id = id
    database.exec(`CREATE TABLE IF NOT EXISTS vectors_${id} (chunk INTEGER PRIMARY KEY, vector BLOB NOT NULL)`)
    this.#put = database.prepare(`INSERT INTO vectors_${id} (chunk, vector) VALUES (?, ?)`)
    this.#get = database.prepare(`SELECT vector FROM vectors_${id} WHERE chunk = ?`).raw()
    this.#getAll = database.prepare(`SELECT chunk, vector FROM vectors_${id} WHERE chunk IN (SELECT value FROM json_each(?))`).raw()
  }

  static drop (database: Database, id: number): void {
    database.exec(`DROP TABLE IF EXISTS vectors_${id}`)
  }

  /** In memory. */
  get bytes (): number {
    return this.#matrix?.vectors.bytes ?? 0
  }

  /** Frees what can be loaded again. */
  unload (): void {
    this.#matrix = undefined
  }

  put (number: number, model: string | null, vector: Float32Array): void {
    this.#put.run(number, Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))
    if (this.#matrix?.model === model && this.#matrix.vectors.dimensions === vector.length) this.#matrix.vectors.add(number, vector)
  }

  /** Takes out those from the first number to below the second. */
  remove (from: number, below: number): void {
    const { changes } = this.#database.prepare(`DELETE FROM vectors_${this.#id} WHERE chunk >= ? AND chunk < ?`).run(from, below)
    if (changes > 0) this.#matrix?.vectors.remove(from, below)
  }

  /** The cosine between a passage's vector and another one. Undefined without a vector of that length. */
  cosine (number: number, vector: Float32Array): number | undefined {
    const row = this.#get.get(number) as [Buffer] | undefined
    return row === undefined || row[0].length !== vector.byteLength ? undefined : cosine(vector, floatsOf(row[0]))
  }

  /** The cosines of those of several passages that have one, as of one. */
  cosines (numbers: readonly number[], vector: Float32Array): Map<number, number> {
    const rows = this.#getAll.all(JSON.stringify(numbers)) as [number, Buffer][]
    return new Map(rows.filter(([, blob]) => blob.length === vector.byteLength).map(([number, blob]) => [number, cosine(vector, floatsOf(blob))]))
  }

  /** The numbers of the passages nearest to a vector, nearest first. */
  nearest (vector: Float32Array, limit: number, { model, isOfModel, passes }: { model: string, isOfModel: (number: number) => boolean, passes?: (number: number) => boolean }): number[] {
    return this.#vectors(model, vector.length, isOfModel).nearest(vector, limit, passes)
  }

  #vectors (model: string, dimensions: number, isOfModel: (number: number) => boolean): Matrix {
    if (this.#matrix?.model === model && this.#matrix.vectors.dimensions === dimensions) return this.#matrix.vectors
    const [count] = this.#database.prepare(`SELECT count(*) FROM vectors_${this.#id}`).raw().get() as [number]
    const vectors = new Matrix(dimensions, Math.max(64, count))
    const rows = this.#database.prepare(`SELECT chunk, vector FROM vectors_${this.#id}`).raw()
    for (const [chunk, blob] of rows.iterate() as Iterable<[number, Buffer]>) {
      if (isOfModel(chunk) && blob.length === dimensions * 4) vectors.add(chunk, floatsOf(blob))
    }
    this.#matrix = { model, vectors }
    return vectors
  }
}

/** As they were stored. The bytes may stand anywhere, and floats only at multiples of four. */
function floatsOf ({ buffer, byteOffset, length }: Buffer): Float32Array {
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length))
}

export function cosine (one: Float32Array, other: Float32Array): number {
  let [product, square, otherSquare] = [0, 0, 0]
  for (let i = 0; i < one.length; i++) {
    product += one[i]! * other[i]!
    square += one[i]! ** 2
    otherSquare += other[i]! ** 2
  }
  return product === 0 ? 0 : product / Math.sqrt(square * otherSquare)
}
