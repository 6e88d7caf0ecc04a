import { createRequire } from 'node:module'

type Usearch = typeof import('usearch')

/**
 * The rows of a matrix with the greatest cosines to a vector, greatest first, by the library that does it with the processor's vector
 * instructions where that is installed.
 *
 * @param values rows, one after the other
 * @param count at most as many as there are rows
 */
export function closest (values: Int8Array, query: Int8Array, count: number): Iterable<bigint | number> {
  library ??= load()
  if (library === 'none') return byLoop(values, query, count)
  // One thread: the others are for requests.
  return count === 0 ? [] : library.exactSearch(values, query, query.length, count, library.MetricKind.Cos, 1).keys
}

/** Loaded when it is needed first, and without `await`: a module that imports this one can be loaded by `require()`. */
let library: Usearch | 'none' | undefined

/** Without a build for this system the package is not installed, and what it does takes many times as long. */
function load (): Usearch | 'none' {
  try {
    return createRequire(import.meta.url)('usearch') as Usearch
  } catch {
    return 'none'
  }
}

/** The same without the library. */
export function byLoop (values: Int8Array, query: Int8Array, count: number): Iterable<number> {
  const dimensions = query.length
  const cosines = new Float32Array(values.length / dimensions)
  for (let i = 0; i < cosines.length; i++) {
    const offset = i * dimensions
    let product = 0
    let square = 0
    for (let k = 0; k < dimensions; k++) {
      const value = values[offset + k]!
      product += value * query[k]!
      square += value * value
    }
    cosines[i] = square === 0 ? 0 : product / Math.sqrt(square)
  }
  return Uint32Array.from(cosines, (_, i) => i).sort((one, other) => cosines[other]! - cosines[one]!).subarray(0, count)
}
