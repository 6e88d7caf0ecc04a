import WordExtractor from 'word-extractor'
import type { Section } from './document.js'

/** The text of a document of Word 97 to 2003. Throws what the reader throws. */
export async function read (bytes: Uint8Array): Promise<Section[]> {
  const document = await new WordExtractor().extract(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  const parts = [document.getHeaders({ includeFooters: false }), document.getBody(), document.getTextboxes(), document.getFootnotes(), document.getEndnotes(), document.getAnnotations(), document.getFooters()]
  return [{ text: parts.map(text => text.trim()).filter(text => text !== '').join('\n\n') }]
}
