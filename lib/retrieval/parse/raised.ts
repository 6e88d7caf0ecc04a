/**
 * What stands between a text and raised digits after it, where both are on one line without it: an exponent would make another number of
 * the one before, the number of a note another word.
 */
export function beforeRaised (text: string, raised: string): '' | ' ' | '^' {
  if (!/^[\p{N}*†‡]/u.test(raised.trimStart())) return ''
  if (/\p{N}$/u.test(text)) return '^'
  return /\p{L}{3}[,.;:)”"’]?$/u.test(text.slice(-8)) ? ' ' : ''
}
