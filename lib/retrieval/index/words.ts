import type { Database, Statement } from 'libsql'

/** Scripts that put no space between words. The index sees one word in what stands between two spaces, so they are cut beforehand. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu

let segmenter: Intl.Segmenter | undefined

/** Text with a space between its words, in every script. */
export function spaced (text: string): string {
  return text.replace(UNSPACED, run => {
    segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' })
    // Pieces, so that the segmenter's time stays linear.
    return ' ' + [...segmenter.segment(run)].map(({ segment }) => segment).join(' ') + ' '
  })
}

/** How the index cuts text into words and takes endings off them. */
export const TOKENIZER = 'porter unicode61 remove_diacritics 2'

/** Words of one query that are looked at. */
const MAX_WORDS = 64

/** Tells which words of the index the words of a query are. */
export class QueryWords {
  readonly #database: Database
  readonly #insert: Statement
  readonly #terms: Statement

  constructor (database: Database) {
    database.exec(`CREATE VIRTUAL TABLE temp.probe USING fts5(text, tokenize = '${TOKENIZER}')`)
    database.exec('CREATE VIRTUAL TABLE temp.probe_words USING fts5vocab(temp, probe, instance)')
    this.#database = database
    this.#insert = database.prepare('INSERT INTO temp.probe (rowid, text) VALUES (?, ?)')
    this.#terms = database.prepare('SELECT term, doc FROM temp.probe_words').raw()
  }

  /** The words, each with the form that the index keeps it in. Two of one form count once. */
  of (text: string): { word: string, term: string }[] {
    const words = [...new Set(spaced(text).toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [])].slice(0, MAX_WORDS)
    words.forEach((word, i) => this.#insert.run(i, word))
    const terms = this.#terms.all() as [term: string, word: number][]
    this.#database.exec('DELETE FROM temp.probe')
    const found = new Map<string, string>()
    for (const [term, i] of terms) {
      const word = words[i]
      if (word !== undefined && !found.has(term)) found.set(term, word)
    }
    return [...found].map(([term, word]) => ({ word, term }))
  }
}
