/** How fast a place loses weight with its distance from the top. The constant of the paper that introduced the method (Cormack, Clarke, Büttcher 2009). */
const K = 60

/**
 * Reciprocal rank fusion of several rankings: what stands high in many of them comes first. The score is 1 for what is first in
 * every one.
 */
export function fuse (rankings: readonly (readonly number[])[]): { number: number, score: number }[] {
  const scores = new Map<number, number>()
  const best = rankings.length / (K + 1)
  for (const ranking of rankings) {
    ranking.forEach((number, i) => scores.set(number, (scores.get(number) ?? 0) + 1 / (K + 1 + i)))
  }
  return [...scores].map(([number, score]) => ({ number, score: score / best })).sort((a, b) => b.score - a.score)
}
