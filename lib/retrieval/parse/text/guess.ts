import chardet from 'chardet'
import { decodeAs } from './decoder.js'
import { likeliness } from './letters.js'
import { dailyUse, plausibility } from './plausibility.js'

/** How much of the bytes that tell something is looked at. */
const SAMPLE = 8 * 1024

/** Encodings before Unicode, those that can be told apart only by their language after the more frequent ones. */
const CANDIDATES = ['windows-1252', 'windows-1251', 'windows-1250', 'koi8-r', 'koi8-u', 'shift_jis', 'euc-jp', 'gb18030', 'big5', 'euc-kr', 'windows-1253', 'windows-1254', 'windows-1255',
  'windows-1256', 'windows-1257', 'windows-874', 'iso-8859-2', 'iso-8859-5', 'iso-8859-6', 'iso-8859-7', 'iso-8859-15', 'ibm866', 'macintosh', 'x-mac-cyrillic', 'cp850', 'utf-8',
  'cp1125', 'cp855', 'cp737', 'cp869', 'macgreek', 'cp862', 'cp720', 'cp857', 'macturkish']

/** Those that differ in the Latin letters that their languages have beyond ASCII. */
const LATIN = ['windows-1252', 'windows-1250', 'windows-1254', 'windows-1257', 'windows-1258', 'iso-8859-2', 'iso-8859-3', 'iso-8859-4', 'iso-8859-10', 'iso-8859-14', 'iso-8859-15', 'iso-8859-16', 'macintosh', 'cp850', 'cp852',
  'cp437', 'maccenteuro', 'cp857', 'macturkish']

/** What the n-grams of a language count beside what is plausible at all, in points for each character, and what the letters of one do. */
const LANGUAGE_WEIGHT = 0.6
const LETTERS_WEIGHT = 0.8
/** Where little tells them apart, a text is in the code page that most are in, and in none that hardly one is in. */
const LIKELIER: Readonly<Record<string, number>> = { 'windows-1252': 0.15, cp857: -0.2, macturkish: -0.2 }

/** `chardet` names an encoding's standard; the code page of Windows has its letters too. */
const NAMES: Record<string, readonly string[]> = {
  'iso-8859-1': ['windows-1252', 'iso-8859-15'],
  'iso-8859-2': ['windows-1250'],
  'iso-8859-6': ['windows-1256'],
  'iso-8859-7': ['windows-1253'],
  'iso-8859-8': ['windows-1255'],
  'iso-8859-8-i': ['windows-1255'],
  'iso-8859-9': ['windows-1254'],
  // A page of its own has the letters that Ukrainian has more.
  'koi8-r': ['koi8-u'],
  // Both have the small letters at the same places, but one.
  'windows-1251': ['x-mac-cyrillic']
}

/** The encoding in which bytes that are no UTF-8 make most sense, as `decodeAs` takes it. */
export function guessEncoding (bytes: Uint8Array): string {
  const sample = telling(bytes)
  const languages = new Map<string, number>()
  for (const { name, confidence } of chardet.analyse(sample)) {
    const plain = name.toLowerCase()
    for (const known of [plain, ...NAMES[plain] ?? []]) languages.set(known, Math.max(confidence / 100, languages.get(known) ?? 0))
  }
  const points = (encoding: string, text: string): number => plausibility(text, encoding) + LANGUAGE_WEIGHT * (languages.get(encoding) ?? 0)
  const best = highest(CANDIDATES, encoding => points(encoding, decodeAs(sample, encoding)))
  if (!LATIN.includes(best)) return best
  return highest(LATIN, encoding => {
    const text = decodeAs(sample, encoding)
    return points(encoding, text) + LETTERS_WEIGHT * likeliness(text) + (LIKELIER[encoding] ?? 0)
  })
}

/** The first of those with the most points. */
function highest (encodings: readonly string[], pointsOf: (encoding: string) => number): string {
  let best = 'windows-1252'
  let most = -Infinity
  for (const encoding of encodings) {
    const points = pointsOf(encoding)
    if (points > most) [best, most] = [encoding, points]
  }
  return best
}

/** The lines that are not ASCII: a text may begin with megabytes that are. */
function telling (bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (let i = 0; i < bytes.length && length < SAMPLE; i++) {
    if (bytes[i]! < 0x80 && bytes[i] !== 0x1b) continue
    const start = bytes.lastIndexOf(10, i) + 1
    const end = bytes.indexOf(10, i)
    const part = bytes.subarray(Math.max(start, i - 1024), Math.min(end === -1 ? bytes.length : end + 1, i + SAMPLE - length))
    parts.push(part)
    length += part.length
    i = part.byteOffset - bytes.byteOffset + part.length - 1
  }
  return Buffer.concat(parts)
}

/** UTF-32 without a byte order mark: of every four bytes one is zero, and another one nearly so. */
export function looksLikeUtf32 (bytes: Uint8Array): 'utf-32le' | 'utf-32be' | undefined {
  const sample = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SAMPLE) & ~3)
  if (sample.length < 8 || bytes.length % 4 !== 0) return undefined
  const isText = (read: (at: number) => number): boolean => {
    for (let at = 0; at < sample.length; at += 4) {
      const code = read(at)
      if (code < 9 || code > 0x2FFFF) return false
    }
    return true
  }
  return isText(at => sample.readUInt32LE(at)) ? 'utf-32le' : isText(at => sample.readUInt32BE(at)) ? 'utf-32be' : undefined
}

/** UTF-16 without a byte order mark, in any script: the order of bytes in which the text makes sense. Undefined when it is something else. */
export function looksLikeUtf16 (bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const sample = bytes.subarray(0, Math.min(bytes.length, SAMPLE) & ~1)
  if (sample.length < 4 || isPlain(sample)) return undefined
  const [le, be] = [sense(decodeAs(sample, 'utf-16le')), sense(decodeAs(sample, 'utf-16be'))]
  if (Math.max(le, be) < 0.9) return undefined
  return le >= be ? 'utf-16le' : 'utf-16be'
}

/** No zeros and no control characters, and UTF-8: nothing calls for another reading. */
function isPlain (sample: Uint8Array): boolean {
  if (sample.some(byte => byte < 9)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: true })
    return true
  } catch {
    return false
  }
}

const NONSENSE = /[\p{Cn}\p{Co}\p{Cs}\uFFFD]|(?![\t\n\f\r])\p{Cc}/u
const NEUTRAL = /[\t-~\u3000-\u3020\uFF01-\uFF5E]/
/** Scripts whose characters come with others of the same; of those of East Asia only the ones in daily use prove anything. */
const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Arabic', 'Hebrew', 'Thai', 'Devanagari', 'Bengali', 'Tamil', 'Telugu', 'Georgian', 'Armenian', 'Ethiopic', 'Khmer', 'Myanmar', 'Lao', 'Tibetan']
  .map(name => new RegExp(`\\p{sc=${name}}`, 'u'))
const EASTERN = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u

/** The share of characters that belong to the writing most of them are in. */
function sense (text: string): number {
  const counts = new Map<RegExp, number>()
  let neutral = 0
  let total = 0
  for (const character of text) {
    total++
    if (NEUTRAL.test(character)) neutral++
    else if (NONSENSE.test(character)) total += character === '\0' ? 0 : 4
    else {
      const script = EASTERN.test(character) ? (dailyUse().has(character) ? EASTERN : undefined) : SCRIPTS.find(pattern => pattern.test(character))
      if (script !== undefined) counts.set(script, (counts.get(script) ?? 0) + 1)
    }
  }
  return (neutral + Math.max(0, ...counts.values())) / Math.max(total, 1)
}
