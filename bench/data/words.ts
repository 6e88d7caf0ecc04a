/** Different words in the texts of the benchmarks. */
export const VOCABULARY = 50_000

/** Frequencies as in natural language (Zipf): few words are everywhere, most are rare. */
const CUMULATED = (() => {
  let sum = 0
  return Float64Array.from({ length: VOCABULARY }, (_, i) => { sum += 1 / (i + 2.7); return sum })
})()

/** Numbers from 0 to 1, the same every time (mulberry32). */
export function seeded (seed: number): () => number {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The number of a word, below `VOCABULARY`: the smaller, the more frequent. */
export function wordOf (random: () => number): number {
  const target = random() * CUMULATED[VOCABULARY - 1]!
  let low = 0
  let high = VOCABULARY - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (CUMULATED[middle]! < target) low = middle + 1
    else high = middle
  }
  return low
}
