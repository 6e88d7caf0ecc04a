import { attribute, type XmlAttributes } from '../xml.js'

/** What stands before and after the content of an element, when it is more than one character. */
const AROUND: Record<string, [before: string, after: string]> = { sup: ['^(', ')'], sub: ['_(', ')'], num: ['(', ')'], den: ['/(', ')'], deg: ['root ', ' of '] }
const SHORT: Record<string, string> = { sup: '^', sub: '_', num: '', den: '/' }
/** What stands between the parts of an element. */
const PARTED: Record<string, Record<string, string>> = { m: { mr: '; ' }, mr: { e: ' ' }, eqArr: { e: '; ' } }
/** Beyond this an equation is only its characters. */
const MAX_DEPTH = 50

/** An Office equation on one line: `A=πr^2`, `(a+b)/c`, `√(x)`. */
export class Equation {
  #parts: string[] = ['']
  #names: string[] = []
  /** Elements that are open, with how many parts each has had. */
  readonly #open: { name: string, parts: number }[] = []
  #inText = false
  /** An operator whose sign is not written is an integral. */
  #isIntegral = false

  open (name: string, attributes: XmlAttributes): void {
    this.#separate(name)
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

  /** The rows of a matrix and the lines of several equations are apart, and so are the cells of a row. */
  #separate (name: string): void {
    const outer = this.#open.at(-1)
    if (outer !== undefined && name in (PARTED[outer.name] ?? {}) && outer.parts++ > 0) this.#add(PARTED[outer.name]![name]!)
    this.#open.push({ name, parts: 0 })
  }

  text (data: string): void {
    if (this.#inText) this.#add(data)
  }

  close (name: string): void {
    this.#inText = false
    this.#open.pop()
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
