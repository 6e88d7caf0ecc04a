import { FUNCTION_WORDS } from '../../analysis/function-words.js'
import { languageVotes } from '../../analysis/languages.js'

/**
 * The letters beyond ASCII of the languages that are written in Latin ones, by ISO 639-1 codes, the most frequent first (counted in the Universal Declaration of
 * Human Rights). Code pages of Europe differ in little else.
 */
const LETTERS = {
  da: 'æåøé',
  de: 'äüößé',
  fr: 'éàèêçùôîûâëïœüæ',
  es: 'óíáúéñü',
  pt: 'çãíáéàõêóúâôü',
  it: 'àèùéòì',
  ca: 'óéàèíúçòïü',
  nl: 'ëéïüöè',
  sv: 'äöåé',
  fi: 'äöåšž',
  is: 'ðþáíéóöæúý',
  fo: 'ðæíøáúóý',
  ga: 'áíéúó',
  cy: 'âôêŵîŷûïáäë',
  et: 'õäüöšž',
  lv: 'īāēšņūļģķžč',
  lt: 'ėųąžšįęūč',
  pl: 'łżąóśęćńź',
  cs: 'áíéěýžčřšůúťňďó',
  sk: 'áýžčéúťšíľôňďäóĺŕ',
  sl: 'čžšćđ',
  sr: 'čšžćđ',
  hu: 'éáőöüóíűú',
  ro: 'ățșîâţş',
  sq: 'ëç',
  tr: 'ışüçğöâîû',
  mt: 'ħżġàċèìòù',
  eo: 'ĉŭĝŝĵĥ',
  se: 'ášđčžŋŧ',
  vi: 'đàưềáộôựảợờệốóọủìớếâạấêịậữứểơíụãởầổúũằẩặýẳửăắồỗỳùỏừỡỉẻĩéễòẽẹẫỷỹõ'
}

/** Languages that their words identify. */
const KNOWN: ReadonlySet<string> = new Set([...FUNCTION_WORDS.values()].flat())
/** What a letter counts that a language does not have: names and words of others have it. */
const STRANGE = Math.log(0.002)
/** What signs alone count: about as much as the letters of the right language. */
const NO_LETTERS = Math.log(0.15)
/** The likelihood of each letter, by language. The second letter is about half as frequent as the first one, and so on. */
const LIKELIHOODS = Object.entries(LETTERS).map(([language, letters]) => {
  const total = [...letters].reduce((sum, _, i) => sum + 1 / (i + 1), 0)
  return { language, likelihoods: new Map([...letters].map((letter, i) => [letter, Math.log(1 / ((i + 1) * total))])) }
})
/** Vietnamese tones may stand behind their letter. */
const TONES = /^[\u0300-\u0323]$/
const TONE = Math.log(0.02)

/**
 * How well the letters beyond ASCII fit the language that they fit best, of those whose words the text has: the mean of the logarithms of their
 * likelihoods.
 */
export function likeliness (text: string): number {
  const counts = new Map<string, number>()
  let letters = 0
  for (const character of text.normalize('NFC')) {
    if (character <= '\u007F' || !/[\p{L}\p{M}]/u.test(character)) continue
    const lower = character === 'İ' ? 'ı' : character.toLowerCase()
    counts.set(lower, (counts.get(lower) ?? 0) + 1)
    letters++
  }
  if (letters === 0) return NO_LETTERS
  const votes = new Map<string, number>(languageVotes(text.toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? []).map(({ language, votes }) => [language, votes]))
  const most = Math.max(1, ...votes.values())
  return Math.max(...LIKELIHOODS.map(({ language, likelihoods }) => {
    let sum = 0
    for (const [letter, count] of counts) sum += count * (likelihoods.get(letter) ?? (language === 'vi' && TONES.test(letter) ? TONE : STRANGE))
    // Of some languages no words are known.
    const known = votes.get(language) ?? (KNOWN.has(language) ? 0 : most / 2)
    return sum / letters + Math.log((known + 1) / (most + 1))
  }))
}
