import { formatNumber } from '../list-number.js'
import { attribute, walkXml } from '../xml.js'

interface Level {
  start: number
  format: string
  /** `%1.%2`: the numbers of the levels, and what is around them. */
  text: string
}

interface NumberedStyle {
  list?: string | undefined
  level?: string | undefined
  basedOn?: string | undefined
}

/** Levels that a list has. */
const LEVELS = 9

/** Numbers the paragraphs of a Word document as Word does: they are no text of theirs, but others refer to them. */
export class Numbering {
  readonly #abstract = new Map<string, Map<number, Level>>()
  readonly #lists = new Map<string, string>()
  readonly #starts = new Map<string, Map<number, number>>()
  readonly #styles: Map<string, NumberedStyle>
  readonly #counters = new Map<string, number[]>()

  /** @param numbering, styles the parts of that name */
  constructor (numbering: Uint8Array | undefined, styles: Uint8Array | undefined) {
    this.#styles = numberedStyles(styles)
    this.#read(numbering)
  }

  /** The number of the next paragraph with a style and, when it says so itself, a list and a level. Empty when it has none. */
  next (style: string | undefined, list: string | undefined, level: string | undefined): string {
    const inherited = this.#ofStyle(style)
    const id = list ?? inherited?.list
    const abstract = id === undefined ? undefined : this.#lists.get(id)
    const levels = abstract === undefined ? undefined : this.#abstract.get(abstract)
    if (id === undefined || abstract === undefined || levels === undefined) return ''
    const depth = Math.min(LEVELS - 1, Math.max(0, Number(level ?? inherited?.level ?? 0) || 0))
    const own = levels.get(depth)
    if (own === undefined) return ''
    if (own.format === 'bullet') return '*'
    if (own.format === 'none') return ''
    const starts = this.#starts.get(id)
    const startOf = (i: number): number => starts?.get(i) ?? levels.get(i)?.start ?? 1
    const key = starts === undefined ? abstract : `${abstract} ${id}`
    const counters = this.#counters.get(key) ?? []
    this.#counters.set(key, counters)
    for (let i = 0; i < depth; i++) counters[i] ??= startOf(i)
    counters[depth] = counters[depth] === undefined ? startOf(depth) : counters[depth] + 1
    counters.length = depth + 1
    return own.text.replace(/%(\d)/g, (_, digit: string) => {
      const i = Number(digit) - 1
      return formatNumber(counters[i] ?? startOf(i), levels.get(i)?.format ?? 'decimal')
    }).trim()
  }

  #ofStyle (style: string | undefined): NumberedStyle | undefined {
    // A style may be based on itself, in a broken file.
    for (let name = style, steps = 0; name !== undefined && steps < 20; steps++) {
      const found = this.#styles.get(name)
      if (found?.list !== undefined) return found
      name = found?.basedOn
    }
    return undefined
  }

  #read (numbering: Uint8Array | undefined): void {
    let levels: Map<number, Level> | undefined
    let level: Level | undefined
    let list: string | undefined
    let override = 0
    walkXml(numbering, {
      open: (name, attributes) => {
        const value = attribute(attributes, 'val')
        if (name === 'abstractNum') {
          levels = new Map()
          this.#abstract.set(attribute(attributes, 'abstractNumId') ?? '', levels)
        } else if (name === 'lvl') {
          level = { start: 1, format: 'decimal', text: '' }
          levels?.set(Number(attribute(attributes, 'ilvl')), level)
        } else if (name === 'num') [list, levels, level] = [attribute(attributes, 'numId'), undefined, undefined]
        else if (name === 'abstractNumId' && list !== undefined) this.#lists.set(list, value ?? '')
        else if (name === 'lvlOverride') override = Number(attribute(attributes, 'ilvl'))
        else if (name === 'startOverride' && list !== undefined) this.#starts.set(list, (this.#starts.get(list) ?? new Map()).set(override, Number(value)))
        else if (level !== undefined) {
          if (name === 'start') level.start = Number(value)
          if (name === 'numFmt') level.format = value ?? 'decimal'
          if (name === 'lvlText') level.text = value ?? ''
        }
      }
    })
  }
}

function numberedStyles (xml: Uint8Array | undefined): Map<string, NumberedStyle> {
  const styles = new Map<string, NumberedStyle>()
  let style: NumberedStyle = {}
  walkXml(xml, {
    open (name, attributes) {
      const value = attribute(attributes, 'val')
      if (name === 'style') styles.set(attribute(attributes, 'styleId') ?? '', style = {})
      else if (name === 'basedOn') style.basedOn = value
      else if (name === 'numId') style.list = value
      else if (name === 'ilvl') style.level = value
    }
  })
  return styles
}
