import { ApiError } from '../shared/errors.js'

/** Values of a body: far more than any request has, and quickly parsed. */
const MOST_VALUES = 500_000
/** Values of one object. Those of arrays cost less. */
const MOST_MEMBERS = 20_000
/** Levels of arrays and objects that the parser is given; how many a request may have is the validator's affair. */
const MOST_LEVELS = 512

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/**
 * Looks at a JSON text while it arrives, and throws a 400 for one that is small to send and dear to parse: millions of empty objects, or
 * brackets without an end. Whether it is JSON is the parser's to say.
 */
export class JsonGuard {
  #values = 1
  #levels = 0
  /** Of the arrays and objects that are open, outermost first. */
  readonly #commas = new Uint32Array(MOST_LEVELS + 1)
  readonly #isObject = new Uint8Array(MOST_LEVELS + 1)
  #inString = false
  /** Whether the string's last byte was a backslash that is not itself escaped. */
  #escaped = false

  push (bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (this.#inString) {
        i = this.#endOfString(bytes, i)
        continue
      }
      switch (bytes[i]) {
        case QUOTE:
          this.#inString = true
          break
        case COMMA:
          this.#count()
          if (++this.#commas[this.#levels]! > MOST_MEMBERS && this.#isObject[this.#levels] === 1) throw refused(`with an object of more than ${MOST_MEMBERS} values`)
          break
        case 0x5b: // [
        case 0x7b: // {
          this.#count()
          if (++this.#levels > MOST_LEVELS) throw refused(`nested more than ${MOST_LEVELS} levels deep`)
          this.#commas[this.#levels] = 0
          this.#isObject[this.#levels] = bytes[i] === 0x7b ? 1 : 0
          break
        case 0x5d: // ]
        case 0x7d: // }
          // What has more ends than beginnings is no JSON.
          if (this.#levels > 0) this.#levels--
      }
    }
  }

  #count (): void {
    if (++this.#values > MOST_VALUES) throw refused(`of more than ${MOST_VALUES} values`)
  }

  /** The place of the quotation mark that ends the string, or the end of the bytes. */
  #endOfString (bytes: Uint8Array, from: number): number {
    let at = from
    if (this.#escaped) {
      this.#escaped = false
      at++
    }
    for (;;) {
      const quote = bytes.indexOf(QUOTE, at)
      const end = quote === -1 ? bytes.length : quote
      let slashes = 0
      while (end - slashes > at && bytes[end - slashes - 1] === BACKSLASH) slashes++
      const isEscaped = slashes % 2 === 1
      if (quote === -1) {
        this.#escaped = isEscaped
        return end
      }
      if (!isEscaped) {
        this.#inString = false
        return quote
      }
      at = quote + 1
    }
  }
}

const refused = (what: string): ApiError =>
  new ApiError(400, `We could not parse the JSON body of your request: this server takes no body ${what}.`, { code: 'request_too_complex' })
