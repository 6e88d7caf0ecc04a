import { closest } from './closest.js'

/** Vectors asked for at first where not every one may be an answer: what a filter leaves out makes room for others. */
const FILTERED = 8192

/**
 * Vectors of one length, each with the number of its chunk, in one stretch of memory, a byte for each dimension: a quarter of the memory,
 * read in a quarter of the time. What is nearest by them is near enough to be looked at in full.
 */
export class Matrix {
  readonly #dimensions: number
  #numbers: Float64Array
  #values: Int8Array
  /** Of the rows, as vectors. */
  #lengths: Float32Array
  #size = 0

  constructor (dimensions: number, capacity = 64) {
    this.#dimensions = dimensions
    this.#numbers = new Float64Array(capacity)
    this.#values = new Int8Array(capacity * dimensions)
    this.#lengths = new Float32Array(capacity)
  }

  get dimensions (): number {
    return this.#dimensions
  }

  get size (): number {
    return this.#size
  }

  get bytes (): number {
    return this.#values.byteLength + this.#numbers.byteLength + this.#lengths.byteLength
  }

  add (number: number, vector: Float32Array): void {
    if (this.#size === this.#numbers.length) this.#grow()
    this.#numbers[this.#size] = number
    const bytes = bytesOf(vector)
    this.#values.set(bytes, this.#size * this.#dimensions)
    this.#lengths[this.#size] = lengthOf(bytes)
    this.#size++
  }

  /** Takes out the chunks from the first number to below the second. */
  remove (from: number, below: number): void {
    for (let i = this.#size - 1; i >= 0; i--) {
      if (this.#numbers[i]! < from || this.#numbers[i]! >= below) continue
      // The order of the rows means nothing: the last one takes the place.
      this.#size--
      this.#numbers[i] = this.#numbers[this.#size]!
      this.#lengths[i] = this.#lengths[this.#size]!
      this.#values.copyWithin(i * this.#dimensions, this.#size * this.#dimensions, (this.#size + 1) * this.#dimensions)
    }
  }

  /** The numbers of the chunks nearest to the vector, nearest first; of those that pass, when only some do. */
  nearest (vector: Float32Array, limit: number, passes?: (number: number) => boolean): number[] {
    const query = bytesOf(vector)
    const values = this.#values.subarray(0, this.#size * this.#dimensions)
    for (let count = passes === undefined ? limit : Math.max(limit, FILTERED); ; count = this.#size) {
      const found: number[] = []
      for (const row of closest(values, this.#lengths, query, Math.min(count, this.#size))) {
        if (found.length === limit) break
        const number = this.#numbers[row]!
        if (passes === undefined || passes(number)) found.push(number)
      }
      if (found.length === limit || count >= this.#size) return found
    }
  }

  #grow (): void {
    const capacity = this.#numbers.length * 2
    const numbers = new Float64Array(capacity)
    numbers.set(this.#numbers)
    const values = new Int8Array(capacity * this.#dimensions)
    values.set(this.#values)
    const lengths = new Float32Array(capacity)
    lengths.set(this.#lengths)
    this.#numbers = numbers
    this.#values = values
    this.#lengths = lengths
  }
}

/** Each vector has a scale of its own, which its direction does not depend on. */
function bytesOf (vector: Float32Array): Int8Array {
  let largest = 0
  for (const value of vector) largest = Math.max(largest, Math.abs(value))
  return largest === 0 ? new Int8Array(vector.length) : Int8Array.from(vector, value => Math.round(value / largest * 127))
}

function lengthOf (bytes: Int8Array): number {
  let square = 0
  for (const byte of bytes) square += byte * byte
  return Math.sqrt(square)
}
