/** What is not seen: soft hyphens, joiners, marks of direction, the Arabic stroke that only stretches a word. */
const INVISIBLE = /\u034F|[\u00AD\u061C\u0640\u200C-\u200F\u202A-\u202E\u2060-\u2064\uFEFF]/g

/** Radicals of dictionaries that are drawn like characters, of which fonts and so PDF files make them; the signs of NFKC are not all. */
const RADICALS: Record<string, string> = {
  '⺎': '兀',
  '⺒': '巳',
  '⺓': '幺',
  '⺟': '母',
  '⺠': '民',
  '⻁': '虎',
  '⻄': '西',
  '⻅': '见',
  '⻆': '角',
  '⻉': '贝',
  '⻋': '车',
  '⻑': '長',
  '⻓': '长',
  '⻔': '门',
  '⻘': '青',
  '⻙': '韦',
  '⻚': '页',
  '⻛': '风',
  '⻜': '飞',
  '⻝': '食',
  '⻢': '马',
  '⻣': '骨',
  '⻤': '鬼',
  '⻥': '鱼',
  '⻦': '鸟',
  '⻨': '麦',
  '⻩': '黄',
  '⻪': '黾',
  '⻬': '齐',
  '⻭': '歯',
  '⻮': '齿',
  '⻯': '竜',
  '⻰': '龙',
  '⻲': '亀',
  '⻳': '龟'
}
const RADICAL = /[\u2E80-\u2FD5]/g

/** Characters in place of the radicals that look like them. */
export const withPlainIdeographs = (text: string): string => text.replace(RADICAL, radical => RADICALS[radical] ?? radical.normalize('NFKC'))

/** Between letters of Persian it parts a word from its ending, as a hyphen does; in Indic scripts it only shows how letters are drawn. */
const PARTING = /(?<=\p{sc=Arab})\u200C(?=\p{sc=Arab})/gu
const HYPHEN = '\u2010'

/** Text in one form of Unicode: full-width letters, ligatures and superscripts are the letters that they stand for. */
export function normalised (text: string): string {
  return withPlainIdeographs(text).normalize('NFKC').replace(PARTING, HYPHEN).replace(INVISIBLE, '')
}

/** Accents and vowel signs that may be left out in writing. The vowels of Indic scripts and the voicing of Kana may not, and stay. */
const DIACRITICS = /[\u0300-\u036F\u0591-\u05C7\u0610-\u061A\u064B-\u065F\u0670\u06D6-\u06ED\u093C\u09BC\u0A3C\u0ABC\u0B3C]/g
/** Letters with a plain spelling that no decomposition gives. */
const SPELLINGS: Record<string, string> = {
  ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ħ: 'h', ı: 'i', ŋ: 'n', ŧ: 't', ς: 'σ', ى: 'ي', ة: 'ه', ک: 'ك', ی: 'ي', ٱ: 'ا', ہ: 'ه', ھ: 'ه', ە: 'ه', ے: 'ي'
}
const SPELLED = new RegExp(`[${Object.keys(SPELLINGS).join('')}]`, 'g')
const DIGIT = /\p{Nd}/gu
// eslint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7F]*$/

/** A word in lower case without its diacritics, its digits as 0 to 9. */
export function folded (word: string): string {
  if (ASCII.test(word)) return word
  return word.normalize('NFD').replace(DIACRITICS, '').normalize('NFC').replace(SPELLED, letter => SPELLINGS[letter]!).replace(DIGIT, digitOf)
}

/** The ten digits of a script stand in a row that begins at a multiple of sixteen, or six places behind one. */
function digitOf (digit: string): string {
  const code = digit.codePointAt(0)!
  const row = code & ~15
  return String(/\p{Nd}/u.test(String.fromCodePoint(row)) ? code - row : code - row - 6)
}
