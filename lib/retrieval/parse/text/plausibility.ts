/** The letters that make up most of a text, by script. */
const FREQUENT = new Set('оеаинтсрвлкмдпуязыьбэёіїєґ' + 'αοιετσνηυρπκμλίάόέςήύώ' + 'اليمونرتبةعدسفه' + 'יוהלארתמבשנםכדעח' + 'านรกอเงมยลวด่้' + 'éèàêçùâîôûäöüßåøæñóáíúãõ' + 'ąęłżśćńźčřšžěýůőű' + 'ğışİ')
/** Han characters and kana of every second sentence. */
const EVERYDAY = new Set('的一是不了在人有我他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生這為來個們說國時會對後發經過學日本月回東' + 'のにはをたがでてとしれさあいうるなもらりか')
/** What stands between words in the code pages of Windows and Apple. */
const PUNCTUATION = /[\u00A0«»“”„‘’‚‹›–—…•·€£§©®™°№¿¡]/
const LETTER = /[\p{L}\p{M}]/u
const NOTHING = /[\uFFFD\u0080-\u009F\p{Co}\p{Cn}]/u

/**
 * How much a decoded text looks as if people wrote it, in points for each byte beyond ASCII: about 1 for the right encoding, below 0 for most
 * wrong ones. What counts are the letters of a script that occur often, words that stay in one script and do not change case in the
 * middle, Han characters of daily use, and no symbols inside words.
 */
export function plausibility (text: string, encoding: string): number {
  const eastern = EASTERN[encoding]
  let points = 0
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (character < '\u0080') continue
    const width = eastern === undefined || isHalfWidth(character) ? 1 : 2
    bytes += width
    if (NOTHING.test(character)) points -= 4 * width
    // A byte of its own in GB 18030, and a letter in the code pages of DOS and Apple.
    else if (character === '€' && LETTER.test(text[i - 1] ?? ' ') && LETTER.test(text[i + 1] ?? ' ')) points -= width
    else points += width * (eastern === undefined ? western(text[i - 1] ?? ' ', character, text[i + 1] ?? ' ') : eastern(character))
  }
  return bytes === 0 ? -10 : points / bytes
}

function western (before: string, character: string, after: string): number {
  const [left, right] = [LETTER.test(before), LETTER.test(after)]
  if (isFrame(character)) return left || right ? -2 : 0.5
  if (!LETTER.test(character)) return PUNCTUATION.test(character) ? (left && right && character !== '’' ? -1 : 0.5) : (left || right ? -2 : -0.5)
  let points = FREQUENT.has(character) ? 1 : FREQUENT.has(character.toLowerCase()) ? 0.8 : 0.4
  const script = scriptOf(character)
  for (const neighbour of [left ? before : undefined, right ? after : undefined]) {
    if (neighbour !== undefined && scriptOf(neighbour) !== script) points -= 2
  }
  if (left && isUpper(character) && isLower(before)) points -= 2
  // Latin letters with accents stand between plain ones: many in a row are another script.
  if (left && right && script === 'latin' && before > '\u007F' && after > '\u007F') points -= 0.6
  // Few words are one letter.
  if (!left && !right && script !== 'latin') points -= 0.2
  return points
}

function scriptOf (character: string): string {
  if (character < '\u0370') return 'latin'
  if (character < '\u0400') return 'greek'
  if (character < '\u0530') return 'cyrillic'
  if (character < '\u0600') return 'hebrew'
  if (character < '\u0700') return 'arabic'
  return 'other'
}

/** Lines and shades, of which programs for DOS drew tables. */
const isFrame = (character: string): boolean => character >= '\u2500' && character <= '\u259F'
const isUpper = (character: string): boolean => character !== character.toLowerCase()
const isLower = (character: string): boolean => character !== character.toUpperCase()
const isHalfWidth = (character: string): boolean => character >= '\uFF61' && character <= '\uFF9F'
const isKana = (character: string): boolean => character >= '\u3040' && character <= '\u30FF'
const isHangul = (character: string): boolean => character >= '\uAC00' && character <= '\uD7A3'
const isHan = (character: string): boolean => character >= '\u4E00' && character <= '\u9FFF'
const isEasternPunctuation = (character: string): boolean => (character >= '\u3000' && character <= '\u3020') || (character >= '\uFF01' && character <= '\uFF5E') || PUNCTUATION.test(character)

/** @param kana what kana are worth in the encoding: Chinese ones have them, but hardly a text does */
function han (level1: () => ReadonlySet<string>, kana: number): (character: string) => number {
  return character => {
    if (EVERYDAY.has(character) && (isHan(character) || kana > 0)) return 1.2
    if (isKana(character)) return kana
    if (isHan(character)) return level1().has(character) ? 0.85 : -0.7
    if (isEasternPunctuation(character)) return 0.8
    return isHalfWidth(character) ? -0.6 : -1
  }
}

const EASTERN: Record<string, (character: string) => number> = {
  gb18030: han(once(() => firstLevel('gb18030', [0xb0, 0xd7])), -0.3),
  big5: han(once(() => firstLevel('big5', [0xa4, 0xc6])), -0.5),
  'euc-jp': han(once(() => firstLevel('euc-jp', [0xb0, 0xcf])), 1.1),
  shift_jis: han(once(() => firstLevel('shift_jis', [0x88, 0x97])), 1.1),
  // Sorted by sound, Hangul has the places that the commonest Chinese characters have; only Hangul is then left in a text.
  'euc-kr': character => isHangul(character) ? 1 : isHan(character) ? -1.5 : isEasternPunctuation(character) ? 0.8 : -1
}

/** The characters that a national standard counts as of daily use: its first level, which has a range of lead bytes. */
function firstLevel (encoding: string, [from, to]: [from: number, to: number]): Set<string> {
  const decoder = new TextDecoder(encoding)
  const bytes = new Uint8Array((to - from + 1) * 256 * 3)
  let length = 0
  for (let lead = from; lead <= to; lead++) {
    for (let trail = 0x40; trail < 0xff; trail++) {
      if (trail === 0x7f || (trail < 0xa1 && (encoding !== 'big5' && encoding !== 'shift_jis'))) continue
      bytes.set([lead, trail, 10], length)
      length += 3
    }
  }
  return new Set([...decoder.decode(bytes.subarray(0, length))].filter(character => isHan(character) || isKana(character) || isHangul(character)))
}

function once<T> (make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Characters of daily use in China, Taiwan, Japan or Korea. */
export const dailyUse = once(() => {
  const levels = [firstLevel('gb18030', [0xb0, 0xd7]), firstLevel('big5', [0xa4, 0xc6]), firstLevel('euc-jp', [0xa4, 0xcf]), firstLevel('euc-kr', [0xb0, 0xc8])]
  return new Set(levels.flatMap(level => [...level]))
})
