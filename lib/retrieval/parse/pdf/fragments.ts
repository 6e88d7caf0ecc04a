import { legible, type TextItem } from './codes.js'
import { withColumnsAsLines } from './upright.js'

/** A piece of text and where it stands, in a frame in which text runs to the right and lines go down. */
export interface Fragment {
  text: string
  /** Where it begins and ends along the line. */
  from: number
  to: number
  /** Where the line is; larger is further down. */
  line: number
  /** Of the font, in the same unit. */
  size: number
  isRightToLeft: boolean
  /** Whether a blank was drawn before it. */
  isSpaced: boolean
}

/** The fragments of a page, by the direction in which they are written, most of the text first. What is drawn twice, to look bold, is there once. */
export function fragmentsOf (items: readonly TextItem[]): Fragment[][] {
  const frames = new Map<number, Fragment[]>()
  const drawn = new Map<string, Fragment[]>()
  let isSpaced = false
  for (const item of withColumnsAsLines(legible(items))) {
    const { str = '' } = item
    if (str.trim() === '') {
      isSpaced ||= str !== ''
      continue
    }
    const [angle, fragment] = place(item, str, isSpaced)
    isSpaced = false
    if (isDrawnAgain(drawn, fragment)) continue
    const frame = frames.get(angle)
    if (frame === undefined) frames.set(angle, [fragment])
    else frame.push(fragment)
  }
  return [...frames.values()].sort((a, b) => b.length - a.length)
}

function place ({ dir, width = 0, height = 0, transform = [] }: TextItem, text: string, isSpaced: boolean): [angle: number, fragment: Fragment] {
  const [a = 1, b = 0, c = 0, d = 1, x = 0, y = 0] = transform
  const size = Math.hypot(c, d) || Math.hypot(a, b) || height || 1
  const isVertical = dir === 'ttb'
  // Quarter turns; text that is a little askew is on its line all the same.
  const angle = isVertical ? 3 : (Math.round(Math.atan2(b, a) / (Math.PI / 2)) + 4) % 4
  const [along, across] = ([[x, -y], [y, x], [-x, y], [-y, -x]] as const)[angle]!
  return [angle, { text, from: along, to: along + (isVertical ? height : width), line: across, size, isRightToLeft: dir === 'rtl', isSpaced }]
}

/** The same words a fraction of a letter away. */
function isDrawnAgain (drawn: Map<string, Fragment[]>, fragment: Fragment): boolean {
  const { text, from, to, line, size } = fragment
  const near = Math.min(0.35 * size, (to - from) / 2)
  const key = `${text} ${Math.round(line / size)}`
  for (const before of [key, `${text} ${Math.round(line / size) - 1}`, `${text} ${Math.round(line / size) + 1}`].flatMap(one => drawn.get(one) ?? []).slice(-50)) {
    if (Math.abs(before.from - from) <= near && Math.abs(before.line - line) <= 0.35 * size) return true
  }
  const same = drawn.get(key)
  if (same === undefined) drawn.set(key, [fragment])
  else same.push(fragment)
  return false
}
