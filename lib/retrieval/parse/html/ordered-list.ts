import { formatNumber } from '../list-number.js'

const FORMATS: Record<string, string> = { a: 'lowerLetter', A: 'upperLetter', i: 'lowerRoman', I: 'upperRoman' }

/** Numbers the items of an ordered list: a text refers to its steps by them. */
export class OrderedList {
  readonly #format: string
  readonly #step: number
  #next: number

  constructor ({ start, type = '', reversed }: Record<string, string>) {
    this.#format = FORMATS[type] ?? 'decimal'
    this.#step = reversed === undefined ? 1 : -1
    this.#next = number(start) ?? 1
  }

  /** @param value the number that the item says it has */
  next (value: string | undefined): string {
    const own = number(value) ?? this.#next
    this.#next = own + this.#step
    return `${formatNumber(own, this.#format)}.`
  }
}

const number = (text: string | undefined): number | undefined => text === undefined || !/^\s*-?\d{1,9}\s*$/.test(text) ? undefined : Number(text)
