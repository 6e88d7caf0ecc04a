/** Where the decoder is in `{"code":"…"}`. */
type State = 'start' | 'raw' | 'before-key' | 'key' | 'before-value' | 'other' | 'other-text' | 'code' | 'end'

const KEY = 'code'
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' }

/**
 * Decodes the code in a call's arguments while the model writes them. What does not begin like a JSON object is code itself: some
 * models write it plain. What was decoded depends on the text alone, however it is cut.
 */
export class CodeReader {
  #state: State = 'start'
  /** A key, as far as it has come. */
  #key = ''
  /** Nesting of a value that is passed over. */
  #depth = 0
  /** What came of an escape sequence so far, with its backslash; '' outside of one. */
  #escape = ''

  /** The code in this fragment. */
  push (fragment: string): string {
    let code = ''
    for (let i = 0; i < fragment.length; i++) {
      if (this.#state === 'raw') return code + fragment.slice(i)
      code += this.#next(fragment[i]!)
    }
    return code
  }

  #next (char: string): string {
    switch (this.#state) {
      case 'start':
        if (/\s/.test(char)) return ''
        this.#state = char === '{' ? 'before-key' : 'raw'
        return this.#state === 'raw' ? char : ''
      case 'before-key':
        if (char === '"') this.#to('key')
        else if (char === '}') this.#state = 'end'
        return ''
      case 'key':
        if (char === '"') this.#state = 'before-value'
        else this.#key += char
        return ''
      case 'before-value':
        return this.#value(char)
      case 'code':
        return this.#text(char, 'end')
      case 'other-text':
        this.#text(char, 'other')
        return ''
      case 'other':
        this.#skip(char)
        return ''
      default:
        return ''
    }
  }

  #value (char: string): string {
    if (/[\s:]/.test(char)) return ''
    if (this.#key === KEY && char === '"') {
      this.#state = 'code'
      return ''
    }
    this.#state = 'other'
    this.#depth = 0
    this.#skip(char)
    return ''
  }

  /** A value that is no code. */
  #skip (char: string): void {
    if (char === '"') this.#state = 'other-text'
    else if (/[[{]/.test(char)) this.#depth++
    else if (/[\]}]/.test(char)) this.#depth--
    if (this.#depth < 0) this.#state = 'end'
    else if (char === ',' && this.#depth === 0) this.#state = 'before-key'
  }

  /** One character of a JSON string. */
  #text (char: string, after: State): string {
    if (this.#escape !== '') return this.#escaped(char)
    if (char === '\\') {
      this.#escape = char
      return ''
    }
    if (char !== '"') return char
    this.#state = after
    return ''
  }

  #escaped (char: string): string {
    this.#escape += char
    if (this.#escape[1] === 'u') {
      if (this.#escape.length < 6) return ''
      const unit = Number.parseInt(this.#escape.slice(2), 16)
      this.#escape = ''
      return Number.isNaN(unit) ? '\ufffd' : String.fromCharCode(unit)
    }
    this.#escape = ''
    return ESCAPES[char] ?? char
  }

  #to (state: State): void {
    this.#state = state
    this.#key = ''
  }
}

/** The code in complete arguments; '' when there is none. */
export function codeIn (text: string): string {
  return new CodeReader().push(text)
}
