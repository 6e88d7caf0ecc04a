import { normalised } from './normalise.js'

/** A stretch of text that an index may look at, in the case it was written in. */
export interface Token {
  /** `word`: between spaces or signs. `cut`: a word of a script without spaces. `run`: ideographs, Kana or Hangul, of any length. */
  kind: 'word' | 'cut' | 'run'
  text: string
  /**
   * Whether only a hyphen or an underscore stands between this word and the one before, a point between two that are one letter each, or
   * what parts the thousands of a number.
   */
  isJoined: boolean
}

const LETTERS = String.raw`[\p{L}\p{M}\p{N}]`
const RUN = String.raw`[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}]`
const CUT = String.raw`[\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}]`
const TOKEN = new RegExp(`([${LETTERS}&&${RUN}]+)|([${LETTERS}&&${CUT}]+)|([${LETTERS}--[${RUN}${CUT}]]+)`, 'gv')
// eslint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7F]*$/
const JOINTS = ['-', '_', '‐', '‑']
/** Characters that the segmenter gets at a time: its time grows faster than the text. */
const PIECE = 1_000

/** What stands between the thousands of a number. */
const GROUPING = [',', '.', '\'', '’', '٬']
const GROUP = /^\p{Nd}{3}$/u
const NUMBER = /^\p{Nd}{1,3}$/u

function isJoint (sign: string, before: string, after: string): boolean {
  if (JOINTS.includes(sign)) return true
  if (sign === '.' && before.length === 1 && after.length === 1) return !NUMBER.test(before) && !NUMBER.test(after)
  return GROUPING.includes(sign) && after.length === 3 && GROUP.test(after) && NUMBER.test(before)
}

let segmenter: Intl.Segmenter | undefined

export function tokens (text: string): Token[] {
  const found: Token[] = []
  eachToken(text, (kind, text, isJoined) => { found.push({ kind, text, isJoined }) })
  return found
}

/** Visits the tokens of a text. Texts are long: nothing is made but their words. */
export function eachToken (text: string, visit: (kind: Token['kind'], text: string, isJoined: boolean) => void): void {
  if (ASCII.test(text)) return eachAsciiToken(text, visit)
  const source = normalised(text)
  let end = 0
  let before = ''
  for (const { 0: found, 1: run, 2: unspaced, index } of source.matchAll(TOKEN)) {
    const isJoined = index === end + 1 && end > 0 && isJoint(source[end]!, before, found)
    end = index + found.length
    before = found
    if (run !== undefined) visit('run', found, isJoined)
    else if (unspaced === undefined) visit('word', found, isJoined)
    else for (const word of cut(found)) visit('cut', word, false)
  }
}

/** The same of a text that has nothing but ASCII, in a fraction of the time. */
function eachAsciiToken (source: string, visit: (kind: 'word', text: string, isJoined: boolean) => void): void {
  let end = 0
  let before = ''
  for (let i = 0; i < source.length; i++) {
    if (!isAsciiLetter(source.charCodeAt(i))) continue
    const start = i
    while (i < source.length && isAsciiLetter(source.charCodeAt(i))) i++
    const word = source.slice(start, i)
    visit('word', word, start === end + 1 && end > 0 && isJoint(source[end]!, before, word))
    end = i
    before = word
  }
}

/** Or a digit. */
const isAsciiLetter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39)

function * cut (text: string): Generator<string, void, undefined> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' })
  for (let i = 0; i < text.length; i += PIECE) {
    for (const { segment } of segmenter.segment(text.slice(i, i + PIECE))) yield segment
  }
}

/** Two neighbours of a run each, and its last character alone: a query of one character is found by what begins with it. */
export function grams (run: string): string[] {
  const characters = [...run]
  return characters.map((character, i) => character + (characters[i + 1] ?? ''))
}

const CAPITALS = /\p{Lu}/u
const PARTS = /\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+(?!\p{Ll})|\p{N}+|[\p{L}\p{M}]+/gu

/** A name with the number of its version or model, and a version by itself. */
const NUMBERED = /^(\p{L}{3,}|v)(\p{N}{1,4})$/iu
/** A number as programs write those of sixteen digits. */
const HEXADECIMAL = /^(0x)([\da-f]+)$/i

/** The parts of a name as programs have them, or products: `getUserName`, `HTTPServer2`, `Python3`. Empty for any other word. */
export function nameParts (word: string): string[] {
  const numbered = word.length > 100 ? null : NUMBERED.exec(word) ?? HEXADECIMAL.exec(word)
  if (numbered !== null && !CAPITALS.test(word.slice(1))) return [numbered[1]!, numbered[2]!]
  if (word.length > 100 || !CAPITALS.test(word.slice(1)) || word === word.toUpperCase()) return []
  const parts = word.match(PARTS) ?? []
  return parts.length < 2 ? [] : parts
}

/** Parts of a name beyond which no two are taken together. */
const MOST_PARTS = 6

/** The parts of a name, and any two neighbours of more as one: `OAuth2Client` has `OAuth` and `Auth2` in it. */
export function namesWithin (word: string): string[] {
  const parts = nameParts(word)
  return parts.length < 3 || parts.length > MOST_PARTS ? parts : [...parts, ...parts.slice(1).map((part, i) => parts[i]! + part)]
}
