import { withPlainIdeographs } from '../../analysis/normalise.js'

/** A text item of pdf.js, or a mark around some: marks have no `str`. */
export interface TextItem {
  str?: string
  /** Of a mark: `beginMarkedContent`, `beginMarkedContentProps`, `endMarkedContent`. */
  type?: string
  /** Of a mark: what the items up to its end stand for, a string of PDF. */
  actualText?: unknown
  dir?: string
  width?: number
  height?: number
  transform?: number[]
  fontName?: string
}

/**
 * A font without a map to characters has the numbers of its glyphs instead. Nearly all fonts have the signs of ASCII in its order from glyph 3
 * on, which is the space: `The` comes as `7KH`.
 */
const SHIFT = 29
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0003-\u001f]/g
// eslint-disable-next-line no-control-regex
const GLYPHS = /[\u0003-\u0061]/g
const LETTERS = /[a-z]/g
/** Letters of a font that tell whether it has a map. */
const ENOUGH = 12
/** Letters as fonts for Arabic have them, by their place in the word, and signs as they are in columns. */
const PRESENTATION = /[\uFB1D-\uFDFF\uFE10-\uFE19\uFE30-\uFE44\uFE47\uFE48\uFE70-\uFEFC]/g
/** A glyph of which a font does not say what it is. */
const UNKNOWN = /\0/g

/** An article before a ligature of two letters, whose letters were turned with the rest of the line: no word is spelled so. */
const TURNED_LIGATURE = /\u0627([\u0622\u0623\u0625])\u0644/g

/** Signs of a font's own stand before the items of a list. */
const OWN_SIGN = /^[\uE000-\uF8FF]$/

/** The items with characters in place of glyphs and of forms that fonts alone need. */
export function legible (items: readonly TextItem[]): TextItem[] {
  const texts = new Map<string, string>()
  for (const { str = '', fontName = '' } of items) texts.set(fontName, (texts.get(fontName) ?? '') + str)
  const unmapped = new Set([...texts].filter(([, text]) => isShifted(text)).map(([font]) => font))
  return items.map(item => item.str === undefined || item.str === '' ? item : { ...item, str: plain(item.str, unmapped.has(item.fontName ?? '')) })
}

/** Text has small letters most of all, and has them only once its glyphs are taken for what they are. */
function isShifted (text: string): boolean {
  const shifted = text.replace(GLYPHS, glyph => String.fromCharCode(glyph.charCodeAt(0) + SHIFT))
  const letters = count(shifted)
  return text.includes('\u0003') && letters >= ENOUGH && letters > 0.5 * text.length && count(text) < 0.1 * text.length
}

const count = (text: string): number => text.match(LETTERS)?.length ?? 0

function plain (text: string, isUnmapped: boolean): string {
  if (OWN_SIGN.test(text)) return '•'
  // Also in a font that has a map some glyphs may be missing from it.
  const mapped = text.replace(UNKNOWN, '').replace(isUnmapped ? GLYPHS : CONTROL, glyph => glyph === '\t' || glyph === '\n' || glyph === '\r' ? glyph : String.fromCharCode(glyph.charCodeAt(0) + SHIFT))
  return withPlainIdeographs(mapped.replace(PRESENTATION, form => form.normalize('NFKC')).replace(TURNED_LIGATURE, '\u0627\u0644$1'))
}
