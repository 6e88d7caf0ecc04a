import { ownText } from '../../shared/own-text.js'
import { plainRun } from './east-asian.js'
import { FUNCTION_WORDS, type Language } from './function-words.js'
import { folded } from './normalise.js'
import { languageOf, languageOfWord, languagesOfLetters } from './languages.js'
import { withoutPrefixes } from './prefixes.js'
import { termOf } from './stemmers.js'
import { eachToken, grams, namesWithin } from './words.js'

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
  const found: (KnownWord | string)[] = []
  const joined = new Set<number>()
  const named: (readonly Language[] | undefined)[] = []
  let first: string | undefined
  eachToken(text, (kind, text, isJoined) => {
    if (isJoined) joined.add(found.length)
    const word = kind === 'run' ? text : known(text, kind)
    found.push(word)
    if (kind !== 'cut') first ??= text
    named.push(typeof word === 'string' ? FUNCTION_WORDS.get(word) : word.languages)
  })
  const language = languageOf(named, first?.toLowerCase(), before)
  const terms: string[] = []
  const wholes: string[] = []
  let last: string | undefined
  /** The words before that are joined to `last`, when there are any. */
  let chain: string | undefined
  for (let i = 0; i < found.length; i++) {
    const word = found[i]!
    if (typeof word === 'string') {
      for (const gram of grams(plainRun(folded(word.toLowerCase())))) terms.push(gram)
      continue
    }
    terms.push(termIn(word, language))
    for (const part of word.parts) wholes.push(termOf(part.toLowerCase(), language))
    if (last !== undefined && joined.has(i)) {
      wholes.push(termOf(last + word.lower, languageOfWord(word.lower, language)))
      // Numbers of articles and abbreviations are also written without what joins their parts.
      const whole: string = (chain ?? last) + word.lower
      if (chain !== undefined && whole.length <= LONGEST_CHAIN) wholes.push(termOf(whole, languageOfWord(word.lower, language)))
      chain = whole
    } else chain = undefined
    last = word.isCut ? undefined : word.lower
  }
  const { length } = terms
  for (const whole of wholes) terms.push(whole)
  for (const term of nameTerms(name, language)) terms.push(term)
  return { terms, length, language }
}

/** Letters of words that are joined. */
const LONGEST_CHAIN = 40

/** What there is to know of a word, by its spelling. */
interface KnownWord {
  lower: string
  /** Out of a text without spaces: it tells no language, and has no parts. */
  isCut: boolean
  /** Those that it is a function word of, or that have a letter of it. */
  languages: readonly Language[] | undefined
  parts: readonly string[]
  /** What it is looked up by in passages of a language. */
  terms: Partial<Record<Language, string>>
}

/** Memory for words, in bytes. */
const MAX_KNOWN_BYTES = 32 * 1024 * 1024
/** What one takes beside its letters, and what a term of it does. */
const WORD_BYTES = 400
const TERM_BYTES = 100
/** Longer ones hardly come again. */
const LONGEST_KNOWN = 64
/** A text has the same words again and again, and most of the time that it takes goes to finding out about them. */
const KNOWN = new Map<string, KnownWord>()
let knownBytes = 0

function known (word: string, kind: 'word' | 'cut'): KnownWord {
  const found = KNOWN.get(word)
  if (found !== undefined) return found
  const [own, isCut] = [ownText(word), kind === 'cut']
  const lower = own.toLowerCase()
  const made: KnownWord = { lower, isCut, languages: isCut ? undefined : FUNCTION_WORDS.get(lower) ?? languagesOfLetters(lower), parts: isCut ? [] : [...namesWithin(own), ...withoutPrefixes(lower)], terms: {} }
  if (word.length > LONGEST_KNOWN) return made
  knownBytes += WORD_BYTES + 8 * word.length
  if (knownBytes > MAX_KNOWN_BYTES) {
    KNOWN.clear()
    knownBytes = 0
  }
  KNOWN.set(own, made)
  return made
}

function termIn (word: KnownWord, language: Language): string {
  const known = word.terms[language]
  if (known !== undefined) return known
  const term = termOf(word.lower, languageOfWord(word.lower, language))
  knownBytes += TERM_BYTES
  word.terms[language] = term
  return term
}

/** Of the file that was told last, for its passages come one after the other. */
let lastName: { name: string, language: Language, terms: readonly string[] } | undefined

/** Without the extension, which says nothing of the subject. */
function nameTerms (name: string, language: Language): readonly string[] {
  if (name === '') return []
  if (lastName?.name !== name || lastName.language !== language) {
    lastName = { name, language, terms: [...new Set(analysePassage(name.replace(/\.\w{1,8}$/, '').replaceAll('_', ' '), language).terms)] }
  }
  return lastName.terms
}
