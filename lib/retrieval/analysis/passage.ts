import type { Language } from './function-words.js'
import { folded } from './normalise.js'
import { languageOf, languageOfWord } from './languages.js'
import { termOf } from './stemmers.js'
import { grams, nameParts, tokens } from './words.js'

/** What an index keeps of a passage. */
export interface AnalysedPassage {
  /** Every term, as often as it occurs, and the terms of the file's name once. */
  terms: string[]
  /** Terms of the text itself: how long the passage is. */
  length: number
  language: Language
}

/**
 * A passage as terms. A hyphenated word and a name with inner capitals count as their parts and as a whole: `e-mail` is found by `email`,
 * `getUserName` by `user name`.
 *
 * @param before the language of the passage before it
 */
export function analysePassage (text: string, before?: Language, name = ''): AnalysedPassage {
  const found = [...tokens(text)]
  const words = found.filter(({ kind }) => kind !== 'cut').map(({ text }) => text.toLowerCase())
  const language = languageOf(words, before)
  const terms: string[] = []
  const wholes: string[] = []
  let last: string | undefined
  for (const { kind, text, isJoined } of found) {
    if (kind === 'run') terms.push(...grams(text.toLowerCase()).map(folded))
    else {
      const parts = kind === 'word' ? nameParts(text) : []
      const lower = text.toLowerCase()
      terms.push(termOf(lower, languageOfWord(lower, language)))
      wholes.push(...parts.map(part => termOf(part.toLowerCase(), language)))
      if (isJoined && last !== undefined) wholes.push(termOf(last + lower, languageOfWord(lower, language)))
      last = kind === 'word' ? lower : undefined
    }
  }
  return { terms: [...terms, ...wholes, ...nameTerms(name, language)], length: terms.length, language }
}

/** Without the extension, which says nothing of the subject. */
function nameTerms (name: string, language: Language): string[] {
  return name === '' ? [] : [...new Set(analysePassage(name.replace(/\.\w{1,8}$/, '').replaceAll('_', ' '), language).terms)]
}
