import { htmlToText } from '../html/html-to-text.js'

const list = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Formats in which a character may be written as `\u00e9`, and by most programs is. */
const ESCAPED = list('json jsonl ndjson jsonc json5 geojson ipynb properties yaml yml toml')
/** In these it may be `&eacute;` or `&#233;`. */
const REFERENCES = list('xml xsd xsl xslt wsdl svg md markdown mdx vue svelte')
const TEX = list('tex bib bibtex sty')
/** Calendars and cards: lines are folded wherever they are full. */
const FOLDED = list('ics vcf')

/** The text of a file with the letters that its format writes by ASCII signs as themselves. Signs that mean something in the format stay. */
export function asWritten (text: string, extension: string): string {
  if (ESCAPED.has(extension)) return unescaped(text)
  if (REFERENCES.has(extension)) return dereferenced(text)
  if (TEX.has(extension)) return accented(text)
  return FOLDED.has(extension) ? unfolded(text) : text
}

const isLetter = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

/** A word after a line break that is written as an escape is a word of its own: it gets a space. */
const unescaped = (text: string): string => text.replace(/\\(?:u([0-9a-fA-F]{4})|[^u])/g, (escape, code: string | undefined, at: number) => {
  if (code === undefined) return /^\\[nrtfb]$/.test(escape) && isLetter(text.charAt(at + 2)) ? `${escape} ` : escape
  const character = String.fromCharCode(parseInt(code, 16))
  return character > '\u009F' ? character : escape
})

/** Names of letters: there are some hundreds. */
const NAMED = new Map<string, string>()

function dereferenced (text: string): string {
  return text.replace(/&(?:#(\d{2,7})|#[xX]([0-9a-fA-F]{2,6})|([a-zA-Z]{2,8}));/g, (reference, decimal: string | undefined, hexadecimal: string | undefined, name: string | undefined) => {
    if (name === undefined) {
      const code = decimal === undefined ? parseInt(hexadecimal!, 16) : Number(decimal)
      return code > 0x9F && code <= 0x10FFFF ? String.fromCodePoint(code) : reference
    }
    let letter = NAMED.get(name)
    if (letter === undefined) {
      letter = htmlToText(reference)
      if (NAMED.size < 1_000) NAMED.set(name, letter)
    }
    return letter.length === 1 && letter > '\u009F' ? letter : reference
  })
}

const ACCENTS: Record<string, string> = { '"': '\u0308', '\'': '\u0301', '`': '\u0300', '^': '\u0302', '~': '\u0303', '=': '\u0304', '.': '\u0307', u: '\u0306', v: '\u030C', H: '\u030B', c: '\u0327', k: '\u0328', r: '\u030A' }
const LETTERS: Record<string, string> = { ss: 'ß', o: 'ø', O: 'Ø', l: 'ł', L: 'Ł', ae: 'æ', AE: 'Æ', oe: 'œ', OE: 'Œ', aa: 'å', AA: 'Å', dh: 'ð', DH: 'Ð', th: 'þ', TH: 'Þ', dj: 'đ', DJ: 'Đ' }
/** `\"u`, `\"{u}`, `{\"u}`, `\"{\i}`; of letters `\c{c}`, `\v s`. */
const ACCENT = /(\{)?\\(?:(["'`^~=.])\s?(?:\{(\\?[a-zA-Z])\}|(\\[ij](?![a-zA-Z])|[a-zA-Z]))|([uvHckr])(?:\{(\\?[a-zA-Z])\}|\s([a-zA-Z])(?![a-zA-Z])))(\})?/g
const LETTER = /\{\\([a-zA-Z]{1,2})\}|\\([a-zA-Z]{1,2})(?:\{\}|\\ |\s(?=[a-zA-Z])|(?![a-zA-Z{]))/g

function accented (text: string): string {
  return text.replace(ACCENT, (written, open: string | undefined, sign: string | undefined, a: string | undefined, b: string | undefined, named: string | undefined, c: string | undefined, d: string | undefined, close: string | undefined) => {
    const letter = (a ?? b ?? c ?? d ?? '').replace('\\', '') + ACCENTS[sign ?? named ?? '']
    const composed = letter.normalize('NFC')
    if (composed.length !== 1) return written
    // A brace of its own goes with the letter, one of a larger group stays.
    return open !== undefined && close !== undefined ? composed : (open ?? '') + composed + (close ?? '')
  }).replace(LETTER, (written, a: string | undefined, b: string | undefined) => LETTERS[a ?? b ?? ''] ?? written)
}

/** Lines as they were before they were folded, and what is quoted-printable decoded. */
function unfolded (text: string): string {
  return text.replace(/\r?\n[ \t]/g, '').split(/\r?\n/).map(line => {
    const quoted = /^([^:]{0,200});ENCODING=QUOTED-PRINTABLE([^:]{0,200}):(.*)$/i.exec(line)
    const value = quoted === null ? line : `${quoted[1]}${quoted[2]}:${fromQuoted(quoted[3]!)}`
    return value.replace(/\\[nN](?=[\p{L}\p{N}])/gu, mark => `${mark} `)
  }).join('\n')
}

function fromQuoted (text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1').replace(/=([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
  const decoded = Buffer.from(bytes, 'latin1').toString('utf8')
  return decoded.includes('\uFFFD') ? text : decoded
}
