import { products } from './products.js'

/** Scalar products of a vector with rows of bytes. */
export type Products = (values: Int8Array, vector: Int8Array) => Int32Array

/**
 * The rows of a matrix with the greatest cosines to a vector, greatest first; of equal ones the first first.
 *
 * @param values rows, one after the other
 * @param lengths of the rows, as vectors
 * @param count at most as many as there are rows
 */
export function closest (values: Int8Array, lengths: Float32Array, vector: Int8Array, count: number, multiply: Products = ofRows): Uint32Array {
  const found = multiply(values, vector)
  const cosines = new Float32Array(found.length)
  // A product with nothing but zeros is none.
  for (let row = 0; row < found.length; row++) cosines[row] = found[row]! / (lengths[row]! || 1)
  return greatest(cosines, count)
}

/** The places of the greatest values, greatest first. They are kept in a heap whose root is the least of them: few of many get past it. */
function greatest (values: Float32Array, count: number): Uint32Array {
  const isLess = (one: number, other: number): boolean => values[one]! < values[other]! || (values[one] === values[other] && one > other)
  const heap = Uint32Array.from({ length: count }, (_, place) => place)
  const sink = (place: number, from: number): void => {
    let at = from
    for (let next = 2 * at + 1; next < count; next = 2 * at + 1) {
      if (next + 1 < count && isLess(heap[next + 1]!, heap[next]!)) next++
      if (!isLess(heap[next]!, place)) break
      heap[at] = heap[next]!
      at = next
    }
    heap[at] = place
  }
  for (let from = (count >> 1) - 1; from >= 0; from--) sink(heap[from]!, from)
  if (count > 0) for (let place = count; place < values.length; place++) if (values[place]! > values[heap[0]!]!) sink(place, 0)
  return heap.sort((one, other) => values[other]! - values[one]! || one - other)
}

let fastest: Products | undefined

/** By vector instructions, where this system has them for WebAssembly. */
function ofRows (values: Int8Array, vector: Int8Array): Int32Array {
  if (fastest === undefined) {
    try {
      products(new Int8Array(1), new Int8Array(1))
      fastest = products
    } catch {
      fastest = byLoop
    }
  }
  return fastest(values, vector)
}

/** The same everywhere, in many times as long. */
export function byLoop (values: Int8Array, vector: Int8Array): Int32Array {
  const dimensions = vector.length
  const found = new Int32Array(values.length / dimensions)
  for (let row = 0; row < found.length; row++) {
    const offset = row * dimensions
    let product = 0
    for (let k = 0; k < dimensions; k++) product += values[offset + k]! * vector[k]!
    found[row] = product
  }
  return found
}
