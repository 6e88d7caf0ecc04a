import { detectFormat } from './detect.js'
import { DocumentError, unreadable, type DocumentLimits, type Section } from './document.js'
import { decodeText } from './text.js'

/**
 * The text of a document. What reads a format is loaded when a document of it comes. Throws a `DocumentError`. Runs as long and takes as
 * much memory as the document makes it: meant for a worker that can be ended (`DocumentReader`).
 */
export async function parseDocument (filename: string, bytes: Uint8Array, limits: DocumentLimits): Promise<Section[]> {
  if (bytes.length === 0) throw unreadable('it is empty')
  if (bytes.length > limits.maxBytes) throw unreadable('it is too large')
  const sections = await read(filename, bytes, limits)
  if (sections.reduce((sum, { text }) => sum + text.length, 0) > limits.maxCharacters) throw unreadable('it is too large')
  if (!sections.some(({ text }) => /\S/.test(text))) throw unreadable('it contains no text')
  return sections
}

async function read (filename: string, bytes: Uint8Array, limits: DocumentLimits): Promise<Section[]> {
  try {
    switch (detectFormat(filename, bytes)) {
      case 'pdf': return await (await import('./pdf.js')).pdfSections(bytes, limits)
      case 'docx': return [{ text: await (await import('./docx.js')).docxText(bytes, limits) }]
      case 'pptx': return (await import('./pptx.js')).pptxSections(bytes, limits)
      case 'html': return [{ text: (await import('./html.js')).htmlText(bytes) }]
      case 'text': return [{ text: decodeText(bytes) }]
    }
  } catch (error) {
    // Any error of a reader (stack overflow, an array that is too long) is the document's fault.
    throw error instanceof DocumentError ? error : unreadable(undefined, error)
  }
}
