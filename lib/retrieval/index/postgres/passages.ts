import { hashOf, signatureOf } from '../signature.js'

/** The hash by which a term of a store is looked up: that of another store is another one. */
export const storeHash = (store: number, term: string): number => hashOf(`${store} ${term}`)

/** What stands for an unsigned number in PostgreSQL's `integer`. */
export const signed = (hash: number): number => hash | 0

/** The columns of a passage's terms, as PostgreSQL's input takes them. */
export function columnsOf (store: number, terms: readonly string[]): { terms: string, counts: string } {
  const signature = signatureOf(terms.map(term => `${store} ${term}`))
  const size = signature.length / 5
  const hashes = Array.from({ length: size }, (_, i) => signature.readInt32LE(i * 4))
  return { terms: `{${hashes.join(',')}}`, counts: `\\x${signature.toString('hex', size * 4)}` }
}

/** A header of five numbers, then each element after its length (`array_send`). */
const HEADER = 20
const ELEMENT = 8

/** The signature again, from `array_send(terms)` and `counts`. */
export function signatureFrom (sent: Buffer, counts: Buffer): Buffer {
  const signature = Buffer.alloc(counts.length * 5)
  for (let i = 0; i < counts.length; i++) signature.writeInt32LE(sent.readInt32BE(HEADER + i * ELEMENT + 4), i * 4)
  counts.copy(signature, counts.length * 4)
  return signature
}

/** A vector of length one in pgvector's form. Its direction is all that cosines need, and a half has no room for great numbers. Undefined for one without a direction. */
export function vectorText (vector: Float32Array): string | undefined {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (!(length > 0 && Number.isFinite(length))) return undefined
  return `[${Array.from(vector, value => (value / length).toPrecision(6)).join(',')}]`
}
