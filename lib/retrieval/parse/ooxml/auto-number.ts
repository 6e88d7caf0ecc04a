import { formatNumber } from '../list-number.js'
import { attribute, type XmlAttributes } from '../xml.js'

/** Beginnings of the names of formats (`arabicPeriod`, `romanUcParenBoth`). */
const FORMATS: readonly [start: string, format: string][] = [['alphaLc', 'lowerLetter'], ['alphaUc', 'upperLetter'], ['romanLc', 'lowerRoman'], ['romanUc', 'upperRoman'], ['arabic', 'decimal']]

/** Numbers the paragraphs of one text of DrawingML as PowerPoint shows them. */
export class AutoNumbers {
  #counters: number[] = []
  #level = 0
  #number = ''

  paragraph (): void {
    this.#level = 0
    this.#number = ''
  }

  /** The properties of a paragraph, and what is in them. */
  property (name: string, attributes: XmlAttributes): void {
    if (name === 'pPr') this.#level = Math.min(8, Math.max(0, Number(attribute(attributes, 'lvl') ?? 0) || 0))
    if (name !== 'buAutoNum') return
    const type = attribute(attributes, 'type') ?? 'arabicPeriod'
    const number = this.#counters[this.#level] === undefined ? Number(attribute(attributes, 'startAt') ?? 1) || 1 : this.#counters[this.#level]! + 1
    this.#counters[this.#level] = number
    const text = formatNumber(number, FORMATS.find(([start]) => type.startsWith(start))?.[1] ?? 'decimal')
    this.#number = type.endsWith('ParenBoth') ? `(${text})` : type.endsWith('ParenR') ? `${text})` : type.endsWith('Plain') ? text : `${text}.`
  }

  /** The number of the paragraph that ends; a paragraph without one ends the list. */
  end (): string {
    this.#counters.length = this.#number === '' ? Math.min(this.#counters.length, this.#level) : this.#level + 1
    return this.#number
  }
}
