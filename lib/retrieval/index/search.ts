import type { IndexHit, IndexOpeningsQuery, IndexQuery, Near } from './contract.js'
import { fuse } from './fusion.js'
import { read } from './reading.js'
import { valueOf, weighted, type Totals } from './relevance.js'
import { CHUNKS_PER_FILE, type FileRow, type StoreIndex } from './store-index.js'

/** How many passages each of the two searches proposes. */
export const CANDIDATES = 200

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
  const { concepts, lookups } = read(query.text, searched.map(({ store }) => ({ vocabulary: store.words, languages: store.totals.languages })), totals)
  const weights = concepts.map(({ terms, frequency }) => weighted(terms, frequency, totals))
  const candidates = Math.max(CANDIDATES, query.limit)
  const byWords = weights.length === 0
    ? []
    : best(searched.flatMap(({ store, passing }, i) => {
      const numbers = store.words.find(lookups[i]!, { limit: candidates, passages: store.totals.passages, passing, filesOf: CHUNKS_PER_FILE })
      const passages = store.words.all(numbers)
      return numbers.map(number => ({ store, number, ...valueOf(passages.get(number)!, weights, totals) }))
    }), candidates)
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

function nearest (store: StoreIndex, { model, vector }: Near, limit: number, passing: Searched['passing']): Candidate[] {
  const numbers = store.vectors.nearest(vector, limit, {
    model,
    isOfModel: number => store.fileOf(number)?.model === model,
    ...passing === undefined ? {} : { passes: number => passing.has(Math.floor(number / CHUNKS_PER_FILE)) }
  })
  const cosines = store.vectors.cosines(numbers, vector)
  return numbers.map(number => ({ store, number, rank: cosines.get(number) ?? 0 })).filter(({ rank }) => rank > 0)
}

function closeness (store: StoreIndex, number: number, { vector, floor = 0 }: Near): number {
  return aboveFloor(store.vectors.cosine(number, vector) ?? floor, floor)
}

/** A cosine as a score. Below 0 for passages that have less in common with the query than unrelated texts have. */
export const aboveFloor = (cosine: number, floor: number): number => (cosine - floor) / (1 - floor)

export const best = <T extends { rank: number }>(candidates: readonly T[], limit: number): T[] => [...candidates].sort((a, b) => b.rank - a.rank).slice(0, limit)
const keyOf = ({ store, number }: Candidate): string => `${store.store.storeId} ${number}`
const sum = <T>(things: readonly T[], of: (thing: T) => number): number => things.reduce((total, thing) => total + of(thing), 0)

function hit ({ store }: StoreIndex, { fileId, generation }: FileRow, number: number, score: number): IndexHit {
  return { store, fileId, generation, number: number % CHUNKS_PER_FILE, score }
}

/** So many of the things, from all over them. */
export function evenly<T> (things: readonly T[], count: number): T[] {
  if (things.length <= count) return [...things]
  return Array.from({ length: count }, (_, i) => things[Math.round(i * (things.length - 1) / Math.max(1, count - 1))]!)
}
