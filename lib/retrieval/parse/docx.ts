import mammoth from 'mammoth'
import { unreadable, type DocumentLimits } from './document.js'
import { packZip, readZip } from './zip.js'

/** Where the words are; pictures and fonts stay packed. */
const WORDS = /^(\[Content_Types\]\.xml|_rels\/\.rels|word\/[^/]+\.xml|word\/_rels\/[^/]+\.rels)$/

/** The text of a Word document. Page numbers exist only in print. Throws a `DocumentError`. */
export async function docxText (bytes: Uint8Array, limits: DocumentLimits): Promise<string> {
  const entries = readZip(bytes, name => WORDS.test(name), limits.maxUnpackedBytes)
  try {
    const { value } = await mammoth.extractRawText({ buffer: Buffer.from(packZip(entries)) })
    return value
  } catch (cause) {
    throw unreadable(undefined, cause)
  }
}
