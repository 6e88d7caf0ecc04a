import { concepts, type Concept } from '../analysis/query.js'
import type { Language } from '../analysis/function-words.js'
import type { IndexHit, IndexOpeningsQuery, IndexQuery, Near } from './contract.js'
import { fuse } from './fusion.js'
import { valueOf, weighted, type Totals, type WeightedConcept, type WeightedTerm } from './relevance.js'
import { CHUNKS_PER_FILE, type FileRow, type StoreIndex } from './store-index.js'
import type { Looked } from './store-words.js'

/** How many passages each of the two searches proposes. */
const CANDIDATES = 200
/** Concepts of a query that count: the rarest. */
const MAX_CONCEPTS = 64
/** Words of a query that no passage has, for which parts of them are looked up. */
const MAX_MISSING = 8
/** Languages that a query is read in. */
const MAX_LANGUAGES = 8

interface Candidate {
  store: StoreIndex
  number: number
  rank: number
  relevance?: number
}

interface Searched {
  store: StoreIndex
  /** The files to search; undefined for all. */
  passing: ReadonlySet<number> | undefined
}

/** The passages of several stores, searched as one: what is rare is rare in all of them together. */
export function search (stores: readonly StoreIndex[], query: IndexQuery): IndexHit[] {
  const searched = stores.flatMap((store): Searched[] => {
    const passing = store.passing(query.filter)
    return passing.length === 0 ? [] : [{ store, passing: passing.length < store.files ? new Set(passing.map(({ number }) => number)) : undefined }]
  })
  const totals: Totals = { passages: sum(searched, ({ store }) => store.totals.passages), terms: sum(searched, ({ store }) => store.totals.terms) }
  const { weights, lookups } = read(query.text, searched.map(({ store }) => store), totals)
  const candidates = Math.max(CANDIDATES, query.limit)
  const byWords = weights.length === 0
    ? []
    : best(searched.flatMap(({ store, passing }, i) =>
      store.words.find(lookups[i]!, candidates, passing, CHUNKS_PER_FILE).map(number => ({ store, number, ...valueOf(store.words.get(number)!, weights, totals) }))), candidates)
  const { near } = query
  const byVector = near === undefined ? [] : best(searched.flatMap(({ store, passing }) => nearest(store, near, candidates, passing)), candidates)
  const hits: IndexHit[] = []
  for (const { store, number, relevance } of fuse([byWords, byVector], keyOf)) {
    if (hits.length === query.limit) break
    const file = store.fileOf(number)
    if (file === undefined) continue
    const byText = relevance ?? valueOf(store.words.get(number)!, weights, totals).relevance
    const score = Math.min(1, Math.max(byText, near === undefined || file.model !== near.model ? 0 : closeness(store, number, near)))
    if (score > 0 && score >= (query.threshold ?? 0)) hits.push(hit(store, file, number, score))
  }
  return hits
}

/** Passages by their place alone: the first ones of the newest files of each store in turn, or some from all over every document. */
export function openings (stores: readonly StoreIndex[], { filter, limit, spread = false }: IndexOpeningsQuery): IndexHit[] {
  const files = stores.flatMap(store => store.passing(filter).map(file => ({ store, file })))
  const found = files.slice(0, limit).map(({ store, file }) => {
    const from = file.number * CHUNKS_PER_FILE
    const numbers = store.words.between(from, from + (spread ? CHUNKS_PER_FILE : limit))
    return (spread ? evenly(numbers, Math.ceil(limit / files.length)) : numbers).map(number => hit(store, file, number, 0))
  })
  if (spread) return found.flat().slice(0, limit)
  const turns: IndexHit[] = []
  for (let i = 0; turns.length < limit && found.some(hits => i < hits.length); i++) turns.push(...found.flatMap(hits => hits[i] ?? []))
  return turns.slice(0, limit)
}

