import { Parser } from 'htmlparser2'
import { requireDepth } from '../xml.js'
import { TextBuilder } from './text-builder.js'

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'svg', 'nav', 'iframe', 'object', 'canvas', 'audio', 'video', 'datalist', 'rt', 'rp', 'rtc'])
/** Those of them that a page may leave open only by mistake: all that follows would be within. */
const CLOSED = new Set(['noscript', 'template', 'svg', 'nav', 'iframe', 'object', 'canvas', 'audio', 'video', 'datalist'])
const BLOCKS = new Set(['address', 'article', 'aside', 'blockquote', 'body', 'button', 'caption', 'center', 'dd', 'details', 'dialog', 'div', 'dl', 'dt', 'fieldset', 'figcaption', 'figure', 'footer', 'form',
  'header', 'hgroup', 'hr', 'legend', 'li', 'main', 'menu', 'ol', 'optgroup', 'option', 'p', 'pre', 'search', 'section', 'select', 'summary', 'table', 'tbody', 'textarea', 'tfoot', 'thead', 'title', 'tr', 'ul'])
const SPACED = new Set(['blockquote', 'dl', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ol', 'p', 'pre', 'section', 'table', 'title', 'ul'])
const CELLS = new Set(['td', 'th'])
const VERBATIM = new Set(['pre', 'textarea', 'listing', 'xmp'])
/** Inputs that show a text. */
const TYPED = new Set(['', 'text', 'search', 'email', 'tel', 'url', 'number', 'date', 'datetime-local', 'month', 'week', 'time', 'button', 'submit'])
/** A cell with more than so many characters is there for the page's layout, not for a table. */
const LAYOUT_CELL = 400
/** Tables within cells of tables. Each is copied into its cell, so that there have to be bounds. */
const MAX_TABLES = 20

interface Row {
  cells: string[]
}

interface Cell {
  text: TextBuilder
  row: Row
}

/**
 * The words of a page without its markup: its title, blocks on lines of their own, the rows of a table as lines with tabs between the cells, what
 * pictures and form fields say. Read as it is parsed, without a tree.
 */
export function htmlToText (html: string): string {
  const unclosed = new Set<number>()
  const text = new HtmlText(unclosed).read(html)
  return unclosed.size === 0 ? text : new HtmlText(unclosed).read(html)
}

class HtmlText {
  /** Elements that are left out unless their end is missing, by their number in the page: found by one reading, and read by the next. */
  readonly #unclosed: Set<number>
  readonly #open: number[] = []
  #elements = 0
  readonly #page = new TextBuilder()
  /** Tables within cells of tables: the rows and cells that are open, innermost last. */
  readonly #rows: (Row | undefined)[] = []
  readonly #cells: Cell[] = []
  #depth = 0
  #skipping = 0
  #verbatim = 0

  constructor (unclosed: Set<number>) {
    this.#unclosed = unclosed
  }

  read (html: string): string {
    const parser = new Parser({
      onopentag: (name, attributes) => {
        requireDepth(++this.#depth)
        this.#begin(localName(name), attributes)
      },
      ontext: text => { if (this.#skipping === 0) this.#text.add(text, this.#verbatim > 0) },
      onclosetag: (name, isImplied) => {
        this.#depth--
        this.#close(localName(name), isImplied)
      }
    }, { decodeEntities: true, recognizeSelfClosing: isXhtml(html) })
    parser.end(html)
    return this.#page.toString().replaceAll('\u00AD', '')
  }

  get #text (): TextBuilder {
    return this.#cells.at(-1)?.text ?? this.#page
  }

  #begin (name: string, attributes: Record<string, string>): void {
    if (SKIPPED.has(name) && !this.#isRead(name)) this.#skipping++
    if (this.#skipping > 0) return
    if (CELLS.has(name)) return this.#openCell()
    if (SPACED.has(name)) this.#text.break(2)
    else if (BLOCKS.has(name)) this.#text.break()
    if (VERBATIM.has(name)) this.#verbatim++
    if (name === 'table') this.#rows.push(undefined)
    else if (name === 'tr' && this.#rows.length > 0 && this.#rows.length <= MAX_TABLES) this.#rows[this.#rows.length - 1] = { cells: [] }
    else if (name === 'li') this.#text.add('* ')
    else if (name === 'br') this.#text.newline()
    else if (name === 'img' || name === 'area') this.#label(attributes.alt)
    else if (name === 'input' && TYPED.has((attributes.type ?? '').toLowerCase())) this.#label(attributes.value ?? attributes.placeholder)
  }

  /** Whether an element that is left out otherwise is read because its end is missing. */
  #isRead (name: string): boolean {
    if (!CLOSED.has(name)) return false
    this.#open.push(this.#elements)
    return this.#unclosed.has(this.#elements++)
  }

  #close (name: string, isImplied: boolean): void {
    if (CLOSED.has(name)) {
      const element = this.#open.pop()
      if (element !== undefined && this.#unclosed.has(element)) return
      if (element !== undefined && isImplied) this.#unclosed.add(element)
    }
    if (SKIPPED.has(name)) {
      this.#skipping = Math.max(0, this.#skipping - 1)
      return
    }
    if (this.#skipping > 0) return
    if (CELLS.has(name)) return this.#closeCell()
    if (name === 'tr') this.#closeRow()
    if (name === 'table') {
      this.#closeRow()
      this.#rows.pop()
    }
    if (VERBATIM.has(name)) this.#verbatim = Math.max(0, this.#verbatim - 1)
    if (SPACED.has(name)) this.#text.break(2)
    else if (BLOCKS.has(name)) this.#text.break()
  }

  #label (text: string | undefined): void {
    if (text === undefined || text.trim() === '') return
    this.#text.add(` ${text} `)
  }

  #openCell (): void {
    const row = this.#rows.at(-1)
    // A cell without a row is one all the same: its words are apart from those of the next.
    if (row === undefined) this.#text.tab()
    else this.#cells.push({ text: new TextBuilder(), row })
  }

  #closeCell (): void {
    const row = this.#rows.at(-1)
    const cell = this.#cells.at(-1)
    if (row === undefined || cell?.row !== row) return this.#text.tab()
    this.#cells.pop()
    row.cells.push(cell.text.toString())
  }

  #closeRow (): void {
    const row = this.#rows.at(-1)
    if (row === undefined) return
    this.#rows[this.#rows.length - 1] = undefined
    while (this.#cells.at(-1)?.row === row) row.cells.push(this.#cells.pop()!.text.toString())
    const text = this.#text
    text.break()
    text.add(rowText(row.cells), true)
    text.break()
  }
}

/** In XHTML any element may be empty: a title, a script, of which HTML would read on to its end. */
const isXhtml = (html: string): boolean => /^\s*<\?xml\s|<html\s[^>]{0,1000}?xmlns\s*=\s*["']http:\/\/www\.w3\.org\/1999\/xhtml/i.test(html.slice(0, 4096))

/** XHTML in books may have a prefix. */
const localName = (name: string): string => name.replace(/^(?:x?html|h):/, '')

/** A line for a row of a table; a block for each cell where the table only places them. */
export function rowText (cells: readonly string[]): string {
  if (cells.length === 1 || cells.some(cell => cell.length > LAYOUT_CELL)) return cells.filter(cell => cell !== '').join('\n')
  return cells.map(cell => cell.replace(/\s*[\n\t]\s*/g, ' ')).join('\t').trimEnd()
}
