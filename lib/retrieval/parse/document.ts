/** A stretch of a document's text: a page, a slide, or everything. */
export interface Section {
  text: string
  /** The number of the page or slide, from 1, where the format has such. */
  page?: number
  /** What could not be read of it, a sentence. */
  note?: string
}

/** As in a vector store file's `last_error.code` (API reference, "The vector store file object"). */
export type DocumentErrorCode = 'unsupported_file' | 'invalid_file' | 'server_error'

/** Why a document cannot be indexed. The message is for the API's user. */
export class DocumentError extends Error {
  override name = 'DocumentError'
  readonly code: DocumentErrorCode

  constructor (code: DocumentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export const unsupported = (): DocumentError => new DocumentError('unsupported_file', 'The file type is not supported.')

/** @param because completes the sentence: `it is too large`. */
export function unreadable (because?: string, cause?: unknown): DocumentError {
  return new DocumentError('invalid_file', because === undefined ? 'The file could not be parsed.' : `The file could not be parsed because ${because}.`, { cause })
}

/** The order of magnitude at which a document is refused instead of read (API reference: 512 MB and 5,000,000 tokens are the service's own bounds). */
export interface DocumentLimits {
  /** Of the file. */
  maxBytes: number
  /** Of what an archive (DOCX, PPTX) unpacks to. */
  maxUnpackedBytes: number
  /** Of the text, in characters. */
  maxCharacters: number
  /** Of the text, in tokens. */
  maxTokens: number
}

export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxUnpackedBytes: 128 * 1024 * 1024,
  maxCharacters: 32 * 1024 * 1024,
  maxTokens: 5_000_000
}
