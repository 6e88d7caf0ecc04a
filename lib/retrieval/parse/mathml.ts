/** What is said of a formula besides its signs, in another notation. */
const ANNOTATIONS = new Set(['annotation', 'annotation-xml'])
/** Elements whose children have a place each: what stands before a child, and before a child of more than one sign. */
const PLACES: Record<string, readonly [before: string, ...others: string[]]> = {
  mfrac: ['', '/'],
  msup: ['', '^'],
  msub: ['', '_'],
  msubsup: ['', '_', '^'],
  munder: ['', '_'],
  mover: ['', ''],
  munderover: ['', '_', '^'],
  mroot: ['√', '^1/'],
  msqrt: ['√']
}
/** In these a child of several signs is in brackets wherever it stands. */
const BRACKETED = new Set(['mfrac', 'mroot', 'msqrt'])
/** Beyond this a formula is only its signs. */
const MAX_DEPTH = 50
/** Signs that are not seen: of a product, of a function. */
const INVISIBLE = /[\u2061-\u2064\s]+/g

interface Open {
  name: string
  children: string[]
  text: string
}

/** A formula of MathML on one line: `A=πr^2`, `(a+b)/c`, `√(x)`. */
export class MathFormula {
  readonly #open: Open[] = [{ name: 'math', children: [], text: '' }]
  #depth = 0
  #skipping = 0

  /** @param name without a prefix */
  open (name: string): void {
    this.#depth++
    if (ANNOTATIONS.has(name)) this.#skipping++
    if (this.#depth <= MAX_DEPTH) this.#open.push({ name, children: [], text: '' })
  }

  text (data: string): void {
    if (this.#skipping > 0) return
    const { name } = this.#open.at(-1)!
    this.#open.at(-1)!.text += name === 'mtext' || name === 'ms' ? data : data.replace(INVISIBLE, '')
  }

  close (name: string): void {
    if (ANNOTATIONS.has(name)) this.#skipping = Math.max(0, this.#skipping - 1)
    if (this.#depth-- > MAX_DEPTH || this.#open.length === 1) return
    this.#end()
  }

  toString (): string {
    while (this.#open.length > 1) this.#end()
    const [root] = this.#open
    return (root!.children.join('') + root!.text).trim()
  }

  #end (): void {
    const { name, children, text } = this.#open.pop()!
    if (ANNOTATIONS.has(name)) return
    const places = PLACES[name]
    // What is within a root is one row.
    const parts = name === 'msqrt' ? [children.join('')] : children
    const content = places === undefined
      ? children.join('')
      : parts.map((part, i) => (places[i] ?? '') + (i > 0 || BRACKETED.has(name) ? bracketed(part) : part)).join('')
    const whole = name === 'mtr' ? `${content}; ` : name === 'mtd' ? `${content} ` : content + text
    const { children: outer } = this.#open.at(-1)!
    // An exponent and the factor after it are no number together.
    outer.push(/\p{N}$/u.test(outer.at(-1) ?? '') && /^\p{N}/u.test(whole) && !(this.#open.at(-1)!.name in PLACES) ? ` ${whole}` : whole)
  }
}

const bracketed = (part: string): string => /^(?:[\p{L}\p{M}]|\p{N}+|[^\p{L}\p{N}])$/u.test(part) || part === '' ? part : `(${part})`
