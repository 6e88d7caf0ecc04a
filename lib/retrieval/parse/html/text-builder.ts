/** Text as it is laid out: runs of blanks are one, and blocks are on lines of their own, whatever asks for the break. */
export class TextBuilder {
  #parts: string[] = []
  #last = ''
  /** Line breaks that are due before the next word; 0 for none. */
  #breaks = 0
  #space = false

  /** Adds words; white space between them collapses, unless it is kept as in `<pre>`. */
  add (text: string, keepsSpace = false): void {
    if (keepsSpace) return this.#put(text)
    const words = text.replace(/[ \t\r\n\f]+/g, ' ')
    const trimmed = words.trimStart()
    // A no-break space is no white space here.
    const lead = words.startsWith(' ')
    if (lead) this.#space = true
    const body = lead ? words.slice(1) : words
    if (body === '' || trimmed === '') {
      if (body !== '') this.#put(body)
      return
    }
    const ends = body.endsWith(' ')
    this.#put(ends ? body.slice(0, -1) : body)
    this.#space = ends
  }

  /** Begins a new line; with 2 after an empty one. */
  break (lines = 1): void {
    this.#breaks = Math.max(this.#breaks, lines)
  }

  /** A line break that is the author's own. */
  newline (): void {
    this.#breaks++
  }

  /** Separates two cells of a row. */
  tab (): void {
    if (this.#breaks === 0 && this.#last !== '' && !/[\t\n]$/.test(this.#last)) this.#raw('\t')
    this.#space = false
  }

  /** What was added last; empty where words would be apart from it. */
  get last (): string {
    return this.#breaks > 0 || this.#space ? '' : this.#last
  }

  toString (): string {
    return this.#parts.join('').replace(/(?<![ \t])[ \t]+\n/g, '\n').trim()
  }

  #put (text: string): void {
    if (text === '') return
    if (this.#last !== '') {
      if (this.#breaks > 0) this.#raw('\n'.repeat(Math.min(this.#breaks, 2)))
      else if (this.#space && !/\s$/.test(this.#last)) this.#raw(' ')
    }
    this.#breaks = 0
    this.#space = false
    this.#raw(text)
  }

  #raw (text: string): void {
    this.#parts.push(text)
    this.#last = text
  }
}
