import type { WeightedTerm } from './relevance.js'

/** The terms of the passages of one vector store. */
export interface Vocabulary {
  /** In how many passages a term occurs. */
  frequency (term: string): number
  /** Terms that begin so, in their alphabetical order. */
  beginningWith (start: string, limit: number): readonly [term: string, frequency: number][]
  /** The shortest terms that have these letters, in their middle or at their end. */
  containing (part: string, limit: number): readonly string[]
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

/** Of a word and one that has another ending: the part of their letters that they begin with alike, and the letters that the ending may have more. */
const ALIKE = 0.7
const LONGER = 3

/**
 * Terms that stand for a word which no passage has: words that begin with it, contain it, or are its beginning or end. So `Dampfschiff`
 * finds `Dampf`, `Schiff` and `Dampfschifffahrt`.
 *
 * @param passages how many there are
 * @param isInflected whether endings are still on words, so that words which only begin alike are the same
 */
export function relatives (vocabulary: Vocabulary, term: string, passages: number, isInflected: boolean): WeightedTerm[] {
  const inflected = isInflected ? otherEndings(vocabulary, term) : []
  if (term.length < SHORTEST_PART) return inflected
  const longer = vocabulary.beginningWith(term, MAX_RELATIVES).map(([found]) => found)
  if (passages <= MAX_LOOKED_THROUGH) longer.push(...vocabulary.containing(term, MAX_RELATIVES))
  const parts: string[] = []
  for (let length = SHORTEST_PART; length < term.length; length++) {
    parts.push(...[term.slice(0, length), term.slice(-length)].filter(part => vocabulary.frequency(part) > 0))
  }
  return [...inflected, ...longer.map(found => ({ term: found, weight: 0.6 })), ...parts.map(part => ({ term: part, weight: 0.5 * part.length / term.length }))]
}

function otherEndings (vocabulary: Vocabulary, term: string): WeightedTerm[] {
  const letters = [...term].length
  if (letters < 3) return []
  const start = [...term].slice(0, Math.max(3, Math.ceil(ALIKE * letters))).join('')
  const found = vocabulary.beginningWith(start, MAX_BEGINNING)
    .map(([found]) => ({ term: found, alike: alike(found, term) / Math.max(letters, [...found].length) }))
    .filter(({ term, alike }) => alike >= 0.5 && [...term].length <= letters + LONGER)
    .sort((a, b) => b.alike - a.alike).slice(0, MAX_RELATIVES)
    .map(({ term, alike }) => ({ term, weight: Math.min(1, 0.3 + alike) }))
  const changed = otherStems(term).flatMap(stem => vocabulary.beginningWith(stem, MAX_RELATIVES).filter(([found]) => found.length <= stem.length + LONGEST_ENDING))
  return [...found, ...changed.map(([term]) => ({ term, weight: 0.8 }))]
}

const LONGEST_ENDING = 2
/** Letters of a stem in which a sound may change. */
const SHORTEST_STEM = 4
/** What consonants become before some endings of Slavic languages, and what they were; without their diacritics. */
const CHANGES: Readonly<Record<string, readonly string[]>> = { h: ['z'], z: ['h', 'g'], g: ['z', 'dz'], k: ['c'], c: ['k'] }

/** Stems that differ in a sound which the ending changes: `Praha` and `Praze`, `rynek` and `rynku`. */
function otherStems (term: string): string[] {
  if (!/^[a-z]+$/.test(term)) return []
  const stem = term.replace(/[aeiouy]{1,2}$/, '')
  if (stem.length < SHORTEST_STEM) return []
  const last = stem.at(-1)!
  const changed = (CHANGES[last] ?? []).map(other => stem.slice(0, -1) + other)
  if (stem === term) return [...changed, ...stem.length > SHORTEST_STEM && /[^aeiouy]e[^aeiouy]$/.test(stem) ? [stem.slice(0, -2) + last] : []]
  return [...changed, .../[^aeiouy]{2}$/.test(stem) ? [`${stem.slice(0, -1)}e${last}`] : []]
}

function alike (a: string, b: string): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
