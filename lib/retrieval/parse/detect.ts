import { extname } from 'node:path'
import { unreadable, unsupported } from './document.js'
import { isInSet, kindOfExtension, type ExtensionSet, type KindName } from './kinds.js'
import { listZip } from './zip.js'

/** Whether file_search takes files of this name. One without an extension is judged by its content. */
export function isSupportedName (filename: string, set: ExtensionSet): boolean {
  const extension = extensionOf(filename)
  return extension === '' || kindOfExtension(extension, set) !== undefined
}

export const extensionOf = (filename: string): string => extname(filename).slice(1).toLowerCase()

const ZIP = Buffer.from([0x50, 0x4b, 0x03, 0x04])
/** The container of Office's old formats, and of its new ones once they are encrypted. */
const OLE = Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
/** Readers of PDF look for its header this far. */
const PDF_HEADER_WITHIN = 1024

/**
 * The kind of a document. The content has the last word: a PDF named `notes.txt` is a PDF. Throws a `DocumentError` for a kind that is not
 * in the set, and for one that is not what its name says.
 */
export function detectKind (filename: string, bytes: Uint8Array, set: ExtensionSet): KindName {
  if (!isSupportedName(filename, set)) throw unsupported()
  const kind = kindOf(filename, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), set)
  if (!isInSet(kind, set)) throw unsupported()
  return kind
}

function kindOf (filename: string, bytes: Buffer, set: ExtensionSet): KindName {
  const extension = extensionOf(filename)
  const named = kindOfExtension(extension, set)
  if (isPdf(bytes, named)) return 'pdf'
  if (bytes.subarray(0, ZIP.length).equals(ZIP)) return archive(bytes)
  if (bytes.subarray(0, OLE.length).equals(OLE)) return compound(bytes, named)
  if (named === 'pdf' || named === 'docx' || named === 'pptx') throw unreadable()
  // A page of HTML in a source file is source code.
  if (named === 'html' || ((named === undefined || named === 'doc') && startsAsHtml(bytes))) return 'html'
  return 'text'
}

/** An old Office file, by the streams that are in it. */
function compound (bytes: Buffer, named: KindName | undefined): KindName {
  const has = (stream: string): boolean => bytes.includes(Buffer.from(stream, 'utf16le'))
  if (has('WordDocument')) return 'doc'
  if (has('EncryptedPackage') || named === 'docx' || named === 'pptx') throw unreadable('it is encrypted')
  throw unsupported()
}

/** A text that begins with the header of a PDF to speak of it is none. */
function isPdf (bytes: Buffer, named: KindName | undefined): boolean {
  const at = bytes.subarray(0, PDF_HEADER_WITHIN).indexOf('%PDF-')
  if (at === -1) return false
  if (named === 'pdf') return true
  return at < 5 && (bytes.includes('endobj') || bytes.includes('%%EOF') || /\0|[\x80-\xff]{4}/.test(bytes.toString('latin1', 0, PDF_HEADER_WITHIN)))
}

const startsAsHtml = (bytes: Buffer): boolean => /^\s*(?:<!--[^]{0,500}?-->\s*)?(<!doctype html|<html)/i.test(bytes.toString('latin1', 0, 1024).replace(/^\u00ef\u00bb\u00bf/, ''))

function archive (bytes: Uint8Array): KindName {
  const names = listZip(bytes)
  if (names.some(name => name.startsWith('word/'))) return 'docx'
  if (names.some(name => name.startsWith('ppt/'))) return 'pptx'
  throw unsupported()
}
