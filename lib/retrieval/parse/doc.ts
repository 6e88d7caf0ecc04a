import WordExtractor from 'word-extractor'
import type { Section } from './document.js'

/** The parts of a document, of whose options the declared types know some alone. */
type Parts = Record<'getHeaders' | 'getBody' | 'getTextboxes' | 'getFootnotes' | 'getEndnotes' | 'getAnnotations' | 'getFooters', (options: { filterUnicode: boolean, includeFooters?: boolean }) => string>

/** With its quotation marks and dashes, which the reader makes ASCII otherwise. */
const AS_IT_IS = { filterUnicode: false }

/** The text of a document of Word 97 to 2003. Throws what the reader throws. */
export async function read (bytes: Uint8Array): Promise<Section[]> {
  const document = await new WordExtractor().extract(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as unknown as Parts
  const parts = [document.getHeaders({ ...AS_IT_IS, includeFooters: false }), document.getBody(AS_IT_IS), document.getTextboxes(AS_IT_IS), document.getFootnotes(AS_IT_IS), document.getEndnotes(AS_IT_IS), document.getAnnotations(AS_IT_IS),
    document.getFooters(AS_IT_IS)]
  return [{ text: parts.map(text => text.trim()).filter(text => text !== '').join('\n\n') }]
}
