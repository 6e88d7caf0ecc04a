import type { Vocabulary } from '../vocabulary.js'
import type { IndexTables, Query } from './tables.js'

/** Rounds in which a query is read: a word, what stands for one that is missing, and how frequent that is. */
const MAX_ROUNDS = 5

type Found = [term: string, frequency: number][]

/** What was asked of one store's vocabulary and what of it is not known yet. */
class StoreVocabulary implements Vocabulary {
  readonly frequencies = new Map<string, number | undefined>()
  readonly beginnings = new Map<string, { start: string, limit: number, found: Found | undefined }>()
  readonly containers = new Map<string, { part: string, limit: number, found: string[] | undefined }>()

  frequency (term: string): number {
    if (!this.frequencies.has(term)) this.frequencies.set(term, undefined)
    return this.frequencies.get(term) ?? 0
  }

  beginningWith (start: string, limit: number): Found {
    const key = `${limit} ${start}`
    if (!this.beginnings.has(key)) this.beginnings.set(key, { start, limit, found: undefined })
    return this.beginnings.get(key)!.found ?? []
  }

  containing (part: string, limit: number): string[] {
    const key = `${limit} ${part}`
    if (!this.containers.has(key)) this.containers.set(key, { part, limit, found: undefined })
    return this.containers.get(key)!.found ?? []
  }
}

/**
 * Reads a query with vocabularies that are in the database. Reading is one function for every index, and it does not wait: so it runs with what is
 * known, what it asked for is looked up, and it runs again, until it asked for nothing new.
 */
export async function lookedUp<T> (query: Query, { terms }: IndexTables, stores: readonly number[], read: (vocabularies: Vocabulary[]) => T): Promise<T> {
  const vocabularies = stores.map(() => new StoreVocabulary())
  for (let round = 0; ; round++) {
    const result = read(vocabularies)
    if (round === MAX_ROUNDS || !await lookUp()) return result
  }

  /** False when there was nothing to look up. */
  async function lookUp (): Promise<boolean> {
    const wanted = vocabularies.flatMap(({ frequencies }, i) => [...frequencies].flatMap(([term, known]) => known === undefined ? [{ i, term }] : []))
    if (wanted.length > 0) {
      for (const { i, term } of wanted) vocabularies[i]!.frequencies.set(term, 0)
      const rows = await query(`SELECT w.i, w.term, t.documents FROM unnest($1::int[], $2::int[], $3::text[]) AS w (i, store, term) JOIN ${terms} AS t ON t.store = w.store AND t.term = w.term COLLATE "C"`,
        [wanted.map(({ i }) => i), wanted.map(({ i }) => stores[i]), wanted.map(({ term }) => term)])
      for (const [i, term, documents] of rows as [number, string, number][]) vocabularies[i]!.frequencies.set(term, documents)
    }
    let isNew = wanted.length > 0
    for (const [i, { beginnings, containers }] of vocabularies.entries()) {
      for (const asked of [...beginnings.values()].filter(({ found }) => found === undefined)) {
        isNew = true
        asked.found = await query(`SELECT term, documents FROM ${terms} WHERE store = $1 AND term >= $2 AND term < $3 AND documents > 0 ORDER BY term LIMIT $4`,
          [stores[i], asked.start, `${asked.start}\u{10FFFF}`, asked.limit]) as Found
      }
      for (const asked of [...containers.values()].filter(({ found }) => found === undefined)) {
        isNew = true
        const rows = await query(`SELECT term FROM ${terms} WHERE store = $1 AND documents > 0 AND strpos(term, $2) > 1 ORDER BY length(term), term LIMIT $3`,
          [stores[i], asked.part, asked.limit]) as [string][]
        asked.found = rows.map(([term]) => term)
      }
    }
    return isNew
  }
}
