import { Parser } from 'htmlparser2'
import { MathFormula } from '../mathml.js'
import { beforeRaised } from '../raised.js'
import { requireDepth } from '../xml.js'
import { OrderedList } from './ordered-list.js'
import { RepeatBudget, Row } from './row.js'
import { TextBuilder } from './text-builder.js'

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'nav', 'iframe', 'object', 'canvas', 'audio', 'video', 'datalist', 'rt', 'rp', 'rtc'])
/** Drawings have words in these elements alone. */
const DRAWN = new Set(['text', 'foreignobject'])
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

interface Cell {
  text: TextBuilder
  row: Row
  columns: number
  rows: number
}

/**
 * The words of a page without its markup: its title, blocks on lines of their own, the rows of a table as lines with tabs between the cells, what
 * pictures and form fields say. Read as it is parsed, without a tree.
 */
export function htmlToText (html: string): string {
  const page = withoutOpenText(html)
  const unclosed = new Set<number>()
  const text = new HtmlText(unclosed).read(page)
  return unclosed.size === 0 ? text : new HtmlText(unclosed).read(page)
}

/** A title or a field whose end is missing would have all that follows for its text, markup included: then the tag is left out. */
function withoutOpenText (html: string): string {
  for (const name of ['title', 'textarea']) {
    const last = [...html.matchAll(new RegExp(`<${name}\\b[^<>]*>`, 'gi'))].at(-1)
    if (last === undefined || new RegExp(`</${name}\\b`, 'i').test(html.slice(last.index)) || !/<[a-z/]/i.test(html.slice(last.index + last[0].length))) continue
    html = `${html.slice(0, last.index)}<p>${html.slice(last.index + last[0].length)}`
  }
  return html
}

class HtmlText {
  /** Elements that are left out unless their end is missing, by their number in the page: found by one reading, and read by the next. */
  readonly #unclosed: Set<number>
  readonly #open: number[] = []
  #elements = 0
  readonly #page = new TextBuilder()
  /** Tables within cells of tables: the rows and cells that are open, innermost last. */
  readonly #rows: (Row | undefined)[] = []
  /** Cells of earlier rows that reach into the next one, for each table. */
  readonly #spans: Row['spans'][] = []
  readonly #budget = new RepeatBudget()
  readonly #lists: (OrderedList | undefined)[] = []
  #formula: MathFormula | undefined
  #drawings = 0
  #drawn = 0
  #raised = 0
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
      ontext: text => { if (this.#skipping === 0) this.#words(text) },
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

  #words (text: string): void {
    if (this.#formula !== undefined) return this.#formula.text(text)
    if (this.#drawings > 0 && this.#drawn === 0) return
    if (this.#raised > 0) this.#text.add(beforeRaised(this.#text.last, text), true)
    this.#text.add(text, this.#verbatim > 0)
  }

  #begin (name: string, attributes: Record<string, string>): void {
    if (SKIPPED.has(name) && !this.#isRead(name)) this.#skipping++
    else if (name === 'svg' && !this.#isRead(name)) this.#drawings++
    if (this.#skipping > 0) return
    if (this.#formula !== undefined) return this.#formula.open(name)
    if (name === 'math') this.#formula = new MathFormula()
    if (this.#drawings > 0 && DRAWN.has(name)) {
      this.#drawn++
      this.#text.break()
    }
    if (CELLS.has(name)) return this.#openCell(attributes)
    if (SPACED.has(name)) this.#text.break(2)
    else if (BLOCKS.has(name)) this.#text.break()
    if (VERBATIM.has(name)) this.#verbatim++
    if (name === 'table') {
      this.#rows.push(undefined)
      this.#spans.push([])
    } else if (name === 'tr' && this.#rows.length > 0 && this.#rows.length <= MAX_TABLES) this.#rows[this.#rows.length - 1] = new Row(this.#spans.at(-1)!, this.#budget)
    else if (name === 'ol' || name === 'ul' || name === 'menu') this.#lists.push(name === 'ol' ? new OrderedList(attributes) : undefined)
    else if (name === 'li') this.#text.add(`${this.#lists.at(-1)?.next(attributes.value) ?? '*'} `)
    else if (name === 'sup') this.#raised++
    else if (name === 'a' && /noteref/.test(attributes['epub:type'] ?? attributes.role ?? '')) this.#text.add(' ')
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
    if (name === 'svg') this.#drawings = Math.max(0, this.#drawings - 1)
    if (SKIPPED.has(name)) {
      this.#skipping = Math.max(0, this.#skipping - 1)
      return
    }
    if (this.#skipping > 0) return
    if (this.#formula !== undefined) {
      if (name !== 'math') return this.#formula.close(name)
      this.#text.add(this.#formula.toString())
      this.#formula = undefined
    }
    if (this.#drawings > 0 && DRAWN.has(name)) {
      this.#drawn = Math.max(0, this.#drawn - 1)
      this.#text.break()
    }
    if (CELLS.has(name)) return this.#closeCell()
    if (name === 'ol' || name === 'ul' || name === 'menu') this.#lists.pop()
    if (name === 'sup') this.#raised = Math.max(0, this.#raised - 1)
    if (name === 'tr') this.#closeRow()
    if (name === 'table') {
      this.#closeRow()
      this.#rows.pop()
      this.#spans.pop()
    }
    if (VERBATIM.has(name)) this.#verbatim = Math.max(0, this.#verbatim - 1)
    if (SPACED.has(name)) this.#text.break(2)
    else if (BLOCKS.has(name)) this.#text.break()
  }

  #label (text: string | undefined): void {
    if (text === undefined || text.trim() === '') return
    this.#text.add(` ${text} `)
  }

  #openCell (attributes: Record<string, string>): void {
    const row = this.#rows.at(-1)
    // A cell without a row is one all the same: its words are apart from those of the next.
    if (row === undefined) this.#text.tab()
    else this.#cells.push({ text: new TextBuilder(), row, columns: Number(attributes.colspan ?? 1), rows: Number(attributes.rowspan ?? 1) })
  }

  #closeCell (): void {
    const row = this.#rows.at(-1)
    const cell = this.#cells.at(-1)
    if (row === undefined || cell?.row !== row) return this.#text.tab()
    this.#cells.pop()
    row.add(cell.text.toString(), cell.columns, cell.rows)
  }

  #closeRow (): void {
    const row = this.#rows.at(-1)
    if (row === undefined) return
    this.#rows[this.#rows.length - 1] = undefined
    while (this.#cells.at(-1)?.row === row) {
      const cell = this.#cells.pop()!
      row.add(cell.text.toString(), cell.columns, cell.rows)
    }
    const text = this.#text
    text.break()
    text.add(rowText(row.all()), true)
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
