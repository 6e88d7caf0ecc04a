import { attribute, prefixed, walkXml, type XmlAttributes } from '../xml.js'
import { rowText } from '../html/html-to-text.js'
import { beforeRaised } from '../raised.js'
import { altText } from './drawing.js'
import { Equation } from './equation.js'

/** What a story refers to, as text. */
export interface WordReferences {
  /** A footnote, an endnote or a comment, by the element that refers to it. */
  note (element: string, id: string): string
  /** The number of a paragraph: `1.2`, `(a)`, `*`. Called once for each numbered paragraph, in order. */
  number (style: string | undefined, list: string | undefined, level: string | undefined): string
  /** A chart, a diagram or a document that is embedded, by relationship. */
  part (id: string): string
}

export const NO_REFERENCES: WordReferences = { note: () => '', number: () => '', part: () => '' }

/** Elements whose content is no text of the document, or one that is not there any more. */
const SKIPPED = new Set(['del', 'moveFrom', 'delText', 'instrText', 'delInstrText', 'rPr', 'tblPr', 'trPr', 'tcPr', 'sectPr', 'sdtPr', 'sdtEndPr', 'Fallback', 'rt', 'tblGrid', 'pPrChange', 'numberingChange'])
/** Signs of symbol fonts that have a character of their own. */
const SYMBOLS: Record<string, string> = { F0FC: '✓', F0FB: '✗', F0FE: '☑', F0A8: '☐', F0B7: '•', F0A7: '▪', F0E0: '→', F0DF: '←' }
/** Greek letters and signs of the font Symbol, from its code 21 on. */
const GREEK = '!∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼'
/** The same from its code A1 on. */
const SIGNS = 'ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓'
/** Tables within cells of tables. */
const MAX_TABLES = 20
/** Columns that a cell may take. */
const MAX_SPAN = 100
/** Characters of a cell that is repeated in each of its rows. */
const MAX_REPEATED = 200

interface Paragraph {
  text: string
  after: string[]
  style?: string | undefined
  list?: string | undefined
  level?: string | undefined
  isNumbered: boolean
}

/** Paragraphs, and the cells of one row, that are being read: the body, a text box, a cell. */
interface Frame {
  lines: string[]
  paragraph: Paragraph | undefined
  /** The cells of the row that is open, and of the one above it. */
  row: string[] | undefined
  above: string[]
  /** Of the cell that this is: how many columns it takes, and whether it goes on with the one above. */
  columns: number
  isContinued: boolean
}

const frame = (): Frame => ({ lines: [], paragraph: undefined, row: undefined, above: [], columns: 1, isContinued: false })

/** The text of a story of a Word document: its body, a footnote, a header. A line for each paragraph and for each row of a table. */
export function storyText (xml: Uint8Array | undefined, references: WordReferences): string {
  const story = new Story(references)
  walkXml(xml, story)
  return story.toString()
}

/** Stories that share a part, such as footnotes: one for each element of a name, with its attributes. */
export function * storiesOf (xml: Uint8Array | undefined, element: string): Generator<{ text: string, attributes: XmlAttributes }> {
  const found: { story: Story, attributes: XmlAttributes }[] = []
  let story: Story | undefined
  walkXml(xml, {
    open (name, attributes) {
      if (name === element) found.push({ story: story = new Story(NO_REFERENCES), attributes })
      else story?.open(name, attributes)
    },
    text: data => story?.text(data),
    close (name) {
      if (name === element) story = undefined
      else story?.close(name)
    }
  })
  for (const { story, attributes } of found) yield { text: story.toString(), attributes }
}

class Story {
  readonly #references: WordReferences
  readonly #frames: Frame[] = [frame()]
  #skipping = 0
  /** Alternatives that are open, and what of them has had words. */
  #alternatives: ('empty' | 'full' | 'fallback')[] = []
  #inText = false
  #inProperties = false
  #isRaised = false
  #field: FormField | undefined
  #equation: Equation | undefined

  constructor (references: WordReferences) {
    this.#references = references
  }

