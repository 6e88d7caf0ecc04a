/**
 * Encodings of mail and news before eight bits were safe, in which marks switch between ASCII and characters of two bytes, and which neither
 * the system nor `iconv-lite` decodes: what they hold is EUC-KR or GB 2312 without the highest bit.
 */
const ENCODINGS: Record<string, { base: string, run: RegExp, rest: (text: string) => string }> = {
  // A line says once that Korean will come; then the control characters 0E and 0F switch.
  // eslint-disable-next-line no-control-regex
  'iso-2022-kr': { base: 'euc-kr', run: /\x0e([^\x0f\r\n]*)\x0f?/g, rest: text => text.replaceAll('\x1b$)C', '') },
  'hz-gb-2312': { base: 'gbk', run: /~\{((?:(?!~\})[\x21-\x7e]{2})*)(?:~\})?/g, rest: text => text.replace(/~(?:~|\r?\n)/g, mark => mark === '~~' ? '~' : '') }
}

const NAMES: Record<string, string> = { iso2022kr: 'iso-2022-kr', csiso2022kr: 'iso-2022-kr', hzgb2312: 'hz-gb-2312', hz: 'hz-gb-2312' }

/** The encoding of this kind that a name means. */
export const sevenBitNamed = (name: string): string | undefined => NAMES[name.trim().toLowerCase().replace(/[-_ ]/g, '')]

/** The text of bytes in an encoding of this kind; undefined for another one. */
export function decodeSevenBit (bytes: Uint8Array, encoding: string): string | undefined {
  const known = ENCODINGS[encoding]
  if (known === undefined) return undefined
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const decoder = new TextDecoder(known.base)
  const parts: string[] = []
  let end = 0
  for (const { 0: whole, 1: run = '', index } of source.matchAll(known.run)) {
    parts.push(known.rest(source.slice(end, index)), decoder.decode(Buffer.from(run, 'latin1').map(byte => byte > 0x20 ? byte | 0x80 : byte)))
    end = index + whole.length
  }
  return parts.join('') + known.rest(source.slice(end))
}

/** The encoding of this kind that ASCII seems to be in: its marks are in no other text. */
export function sevenBitOf (bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (buffer.includes('\x1b$)C') && buffer.includes('\x0e')) return 'iso-2022-kr'
  if (['\x1b$B', '\x1b$@'].some(escape => buffer.includes(escape)) && ['\x1b(B', '\x1b(J'].some(escape => buffer.includes(escape))) return 'iso-2022-jp'
  return buffer.includes('~{') && buffer.includes('~}') && isChinese(buffer) ? 'hz-gb-2312' : undefined
}

/** Source code has such marks too: in Chinese what is between them are characters of the ordinary rows. */
function isChinese (buffer: Buffer): boolean {
  const runs = buffer.toString('latin1').match(/~\{[^~\r\n]{0,2000}~\}/g) ?? []
  return runs.length > 0 && runs.every(run => /^~\{(?:[\x21-\x29\x30-\x77][\x21-\x7e])+~\}$/.test(run)) && runs.join('').length >= 20
}
