import type { Fragment } from './fragments.js'

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u
const OPENING = '([{«<'
const BRACKETS = /[()[\]{}«»<>]/g
const MIRRORED: Record<string, string> = { '(': ')', ')': '(', '[': ']', ']': '[', '{': '}', '}': '{', '«': '»', '»': '«', '<': '>', '>': '<' }

/**
 * What is on one line in the order in which it is read, when some of it is Hebrew or Arabic. Programs draw it in that order, or from left to
 * right, word by word or letter by letter: only where it stands counts.
 */
export function inLogicalOrder (fragments: readonly Fragment[]): Fragment[] {
  const isRightToLeft = isReadFromRight(fragments)
  const ordered = [...fragments].sort((a, b) => isRightToLeft ? b.to - a.to : a.from - b.from)
  for (const [from, to] of runs(ordered, isRightToLeft)) {
    const run = ordered.slice(from, to).sort((a, b) => isRightToLeft ? a.from - b.from : b.to - a.to)
    ordered.splice(from, run.length, ...run)
  }
  return ordered
}

/** Whether most letters of a line are Hebrew or Arabic. */
export const isReadFromRight = (fragments: readonly Fragment[]): boolean => letters(fragments.filter(one => one.isRightToLeft)) > letters(fragments.filter(one => !one.isRightToLeft))

const letters = (fragments: readonly Fragment[]): number => fragments.reduce((sum, { text }) => sum + (text.match(/\p{L}/gu)?.length ?? 0), 0)

/** Where fragments stand that are written in the other direction than the line, with the signs between two of them. */
function runs (fragments: readonly Fragment[], isRightToLeft: boolean): [from: number, to: number][] {
  const found: [number, number][] = []
  let from = -1
  let to = -1
  const end = (): void => {
    if (to - from > 1) found.push([from, to])
    from = -1
  }
  for (const [i, fragment] of fragments.entries()) {
    if (!LETTER_OR_DIGIT.test(fragment.text)) continue
    if (fragment.isRightToLeft === isRightToLeft) end()
    else if (from === -1) [from, to] = [i, i + 1]
    else to = i + 1
  }
  end()
  return found
}

/** Brackets are drawn as they look, and some programs keep that sign, others the one that is meant: of pairs the first sign opens. */
export function withBrackets (texts: readonly string[]): string[] {
  const brackets = texts.join('').match(BRACKETS) ?? []
  const opening = brackets.filter(bracket => OPENING.includes(bracket)).length
  if (brackets.length === 0 || OPENING.includes(brackets[0]!) || 2 * opening !== brackets.length) return [...texts]
  return texts.map(text => text.replace(BRACKETS, bracket => MIRRORED[bracket]!))
}
