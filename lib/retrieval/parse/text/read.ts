import type { Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { extensionOf } from '../detect.js'
import { decodeText } from './decode.js'

/** Formats in which a character may be written as `\u00e9`, and by most programs is. */
const ESCAPED = new Set(['json', 'jsonl', 'ndjson', 'jsonc', 'json5', 'geojson', 'ipynb', 'properties'])

export const read = (bytes: Uint8Array, { filename }: ReadContext): Section[] => {
  const text = decodeText(bytes)
  return [{ text: ESCAPED.has(extensionOf(filename)) ? unescaped(text) : text }]
}

/** Letters beyond ASCII as themselves. Other escapes stay: quotation marks and line breaks have a meaning in the format. */
const unescaped = (text: string): string => text.replace(/\\(?:u([0-9a-fA-F]{4})|[^u])/g, (escape, code: string | undefined) => {
  const character = code === undefined ? '' : String.fromCharCode(parseInt(code, 16))
  return character > '\u009F' ? character : escape
})