/** A query as the stores know its words: what each concept weighs, and for each store what to look up. */
function read (text: string, stores: readonly StoreIndex[], totals: Totals): { weights: WeightedConcept[], lookups: Looked[][] } {
  const known: { rarity: number, frequency: number, terms: WeightedTerm[] }[] = []
  let missing = 0
  for (const concept of concepts(text, languagesOf(stores))) {
    const terms = termsOf(concept, stores, totals, () => ++missing <= MAX_MISSING)
    const frequency = sum(stores, store => sum(terms, ({ term }) => store.words.frequency(term)))
    known.push({ frequency, terms, rarity: weighted(terms, frequency, totals).rarity })
  }
  // Those of no passage are of no use as long as others are there to be looked up.
  const chosen = known.sort((a, b) => Number(a.frequency === 0) - Number(b.frequency === 0) || b.rarity - a.rarity).slice(0, MAX_CONCEPTS)
  return {
    weights: chosen.map(({ terms, frequency }) => weighted(terms, frequency, totals)),
    lookups: stores.map(({ words }) => chosen.flatMap(({ terms }) => terms.map(({ term }) => ({ term, frequency: words.frequency(term) }))))
  }
}

function termsOf ({ forms, isPrefix, isWord }: Concept, stores: readonly StoreIndex[], { passages }: Totals, mayLookForParts: () => boolean): WeightedTerm[] {
  if (isPrefix) return distinct(stores.flatMap(({ words }) => words.commonestBeginning(forms[0]!).map(term => ({ term, weight: 1 }))), forms)
  const terms = [...new Set(forms)].map(term => ({ term, weight: 1 }))
  const isKnown = stores.some(({ words }) => terms.some(({ term }) => words.frequency(term) > 0))
  if (isKnown || !isWord || !mayLookForParts()) return terms
  return distinct(stores.flatMap(({ words }) => words.relatives(forms[0]!, passages)), forms)
}

function distinct (terms: readonly WeightedTerm[], forms: readonly string[]): WeightedTerm[] {
  const found = [...new Map(terms.map(term => [term.term, term])).values()]
  return found.length > 0 ? found : forms.map(term => ({ term, weight: 1 }))
}

/** The languages of the passages, the commonest first. */
function languagesOf (stores: readonly StoreIndex[]): Language[] {
  const passages = new Map<Language, number>()
  for (const { totals } of stores) {
    for (const [language, count] of Object.entries(totals.languages) as [Language, number][]) passages.set(language, (passages.get(language) ?? 0) + count)
  }
  return [...passages].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a).slice(0, MAX_LANGUAGES).map(([language]) => language)
}

function nearest (store: StoreIndex, { model, vector }: Near, limit: number, passing: Searched['passing']): Candidate[] {
  const numbers = store.vectors.nearest(vector, limit, {
    model,
    isOfModel: number => store.fileOf(number)?.model === model,
    ...passing === undefined ? {} : { passes: number => passing.has(Math.floor(number / CHUNKS_PER_FILE)) }
  })
  return numbers.map(number => ({ store, number, rank: store.vectors.cosine(number, vector) ?? 0 })).filter(({ rank }) => rank > 0)
}

/** Below 0 for passages that have less in common with the query than unrelated texts have. */
function closeness (store: StoreIndex, number: number, { vector, floor = 0 }: Near): number {
  return ((store.vectors.cosine(number, vector) ?? floor) - floor) / (1 - floor)
}

const best = (candidates: readonly Candidate[], limit: number): Candidate[] => [...candidates].sort((a, b) => b.rank - a.rank).slice(0, limit)
const keyOf = ({ store, number }: Candidate): string => `${store.store.storeId} ${number}`
const sum = <T>(things: readonly T[], of: (thing: T) => number): number => things.reduce((total, thing) => total + of(thing), 0)

function hit ({ store }: StoreIndex, { fileId, generation }: FileRow, number: number, score: number): IndexHit {
  return { store, fileId, generation, number: number % CHUNKS_PER_FILE, score }
}

/** So many of the things, from all over them. */
function evenly<T> (things: readonly T[], count: number): T[] {
  if (things.length <= count) return [...things]
  return Array.from({ length: count }, (_, i) => things[Math.round(i * (things.length - 1) / Math.max(1, count - 1))]!)
}
