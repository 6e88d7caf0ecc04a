import { beforeRaised } from '../raised.js'
import { decodeAs, encodingNamed } from '../text/decoder.js'
import { requireDepth } from '../xml.js'

/** A token of the tokenizer: a group begins, a group ends, a control word or sign, a text. */
export interface RtfToken {
  type: number
  word?: string
  param?: number
  data?: Uint8Array
}

const START = 0
const END = 1
const CONTROL = 2

/** Groups with what is no text of the document. */
const SKIPPED = new Set(['colortbl', 'stylesheet', 'info', 'pict', 'objdata', 'objclass', 'themedata', 'colorschememapping', 'datastore', 'latentstyles', 'listtable', 'listoverridetable', 'rsidtbl', 'generator',
  'filetbl', 'revtbl', 'xmlnstbl', 'fldinst', 'nonshppict', 'bkmkstart', 'bkmkend', 'atnid', 'atndate', 'atnref', 'upr', 'pgptbl', 'wgrffmtfilter', 'userprops', 'sp', 'htmltag', 'mmathPr', 'pn', 'template', 'operator', 'passwordhash', 'aftncn', 'ftnsep', 'ftnsepc', 'aftnsep', 'aftnsepc', 'background'])
/** Groups that readers may skip (`\*`) and that have text all the same. */
const READ = new Set(['shpinst', 'shptxt', 'annotation', 'footnote', 'ud', 'nesttableprops', 'atnauthor', 'moMath', 'do', 'dptxbxtext'])
/** The end of a cell until all is read: a paragraph within may have ended before it. */
const CELL = '\u0007'
const SIGNS: Record<string, string> = {
  par: '\n',
  line: '\n',
  sect: '\n',
  page: '\n',
  softline: '\n',
  row: '\n',
  nestrow: '\n',
  tab: '\t',
  cell: CELL,
  nestcell: CELL,
  emdash: '—',
  endash: '–',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  emspace: ' ',
  enspace: ' ',
  '~': '\u00A0',
  _: '-',
  '\\': '\\',
  '{': '{',
  '}': '}',
  '\n': '\n',
  '\r': '\n'
}
/** Groups that are separated from the text around them. */
const LABELS: Record<string, string> = { footnote: 'Footnote', annotation: 'Comment' }
/** Encodings by the character set of a font. */
const CHARSETS: Record<number, string> = {
  77: 'macintosh',
  128: 'shift_jis',
  129: 'euc-kr',
  134: 'gbk',
  136: 'big5',
  161: 'windows-1253',
  162: 'windows-1254',
  163: 'windows-1258',
  177: 'windows-1255',
  178: 'windows-1256',
  186: 'windows-1257',
  204: 'windows-1251',
  222: 'windows-874',
  238: 'windows-1250',
  255: 'cp437'
}

interface Group {
  isSkipped: boolean
  font: number | undefined
  /** Characters that stand for one of Unicode, for readers that know none, after each. */
  fallback: number
  label: string | undefined
  isFontTable: boolean
  isRaised: boolean
}

/** The text of RTF, from its tokens: paragraphs and the rows of tables on lines of their own, cells with tabs between, footnotes and comments in brackets. */
export class RtfText {
  readonly #parts: string[] = []
  readonly #outer: Group[] = []
  #group: Group = { isSkipped: false, font: undefined, fallback: 1, label: undefined, isFontTable: false, isRaised: false }
  readonly #fonts = new Map<number, string>()
  #encoding = 'windows-1252'
  #bytes: number[] = []
  #isOptional = false
  /** How many more characters are the fallback of one that was read. */
  #toSkip = 0

  add ({ type, word = '', param, data }: RtfToken): void {
    if (type === START) {
      this.#flush()
      requireDepth(this.#outer.length)
      this.#outer.push(this.#group)
      this.#group = { ...this.#group, label: undefined }
      this.#toSkip = 0
    } else if (type === END) {
      this.#flush()
      if (this.#group.label !== undefined && !this.#group.isSkipped) {
        while (this.#parts.at(-1) === '\n') this.#parts.pop()
        this.#parts.push(']')
      }
      this.#group = this.#outer.pop() ?? this.#group
      this.#toSkip = 0
    } else if (type === CONTROL && word !== '\'') {
      this.#control(word, param)
    } else if (data !== undefined && !this.#group.isSkipped && !this.#group.isFontTable) {
      const skipped = Math.min(this.#toSkip, data.length)
      this.#toSkip -= skipped
      for (let i = skipped; i < data.length; i++) if (data[i] !== 10 && data[i] !== 13) this.#bytes.push(data[i]!)
    }
  }

  toString (): string {
    this.#flush()
    const cells = this.#parts.join('').split(CELL)
    return cells.map((cell, i) => i < cells.length - 1 ? cell.replace(/(?<!\n)\n+$/, '') : cell).join('\t').replace(/(?<!\t)\t+\n/g, '\n').replace(/\n{3,}/g, '\n\n').trim()
  }

  #control (word: string, param: number | undefined): void {
    if (word === '*') {
      this.#isOptional = true
      return
    }
    const isOptional = this.#isOptional
    this.#isOptional = false
    const sign = SIGNS[word]
    if (this.#toSkip > 0 && sign !== undefined) {
      this.#toSkip--
      return
    }
    this.#flush()
    if (isOptional && !READ.has(word)) this.#group.isSkipped = true
    if (word === 'ud') this.#group.isSkipped = false
    if (SKIPPED.has(word)) this.#group.isSkipped = true
    if (word === 'fonttbl') this.#group.isFontTable = true
    if (word === 'deleted') this.#group.isSkipped = param !== 0
    if (word === 'super') this.#group.isRaised = param !== 0
    if (word === 'nosupersub' || word === 'sub' || word === 'plain') this.#group.isRaised = false
    if (this.#group.isSkipped) return
    const label = LABELS[word]
    if (label !== undefined) {
      this.#group.label = label
      this.#parts.push(` [${label}: `)
    }
    if (sign !== undefined) this.#parts.push(sign)
    else if (param !== undefined) this.#setting(word, param)
  }

  #setting (word: string, param: number): void {
    if (word === 'u') {
      this.#parts.push(String.fromCharCode(param & 0xFFFF))
      this.#toSkip = this.#group.fallback
    } else if (word === 'uc') this.#group.fallback = Math.max(0, param)
    else if (word === 'f') this.#group.font = param
    else if (word === 'ansicpg') this.#encoding = encodingNamed(`cp${param}`) ?? this.#encoding
    else if (word === 'fcharset' && this.#group.font !== undefined) {
      const encoding = CHARSETS[param]
      if (encoding !== undefined) this.#fonts.set(this.#group.font, encoding)
    }
  }

  /** Decodes what has come in, all at once: a character may be several bytes. */
  #flush (): void {
    if (this.#bytes.length === 0) return
    const bytes = Uint8Array.from(this.#bytes)
    this.#bytes = []
    const text = decodeAs(bytes, this.#fonts.get(this.#group.font ?? -1) ?? this.#encoding)
    if (this.#group.isRaised) this.#parts.push(beforeRaised(this.#parts.at(-1) ?? '', text))
    this.#parts.push(text)
  }
}
