/** The limit of common file systems. */
const MAX_CHARACTERS = 255

/** The name as it is stored: in any script, without a path and without characters that are invisible or change the direction of others. `upload` when nothing is left. */
export function cleanFilename (name: string | undefined): string {
  const base = decodedWords(name ?? '').split(/[\\/]/).at(-1) ?? ''
  // eslint-disable-next-line no-control-regex
  const visible = base.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu, '').trim()
  if (visible === '' || visible === '.' || visible === '..') return 'upload'
  const characters = Array.from(visible)
  if (characters.length <= MAX_CHARACTERS) return visible
  // The extension is kept, because it tells the file's type.
  const extension = Array.from(/\.[^.]{1,16}$/u.exec(visible)?.[0] ?? '')
  return [...characters.slice(0, MAX_CHARACTERS - extension.length), ...extension].join('')
}

/** Encoded words of RFC 2047, with the white space between two of them, which is no part of the text. */
const ENCODED_WORDS = /=\?[^?\s]{1,40}\?[bq]\?[^?\s]*\?=(?:\s*=\?[^?\s]{1,40}\?[bq]\?[^?\s]*\?=)*/gi
const ENCODED_WORD = /=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=/gi

/** .NET and mail libraries write names outside ASCII as `=?utf-8?B?…?=`, which RFC 7578 does not foresee. What cannot be decoded stays as it is. */
function decodedWords (name: string): string {
  return name.replace(ENCODED_WORDS, words => {
    const pieces: { charset: string, bytes: Buffer }[] = []
    for (const [, charset = '', encoding, text = ''] of words.matchAll(ENCODED_WORD)) {
      const bytes = encoding?.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : quoted(text)
      const last = pieces.at(-1)
      // A character may be cut between two words.
      if (last?.charset === charset.toLowerCase()) last.bytes = Buffer.concat([last.bytes, bytes])
      else pieces.push({ charset: charset.toLowerCase(), bytes })
    }
    try {
      // RFC 2231 allows a language behind the charset.
      return pieces.map(({ charset, bytes }) => new TextDecoder(charset.split('*')[0], { fatal: true }).decode(bytes)).join('')
    } catch {
      return words
    }
  })
}

/** The bytes of the encoding `Q`: `_` is a space, `=XX` a byte. */
function quoted (text: string): Buffer {
  return Buffer.from(text.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1')
}

/** The extension with its dot, in lower case; '' without one. */
export function extensionOf (filename: string): string {
  return (/[^.](\.[^.\s]+)$/u.exec(filename)?.[1] ?? '').toLowerCase()
}

/** The `content-disposition` of a download (RFC 6266): an ASCII name for every client, and the real name where that differs. */
export function attachment (filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\]/g, '\\$&')
  if (plain === filename) return `attachment; filename="${plain}"`
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
