import { concepts, type Concept } from '../analysis/query.js'
import type { Language } from '../analysis/function-words.js'
import { hasStemmer } from '../analysis/stemmers.js'
import { weighted, type Totals, type WeightedTerm } from './relevance.js'
import { commonestBeginning, relatives, type Vocabulary } from './vocabulary.js'

/** Concepts of a query that count: the rarest. */
const MAX_CONCEPTS = 64
/** Words of a query that no passage has, for which parts of them are looked up. */
const MAX_MISSING = 8
/** Languages that a query is read in. */
const MAX_LANGUAGES = 8
/** Terms of one query that passages are looked up by. */
const MAX_TERMS = 128
/**
 * Passages that are looked at by words for one query. Frequent words, which say little, are left out when rarer ones have as many already:
 * without that bound a search takes as long as its commonest word is common.
 */
const MAX_SCORED = 6_000
/** Concepts that passages must have together: each one's passages are gone through. */
const MAX_NARROWING = 3
/** In other scripts than Latin a language may have no stemmer, and not be known at all. */
const ASCII = /^\p{ASCII}*$/u

/** What is known of the words of a store that is searched. */
export interface ReadStore {
  vocabulary: Vocabulary
  /** Passages by language. */
  languages: Partial<Record<Language, number>>
}

/** A term to find passages by. */
export interface Looked {
  term: string
  /** The place of its concept among those of the query: terms of one concept stand for each other. */
  concept: number
  frequency: number
}

export interface Reading {
  /** What the query names, each in the terms that stand for it and with the number of passages that have it. */
  concepts: { terms: WeightedTerm[], frequency: number }[]
  /** For each store what to look up. */
  lookups: Looked[][]
}

/** A query as the stores know its words. */
export function read (text: string, stores: readonly ReadStore[], totals: Totals): Reading {
  const known: { rarity: number, frequency: number, terms: WeightedTerm[] }[] = []
  let missing = 0
  const languages = languagesOf(stores)
  const keepsEndings = languages.some(language => !hasStemmer(language))
  for (const concept of concepts(text, languages)) {
    const terms = termsOf(concept, stores, totals, keepsEndings, () => ++missing <= MAX_MISSING)
    const frequency = sum(stores, ({ vocabulary }) => sum(terms, ({ term }) => vocabulary.frequency(term)))
    known.push({ frequency, terms, rarity: weighted(terms, frequency, totals).rarity })
  }
  // Those of no passage are of no use as long as others are there to be looked up.
  const chosen = known.sort((a, b) => Number(a.frequency === 0) - Number(b.frequency === 0) || b.rarity - a.rarity).slice(0, MAX_CONCEPTS)
  return {
    concepts: chosen,
    lookups: stores.map(({ vocabulary }) => chosen.flatMap(({ terms }, concept) => terms.map(({ term }) => ({ term, concept, frequency: vocabulary.frequency(term) }))))
  }
}

function termsOf ({ forms, isPrefix, isWord }: Concept, stores: readonly ReadStore[], { passages }: Totals, keepsEndings: boolean, mayLookForParts: () => boolean): WeightedTerm[] {
  if (isPrefix) return distinct(stores.flatMap(({ vocabulary }) => commonestBeginning(vocabulary, forms[0]!).map(term => ({ term, weight: 1 }))), forms)
  const terms = [...new Set(forms)].map(term => ({ term, weight: 1 }))
  const isKnown = stores.some(({ vocabulary }) => terms.some(({ term }) => vocabulary.frequency(term) > 0))
  if (isKnown || !isWord || !mayLookForParts()) return terms
  return distinct(stores.flatMap(({ vocabulary }) => relatives(vocabulary, forms[0]!, passages, keepsEndings || !ASCII.test(forms[0]!))), forms)
}

function distinct (terms: readonly WeightedTerm[], forms: readonly string[]): WeightedTerm[] {
  const found = [...new Map(terms.map(term => [term.term, term])).values()]
  return found.length > 0 ? found : forms.map(term => ({ term, weight: 1 }))
}

/** The languages of the passages, the commonest first. */
function languagesOf (stores: readonly ReadStore[]): Language[] {
  const passages = new Map<Language, number>()
  for (const { languages } of stores) {
    for (const [language, count] of Object.entries(languages) as [Language, number][]) passages.set(language, (passages.get(language) ?? 0) + count)
  }
  return [...passages].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a).slice(0, MAX_LANGUAGES).map(([language]) => language)
}

/** The rarest terms, with as many passages as a search may look at. */
export function mostTelling (terms: readonly Looked[]): Looked[] {
  let scored = 0
  return terms.filter(({ frequency }) => frequency > 0).sort((a, b) => a.frequency - b.frequency).slice(0, MAX_TERMS)
    .filter(({ frequency }, i) => (scored += frequency) <= MAX_SCORED || i === 0)
}

/**
 * The terms of the rarest concepts, concept by concept, when every term is in more passages than a search may look at, and so few may have all
 * these concepts that they can be looked at. Passages with several words of a query are what is searched for; those with the rarest word
 * alone take longer to rate and are mostly others.
 *
 * @param passages how many there are
 */
export function narrowest (terms: readonly Looked[], passages: number): Looked[][] | undefined {
  if (terms.some(({ frequency }) => frequency > 0 && frequency <= MAX_SCORED)) return undefined
  const concepts = new Map<number, Looked[]>()
  for (const looked of terms) if (looked.frequency > 0) concepts.set(looked.concept, [...concepts.get(looked.concept) ?? [], looked])
  const sorted = [...concepts.values()].map(all => ({ all, frequency: Math.min(passages, sum(all, ({ frequency }) => frequency)) })).sort((a, b) => a.frequency - b.frequency)
  let expected = passages
  for (const [i, { frequency }] of sorted.slice(0, MAX_NARROWING).entries()) {
    expected *= frequency / passages
    if (i > 0 && expected <= MAX_SCORED) return sorted.slice(0, i + 1).map(({ all }) => all)
  }
  return undefined
}

const sum = <T>(things: readonly T[], of: (thing: T) => number): number => things.reduce((total, thing) => total + of(thing), 0)
