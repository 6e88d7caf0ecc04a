import type { Fragment } from './fragments.js'

/** A part of a line without a wide gap in it: a cell of a table, a line of a column. */
export interface Segment {
  text: string
  from: number
  to: number
}

/** What is drawn on one line without another between, in the order in which it is drawn. */
export interface Line {
  segments: Segment[]
  from: number
  to: number
  /** Where it is; larger is further down. */
  at: number
  size: number
}

/** Gaps, in sizes of the font: of a word, between characters that are not written with spaces, of a column. */
const WORD_GAP = 0.17
const UNSPACED_GAP = 0.8
const COLUMN_GAP = 1.2
/** Steps back: drawn to the left of what came before. */
const STEP_BACK = 0.5

const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u3000-\u303F\uFF00-\uFFEF]/u

/** Puts fragments together as long as they are on the same line. Where one ends and where the next begins decides whether there is a space between. */
export function linesOf (fragments: readonly Fragment[]): Line[] {
  const lines: Line[] = []
  let last: Fragment | undefined
  for (const fragment of fragments) {
    const line = lines.at(-1)
    if (line === undefined || last === undefined || !isSameLine(line, last, fragment)) {
      lines.push({ segments: [segment(fragment)], from: fragment.from, to: fragment.to, at: fragment.line, size: fragment.size })
    } else {
      add(line, last, fragment)
    }
    last = fragment
  }
  return lines
}

const segment = ({ text, from, to }: Fragment): Segment => ({ text, from, to })

/** A raised or lowered piece is on the line that it touches. */
function isSameLine (line: Line, last: Fragment, fragment: Fragment): boolean {
  const size = Math.max(last.size, fragment.size)
  const near = fragment.from - last.to < size && fragment.from > last.from
  return Math.abs(fragment.line - line.at) < (near ? 0.6 : 0.3) * size
}

function add (line: Line, last: Fragment, fragment: Fragment): void {
  const current = line.segments.at(-1)!
  const size = Math.min(last.size, fragment.size)
  const gap = last.isRightToLeft && fragment.isRightToLeft ? last.from - fragment.to : fragment.from - last.to
  if (gap > COLUMN_GAP * size || gap < -STEP_BACK * size) {
    line.segments.push(segment(fragment))
  } else {
    const wide = UNSPACED.test(last.text.slice(-1)) && UNSPACED.test(fragment.text.slice(0, 1)) ? UNSPACED_GAP : WORD_GAP
    const isApart = (fragment.isSpaced || gap > wide * size) && !/\s$/.test(current.text) && !/^\s/.test(fragment.text)
    current.text += (isApart ? ' ' : '') + fragment.text
    current.from = Math.min(current.from, fragment.from)
    current.to = Math.max(current.to, fragment.to)
  }
  line.from = Math.min(line.from, fragment.from)
  line.to = Math.max(line.to, fragment.to)
}

export const lineText = ({ segments }: Line): string => segments.map(({ text }) => text.trim()).join(' ')
