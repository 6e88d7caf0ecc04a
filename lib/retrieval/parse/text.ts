import chardet from 'chardet'
import { unreadable, unsupported } from './document.js'

const BOMS: readonly [encoding: string, bytes: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]]
]

/** How much of a text is looked at to tell what it is. */
const SAMPLE = 64 * 1024

/** The text of a file in any encoding. Throws a `DocumentError` for a binary file. */
export function decodeText (bytes: Uint8Array): string {
  const [bom] = BOMS.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte)) ?? []
  if (bom !== undefined) return decode(bytes, bom)
  const utf16 = utf16WithoutBom(bytes)
  if (utf16 !== undefined) return decode(bytes, utf16)
  if (looksBinary(bytes)) throw unsupported()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return decodeLegacy(bytes)
  }
}

function decode (bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unreadable(`it is not valid ${encoding.toUpperCase()}`, cause)
  }
}

/** One of the encodings before Unicode: a guess, which is better than a refusal. */
function decodeLegacy (bytes: Uint8Array): string {
  const guess = chardet.detect(bytes.subarray(0, SAMPLE)) ?? 'windows-1252'
  // Mostly UTF-8 with a broken place or two; what is broken is marked as such.
  if (/^utf-?8$/i.test(guess)) return new TextDecoder('utf-8').decode(bytes)
  try {
    return new TextDecoder(guess).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** Latin text in UTF-16 has a zero in every other byte. */
function utf16WithoutBom (bytes: Uint8Array): string | undefined {
  const length = Math.min(bytes.length, SAMPLE) & ~1
  if (length < 4 || bytes.length % 2 !== 0) return undefined
  let even = 0
  let odd = 0
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) even++
    if (bytes[i + 1] === 0) odd++
  }
  const pairs = length / 2
  if (odd > pairs * 0.7 && even < pairs * 0.05) return 'utf-16le'
  if (even > pairs * 0.7 && odd < pairs * 0.05) return 'utf-16be'
  return undefined
}

/** Zeros and other control characters stand in no text. */
function looksBinary (bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE)
  let control = 0
  for (const byte of sample) {
    if (byte === 0) return true
    if (byte < 8 || (byte > 13 && byte < 32 && byte !== 27)) control++
  }
  return control > sample.length * 0.02
}
