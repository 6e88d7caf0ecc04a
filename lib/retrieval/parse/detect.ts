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
/** How what gzip, xz, 7-Zip, zstd, bzip2 and RAR have packed begins. Some of it decodes as text of one encoding or another. */
const PACKED = ['1f8b08', 'fd377a585a00', '377abcaf271c', '28b52ffd', '526172211a07'].map(hex => Buffer.from(hex, 'hex'))
const BZIP2 = /^BZh[1-9]1AY&SY/
/** Readers of PDF look for its header this far. */
const PDF_HEADER_WITHIN = 1024

/**
 * The kind of a document. The content has the last word: a PDF named `notes.txt` is a PDF. Throws a `DocumentError` for a kind that is not
 * in the set, and for one that is not what its name says.
 */
export function detectKind (filename: string, bytes: Uint8Array, set: ExtensionSet): KindName {
  if (!isSupportedName(filename, set)) throw unsupported()
  const named = kindOfExtension(extensionOf(filename), set)
  const kind = kindOf(named, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  // OpenAI's list has DOC, and much that has this name is something else.
  if (!isInSet(kind, set) && !(named === 'doc' && (kind === 'rtf' || kind === 'eml'))) throw unsupported()
  return kind
}

function kindOf (named: KindName | undefined, bytes: Buffer): KindName {
  if (isPdf(bytes, named)) return 'pdf'
  if (bytes.subarray(0, ZIP.length).equals(ZIP)) return archive(bytes, named)
  if (bytes.subarray(0, OLE.length).equals(OLE)) return compound(bytes, named)
  if (PACKED.some(head => bytes.subarray(0, head.length).equals(head)) || BZIP2.test(bytes.toString('latin1', 0, 10))) throw unsupported()
  const start = bytes.toString('latin1', 0, 1024).replace(/^\u00ef\u00bb\u00bf/, '').trimStart()
  if (start.startsWith('{\\rtf')) return 'rtf'
  if (named === 'eml' || named === 'html' || named === 'opendocument') return named
  if ((named === undefined || named === 'doc') && isHtml(start)) return 'html'
  if (named === 'doc' && isWordXml(start)) return 'docx'
  // Word keeps a page with its pictures so.
  if (named === 'doc' && /^MIME-Version:/im.test(start)) return 'eml'
  // Programs write a table as HTML, or with tabs, and call it XLS.
  if (named === 'spreadsheet') return isWorkbookXml(start) ? 'spreadsheet' : isHtml(start) || isTable(start) ? 'html' : 'text'
  if (named === undefined || named === 'text' || named === 'doc') return 'text'
  throw unreadable()
}

/** A page of HTML in a source file is source code, so that only files without a name that says more are asked. */
const isHtml = (start: string): boolean => /^(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--[^]{0,500}?-->\s*)?(?:<!doctype html|<html)/i.test(start)

/** Programs leave the frame of a page out. */
const isTable = (start: string): boolean => /^<(?:table|meta|style|head|body|div|tr)\b/i.test(start)

/** Office 2003 could write either as one file of XML. */
const isWorkbookXml = (start: string): boolean => /^<\?xml[^]{0,500}?<(?:\w+:)?Workbook\b/.test(start)
const isWordXml = (start: string): boolean => /^<\?xml[^]{0,500}?(?:<w:wordDocument\b|<pkg:package\b)/.test(start)

/** A text that begins with the header of a PDF to speak of it is none. */
function isPdf (bytes: Buffer, named: KindName | undefined): boolean {
  const at = bytes.subarray(0, PDF_HEADER_WITHIN).indexOf('%PDF-')
  if (at === -1) return false
  if (named === 'pdf') return true
  return at < 5 && (bytes.includes('endobj') || bytes.includes('%%EOF') || /\0|[\x80-\xff]{4}/.test(bytes.toString('latin1', 0, PDF_HEADER_WITHIN)))
}

/** An old Office file, by the streams that are in it. A message may have others attached. */
function compound (bytes: Buffer, named: KindName | undefined): KindName {
  const has = (stream: string): boolean => bytes.includes(Buffer.from(stream, 'utf16le'))
  if (has('__properties_version1.0')) return 'msg'
  if (has('EncryptedPackage')) throw unreadable('it is encrypted')
  if (has('WordDocument')) return 'doc'
  if (has('Workbook') || has('Book\0')) return 'spreadsheet'
  if (named === 'docx' || named === 'pptx') throw unreadable('it is encrypted')
  throw unsupported()
}

function archive (bytes: Uint8Array, named: KindName | undefined): KindName {
  const names = listZip(bytes)
  const has = (folder: string): boolean => names.some(name => name.replaceAll('\\', '/').toLowerCase().startsWith(folder))
  if (names.includes('META-INF/container.xml') || names.some(name => name.endsWith('.opf'))) return 'epub'
  if (names.includes('content.xml')) return 'opendocument'
  if (has('word/')) return 'docx'
  if (has('ppt/')) return 'pptx'
  if (has('xl/')) return 'spreadsheet'
  // Parts may have any name; only relationships say which is which.
  if (names.includes('_rels/.rels') && (named === 'docx' || named === 'pptx' || named === 'spreadsheet')) return named
  throw unsupported()
}
