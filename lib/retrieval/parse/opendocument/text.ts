import { unreadable, type Section } from '../document.js'
import { rowText } from '../html/html-to-text.js'
import { MathFormula } from '../mathml.js'
import { attribute, type XmlAttributes } from '../xml.js'
import type { Lists } from './lists.js'

/** Elements whose text is not the document's. */
const SKIPPED = new Set(['tracked-changes', 'forms', 'sequence-decls', 'automatic-styles', 'scripts', 'font-face-decls', 'ruby-text', 'meta', 'settings', 'styles', 'master-styles', 'binary-data', 'list-style', 'outline-style', 'notes-configuration', 'note-citation', 'creator', 'date', 'date-string'])
const PARAGRAPHS = new Set(['p', 'h', 'title', 'desc'])
/** Empty rows and cells are repeated to the end of a sheet; a value that is repeated is shown so often. */
const MAX_REPEATED = 100
/** Characters of a cell that is repeated in each of its rows. */
const MAX_SPANNED = 200

/** What is drawn into a document: an equation stands in its line, a chart after its paragraph. */
export interface DrawnObject {
  text: string
  isInLine: boolean
}

export interface OpenDocumentOptions {
  maxCharacters: number
  lists: Lists
  /** The object of this address in the package. */
  object: (address: string) => DrawnObject | undefined
}

/** The text of an OpenDocument, from the elements of its content: by sheet or slide where there are such. */
export class OpenDocumentText {
  readonly #options: OpenDocumentOptions
  readonly #sections: Section[] = []
  #lines: string[] = []
  #characters = 0
  /** Cells of the rows that are open, innermost last, and what is in the cell that is open. */
  readonly #rows: { cells: string[], outer: string[], repeated: number, cellRepeated: number, cellValue: string, cellRows: number, isCovered: boolean }[] = []
  /** For each table that is open, cells of several rows by their column, with the rows that they still reach into. */
  readonly #spans: Map<number, { text: string, rows: number }>[] = []
  /** Paragraphs that are open: a note is within another. */
  readonly #paragraphs: string[] = []
  #skipping = 0
  #isSpreadsheet = false
  #page = 0

  /** What was drawn in the paragraph that is open, or on the sheet. */
  #drawn: string[] = []
  #formula: MathFormula | undefined

  constructor (options: OpenDocumentOptions) {
    this.#options = options
  }

  sections (): Section[] {
    this.#endSection()
    return this.#sections
  }

  open (name: string, attributes: XmlAttributes): void {
    if (SKIPPED.has(name)) this.#skipping++
    if (this.#skipping > 0) return
    if (this.#formula !== undefined) return this.#formula.open(name)
    this.#options.lists.open(name, attributes)
    if (name === 'table') this.#spans.push(new Map())
    if (PARAGRAPHS.has(name)) this.#startParagraph(name, attributes)
    else if (name === 'math') this.#formula = new MathFormula()
    else if (name === 'object') this.#draw(attribute(attributes, 'href'))
    else if (name === 's') this.#add(' '.repeat(Math.min(80, Number(attribute(attributes, 'c') ?? 1) || 1)))
    else if (name === 'tab') this.#add('\t')
    else if (name === 'line-break') this.#add('\n')
    else if (name === 'page') this.#startPage()
    else if (name === 'spreadsheet') this.#isSpreadsheet = true
    else if (name === 'table' && this.#isSheet) this.#startSheet(attribute(attributes, 'name') ?? '')
    else if (name === 'table-row') this.#startRow(Number(attribute(attributes, 'number-rows-repeated') ?? 1))
    else if (name === 'table-cell' || name === 'covered-table-cell') this.#startCell(name, attributes)
    else if (name === 'note-body') this.#add(' [Footnote: ')
    else if (name === 'annotation') this.#add(' [Comment: ')
  }

  text (data: string): void {
    if (this.#formula !== undefined) this.#formula.text(data)
    else if (this.#skipping === 0 && this.#paragraphs.length > 0) this.#add(data.replace(/[ \t\r\n]+/g, ' '))
  }

  close (name: string): void {
    if (SKIPPED.has(name)) {
      this.#skipping--
      return
    }
    if (this.#skipping > 0) return
    if (this.#formula !== undefined) {
      if (name !== 'math') return this.#formula.close(name)
      this.#add(this.#formula.toString())
      this.#formula = undefined
      return
    }
    this.#options.lists.close(name)
    if (name === 'table') this.#spans.pop()
    if (PARAGRAPHS.has(name)) this.#endParagraph()
    else if (name === 'table-cell' || name === 'covered-table-cell') this.#endCell()
    else if (name === 'table-row') this.#endRow()
    else if (name === 'note-body' || name === 'annotation') this.#add(']')
    else if (name === 'table' && this.#isSheet) this.#endSection()
  }

  get #isSheet (): boolean {
    return this.#isSpreadsheet && this.#rows.length === 0
  }

  #startParagraph (name: string, attributes: XmlAttributes): void {
    const number = name === 'p' || name === 'h' ? this.#options.lists.number(name === 'h' ? attributes : undefined) : ''
    this.#paragraphs.push(number === '' ? '' : `${number} `)
  }

  #draw (address: string | undefined): void {
    const object = address === undefined ? undefined : this.#options.object(address)
    if (object === undefined || object.text === '') return
    if (object.isInLine) this.#add(object.text)
    else this.#drawn.push(object.text)
  }

  #endDrawn (): void {
    for (const text of this.#drawn.splice(0)) this.#line(text)
  }

  #startPage (): void {
    this.#endSection()
    this.#page++
  }

  #startSheet (name: string): void {
    this.#endSection()
    this.#line(name)
  }

  #startRow (repeated: number): void {
    this.#rows.push({ cells: [], outer: this.#lines, repeated, cellRepeated: 1, cellValue: '', cellRows: 1, isCovered: false })
  }

  #startCell (name: string, attributes: XmlAttributes): void {
    const row = this.#rows.at(-1)
    if (row === undefined) return
    row.cellRepeated = Number(attribute(attributes, 'number-columns-repeated') ?? 1)
    row.cellValue = valueOf(attributes)
    row.cellRows = Number(attribute(attributes, 'number-rows-spanned') ?? 1)
    row.isCovered = name === 'covered-table-cell'
    this.#lines = []
  }

