/** Between words whose letters are set apart, until the line is whole. */
export const WIDE_SPACE = '\u2002'

/** Letters, digits and signs that stand alone, and the spaces between them. */
const APART = /(?<!\S)\S\p{M}*(?:[ \u2002]\S\p{M}*[.,:;!?]?(?!\S))+/gu
/** A word has so many; fewer are signs that stand alone. */
const ENOUGH = 5
/** Words of Korean may have one character. */
const HANGUL = /\p{sc=Hangul}/u

/**
 * A line with words whose letters are set apart, as in headings and in emphasis, as they are read. Letters of the alphabet in its order are a list of
 * such.
 */
export function withoutLetterSpacing (line: string): string {
  if (!line.includes(' ') && !line.includes(WIDE_SPACE)) return line
  return line.replace(APART, group => {
    const letters = group.match(/\p{L}/gu) ?? []
    if (letters.length < ENOUGH || isAlphabet(letters) || (HANGUL.test(group) && group.length < line.length)) return group
    // Where all gaps are wide they are those of letters.
    return group.includes(' ') ? group.replaceAll(' ', '') : group.replaceAll(WIDE_SPACE, '')
  }).replaceAll(WIDE_SPACE, ' ')
}

const isAlphabet = (letters: readonly string[]): boolean => letters.every((letter, i) => i === 0 || letter.codePointAt(0)! === letters[i - 1]!.codePointAt(0)! + 1)
