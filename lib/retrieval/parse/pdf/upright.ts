import type { TextItem } from './codes.js'

/** What is written in columns from the top, each character upright. */
const UPRIGHT = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}\u3000-\u30FF\uFE10-\uFE19\uFE30-\uFE4F\uFF01-\uFF65]$/u
/** Characters of a column that make it one. */
const ENOUGH = 3
/** From one character to the next, and beside each other. Sizes of the font. */
const MIN_PITCH = 0.8
const MAX_PITCH = 1.3
const ASKEW = 0.3
/** A turned line stands on its base, a character around its middle. Sizes of the font. */
const BASE = 0.12
const TOP = 0.88

interface Placed {
  x: number
  y: number
  size: number
}

/** Of an upright character. */
function placed ({ str = '', transform: [a = 0, b = 0, c = 0, d = 0, x = 0, y = 0] = [], dir }: TextItem): Placed | undefined {
  return a > 0 && d > 0 && Math.abs(b) < 0.1 * a && Math.abs(c) < 0.1 * d && dir !== 'ttb' && UPRIGHT.test(str.trim()) ? { x, y, size: d } : undefined
}

/**
 * East Asian text in columns that is drawn character by character, as browsers do, with Latin words between them turned to the right: the
 * characters are turned as these are, so that the column is a line.
 */
export function withColumnsAsLines (items: readonly TextItem[]): TextItem[] {
  const characters = items.map(placed)
  const isColumn = new Array<boolean>(items.length).fill(false)
  // Blanks and the ends of lines are between.
  const drawn = [...items.keys()].filter(i => (items[i]!.str ?? '').trim() !== '')
  for (let from = 0; from < drawn.length;) {
    let to = from + 1
    while (to < drawn.length && isBelow(characters[drawn[to - 1]!], characters[drawn[to]!])) to++
    if (to - from >= ENOUGH) for (const i of drawn.slice(from, to)) isColumn[i] = true
    from = to
  }
  if (!isColumn.includes(true)) return [...items]
  for (const [n, i] of drawn.entries()) {
    const [before, after] = [drawn[n - 1], drawn[n + 1]]
    const follows = before !== undefined && isColumn[before] === true && isBelow(characters[before], characters[i])
    isColumn[i] ||= characters[i] !== undefined && (follows || [before, after].some(other => other !== undefined && isTurnedIn(items[other]!, characters[i]!)))
  }
  return items.map((item, i) => isColumn[i] ? turned(item, characters[i]!) : item)
}

function isBelow (before: Placed | undefined, next: Placed | undefined): boolean {
  if (before === undefined || next === undefined) return false
  const pitch = (before.y - next.y) / before.size
  return pitch > MIN_PITCH && pitch < MAX_PITCH && Math.abs(before.x - next.x) < ASKEW * before.size
}

/** Whether an item is turned to the right and in the column of a character. */
const isTurnedIn = ({ transform: [a = 0, b = 0, , , x = 0] = [] }: TextItem, character: Placed): boolean =>
  b < 0 && Math.abs(a) < 0.1 * -b && Math.abs(x - character.x) < character.size

const turned = (item: TextItem, { x, y, size }: Placed): TextItem => ({ ...item, transform: [0, -size, size, 0, x + BASE * size, y + TOP * size], width: size })
