import { extname } from 'node:path'
import { unreadable, unsupported } from './document.js'
import { listZip } from './zip.js'

export type DocumentFormat = 'text' | 'html' | 'pdf' | 'docx' | 'pptx'

/** What file_search reads, by extension (API reference, "File search", supported files), and how it is read. */
const FORMATS: Record<string, DocumentFormat> = {
  ...Object.fromEntries(['c', 'cpp', 'cs', 'css', 'go', 'java', 'js', 'json', 'md', 'php', 'py', 'rb', 'sh', 'tex', 'ts', 'txt'].map(extension => [extension, 'text' as const])),
  html: 'html',
  htm: 'html',
  pdf: 'pdf',
  docx: 'docx',
  pptx: 'pptx',
  // What calls itself so is often HTML, or DOCX under its old name. The binary format of the nineties is refused by its content.
  doc: 'text'
}

/** Whether file_search takes files of this name. One without an extension is judged by its content. */
export function isSupportedName (filename: string): boolean {
  const extension = extensionOf(filename)
  return extension === '' || extension in FORMATS
}

export const extensionOf = (filename: string): string => extname(filename).slice(1).toLowerCase()

const PDF = Buffer.from('%PDF-')
const ZIP = Buffer.from([0x50, 0x4b, 0x03, 0x04])
/** The container of Office's old formats, and of its new ones once they are encrypted. */
const OLE = Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
/** Readers of PDF look for its header this far. */
const PDF_HEADER_WITHIN = 1024

/** The format of a document. The content has the last word: a PDF named `notes.txt` is a PDF. Throws a `DocumentError`. */
export function detectFormat (filename: string, bytes: Uint8Array): DocumentFormat {
  const extension = extensionOf(filename)
  if (!isSupportedName(filename)) throw unsupported()
  const named = FORMATS[extension]
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, PDF_HEADER_WITHIN))
  if (start.includes(PDF)) return 'pdf'
  if (start.subarray(0, ZIP.length).equals(ZIP)) return office(bytes)
  if (start.subarray(0, OLE.length).equals(OLE)) {
    if (named === 'docx' || named === 'pptx') throw unreadable('it is encrypted')
    throw unsupported()
  }
  if (named === 'pdf' || named === 'docx' || named === 'pptx') throw unreadable()
  if (named === 'html' || /^\s*(<!doctype html|<html)/i.test(start.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, ''))) {
    // A page of HTML in a source file is source code.
    return named === undefined || named === 'html' || extension === 'doc' ? 'html' : 'text'
  }
  return 'text'
}

function office (bytes: Uint8Array): DocumentFormat {
  const names = new Set(listZip(bytes))
  if (names.has('word/document.xml')) return 'docx'
  if (names.has('ppt/presentation.xml')) return 'pptx'
  throw unsupported()
}
