import type { Language } from '../../analysis/function-words.js'
import type { AttributeFilter } from '../../filters.js'
import type { IndexHit, IndexOpeningsQuery, IndexQuery, Near, StoreRef } from '../contract.js'
import { fuse } from '../fusion.js'
import { mostTelling, read, type Reading } from '../reading.js'
import { B, K1, rarity, valueOf, weighted, type Passage, type Totals, type WeightedConcept } from '../relevance.js'
import { aboveFloor, best, CANDIDATES, evenly } from '../search.js'
import { GRAPH_IS_VALID } from './connection.js'
import { conditionOf } from './filter.js'
import { lookedUp } from './looked-up.js'
import { signatureFrom, signed, storeHash, vectorText } from './passages.js'
import type { IndexTables, Query } from './tables.js'

/** Files that are told to the database by their numbers. */
const MAX_PASSING = 5_000
/**
 * Passages of one term that are rated. Only the rarest word of a query can be in more, when all of its words are in most passages: then they say next
 * to nothing, and any of the passages will do.
 */
const MAX_OF_TERM = 20_000

/** A store that is searched. */
interface SearchedStore extends Totals {
  number: number
  ref: StoreRef
  languages: Partial<Record<Language, number>>
}

/** A passage by its file's number and its own. */
interface Place {
  file: number
  number: number
}

interface Candidate extends Place {
  store: SearchedStore
  fileId: string
  generation: string
  passage: Passage
  /** To the vector that is searched for. Undefined without one of the same model. */
  cosine: number | undefined
}

export interface SearchOptions {
  /** Names the records that the index was made from. */
  records: string
  /** So many vectors are compared one by one; more of one store and model by a graph. */
  compared: number
}

/** One search, in one transaction. */
export class PostgresSearch {
  readonly #query: Query
  readonly #tables: IndexTables
  readonly #options: SearchOptions

  constructor (query: Query, tables: IndexTables, options: SearchOptions) {
    this.#query = query
    this.#tables = tables
    this.#options = options
  }

