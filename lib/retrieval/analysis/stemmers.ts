import { stemmer as ar } from '@orama/stemmers/arabic'
import { stemmer as hy } from '@orama/stemmers/armenian'
import { stemmer as bg } from '@orama/stemmers/bulgarian'
import { stemmer as da } from '@orama/stemmers/danish'
import { stemmer as nl } from '@orama/stemmers/dutch'
import { stemmer as en } from '@orama/stemmers/english'
import { stemmer as fi } from '@orama/stemmers/finnish'
import { stemmer as fr } from '@orama/stemmers/french'
import { stemmer as de } from '@orama/stemmers/german'
import { stemmer as el } from '@orama/stemmers/greek'
import { stemmer as hu } from '@orama/stemmers/hungarian'
import { stemmer as hi } from '@orama/stemmers/indian'
import { stemmer as id } from '@orama/stemmers/indonesian'
import { stemmer as ga } from '@orama/stemmers/irish'
import { stemmer as it } from '@orama/stemmers/italian'
import { stemmer as lt } from '@orama/stemmers/lithuanian'
import { stemmer as ne } from '@orama/stemmers/nepali'
import { stemmer as no } from '@orama/stemmers/norwegian'
import { stemmer as pt } from '@orama/stemmers/portuguese'
import { stemmer as ro } from '@orama/stemmers/romanian'
import { stemmer as ru } from '@orama/stemmers/russian'
import { stemmer as sr } from '@orama/stemmers/serbian'
import { stemmer as es } from '@orama/stemmers/spanish'
import { stemmer as sv } from '@orama/stemmers/swedish'
import { stemmer as ta } from '@orama/stemmers/tamil'
import { stemmer as tr } from '@orama/stemmers/turkish'
import { stemmer as uk } from '@orama/stemmers/ukrainian'
import { ownText } from '../../shared/own-text.js'
import type { Language } from './function-words.js'
import { folded } from './normalise.js'

/** Snowball's, in JavaScript. A language without one keeps its words as they are. */
const STEMMERS: Partial<Record<Language, (word: string) => string>> = {
  ar, hy, bg, da, nl, en, fi, fr, de, el, hu, hi, id, ga, it, lt, ne, no, pt, ro, ru, sr, es, sv, ta, tr, uk
}

/** Plurals that a stemmer leaves apart from their singular, before it takes off the endings. */
const BEFORE: Partial<Record<Language, readonly (readonly [RegExp, string])[]>> = {
  pt: [[/(?:õe|ãe|ão)s$/, 'ão'], [/(?<=\p{L}{2})ais$/u, 'al'], [/(?<=\p{L}[vnd])eis$/u, 'el'], [/(?<=[áéíóúâêô]\p{L}+)eis$/u, 'il'], [/éis$/, 'el'], [/óis$/, 'ol'], [/(?<=\p{L}{2})uis$/u, 'ul']]
}
/** Sounds that change with the ending that was taken off; of folded letters. */
const AFTER: Partial<Record<Language, readonly (readonly [RegExp, string])[]>> = {
  nl: [[/(?<=..)z$/, 's'], [/(?<=..)v$/, 'f']],
  es: [[/c$/, 'z']],
  ro: [[/oa(?=[^aeiou]{1,2}$)/, 'o'], [/ea(?=[^aeiou]{1,2}$)/, 'e']],
  sr: [[/(?<=..)c$/, 'k']],
  fi: [[/nk(?=[aeiouy]*$)/, 'ng'], [/mp(?=[aeiouy]*$)/, 'm'], [/([lnr])t(?=[aeiouy]*$)/, '$1'], [/(?<=[aeiouy])t(?=[aeiouy]{1,2}$)/, 'd'], [/(?<=[aeiouy])p(?=[aeiouy]{1,2}$)/, 'v']]
}

const replaced = (word: string, rules: readonly (readonly [RegExp, string])[] | undefined): string => rules?.reduce((form, [pattern, sound]) => form.replace(pattern, sound), word) ?? word

/** Whether endings are taken off the words of a language. */
export const hasStemmer = (language: Language): boolean => language in STEMMERS

/** Longer ones are no words of a language, and stemmers take their time. */
const LONGEST_STEMMED = 40
/** Letters of a term. Longer words are the same when they begin alike. */
const LONGEST_TERM = 64
/** Memory for words with their terms, of all languages, in bytes. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024
/** What one takes beside its letters. */
const ENTRY_BYTES = 100
const kept = new Map<Language, Map<string, string>>()
let keptBytes = 0

/** The term that stands for a word in lower case: without its endings, then without its diacritics. */
export function termOf (word: string, language: Language): string {
  const known = kept.get(language)?.get(word)
  if (known !== undefined) return known
  const stemmer = word.length > LONGEST_STEMMED || /\p{N}/u.test(word) ? undefined : STEMMERS[language]
  // Some stemmers leave nothing of a short word.
  const stem = stemmer === undefined ? folded(word) : replaced(folded(stemmer(replaced(word, BEFORE[language])) || word), AFTER[language])
  const term = stem.slice(0, LONGEST_TERM)
  // Longer ones hardly come again.
  if (word.length > LONGEST_TERM) return term
  keptBytes += ENTRY_BYTES + 2 * (word.length + term.length)
  if (keptBytes > MAX_KEPT_BYTES) {
    kept.clear()
    keptBytes = 0
  }
  const terms = kept.get(language) ?? new Map<string, string>()
  kept.set(language, terms.set(ownText(word), ownText(term)))
  return term
}
