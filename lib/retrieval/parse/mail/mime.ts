import PostalMime, { type Email } from 'postal-mime'
import { decodeText } from '../text/decode.js'
import { encodingNamed } from '../text/decoder.js'

/** A part of a mail as the parser has it, with what it says of itself and its bytes once they are no longer encoded for the way. */
interface MimePart {
  content: ArrayBuffer | null
  contentType: { parsed: { value: string, params: Record<string, string> } }
}
/** Where the parser sorts the parts, before it decodes them. */
interface Collecting {
  collectNode? (part: MimePart, ...rest: unknown[]): Promise<void>
}

/** Of the whole of a mail's header: longer ones are none. */
const MAX_HEADER = 1024 * 1024

/**
 * A mail in its parts. The parser takes text for UTF-8 unless a part says otherwise, and old programs say nothing, or `us-ascii`: it gets
 * everything in UTF-8, told as the text of files is. Messages within are attachments, each read by itself.
 */
export async function parseMail (bytes: Uint8Array): Promise<Email> {
  const parser = new PostalMime({ maxRfc822NestingDepth: 0 }) as PostalMime & Collecting
  const collect = parser.collectNode?.bind(parser)
  if (collect !== undefined) {
    parser.collectNode = async (part, ...rest) => {
      inUtf8(part)
      await collect(part, ...rest)
    }
  }
  return await parser.parse(headerInUtf8(bytes))
}

function inUtf8 (part: MimePart): void {
  const { value, params } = part.contentType.parsed
  if (part.content === null || !value.startsWith('text/')) return
  const text = decoded(new Uint8Array(part.content), params.charset, value === 'text/html')
  if (text === undefined) return
  // With the mark for UTF-8, which a page that declares another encoding does not outweigh.
  part.content = new Uint8Array(Buffer.from(`\uFEFF${text}`)).buffer
  params.charset = 'utf-8'
}

/** Header fields may have raw bytes, in the encoding of the text. */
function headerInUtf8 (bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEADER)).toString('latin1')
  const end = /\r?\n\r?\n/.exec(start)?.index ?? start.length
  // eslint-disable-next-line no-control-regex
  const isPlain = /^[\x00-\x1a\x1c-\x7f]*$/.test(start.slice(0, end))
  const text = isPlain ? undefined : decoded(bytes.subarray(0, end), /\bcharset="?([\w.:-]{1,40})/i.exec(start)?.[1], false)
  return text === undefined ? bytes.slice() : new Uint8Array(Buffer.concat([Buffer.from(text), bytes.subarray(end)]))
}

/** Undefined for what is no text. */
function decoded (bytes: Uint8Array, charset: string | undefined, isMarkup: boolean): string | undefined {
  const encoding = charset === undefined || /^(?:us-)?ascii$|^ansi_x3|^unknown|^x-unknown|^8bit$|^default/i.test(charset) ? undefined : encodingNamed(charset)
  try {
    return decodeText(bytes, { isMarkup, encoding })
  } catch {
    return undefined
  }
}
