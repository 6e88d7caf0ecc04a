/** Columns of a table that cells are carried over; a cell may say that it has any number. */
const MAX_COLUMNS = 1_000
/** Characters of a cell that is repeated in each of its rows; a longer one is there for the layout. */
const MAX_REPEATED = 200
/** Cells and characters that are repeated in one page: few bytes may ask for any number. */
const MAX_IN_PAGE = 2_000_000

/** What may still be repeated in a page. */
export class RepeatBudget {
  #left = MAX_IN_PAGE

  /** Whether a text may be repeated once more. */
  take (text: string): boolean {
    this.#left -= text.length + 1
    return this.#left >= 0
  }
}

/** A row of a table. A cell that belongs to several rows is in each of them, in its column. */
export class Row {
  readonly #cells: string[] = []
  readonly spans: ({ text: string, rows: number } | undefined)[]

  readonly #budget: RepeatBudget

  /** @param spans cells that reach down from earlier rows of the table, by column; what reaches further down is added */
  constructor (spans: Row['spans'], budget: RepeatBudget) {
    this.spans = spans
    this.#budget = budget
  }

  add (text: string, columns: number, rows: number): void {
    this.#fill()
    const width = columns >= 1 && columns <= MAX_COLUMNS ? Math.floor(columns) : 1
    for (let i = 0; i < width; i++) {
      if (rows > 1 && this.#cells.length < MAX_COLUMNS) this.spans[this.#cells.length] = { text: i === 0 && text.length <= MAX_REPEATED ? text : '', rows: rows - 1 }
      if (i === 0 || this.#budget.take('')) this.#cells.push(i === 0 ? text : '')
    }
  }

  all (): string[] {
    this.#fill()
    return this.#cells
  }

  /** Puts in what reaches down into the next columns. */
  #fill (): void {
    for (let span = this.spans[this.#cells.length]; span !== undefined; span = this.spans[this.#cells.length]) {
      if (!this.#budget.take(span.text)) this.spans.length = 0
      else this.spans[this.#cells.length] = span.rows > 1 ? { text: span.text, rows: span.rows - 1 } : undefined
      this.#cells.push(span.text)
    }
  }
}
