import { beforeRaised } from '../raised.js'
import type { Fragment } from './fragments.js'
import { WIDE_SPACE, withoutLetterSpacing } from './letter-spacing.js'
import { inLogicalOrder, isReadFromRight, withBrackets } from './right-to-left.js'

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
/** Of words whose letters are set apart; pdf.js makes a blank of a smaller one. */
const LETTER_SPACED_GAP = 0.45
const COLUMN_GAP = 1.2
/** Steps back: drawn to the left of what came before. */
const STEP_BACK = 0.5
/** Raised digits are smaller than the line that they stand on, and above it. Sizes of its font. */
const RAISED_SIZE = 0.95
const RAISED = 0.2

/** A sign that stands alone at the end of a text, and at the beginning of one. */
const LONE_LAST = /(?:^|\s)\S\p{M}*$/u
const LONE_FIRST = /^\S\p{M}*(?:\s|$)/u
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u3000-\u303F\uFF00-\uFFEF]/u

/** Puts fragments together as long as they are on the same line. Where one ends and where the next begins decides whether there is a space between. */
export function linesOf (fragments: readonly Fragment[]): Line[] {
  const lines: Line[] = []
  const parts: Fragment[][] = []
  let last: Fragment | undefined
  for (const fragment of fragments) {
    const line = lines.at(-1)
    if (line === undefined || last === undefined || !isSameLine(line, last, fragment)) {
      lines.push({ segments: [segment(fragment)], from: fragment.from, to: fragment.to, at: fragment.line, size: fragment.size })
      parts.push([fragment])
    } else {
      add(line, last, fragment)
      parts.at(-1)!.push(fragment)
    }
    last = fragment
  }
  return lines.map((line, i) => ({
    ...line,
    segments: parts[i]!.some(({ isRightToLeft }) => isRightToLeft) ? segmentsAsRead(parts[i]!) : line.segments.map(one => ({ ...one, text: withoutLetterSpacing(one.text) }))
  }))
}

/** The parts of a line by where they stand, in any order of drawing. */
function segmentsAsRead (fragments: readonly Fragment[]): Segment[] {
  const segments: Segment[] = []
  let last: Fragment | undefined
  for (const fragment of inLogicalOrder(fragments)) {
    const size = Math.min(last?.size ?? fragment.size, fragment.size)
    const gap = last === undefined ? 0 : Math.max(fragment.from - last.to, last.from - fragment.to)
    if (last === undefined || gap > COLUMN_GAP * size) segments.push(segment(fragment))
    else join(segments.at(-1)!, fragment, gap > WORD_GAP * size ? ' ' : '')
    last = fragment
  }
  if (!isReadFromRight(fragments)) return segments
  const texts = withBrackets(segments.map(({ text }) => text))
  return segments.map((one, i) => ({ ...one, text: texts[i]! }))
}

/** @param space what stands between, unless there is a space already */
function join (current: Segment, { text, from, to }: Fragment, space: string): void {
  current.text += (/\s$/.test(current.text) || /^\s/.test(text) ? '' : space) + text
  current.from = Math.min(current.from, from)
  current.to = Math.max(current.to, to)
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
    const isRaised = fragment.size < RAISED_SIZE * line.size && line.at - fragment.line > RAISED * line.size
    const space = gap > LETTER_SPACED_GAP * size && LONE_LAST.test(current.text.slice(-4)) && LONE_FIRST.test(fragment.text) ? WIDE_SPACE : ' '
    join(current, fragment, fragment.isSpaced || gap > wide * size ? space : isRaised ? beforeRaised(current.text, fragment.text) : '')
  }
  line.from = Math.min(line.from, fragment.from)
  line.to = Math.max(line.to, fragment.to)
}

export const lineText = ({ segments }: Line): string => segments.map(({ text }) => text.trim()).join(' ')
