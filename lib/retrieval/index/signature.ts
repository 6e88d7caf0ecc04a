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
  const hashes = new Uint32Array(terms.length)
  for (let i = 0; i < terms.length; i++) hashes[i] = hashOf(terms[i]!)
  hashes.sort()
  let distinct = 0
  for (let i = 0; i < hashes.length; i++) if (hashes[i] !== hashes[i - 1]) distinct++
  const signature = Buffer.alloc(distinct * TERM_BYTES)
  for (let i = 0, term = 0; i < hashes.length; term++) {
    const from = i
    while (i < hashes.length && hashes[i] === hashes[from]) i++
    signature.writeUInt32LE(hashes[from]!, term * HASH_BYTES)
    signature[distinct * HASH_BYTES + term] = Math.min(255, i - from)
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
