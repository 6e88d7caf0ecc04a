import { test } from 'tap'
import { byLoop, closest } from '../../lib/retrieval/index/closest.js'
import { Matrix } from '../../lib/retrieval/index/matrix.js'
import { products } from '../../lib/retrieval/index/products.js'

/** Numbers that are the same every time. */
function randomness (seed: number): () => number {
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31 - 0.5
  }
}

const DIMENSIONS = 37
const random = randomness(1)
const vector = (): Float32Array => Float32Array.from({ length: DIMENSIONS }, random)

function matrixOf (count: number): { matrix: Matrix, vectors: Float32Array[] } {
  const vectors = Array.from({ length: count }, vector)
  const matrix = new Matrix(DIMENSIONS)
  vectors.forEach((each, number) => matrix.add(number, each))
  return { matrix, vectors }
}

function cosine (one: Float32Array, other: Float32Array): number {
  const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other))
}

test('the nearest of many are those with the greatest cosines, but for what a byte cannot tell apart', async t => {
  const { matrix, vectors } = matrixOf(3000)
  const query = vector()
  const cosines = vectors.map(each => cosine(each, query))
  const least = [...cosines].sort((a, b) => b - a)[19]!
  const found = matrix.nearest(query, 20)
  t.equal(found.length, 20)
  for (const [i, number] of found.entries()) {
    t.ok(cosines[number]! > least - 0.01)
    t.ok(i === 0 || cosines[number]! < cosines[found[i - 1]!]! + 0.01)
  }
})

test('a filter is asked until there are enough, however few pass it', async t => {
  const { matrix } = matrixOf(10_000)
  const query = vector()
  const all = [0, 997, 1994, 2991, 3988, 4985, 5982, 6979, 7976, 8973, 9970]
  t.strictSame(matrix.nearest(query, 100, number => number % 997 === 0).sort((a, b) => a - b), all)
  t.strictSame(matrix.nearest(query, 3, number => number % 997 === 0).length, 3)
  t.strictSame(matrix.nearest(query, 3, () => false), [])
})

test('what was taken out is not found, and the rest is', async t => {
  const { matrix, vectors } = matrixOf(100)
  matrix.remove(10, 95)
  t.equal(matrix.size, 15)
  for (const number of [0, 9, 95, 99]) t.equal(matrix.nearest(vectors[number]!, 1)[0], number)
  t.strictSame(matrix.nearest(vectors[50]!, 100).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 95, 96, 97, 98, 99])
  matrix.remove(0, 100)
  t.strictSame(matrix.nearest(vectors[0]!, 10), [])
})

test('a vector of nothing but zeros is close to none', async t => {
  const matrix = new Matrix(2)
  matrix.add(1, new Float32Array([0, 0]))
  matrix.add(2, new Float32Array([3, 4]))
  t.equal(matrix.nearest(new Float32Array([0, 0]), 2).length, 2)
  t.strictSame(matrix.nearest(new Float32Array([30, 40]), 2), [2, 1])
})

test('vector instructions find the products that a loop finds, of rows of any length, and of more than are multiplied at a time', t => {
  const bytes = (length: number): Int8Array => Int8Array.from({ length }, () => random() * 255)
  for (const [dimensions, rows] of [[1, 3], [15, 40], [16, 40], [17, 40], [1536, 1000], [65_537, 3], [600_000, 2]] as const) {
    const values = bytes(rows * dimensions)
    const query = bytes(dimensions)
    t.strictSame(products(values, query), byLoop(values, query), `${rows} rows of ${dimensions}`)
  }
  const greatest = new Int8Array(3072).fill(-128)
  t.strictSame(products(greatest, greatest), new Int32Array([3072 * 128 ** 2]))
  t.strictSame(products(new Int8Array(), greatest), new Int32Array())
  t.end()
})

test('the closest rows are the first of all that are sorted, however they are multiplied', t => {
  const count = 2000
  const values = Int8Array.from({ length: count * DIMENSIONS }, () => random() * 12)
  const query = Int8Array.from({ length: DIMENSIONS }, () => random() * 254)
  values.fill(0, 0, DIMENSIONS)
  const lengths = Float32Array.from({ length: count }, (_, row) => Math.sqrt(values.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS).reduce((sum, byte) => sum + byte * byte, 0)))
  const cosines = Float32Array.from(byLoop(values, query), (product, row) => row === 0 ? 0 : product / lengths[row]!)
  const sorted = Array.from({ length: count }, (_, row) => row).sort((one, other) => cosines[other]! - cosines[one]! || one - other)
  for (const wanted of [0, 1, 2, 50, count]) {
    t.strictSame([...closest(values, lengths, query, wanted)], sorted.slice(0, wanted))
    t.strictSame([...closest(values, lengths, query, wanted, byLoop)], sorted.slice(0, wanted))
  }
  t.end()
})
