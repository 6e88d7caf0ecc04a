/** Bytes of a term: its hash, and how often it occurs, up to 255 times. */
const HASH_BYTES = 4
const TERM_BYTES = HASH_BYTES + 1

/** FNV-1a, in 32 bits: two terms of a query and a passage rarely share one, and then a score is a little off. */
export function hashOf (term: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < term.length; i++) hash = Math.imul(hash ^ term.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The terms of a passage and their frequencies in few bytes: all hashes in ascending order, then all frequencies. */
export function signatureOf (terms: readonly string[]): Buffer {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  const hashed = [...counts].map(([term, count]) => [hashOf(term), count] as const).sort(([a], [b]) => a - b)
  const signature = Buffer.alloc(hashed.length * TERM_BYTES)
  for (const [i, [hash, count]] of hashed.entries()) {
    signature.writeUInt32LE(hash, i * HASH_BYTES)
    signature[hashed.length * HASH_BYTES + i] = Math.min(255, count)
  }
  return signature
}

/** How often the term with this hash occurs. */
export function frequencyIn (signature: Buffer, hash: number): number {
  const terms = signature.length / TERM_BYTES
  let low = 0
  let high = terms - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const found = signature.readUInt32LE(middle * HASH_BYTES)
    if (found === hash) return signature[terms * HASH_BYTES + middle]!
    if (found < hash) low = middle + 1
    else high = middle - 1
  }
  return 0
}