  /** As `search` of the local index: proposals of the database, by words and by vector, are rated and fused here, by the same functions. */
  async search (refs: readonly StoreRef[], query: IndexQuery): Promise<IndexHit[]> {
    const stores = await this.#stores(refs)
    if (stores.length === 0) return []
    const totals: Totals = { passages: sum(stores, ({ passages }) => passages), terms: sum(stores, ({ terms }) => terms) }
    const reading = await lookedUp(this.#query, this.#tables, stores.map(({ number }) => number), vocabularies =>
      read(query.text, stores.map(({ languages }, i) => ({ languages, vocabulary: vocabularies[i]! })), totals))
    const limit = Math.max(CANDIDATES, query.limit)
    const near = await this.#model(query.near)
    const proposed: Proposed = { limit, filter: query.filter, files: await this.#passing(stores, query.filter) }
    const byWords = await this.#byWords(stores, reading, totals, proposed)
    const byVector = near === undefined ? [] : await this.#byVector(stores, near, proposed)
    const found = await this.#candidates(stores, [...byWords, ...byVector], near)
    const weights = new Map(stores.map(store => [store, weightsIn(store, reading, totals)]))
    const rated = new Map([...found].map(([key, candidate]) => [key, { ...candidate, ...valueOf(candidate.passage, weights.get(candidate.store)!, totals) }]))
    const of = (places: readonly Place[]) => places.map(place => rated.get(keyOf(place))).filter(candidate => candidate !== undefined)
    const nearest = of(byVector).map(candidate => ({ ...candidate, rank: candidate.cosine ?? 0 })).filter(({ rank }) => rank > 0)
    const hits: IndexHit[] = []
    for (const { store, fileId, generation, number, relevance, cosine } of fuse([best(of(byWords), limit), best(nearest, limit)], keyOf)) {
      if (hits.length === query.limit) break
      const { floor = 0 } = query.near ?? {}
      const score = Math.min(1, Math.max(relevance, cosine === undefined ? 0 : aboveFloor(cosine, floor)))
      if (score > 0 && score >= (query.threshold ?? 0)) hits.push({ store: store.ref, fileId, generation, number, score })
    }
    return hits
  }

  async openings (refs: readonly StoreRef[], { filter, limit, spread = false }: IndexOpeningsQuery): Promise<IndexHit[]> {
    const stores = await this.#stores(refs)
    const values: unknown[] = [stores.map(({ number }) => number), limit]
    const rows = await this.#query(`SELECT f.store, f.file_id, f.generation, f.passages FROM ${this.#tables.files} AS f
      WHERE f.store = ANY($1::int[]) AND f.ready ${this.#condition(filter, values)} ORDER BY array_position($1::int[], f.store), f.number DESC LIMIT $2`, values) as [number, string, string, number][]
    const found = rows.map(([number, fileId, generation, passages]) => {
      const store = stores.find(store => store.number === number)!.ref
      const numbers = Array.from({ length: spread ? passages : Math.min(passages, limit) }, (_, i) => i)
      return (spread ? evenly(numbers, Math.ceil(limit / rows.length)) : numbers).map((number): IndexHit => ({ store, fileId, generation, number, score: 0 }))
    })
    return (spread ? found.flat() : inTurn(found, limit)).slice(0, limit)
  }

  /** Those that have something, in the order in which they were named. */
  async #stores (refs: readonly StoreRef[]): Promise<SearchedStore[]> {
    const rows = await this.#query(`SELECT w.i, s.number, s.passages::float8, s.terms::float8, s.languages FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (project, id, i)
      JOIN ${this.#tables.stores} AS s ON s.records = $3 AND s.project = w.project COLLATE "C" AND s.id = w.id COLLATE "C" WHERE NOT s.dropped ORDER BY w.i`,
    [refs.map(({ project }) => project), refs.map(({ storeId }) => storeId), this.#options.records])
    return (rows as [string, number, number, number, SearchedStore['languages']][]).map(([i, number, passages, terms, languages]) => ({ ref: refs[Number(i) - 1]!, number, passages, terms, languages }))
  }

  /** The files that pass a filter, when they have few passages; undefined for all others. */
  async #passing (stores: readonly SearchedStore[], filter: AttributeFilter | undefined): Promise<number[] | undefined> {
    if (filter === undefined) return undefined
    const values: unknown[] = [stores.map(({ number }) => number), MAX_PASSING + 1]
    const rows = await this.#query(`SELECT f.number::float8, f.passages FROM ${this.#tables.files} AS f WHERE f.store = ANY($1::int[]) AND f.ready ${this.#condition(filter, values)} LIMIT $2`, values) as [number, number][]
    return rows.length <= MAX_PASSING && sum(rows, ([, passages]) => passages) <= this.#options.compared ? rows.map(([number]) => number) : undefined
  }

  async #byWords (stores: readonly SearchedStore[], { lookups }: Reading, { passages, terms }: Totals, { limit, filter, files }: Proposed): Promise<Place[]> {
    const looked = stores.flatMap(({ number }, i) => mostTelling(lookups[i]!).map(({ term, frequency }) => ({ store: number, hash: signed(storeHash(number, term)), rarity: rarity(frequency, passages) })))
    if (looked.length === 0) return []
    const values: unknown[] = [looked.map(({ store }) => store), looked.map(({ hash }) => hash), looked.map(({ rarity }) => rarity), Math.max(1, terms / Math.max(1, passages)), limit]
    const restriction = files === undefined ? this.#condition(filter, values) : `AND c.file = ANY($${values.push(files)}::bigint[])`
    // BM25.
    const rows = await this.#query(`
      SELECT c.file::float8, c.number
      FROM unnest($1::int[], $2::int[], $3::float8[]) AS w (store, hash, rarity)
      CROSS JOIN LATERAL (
        SELECT c.file, c.number, c.length, get_byte(c.counts, array_position(c.terms, w.hash) - 1)::float8 AS count
        FROM ${this.#tables.chunks} AS c JOIN ${this.#tables.files} AS f ON f.number = c.file
        WHERE c.terms @> ARRAY[w.hash] AND c.store = w.store AND f.ready ${restriction} LIMIT ${MAX_OF_TERM}
      ) AS c
      GROUP BY c.file, c.number
      ORDER BY sum(w.rarity * c.count * (${K1} + 1) / (c.count + ${K1} * (1 - ${B} + ${B} * c.length / $4::float8))) DESC, c.file, c.number
      LIMIT $5`, values)
    return places(rows)
  }

  async #byVector (stores: readonly SearchedStore[], near: NearModel, proposed: Proposed): Promise<Place[]> {
    const found: Place[] = []
    const small: SearchedStore[] = []
    for (const store of stores) {
      if (proposed.files === undefined && await this.#hasGraph(store, near)) found.push(...await this.#byGraph(store, near, proposed))
      else small.push(store)
    }
    return small.length === 0 ? found : [...found, ...await this.#byComparison(small, near, proposed)]
  }

  async #hasGraph ({ number, passages }: SearchedStore, { model }: NearModel): Promise<boolean> {
    if (passages <= this.#options.compared) return false
    const [graph] = await this.#query(GRAPH_IS_VALID, [`${this.#tables.schema}.${this.#tables.graph(number, model)}`])
    return graph?.[0] === true
  }

  async #byComparison (stores: readonly SearchedStore[], { model, text }: NearModel, { limit, filter, files: passing }: Proposed): Promise<Place[]> {
    const { vectors, files, extension } = this.#tables
    const values: unknown[] = [stores.map(({ number }) => number), model, text, limit]
    const restriction = passing === undefined ? this.#condition(filter, values) : `AND v.file = ANY($${values.push(passing)}::bigint[])`
    return places(await this.#query(`SELECT v.file::float8, v.number FROM ${vectors} AS v JOIN ${files} AS f ON f.number = v.file
      WHERE v.store = ANY($1::int[]) AND v.model = $2 AND f.ready ${restriction} ORDER BY v.vector OPERATOR(${extension}.<=>) $3::${extension}.halfvec LIMIT $4`, values))
  }

  /** The numbers of store and model stand in the text: so the planner sees which graph it is. */
  async #byGraph (store: SearchedStore, { model, dimensions, text }: NearModel, { limit, filter }: Proposed): Promise<Place[]> {
    const { vectors, files, extension } = this.#tables
    const values: unknown[] = [text, limit]
    const type = `${extension}.halfvec(${dimensions})`
    return places(await this.#query(`SELECT v.file::float8, v.number FROM ${vectors} AS v JOIN ${files} AS f ON f.number = v.file
      WHERE v.store = ${store.number} AND v.model = ${model} AND f.ready ${this.#condition(filter, values)} ORDER BY v.vector::${type} OPERATOR(${extension}.<=>) $1::${type} LIMIT $2`, values))
  }

  /** By their keys. */
  async #candidates (stores: readonly SearchedStore[], wanted: readonly Place[], near: NearModel | undefined): Promise<Map<string, Candidate>> {
    const distinct = [...new Map(wanted.map(place => [keyOf(place), place])).values()]
    if (distinct.length === 0) return new Map()
    const { chunks, files, vectors, extension } = this.#tables
    const cosine = near === undefined ? 'NULL' : `1 - (v.vector OPERATOR(${extension}.<=>) $4::${extension}.halfvec)`
    const rows = await this.#query(`SELECT c.file::float8, c.number, c.store, f.file_id, f.generation, c.length, array_send(c.terms), c.counts, ${cosine}
      FROM unnest($1::bigint[], $2::int[]) AS w (file, number) JOIN ${chunks} AS c ON c.file = w.file AND c.number = w.number JOIN ${files} AS f ON f.number = c.file
      ${near === undefined ? '' : `LEFT JOIN ${vectors} AS v ON v.file = c.file AND v.number = c.number AND v.model = $5`} WHERE f.ready AND c.store = ANY($3::int[])`,
    [distinct.map(({ file }) => file), distinct.map(({ number }) => number), stores.map(({ number }) => number), ...near === undefined ? [] : [near.text, near.model]])
    const byNumber = new Map(stores.map(store => [store.number, store]))
    return new Map((rows as [number, number, number, string, string, number, Buffer, Buffer, number | null][]).map(([file, number, store, fileId, generation, length, terms, counts, cosine]) => {
      return [keyOf({ file, number }), { file, number, store: byNumber.get(store)!, fileId, generation, passage: { length, signature: signatureFrom(terms, counts) }, cosine: cosine ?? undefined }]
    }))
  }

  /** Undefined when nothing was embedded with the model. */
  async #model (near: Near | undefined): Promise<NearModel | undefined> {
    if (near === undefined) return undefined
    const text = vectorText(near.vector)
    const dimensions = near.vector.length
    const [row] = await this.#query(`SELECT number FROM ${this.#tables.models} WHERE name = $1 AND dimensions = $2`, [near.model, dimensions])
    return text === undefined || row === undefined ? undefined : { model: row[0] as number, dimensions, text }
  }

  /** A further condition on the files `f`. */
  #condition (filter: AttributeFilter | undefined, values: unknown[]): string {
    return filter === undefined ? '' : `AND ${conditionOf(filter, value => `$${values.push(value)}`)}`
  }
}

interface Proposed {
  limit: number
  filter: AttributeFilter | undefined
  /** Those that pass it, when only few passages do: comparing them is exact and as quick as an index of all. */
  files: number[] | undefined
}

interface NearModel {
  /** Its number. */
  model: number
  dimensions: number
  /** The vector in pgvector's form. */
  text: string
}

/** The concepts in the hashes of one store's terms. */
function weightsIn ({ number }: SearchedStore, { concepts }: Reading, totals: Totals): WeightedConcept[] {
  return concepts.map(({ terms, frequency }) => weighted(terms, frequency, totals, term => storeHash(number, term)))
}

/** The first of each, then the second of each. */
function inTurn<T> (lists: readonly (readonly T[])[], limit: number): T[] {
  const turns: T[] = []
  for (let i = 0; turns.length < limit && lists.some(list => i < list.length); i++) turns.push(...lists.flatMap(list => list[i] ?? []))
  return turns
}

const places = (rows: unknown[][]): Place[] => (rows as [number, number][]).map(([file, number]) => ({ file, number }))
const keyOf = ({ file, number }: Place): string => `${file} ${number}`
const sum = <T>(things: readonly T[], of: (thing: T) => number): number => things.reduce((total, thing) => total + of(thing), 0)