  #endCell (): void {
    const row = this.#rows.at(-1)
    if (row === undefined) return
    // Some programs write the value alone, and leave it to others how it is shown.
    const text = this.#lines.length === 0 ? row.cellValue : this.#lines.join('\n')
    this.#lines = []
    const spans = this.#spans.at(-1)
    if (row.cellRows > 1 && text.length <= MAX_SPANNED) spans?.set(row.cells.length, { text, rows: row.cellRows - 1 })
    for (let i = 0; i < Math.min(row.cellRepeated, MAX_REPEATED); i++) {
      const span = row.isCovered && text === '' ? spans?.get(row.cells.length) : undefined
      row.cells.push(span !== undefined && span.rows-- > 0 ? span.text : text)
    }
  }

  #endRow (): void {
    const row = this.#rows.pop()
    if (row === undefined) return
    this.#lines = row.outer
    const text = rowText(row.cells)
    if (text.trim() === '') return
    for (let i = 0; i < Math.min(row.repeated, MAX_REPEATED); i++) this.#line(text)
  }

  #add (text: string): void {
    if (this.#paragraphs.length > 0) this.#paragraphs[this.#paragraphs.length - 1] += text
    else if (text.trim() !== '') this.#line(text.trim())
  }

  #endParagraph (): void {
    const text = this.#paragraphs.pop() ?? ''
    // The paragraphs of a note stay in the one that it belongs to.
    const outer = this.#paragraphs.at(-1)
    if (outer === undefined) {
      this.#line(text)
      if (this.#rows.length === 0) this.#endDrawn()
    } else if (text !== '') this.#add((outer === '' || /[\s]$/.test(outer) ? '' : ' ') + text)
  }

  #line (text: string): void {
    this.#characters += text.length
    if (this.#characters > this.#options.maxCharacters) throw unreadable('it is too large')
    this.#lines.push(text)
  }

  #endSection (): void {
    this.#endDrawn()
    const text = this.#lines.join('\n').trim()
    this.#lines = []
    if (text !== '') this.#sections.push({ text, ...this.#page > 0 ? { page: this.#page } : {} })
  }
}

function valueOf (attributes: XmlAttributes): string {
  const kind = { float: 'value', percentage: 'value', currency: 'value', date: 'date-value', time: 'time-value', boolean: 'boolean-value', string: 'string-value' }[attribute(attributes, 'value-type') ?? '']
  return kind === undefined ? '' : attribute(attributes, kind) ?? ''
}
