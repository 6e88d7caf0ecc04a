import { detectKind } from './detect.js'
import { DocumentError, unreadable, type DocumentLimits, type Section } from './document.js'
import { KINDS, type ExtensionSet, type ReadDocument } from './kinds.js'
import type { RecogniseText } from './ocr.js'

/** Documents within documents: an attachment of a mail that is an attachment. */
const MAX_DEPTH = 5
/** All documents within one, at any depth: each may hold as many again. */
const MAX_INNER = 300

export interface ParseOptions {
  /** Which kinds of documents are read. Default `all`. */
  extensions?: ExtensionSet
  /** Reads pictures of text. Default: they are not read. */
  recognise?: RecogniseText
}

/**
 * The text of a document. What reads a kind is loaded when a document of it comes. Throws a `DocumentError`. Runs as long and takes as
 * much memory as the document makes it: meant for a process that can be ended (`DocumentReader`).
 */
export async function parseDocument (filename: string, bytes: Uint8Array, limits: DocumentLimits, options: ParseOptions = {}): Promise<Section[]> {
  return await parse(filename, bytes, limits, options, 0, { inner: 0 })
}

async function parse (filename: string, bytes: Uint8Array, limits: DocumentLimits, options: ParseOptions, depth: number, count: { inner: number }): Promise<Section[]> {
  if (bytes.length === 0) throw unreadable('it is empty')
  if (bytes.length > limits.maxBytes) throw unreadable('it is too large')
  const readInner = async (name: string, inner: Uint8Array): Promise<Section[] | undefined> => {
    if (depth >= MAX_DEPTH || ++count.inner > MAX_INNER) return undefined
    try {
      return await parse(name, inner, limits, options, depth + 1, count)
    } catch {
      return undefined
    }
  }
  const sections = await guarded(async () => {
    const { read } = await KINDS[detectKind(filename, bytes, options.extensions ?? 'all')].load() as { read: ReadDocument }
    return await read(bytes, { limits, filename, recognise: options.recognise, readInner })
  })
  if (sections.reduce((sum, { text }) => sum + text.length, 0) > limits.maxCharacters) throw unreadable('it is too large')
  if (!sections.some(({ text }) => /\S/.test(text))) throw unreadable('it contains no text')
  return sections
}

/** Any error of a reader (stack overflow, an array that is too long) is the document's fault. */
async function guarded<T> (read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof DocumentError ? error : unreadable(undefined, error)
  }
}
