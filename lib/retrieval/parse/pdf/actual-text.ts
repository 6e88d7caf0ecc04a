import type { TextItem } from './codes.js'

/** Written from the right: Hebrew, Arabic, Syriac, Thaana, N'Ko and what follows them in Unicode. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/
/** PDFDocEncoding beyond ASCII, as far as it is not Latin-1 (ISO 32000-1, D.2), from its code 0x80 on. */
const DOC_ENCODING = '•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž\uFFFD€'

/**
 * The items with what a file says its glyphs stand for in their place (ISO 32000-1, 14.9.4): a cluster of Thai or of a script of India, a
 * ligature, a hyphen that is there for the line only. What is said of a part of such a piece is a part of what is said of the whole.
 */
export function withActualText (items: readonly TextItem[]): TextItem[] {
  const found: TextItem[] = []
  let text: string | undefined
  let within: TextItem[] = []
  let depth = 0
  for (const item of items) {
    if (item.type === 'endMarkedContent') {
      if (text === undefined || --depth > 0) continue
      found.push(...replaced(text, within, found.at(-1)))
      text = undefined
    } else if (item.type !== undefined) {
      if (text !== undefined) depth++
      else if (typeof item.actualText === 'string') [text, within, depth] = [textString(item.actualText), [], 1]
    } else if (text === undefined) found.push(item)
    else within.push(item)
  }
  // Marks may lack their end.
  if (text !== undefined) found.push(...within)
  return found
}

/** What is drawn, as what it stands for. One that is drawn as it is said keeps its places, which may be several lines. */
function replaced (text: string, within: readonly TextItem[], before: TextItem | undefined): TextItem[] {
  const drawn = within.filter(({ str = '' }) => str.trim() !== '')
  const [first] = drawn
  if (first === undefined) return text.trim() === '' ? [...within] : [...within, after(before, text)]
  if (plain(drawn.map(({ str }) => str).join('')) === plain(text)) return [...within]
  const blanks = within.slice(0, within.indexOf(first))
  return [...blanks, { ...first, ...extent(first, drawn), str: text, dir: first.dir === 'ttb' ? 'ttb' : RIGHT_TO_LEFT.test(text) ? 'rtl' : 'ltr' }]
}

const plain = (text: string): string => text.replace(/\s+/g, '')

/** Where pieces begin and end along the line of the first one. */
function extent (first: TextItem, drawn: readonly TextItem[]): Pick<TextItem, 'transform' | 'width'> {
  const [a = 1, b = 0, c = 0, d = 1, x = 0, y = 0] = first.transform ?? []
  const length = Math.hypot(a, b) || 1
  const [cos, sin] = [a / length, b / length]
  const size = Math.hypot(c, d) || length
  let from = 0
  let to = first.width ?? 0
  for (const { transform: [, , , , itsX = x, itsY = y] = [], width = 0 } of drawn) {
    const [along, across] = [(itsX - x) * cos + (itsY - y) * sin, (itsY - y) * cos - (itsX - x) * sin]
    if (Math.abs(across) > size) continue
    from = Math.min(from, along)
    to = Math.max(to, along + width)
  }
  return { transform: [a, b, c, d, x + from * cos, y + from * sin], width: to - from }
}

/** What is not drawn, or drawn as a picture, stands where the text before it ends; a joiner between Arabic letters, which are drawn from the left, beyond it. */
function after (before: TextItem | undefined, text: string): TextItem {
  const [a = 1, b = 0, c = 0, d = 1, x = 0, y = 0] = before?.transform ?? []
  const length = Math.hypot(a, b) || 1
  const width = (before?.width ?? 0) + (before?.dir === 'rtl' && /^\p{Cf}+$/u.test(text) ? 0.1 * length : 0)
  return { ...before, str: text, width: 0, transform: [a, b, c, d, x + width * a / length, y + width * b / length] }
}

/** A text string of PDF (ISO 32000-1, 7.9.2.2), a character for each of its bytes. */
function textString (bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1')
  if (bytes.startsWith('\u00FE\u00FF')) return buffer.subarray(2, buffer.length & ~1).swap16().toString('utf16le')
  if (bytes.startsWith('\u00FF\u00FE')) return buffer.subarray(2, buffer.length & ~1).toString('utf16le')
  if (bytes.startsWith('\u00EF\u00BB\u00BF')) return buffer.subarray(3).toString()
  return bytes.replace(/[\u0080-\u00A0]/g, character => DOC_ENCODING[character.charCodeAt(0) - 0x80] ?? character)
}
