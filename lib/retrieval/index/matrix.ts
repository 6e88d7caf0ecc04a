/** Vectors of one length, each with the number of its chunk, in one stretch of memory. All are made to have length 1, so that a product is a cosine. */
export class Matrix {
  readonly #dimensions: number
  #numbers: Float64Array
  #values: Float32Array
  #size = 0

  constructor (dimensions: number, capacity = 64) {
    this.#dimensions = dimensions
    this.#numbers = new Float64Array(capacity)
    this.#values = new Float32Array(capacity * dimensions)
  }

  get dimensions (): number {
    return this.#dimensions
  }

  get size (): number {
    return this.#size
  }

  get bytes (): number {
    return this.#values.byteLength + this.#numbers.byteLength
  }

  add (number: number, vector: Float32Array): void {
    if (this.#size === this.#numbers.length) this.#grow()
    this.#numbers[this.#size] = number
    this.#values.set(unit(vector), this.#size * this.#dimensions)
    this.#size++
  }

  /** The chunks nearest to the vector among those that pass, nearest first, each with its cosine. */
  nearest (vector: Float32Array, limit: number, passes: (number: number) => boolean): { number: number, cosine: number }[] {
    const cosines = this.#cosines(unit(vector))
    const best: { number: number, cosine: number }[] = []
    let least = -Infinity
    for (let i = 0; i < this.#size; i++) {
      const cosine = cosines[i]!
      if (cosine <= least && best.length >= limit) continue
      const number = this.#numbers[i]!
      if (!passes(number)) continue
      // A list so short is sorted faster by moving along it than by a heap.
      let place = best.length
      while (place > 0 && best[place - 1]!.cosine < cosine) place--
      best.splice(place, 0, { number, cosine })
      if (best.length > limit) best.pop()
      if (best.length === limit) least = best[limit - 1]!.cosine
    }
    return best
  }

  #cosines (query: Float32Array): Float32Array {
    const cosines = new Float32Array(this.#size)
    const dimensions = this.#dimensions
    const values = this.#values
    const unrolled = dimensions - dimensions % 4
    for (let i = 0; i < this.#size; i++) {
      const offset = i * dimensions
      let a = 0
      let b = 0
      let c = 0
      let d = 0
      for (let k = 0; k < unrolled; k += 4) {
        a += values[offset + k]! * query[k]!
        b += values[offset + k + 1]! * query[k + 1]!
        c += values[offset + k + 2]! * query[k + 2]!
        d += values[offset + k + 3]! * query[k + 3]!
      }
      for (let k = unrolled; k < dimensions; k++) a += values[offset + k]! * query[k]!
      cosines[i] = a + b + c + d
    }
    return cosines
  }

  #grow (): void {
    const capacity = this.#numbers.length * 2
    const numbers = new Float64Array(capacity)
    numbers.set(this.#numbers)
    const values = new Float32Array(capacity * this.#dimensions)
    values.set(this.#values)
    this.#numbers = numbers
    this.#values = values
  }
}

function unit (vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map(value => value / length)
}