  toString (): string {
    while (this.#frames.length > 1) this.#endFrame()
    this.#endParagraph()
    return this.#frame.lines.join('\n').trim()
  }

  get #frame (): Frame {
    return this.#frames.at(-1)!
  }

  open (name: string, attributes: XmlAttributes): void {
    if (name === 'AlternateContent') this.#alternatives.push('empty')
    else if (name === 't' && this.#skipping === 0) this.#alternatives = this.#alternatives.map(state => state === 'empty' ? 'full' : state)
    if (this.#isSkipped(name)) this.#skipping++
    else if (name === 'Fallback') this.#alternatives.splice(-1, 1, 'fallback')
    if (this.#skipping > 0) return this.#layout(name, attribute(attributes, 'val'))
    if (this.#equation !== undefined) return this.#equation.open(name, attributes)
    if (this.#field !== undefined) return this.#field.open(name, attribute(attributes, 'val'))
    if (this.#inProperties) return this.#property(name, attributes)
    this.#inText = name === 't'
    switch (name) {
      case 'oMath': this.#equation = new Equation(); return
      case 'pPr': this.#inProperties = true; return
      case 'p': return this.#startParagraph()
      case 'r': this.#isRaised = false; return
      case 'ffData': this.#field = new FormField(); return
      case 'tbl': this.#frame.above = []; return
      case 'txbxContent': this.#frames.push(frame()); return
      case 'tr': this.#endParagraph(); this.#frame.row = []; return
      case 'tc': if (this.#frame.row !== undefined && this.#frames.length <= MAX_TABLES) this.#frames.push(frame()); return
      case 'tab': case 'ptab': this.#add('\t'); return
      case 'br': case 'cr': this.#add('\n'); return
      case 'noBreakHyphen': this.#add('-'); return
      case 'sym': this.#add(symbol(attribute(attributes, 'font') ?? '', (attribute(attributes, 'char') ?? '').toUpperCase())); return
      case 'footnoteReference': case 'endnoteReference': case 'commentReference': return this.#note(name, attribute(attributes, 'id') ?? '')
      // Lettering: a watermark.
      case 'textpath': return this.#after(attribute(attributes, 'string')?.trim() ?? '')
      case 'docPr': return this.#after(altText(name, attributes))
      case 'chart': case 'altChunk': return this.#after(this.#references.part(prefixed(attributes, 'id') ?? ''))
      case 'relIds': return this.#after(this.#references.part(prefixed(attributes, 'dm') ?? ''))
    }
  }

  text (data: string): void {
    if (this.#skipping > 0) return
    if (this.#equation !== undefined) this.#equation.text(data)
    else if (this.#inText) this.#add(this.#isRaised ? beforeRaised(this.#frame.paragraph?.text ?? '', data) + data : data)
  }

  close (name: string): void {
    if (name === 'AlternateContent') this.#alternatives.pop()
    if (this.#isSkipped(name)) {
      this.#skipping = Math.max(0, this.#skipping - 1)
      return
    }
    if (this.#skipping > 0) return
    if (name === 'oMath') {
      this.#add(this.#equation?.toString() ?? '')
      this.#equation = undefined
    }
    if (this.#equation !== undefined) return this.#equation.close(name)
    if (name === 'ffData') {
      const value = this.#field?.value() ?? ''
      this.#field = undefined
      if (value !== '') this.#add(value)
    }
    if (name === 't') this.#inText = false
    if (name === 'pPr') this.#inProperties = false
    if (this.#inProperties) return
    if (name === 'p') this.#endParagraph()
    else if (name === 'tc' || name === 'txbxContent') this.#endFrame()
    else if (name === 'tr') this.#endRow()
  }

  /** What stands in for a choice is read when the choice has no words: one that is made for another program may be empty. */
  #isSkipped (name: string): boolean {
    const state = this.#alternatives.at(-1)
    return SKIPPED.has(name) && !(name === 'Fallback' && (state === 'empty' || state === 'fallback'))
  }

  /** What properties say of where a text stands, and not how it looks. */
  #layout (name: string, value: string | undefined): void {
    if (name === 'vertAlign') this.#isRaised = value === 'superscript'
    else if (name === 'gridSpan') this.#frame.columns = Math.min(MAX_SPAN, Math.max(1, Number(value) || 1))
    else if (name === 'vMerge') this.#frame.isContinued = value !== 'restart'
  }

  #property (name: string, attributes: XmlAttributes): void {
    const paragraph = this.#frame.paragraph
    if (paragraph === undefined) return
    const value = attribute(attributes, 'val')
    if (name === 'pStyle') paragraph.style = value
    if (name === 'ilvl') paragraph.level = value
    if (name === 'numId') paragraph.list = value
  }

  #startParagraph (): void {
    this.#endParagraph()
    this.#frame.paragraph = { text: '', after: [], isNumbered: false }
  }

  #add (text: string): void {
    const paragraph = this.#frame.paragraph ??= { text: '', after: [], isNumbered: false }
    // A paragraph is numbered once it has words, and before what is in it is.
    if (!paragraph.isNumbered) {
      paragraph.isNumbered = true
      const number = this.#references.number(paragraph.style, paragraph.list, paragraph.level)
      if (number !== '') paragraph.text = `${number} `
    }
    paragraph.text += text
  }

  #note (element: string, id: string): void {
    const text = this.#references.note(element, id)
    if (text !== '') this.#after(text)
  }

  /** Stands after the paragraph that is open. */
  #after (text: string): void {
    if (text === '') return
    if (this.#frame.paragraph === undefined) this.#frame.lines.push(text)
    else this.#frame.paragraph.after.push(text)
  }

  #endParagraph (): void {
    const { paragraph, lines } = this.#frame
    if (paragraph === undefined) return
    this.#frame.paragraph = undefined
    lines.push(paragraph.text.trimEnd(), ...paragraph.after)
  }

  /** A cell becomes part of its row, a text box stands after the paragraph that it is fixed to. */
  #endFrame (): void {
    if (this.#frames.length === 1) return
    this.#endParagraph()
    this.#endRow()
    const { lines, columns, isContinued } = this.#frames.pop()!
    const text = lines.filter(line => line !== '').join('\n')
    const { row, above } = this.#frame
    if (row === undefined || this.#frame.paragraph !== undefined) return this.#after(text)
    const before = isContinued && text === '' ? above[row.length] ?? '' : ''
    row.push(before.length <= MAX_REPEATED ? text + before : text, ...Array.from({ length: columns - 1 }, () => ''))
  }

  #endRow (): void {
    const { row } = this.#frame
    if (row === undefined) return
    this.#endParagraph()
    this.#frame.row = undefined
    this.#frame.above = row
    this.#frame.lines.push(rowText(row))
  }
}

function symbol (font: string, code: string): string {
  const place = parseInt(code, 16) & 0xFF
  if (!/^symbol/i.test(font)) return SYMBOLS[code] ?? ''
  return SYMBOLS[code] ?? (place > 0xA0 ? SIGNS[place - 0xA1] : GREEK[place - 0x21]) ?? ''
}

/** What is chosen in a form of Word: it is no text of the document. */
class FormField {
  readonly #entries: string[] = []
  #chosen = 0
  #isChecked: boolean | undefined

  open (name: string, value: string | undefined): void {
    const isOn = value === undefined || !/^(?:0|false|off)$/.test(value)
    if (name === 'listEntry') this.#entries.push(value ?? '')
    else if (name === 'result') this.#chosen = Number(value) || 0
    else if (name === 'checkBox') this.#isChecked = false
    // What was chosen comes after the default.
    else if ((name === 'default' || name === 'checked') && this.#isChecked !== undefined) this.#isChecked = isOn
  }

  value (): string {
    if (this.#isChecked !== undefined) return this.#isChecked ? '☑' : '☐'
    return this.#entries[this.#chosen] ?? ''
  }
}
