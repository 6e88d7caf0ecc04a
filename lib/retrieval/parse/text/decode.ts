import { unreadable, unsupported } from '../document.js'
import { declaredEncoding } from './declared.js'
import { decodeAs, quality } from './decoder.js'
import { guessEncoding, looksLikeUtf16, looksLikeUtf32 } from './guess.js'
import { sevenBitOf } from './seven-bit.js'

const BOMS: readonly [encoding: string, bytes: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
  ['gb18030', [0x84, 0x31, 0x95, 0x33]]
]

/** Of the characters beyond ASCII, how many may be broken before an encoding is not believed. */
const MOST_BROKEN = 0.05

/** So many characters beyond ASCII are UTF-8 by no accident. */
const CERTAIN = 6

export interface TextHints {
  /** Whether the file is HTML or XML, in which `<meta charset>` declares an encoding. */
  isMarkup?: boolean
  /** What something around the file says of its encoding, such as the header of a mail. */
  encoding?: string | undefined
}

/**
 * The text of a file in whatever encoding it is: as its byte order mark says, else as it declares if that decodes, else UTF-8 if that is
 * what most of it is, else a guess. A broken byte is marked as such and does not turn the rest into another encoding. Throws a
 * `DocumentError` when it is no text.
 */
export function decodeText (bytes: Uint8Array, { isMarkup = false, encoding }: TextHints = {}): string {
  const [bom] = BOMS.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte)) ?? []
  if (bom !== undefined) return clean(requireReadable(decodeAs(bytes, bom), bom))
  const utf32 = looksLikeUtf32(bytes)
  if (utf32 !== undefined) return clean(decodeAs(bytes, utf32))
  const utf16 = looksLikeUtf16(bytes)
  if (utf16 !== undefined) return clean(decodeAs(bytes, utf16))
  if (looksBinary(bytes)) throw unsupported()
  return clean(decodeAsciiLike(bytes, encoding ?? declaredEncoding(bytes, isMarkup)))
}

function decodeAsciiLike (bytes: Uint8Array, declared: string | undefined): string {
  const utf8 = decodeAs(bytes, 'utf-8')
  const { broken, others } = quality(utf8)
  const isUtf8 = broken === 0 && others > 0
  // Bytes beyond ASCII that happen to be UTF-8 throughout are: in no language's single bytes do they come in this way, nor many of two bytes.
  if (declared !== undefined && declared !== 'utf-8' && !(isUtf8 && (isSingleByte(declared) || others >= CERTAIN))) {
    const text = decodeAs(bytes, declared)
    if (isMostlyWhole(text)) return text
  }
  if (broken === 0) return decodeAs(bytes, (others === 0 ? sevenBitOf(bytes) : undefined) ?? 'utf-8')
  // A character that is no UTF-8, such as half of a pair, breaks into several.
  if (others >= 4 * (utf8.match(/\uFFFD+/g) ?? []).length) return utf8
  return decodeAs(bytes, guessEncoding(bytes))
}

function isMostlyWhole (text: string): boolean {
  const { broken, others } = quality(text)
  return broken === 0 || broken <= MOST_BROKEN * others
}

const isSingleByte = (encoding: string): boolean => /^(?:windows-|iso-8859-|koi8|macintosh|x-mac|ibm|cp)/.test(encoding)

function requireReadable (text: string, encoding: string): string {
  const { broken } = quality(text)
  if (broken > 0.1 * text.length) throw unreadable(`it is not valid ${encoding.toUpperCase()}`)
  return text
}

/** Zeros stand for nothing: a crash leaves them in a log. */
const clean = (text: string): string => text.includes('\0') ? text.replace(/\0+/g, ' ') : text

/** Control characters that any text may have, however short. */
const STRAY_CONTROLS = 2

/** Control characters stand in no text, but for a few. A run of zeros counts once: a log may have a hole. */
function looksBinary (bytes: Uint8Array): boolean {
  let control = 0
  let zeros = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte === 0) {
      zeros++
      if (bytes[i - 1] !== 0) control++
    } else if (byte < 8 || (byte > 13 && byte < 32 && byte !== 27 && byte !== 14 && byte !== 15)) {
      control++
    }
  }
  return zeros === bytes.length ? zeros > 0 : control > STRAY_CONTROLS + (bytes.length - zeros) * 0.05
}
