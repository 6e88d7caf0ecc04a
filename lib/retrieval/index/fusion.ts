/** How fast a place loses weight with its distance from the top. The constant of the paper that introduced the method (Cormack, Clarke, Büttcher 2009). */
const K = 60

/**
 * Reciprocal rank fusion of several rankings: what stands high in many of them comes first. Of things with one key, that of the first
 * ranking is kept.
 */
export function fuse<T> (rankings: readonly (readonly T[])[], keyOf: (thing: T) => string): T[] {
  const fused = new Map<string, { thing: T, weight: number }>()
  for (const ranking of rankings) {
    for (const [i, thing] of ranking.entries()) {
      const key = keyOf(thing)
      const before = fused.get(key)
      fused.set(key, { thing: before?.thing ?? thing, weight: (before?.weight ?? 0) + 1 / (K + 1 + i) })
    }
  }
  return [...fused.values()].sort((a, b) => b.weight - a.weight).map(({ thing }) => thing)
}
