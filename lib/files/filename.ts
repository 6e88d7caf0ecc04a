/** The limit of common file systems. */
const MAX_CHARACTERS = 255

/** The name as it is stored: in any script, without a path and without characters that are invisible or change the direction of others. `upload` when nothing is left. */
export function cleanFilename (name: string | undefined): string {
  const base = (name ?? '').split(/[\\/]/).at(-1) ?? ''
  // eslint-disable-next-line no-control-regex
  const visible = base.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu, '').trim()
  if (visible === '' || visible === '.' || visible === '..') return 'upload'
  const characters = Array.from(visible)
  if (characters.length <= MAX_CHARACTERS) return visible
  // The extension is kept, because it tells the file's type.
  const extension = Array.from(/\.[^.]{1,16}$/u.exec(visible)?.[0] ?? '')
  return [...characters.slice(0, MAX_CHARACTERS - extension.length), ...extension].join('')
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
