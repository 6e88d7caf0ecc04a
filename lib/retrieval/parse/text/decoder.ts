import iconv from 'iconv-lite'
import { encodingLabel } from './labels.js'
import { decodeSevenBit, sevenBitNamed } from './seven-bit.js'

/** What a decoder writes for bytes that mean nothing. */
export const REPLACEMENT = '\uFFFD'

/** The encoding that a name means, as `decodeAs` takes it, or undefined. */
export const encodingNamed = (name: string): string | undefined => sevenBitNamed(name) ?? encodingLabel(name, other => iconv.encodingExists(other))

/** Decodes bytes as an encoding; what means nothing in it becomes `REPLACEMENT`. A byte order mark is left out. */
export function decodeAs (bytes: Uint8Array, encoding: string): string {
  const sevenBit = decodeSevenBit(bytes, encoding)
  if (sevenBit !== undefined) return sevenBit
  let decoder: InstanceType<typeof TextDecoder>
  try {
    decoder = new TextDecoder(encoding)
  } catch {
    return iconv.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), encoding)
  }
  // Node 20 takes windows-1252 for Latin-1 and loses “”, … and €, unless it decodes a stream.
  return decoder.decode(bytes, { stream: true }) + decoder.decode()
}

/**
 * Corrects the decoder that libraries in this thread use, as `decodeAs` does it: Node 20 takes windows-1252, which mails and old files are in,
 * for Latin-1.
 */
export function correctTextDecoder (): void {
  const Original = TextDecoder
  const text = new Original('windows-1252').decode(new Uint8Array([0x80]))
  if (text === '€') return
  globalThis.TextDecoder = class extends Original {
    override decode (input?: Parameters<InstanceType<typeof Original>['decode']>[0], options?: { stream?: boolean }): string {
      if (this.encoding !== 'windows-1252' || options?.stream === true) return super.decode(input, options)
      return super.decode(input, { stream: true }) + super.decode()
    }
  }
}

/** How many characters of a text are the mark for bytes without meaning, and how many are beyond ASCII besides. */
export function quality (text: string): { broken: number, others: number } {
  let broken = 0
  let others = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0xFFFD) broken++
    else if (code > 0x7F) others++
  }
  return { broken, others }
}
