import { formatNumber } from '../list-number.js'
import { attribute, walkXml, type XmlAttributes } from '../xml.js'

interface Level {
  isBullet: boolean
  /** Empty for no number. */
  format: string
  before: string
  after: string
  start: number
  /** How many levels are shown, this one last. */
  shown: number
}

interface OpenList {
  style: string
  level: number
  /** The number that the next paragraph begins with. */
  due: boolean
}

/** By what OpenDocument calls them. */
const FORMATS: Record<string, string> = { 1: 'decimal', a: 'lowerLetter', A: 'upperLetter', i: 'lowerRoman', I: 'upperRoman' }
/** Of headings, which have a list of their own. */
const OUTLINE = ' outline'

/** Numbers the paragraphs of lists and the headings of an OpenDocument: they are no text of theirs, but others refer to them. */
export class Lists {
  readonly #styles = new Map<string, Map<number, Level>>()
  readonly #counters = new Map<string, (number | undefined)[]>()
  readonly #open: OpenList[] = []

  /** @param parts with styles of lists, those that count first last */
  constructor (parts: readonly (Uint8Array | undefined)[]) {
    for (const part of parts) this.#read(part)
  }

  open (name: string, attributes: XmlAttributes): void {
    if (name === 'list') {
      const outer = this.#open.at(-1)
      const style = attribute(attributes, 'style-name') ?? outer?.style ?? ''
      const level = (outer?.level ?? 0) + 1
      this.#open.push({ style, level, due: false })
      if (level === 1 && attribute(attributes, 'continue-numbering') !== 'true' && attribute(attributes, 'continue-list') === undefined) this.#counters.delete(style)
    } else if (name === 'list-item') {
      const list = this.#open.at(-1)
      if (list === undefined) return
      this.#count(list.style, list.level, attribute(attributes, 'start-value'))
      list.due = true
    }
  }

  close (name: string): void {
    if (name === 'list') this.#open.pop()
  }

  /**
   * The number of the paragraph that begins, `*` in a list without numbers, empty for none.
   *
   * @param heading the attributes of a heading
   */
  number (heading: XmlAttributes | undefined): string {
    const list = this.#open.at(-1)
    if (list !== undefined) {
      if (!list.due) return ''
      list.due = false
      return this.#shown(list.style, list.level)
    }
    if (heading === undefined || attribute(heading, 'is-list-header') === 'true') return ''
    const level = Number(attribute(heading, 'outline-level') ?? 1)
    const number = this.#styles.get(OUTLINE)?.get(level)
    if (number === undefined || number.format === '') return ''
    this.#count(OUTLINE, level, attribute(heading, 'start-value'))
    return this.#shown(OUTLINE, level)
  }

  #count (style: string, level: number, start: string | undefined): void {
    const counters = this.#counters.get(style) ?? []
    this.#counters.set(style, counters)
    const before = counters[level]
    counters[level] = start !== undefined ? Number(start) : before === undefined ? this.#styles.get(style)?.get(level)?.start ?? 1 : before + 1
    counters.length = level + 1
  }

  #shown (style: string, level: number): string {
    const levels = this.#styles.get(style)
    const own = levels?.get(level)
    if (own?.isBullet === true) return '*'
    if (own === undefined || own.format === '') return ''
    const numbers: string[] = []
    for (let i = Math.max(1, level - own.shown + 1); i <= level; i++) {
      const format = levels?.get(i)?.format ?? ''
      if (format !== '') numbers.push(formatNumber(this.#counters.get(style)?.[i] ?? 1, format))
    }
    return (own.before + numbers.join('.') + own.after).trim()
  }

  #read (part: Uint8Array | undefined): void {
    let levels: Map<number, Level> | undefined
    walkXml(part, {
      open: (name, attributes) => {
        if (name === 'list-style' || name === 'outline-style') {
          levels = new Map()
          this.#styles.set(name === 'outline-style' ? OUTLINE : attribute(attributes, 'name') ?? '', levels)
        } else if (name === 'list-level-style-number' || name === 'outline-level-style' || name === 'list-level-style-bullet') {
          levels?.set(Number(attribute(attributes, 'level')), {
            isBullet: name === 'list-level-style-bullet',
            format: FORMATS[attribute(attributes, 'num-format') ?? ''] ?? '',
            before: attribute(attributes, 'num-prefix') ?? '',
            after: attribute(attributes, 'num-suffix') ?? '',
            start: Number(attribute(attributes, 'start-value') ?? 1),
            shown: Number(attribute(attributes, 'display-levels') ?? 1)
          })
        }
      }
    })
  }
}
