import type { Database, Statement } from 'libsql'
import { analysePassage, type AnalysedPassage } from '../analysis/passage.js'
import type { Language } from '../analysis/function-words.js'
import type { IndexedChunk, IndexedFile } from './contract.js'
import { Counts } from './counts.js'
import { mostTelling, narrowest, type Looked } from './reading.js'
import type { Passage } from './relevance.js'
import { signatureOf } from './signature.js'
import type { Vocabulary } from './vocabulary.js'

/** The words of the passages of one vector store: a full-text table that finds, and beside it what is needed to rate what was found. */
export class StoreWords implements Vocabulary {
  readonly #id: number
  readonly #database: Database
  readonly #counts = new Counts()
  readonly #frequency: Statement
  readonly #beginning: Statement
  readonly #passage: Statement
  readonly #passages: Statement
  readonly #putWords: Statement
  readonly #putPassage: Statement

  constructor (database: Database, id: number) {
    this.#database = database
    this.#id = id
    // The terms are made by the analysis: to the table a term is what stands between two spaces.
    database.exec(`
      CREATE VIRTUAL TABLE IF NOT EXISTS words_${id} USING fts5(terms, content = '', contentless_delete = 1, tokenize = 'ascii');
      CREATE VIRTUAL TABLE IF NOT EXISTS terms_${id} USING fts5vocab(words_${id}, row);
      CREATE TABLE IF NOT EXISTS passages_${id} (number INTEGER PRIMARY KEY, length INTEGER NOT NULL, language TEXT NOT NULL, signature BLOB NOT NULL);
    `)
    // In half the time that the table of the vocabulary takes, which looks at every place of the term.
    this.#frequency = database.prepare(`SELECT count(*) FROM words_${id} WHERE words_${id} MATCH ?`).raw()
    this.#beginning = database.prepare(`SELECT term, doc FROM terms_${id} WHERE term >= ? AND term < ? LIMIT ?`).raw()
    this.#putWords = database.prepare(`INSERT INTO words_${id} (rowid, terms) VALUES (?, ?)`)
    this.#putPassage = database.prepare(`INSERT INTO passages_${id} VALUES (?, ?, ?, ?)`)
    this.#passage = database.prepare(`SELECT length, signature FROM passages_${id} WHERE number = ?`).raw()
    this.#passages = database.prepare(`SELECT number, length, signature FROM passages_${id} WHERE number IN (SELECT value FROM json_each(?))`).raw()
  }

  static drop (database: Database, id: number): void {
    for (const table of ['terms', 'words', 'passages']) database.exec(`DROP TABLE IF EXISTS ${table}_${id}`)
  }

  /** Replaces what was there under the number. Returns what was added. */
  put (number: number, { name }: IndexedFile, { text }: IndexedChunk, before: Language | undefined): AnalysedPassage {
    const analysed = analysePassage(text, before, name)
    this.#putWords.run(number, analysed.terms.join(' '))
    this.#putPassage.run(number, analysed.length, analysed.language, signatureOf(analysed.terms))
    this.#counts.changed(1)
    return analysed
  }

  /** Takes out the passages from the first number to below the second. Returns what they were. */
  remove (from: number, below: number): { length: number, language: Language, passages: number }[] {
    const gone = this.#database.prepare(`SELECT language, count(*), sum(length) FROM passages_${this.#id} WHERE number >= ? AND number < ? GROUP BY language`).raw()
      .all(from, below) as [Language, number, number][]
    if (gone.length === 0) return []
    this.#database.prepare(`DELETE FROM words_${this.#id} WHERE rowid >= ? AND rowid < ?`).run(from, below)
    this.#database.prepare(`DELETE FROM passages_${this.#id} WHERE number >= ? AND number < ?`).run(from, below)
    this.#counts.changed(gone.reduce((sum, [, passages]) => sum + passages, 0))
    return gone.map(([language, passages, length]) => ({ language, passages, length }))
  }

  get (number: number): Passage | undefined {
    const row = this.#passage.get(number) as [number, Buffer] | undefined
    return row === undefined ? undefined : { length: row[0], signature: row[1] }
  }

  /** Those with these numbers, in one question to the database: half the time that one for each takes. */
  all (numbers: readonly number[]): Map<number, Passage> {
    const rows = this.#passages.all(JSON.stringify(numbers)) as [number, number, Buffer][]
    return new Map(rows.map(([number, length, signature]) => [number, { length, signature }]))
  }

  /** The numbers from the first to below the second. */
  between (from: number, below: number): number[] {
    return (this.#database.prepare(`SELECT number FROM passages_${this.#id} WHERE number >= ? AND number < ?`).raw().all(from, below) as [number][]).map(([number]) => number)
  }

  /** In how many passages a term occurs. */
  frequency (term: string): number {
    return this.#counts.of(term, () => (this.#frequency.get(quoted(term)) as [number])[0])
  }

  beginningWith (start: string, limit: number): [term: string, frequency: number][] {
    return this.#beginning.all(start, start + '\u{10FFFF}', limit) as [string, number][]
  }

  containing (part: string, limit: number): string[] {
    const found = this.#database.prepare(`SELECT term FROM terms_${this.#id} WHERE instr(term, ?) > 1 ORDER BY length(term), term LIMIT ?`).raw().all(part, limit) as [string][]
    return found.map(([term]) => term)
  }

  /**
   * The numbers of passages with any of the terms, the likeliest first; of those files that pass, when only some do.
   *
   * @param passages how many there are
   */
  find (terms: readonly Looked[], { limit, passages, passing, filesOf }: { limit: number, passages: number, passing: ReadonlySet<number> | undefined, filesOf: number }): number[] {
    const chosen = mostTelling(terms)
    if (chosen.length === 0) return []
    const restriction = passing === undefined ? '' : `AND rowid / ${filesOf} IN (SELECT value FROM json_each(?))`
    // The same order as by `rank`, which takes twice as long.
    const statement = this.#database.prepare(`SELECT rowid FROM words_${this.#id} WHERE words_${this.#id} MATCH ? ${restriction} ORDER BY bm25(words_${this.#id}) LIMIT ?`).raw()
    const matching = (match: string): number[] => (statement.all(match, ...passing === undefined ? [] : [JSON.stringify([...passing])], limit) as [number][]).map(([number]) => number)
    const together = narrowest(terms, passages)
    if (together !== undefined) {
      const found = matching(together.map(concept => `(${anyOf(concept)})`).join(' AND '))
      if (found.length === limit) return found
    }
    return matching(anyOf(chosen))
  }
}

const anyOf = (terms: readonly Looked[]): string => terms.map(({ term }) => quoted(term)).join(' OR ')
/** As a phrase of one term: it has no quotes in it. */
const quoted = (term: string): string => `"${term}"`
