import { encodingNamed } from './decoder.js'

/** How far a declaration is looked for, in bytes. Browsers look at 1,024. */
const WITHIN = 4096

/** Declarations by the kinds of files in which they mean something. The first that matches counts. */
const XML = /^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']/i
const META = /<meta\s[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i
const CSS = /^@charset\s+"([\w.:-]{1,40})"/i
const TEX = /\\usepackage\s*\[\s*([\w-]{1,40})\s*\]\s*\{inputenc\}/
/** PEP 263, which Ruby, Emacs (`-*- coding: x -*-`) and Vim (`fileencoding=x`) agree with. In the first two lines. */
const COOKIE = /^(?:[^\n]{0,200}\n)?[^\n]{0,200}?coding[:=][ \t]*([\w.-]{1,40})/
/** Programs that write pages, and catalogues of translations, say it as a header of HTTP does. */
const HEADER = /\bContent-Type\b[^\n]{0,80}?\bcharset\s*=\s*["']?([\w.:-]{1,40})/i
/** Emacs' local variables at the end of a file. */
const LOCAL = /Local Variables:[^\f]{0,2000}?\bcoding:[ \t]*([\w.-]{1,40})/i

/**
 * The encoding that a file says it is in, as `decodeAs` takes it. Undefined when it says none, or one that does not exist.
 *
 * @param isMarkup whether `<meta charset>` is the file's own word; in another text it is quoted
 */
export function declaredEncoding (bytes: Uint8Array, isMarkup: boolean): string | undefined {
  const start = latin1(bytes.subarray(0, WITHIN)).replace(/^\u00ef\u00bb\u00bf/, '')
  const patterns = isMarkup ? [XML, META] : [XML, CSS, COOKIE, TEX, HEADER]
  for (const pattern of patterns) {
    const name = pattern.exec(isMarkup ? withoutComments(start) : start)?.[1]
    const encoding = name === undefined ? undefined : encodingNamed(name)
    if (encoding !== undefined) return asciiCompatible(encoding)
  }
  const name = isMarkup ? undefined : LOCAL.exec(latin1(bytes.subarray(-3000)))?.[1]
  return name === undefined ? undefined : asciiCompatible(encodingNamed(name))
}

/** What could be read as ASCII is not in UTF-16, whatever it says (the HTML standard takes it for UTF-8, as here). */
const asciiCompatible = (encoding: string | undefined): string | undefined => encoding?.startsWith('utf-16') === true ? 'utf-8' : encoding

const withoutComments = (html: string): string => html.replace(/<!--[^]*?(?:-->|$)/g, '')

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
