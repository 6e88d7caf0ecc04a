import { FUNCTION_WORDS, type Language } from './function-words.js'

/** Scripts by a range of letters, each with the language of a text in which no word tells another. */
const SCRIPTS: readonly [from: number, to: number, script: string, fallback: Language][] = [
  [0x0370, 0x03FF, 'greek', 'el'], [0x1F00, 0x1FFF, 'greek', 'el'], [0x0400, 0x052F, 'cyrillic', 'ru'], [0x0530, 0x058F, 'armenian', 'hy'], [0x0590, 0x05FF, 'hebrew', 'he'],
  [0x0600, 0x077F, 'arabic', 'ar'], [0x0900, 0x097F, 'devanagari', 'hi'], [0x0B80, 0x0BFF, 'tamil', 'ta'], [0xAC00, 0xD7AF, 'hangul', 'ko']
]
const OTHERS: Partial<Record<Language, readonly string[]>> = {
  ru: ['cyrillic'], uk: ['cyrillic'], bg: ['cyrillic'], sr: ['cyrillic', 'latin'], el: ['greek'], ar: ['arabic'], fa: ['arabic'], he: ['hebrew'], hi: ['devanagari'], ne: ['devanagari'], ta: ['tamil'], hy: ['armenian'], ko: ['hangul']
}

/** The script of a word, by its first letter. */
export function scriptOf (word: string): { script: string, fallback: Language } {
  const code = word.codePointAt(0) ?? 0
  if (code >= 0x0370) {
    for (const [from, to, script, fallback] of SCRIPTS) if (code >= from && code <= to) return { script, fallback }
  }
  return { script: 'latin', fallback: 'en' }
}

/** Letters that few languages have: a text with several of them is in one of these. */
const LETTERS: readonly (readonly [letters: string, ...languages: Language[]])[] = [
  ['ß', 'de'], ['ğı', 'tr'], ['ş', 'tr', 'ro'], ['țșţ', 'ro'], ['ă', 'ro', 'vi'], ['őű', 'hu'], ['łńśźż', 'pl'], ['ąę', 'pl', 'lt'], ['řůě', 'cs'], ['ėįųū', 'lt'], ['å', 'sv', 'da', 'no'], ['øæ', 'da', 'no'],
  ['ã', 'pt', 'vi'], ['ñ', 'es'], ['œ', 'fr'], ['ơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ', 'vi'], ['đ', 'sr', 'vi'], ['ć', 'sr', 'pl'], ['ыэё', 'ru'], ['іїєґ', 'uk'], ['ђјљњћџ', 'sr'], ['پچژگکی', 'fa']
]
const BY_LETTER = new Map(LETTERS.flatMap(([letters, ...languages]) => [...letters].map((letter): [string, readonly Language[]] => [letter, languages])))

/** The languages that have a letter of the word which few have. Undefined when none tells. */
export function languagesOfLetters (word: string): readonly Language[] | undefined {
  for (let i = 0; i < word.length; i++) {
    if (word.charCodeAt(i) < 0x80) continue
    const languages = BY_LETTER.get(word[i]!)
    if (languages !== undefined) return languages
  }
  return undefined
}

export const isWrittenIn = (language: Language, script: string): boolean => (OTHERS[language] ?? ['latin']).includes(script)

/** Words that are looked at to tell a language. */
const SAMPLE = 2_000
/** Function words of one language that make a text of that language. */
const ENOUGH = 2

/**
 * How many function words of each language a text has, most first; those of equal count in no order.
 *
 * @param words in lower case
 */
export function languageVotes (words: readonly string[]): { language: Language, votes: number }[] {
  return counted(words.slice(0, SAMPLE).map(word => FUNCTION_WORDS.get(word)))
}

function counted (words: readonly (readonly Language[] | undefined)[]): { language: Language, votes: number }[] {
  // Few words make up most of a text, and each has one list.
  const lists = new Map<readonly Language[], number>()
  for (const languages of words) if (languages !== undefined) lists.set(languages, (lists.get(languages) ?? 0) + 1)
  const votes = new Map<Language, number>()
  for (const [languages, count] of lists) for (const language of languages) votes.set(language, (votes.get(language) ?? 0) + count)
  return [...votes].map(([language, votes]) => ({ language, votes })).sort((a, b) => b.votes - a.votes)
}

/**
 * The language of a passage. One that does not say is in that of the passage before, or in the commonest of its script.
 *
 * @param words the languages that each word is a function word of, from `FUNCTION_WORDS`, or has letters of
 * @param first the first word
 */
export function languageOf (words: readonly (readonly Language[] | undefined)[], first: string | undefined, before?: Language): Language {
  const votes = counted(words.slice(0, SAMPLE))
  const fallback = before ?? scriptOf(first ?? '').fallback
  const [most] = votes
  if (most === undefined || most.votes < ENOUGH) return fallback
  return votes.some(({ language, votes }) => language === fallback && votes === most.votes) ? fallback : most.language
}

/** The language to stem a word by in a text of `language`: a word in other letters is of another one. */
export function languageOfWord (word: string, language: Language): Language {
  const { script, fallback } = scriptOf(word)
  return isWrittenIn(language, script) ? language : fallback
}
