import type { WeightedTerm } from './relevance.js'

/** The terms of the passages of one vector store. */
export interface Vocabulary {
  /** In how many passages a term occurs. */
  frequency (term: string): number
  /** Terms that begin so, in their alphabetical order. */
  beginningWith (start: string, limit: number): readonly [term: string, frequency: number][]
  endingIn (end: string, limit: number): readonly string[]
}

/** Terms that begin with the one character of a query, of which the commonest are searched for. */
const MAX_BEGINNING = 4_096
const MAX_COMMONEST = 64
/** Words that begin with a word of the query, or end in it, which no passage has. */
const MAX_RELATIVES = 16
/** Letters of a part that stands for the whole. Shorter ones are in too many words. */
const SHORTEST_PART = 4
/** Among more passages than this, words are not looked through for those that end alike. */
const MAX_LOOKED_THROUGH = 2_000

/** The commonest terms that begin so. */
export function commonestBeginning (vocabulary: Vocabulary, start: string): string[] {
  return [...vocabulary.beginningWith(start, MAX_BEGINNING)].sort(([, a], [, b]) => b - a).slice(0, MAX_COMMONEST).map(([term]) => term)
}

/**
 * Terms that stand for a word which no passage has: words that begin with it, end in it, or are its beginning or end. So `Dampfschiff`
 * finds `Dampf`, `Schiff` and `Dampfschifffahrt`.
 *
 * @param passages how many there are
 */
export function relatives (vocabulary: Vocabulary, term: string, passages: number): WeightedTerm[] {
  if (term.length < SHORTEST_PART) return []
  const longer = vocabulary.beginningWith(term, MAX_RELATIVES).map(([found]) => found)
  if (passages <= MAX_LOOKED_THROUGH) longer.push(...vocabulary.endingIn(term, MAX_RELATIVES))
  const parts: string[] = []
  for (let length = SHORTEST_PART; length < term.length; length++) {
    parts.push(...[term.slice(0, length), term.slice(-length)].filter(part => vocabulary.frequency(part) > 0))
  }
  return [...longer.map(found => ({ term: found, weight: 0.6 })), ...parts.map(part => ({ term: part, weight: 0.5 * part.length / term.length }))]
}
