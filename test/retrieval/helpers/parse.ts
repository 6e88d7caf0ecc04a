import { DEFAULT_DOCUMENT_LIMITS, type Section } from '../../../lib/retrieval/parse/document.js'
import { parseDocument, type ParseOptions } from '../../../lib/retrieval/parse/parse.js'

export const bytesOf = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array => new Uint8Array(Buffer.from(text, encoding))

export async function parse (filename: string, content: Uint8Array | string, options?: ParseOptions): Promise<Section[]> {
  return await parseDocument(filename, typeof content === 'string' ? bytesOf(content) : content, DEFAULT_DOCUMENT_LIMITS, options)
}

/** The text of a document's sections, a line or more for each. */
export async function textOf (filename: string, content: Uint8Array | string, options?: ParseOptions): Promise<string> {
  return (await parse(filename, content, options)).map(({ text }) => text).join('\n')
}

export const invalid = (because?: string): { name: string, code: string, message: string } => ({
  name: 'DocumentError', code: 'invalid_file', message: because === undefined ? 'The file could not be parsed.' : `The file could not be parsed because ${because}.`
})
export const unsupported = { name: 'DocumentError', code: 'unsupported_file', message: 'The file type is not supported.' }
