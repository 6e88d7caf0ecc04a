/** Letters that are written at the beginning of a Hebrew word: the article, `and`, and prepositions. */
const PREFIX = /^(?:ו?כש|ו?מה|ו?שה|ו[בהלמש]|[ובהלמשכ])(?=[א-ת]{3})/
/** Shorter words are rather words of their own that begin with the letter. */
const SHORTEST = 4
const HEBREW = /^[א-ת]/

/** A Hebrew word without what is written together with it, where it may have something: `בירושלים` is `ירושלים` too. */
export function withoutPrefixes (word: string): string[] {
  if (word.length < SHORTEST || !HEBREW.test(word)) return []
  const plain = word.replace(PREFIX, '')
  return plain === word ? [] : [plain]
}
