import type { Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { extensionOf } from '../detect.js'
import { decodeText } from './decode.js'
import { notebookText } from './notebook.js'

/** Formats in which a character may be written as `\u00e9`, and by most programs is. */
const ESCAPED = new Set(['json', 'jsonl', 'ndjson', 'jsonc', 'json5', 'geojson', 'ipynb', 'properties'])

export const read = (bytes: Uint8Array, { filename }: ReadContext): Section[] => {
  const text = decodeText(bytes)
  if (extensionOf(filename) === 'ipynb') {
    const notebook = notebookText(text)
    if (notebook !== undefined) return [{ text: notebook }]
  }
  return [{ text: ESCAPED.has(extensionOf(filename)) ? unescaped(text) : text }]
}

/** Letters beyond ASCII as themselves. Other escapes stay: quotation marks and line breaks have a meaning in the format. But a word after a line break is one. */
const unescaped = (text: string): string => text.replace(/\\(?:u([0-9a-fA-F]{4})|[^u])/gu, (escape, code: string | undefined, at: number) => {
  if (code === undefined) return /^\\[nrtfb]$/.test(escape) && /[\p{L}\p{N}]/u.test(text.charAt(at + 2)) ? `${escape} ` : escape
  const character = String.fromCharCode(parseInt(code, 16))
  return character > '\u009F' ? character : escape
})
