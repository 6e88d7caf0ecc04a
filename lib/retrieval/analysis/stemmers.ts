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

/** Whether endings are taken off the words of a language. */
export const hasStemmer = (language: Language): boolean => language in STEMMERS

/** Longer ones are no words of a language, and stemmers take their time. */
const LONGEST_STEMMED = 40
/** Letters of a term. Longer words are the same when they begin alike. */
const LONGEST_TERM = 64
const MAX_KEPT = 50_000
const kept = new Map<Language, Map<string, string>>()

/** The term that stands for a word in lower case: without its endings, then without its diacritics. */
export function termOf (word: string, language: Language): string {
  let terms = kept.get(language)
  if (terms === undefined) kept.set(language, terms = new Map<string, string>())
  const known = terms.get(word)
  if (known !== undefined) return known
  if (terms.size >= MAX_KEPT) terms.clear()
  const stemmer = word.length > LONGEST_STEMMED || /\p{N}/u.test(word) ? undefined : STEMMERS[language]
  // Some stemmers leave nothing of a short word.
  const term = folded(stemmer?.(word) || word).slice(0, LONGEST_TERM)
  terms.set(ownText(word), ownText(term))
  return term
}
