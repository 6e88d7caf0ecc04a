import { attribute, type XmlAttributes } from '../xml.js'

/** What stands before and after the content of an element, when it is more than one character. */
const AROUND: Record<string, [before: string, after: string]> = { sup: ['^(', ')'], sub: ['_(', ')'], num: ['(', ')'], den: ['/(', ')'], deg: ['root ', ' of '] }
const SHORT: Record<string, string> = { sup: '^', sub: '_', num: '', den: '/' }
/** Beyond this an equation is only its characters. */
const MAX_DEPTH = 50

/** An Office equation on one line: `A=πr^2`, `(a+b)/c`, `√(x)`. */
export class Equation {
  #parts: string[] = ['']
  #names: string[] = []
  #inText = false
  /** An operator whose sign is not written is an integral. */
  #isIntegral = false

  open (name: string, attributes: XmlAttributes): void {
    if (name in AROUND || name === 'd' || (name === 'e' && this.#names.at(-1) === 'rad')) {
      if (this.#parts.length > MAX_DEPTH) return
      this.#parts.push('')
      this.#names.push(name)
      return
    }
    if (name === 'rad') {
      this.#names.push(name)
      this.#add('√')
    }
    if (name === 'chr') {
      this.#isIntegral = false
      this.#add(attribute(attributes, 'val') ?? '')
    }
    if (name === 'naryPr') this.#isIntegral = true
    this.#inText = name === 't'
  }

  text (data: string): void {
    if (this.#inText) this.#add(data)
  }

  close (name: string): void {
    this.#inText = false
    if (name === 'naryPr' && this.#isIntegral) this.#add('∫')
    if (this.#names.at(-1) !== name) return
    this.#names.pop()
    if (name === 'rad') return
    const content = this.#parts.pop() ?? ''
    if (name === 'd' || name === 'e') return this.#add(`(${content})`)
    const short = [...content].length === 1 ? SHORT[name] : undefined
    const [before, after] = AROUND[name]!
    if (content !== '') this.#add(short === undefined ? before + content + after : short + content)
  }

  toString (): string {
    return this.#parts.join('')
  }

  #add (text: string): void {
    this.#parts[this.#parts.length - 1] += text
  }
}
