import { extensionOf, isSupportedName } from '../detect.js'
import type { Section } from '../document.js'
import type { ReadContext } from '../kinds.js'

/** A mail, in whichever form it was kept. */
export interface Message {
  from: string
  to: string
  cc: string
  date: string
  subject: string
  text: string
  attachments: AttachedFile[]
}

export interface AttachedFile {
  /** Empty when it has none. */
  filename: string
  /** What it is said to be, such as `message/rfc822`; undefined when only its name says so. */
  type?: string | undefined
  content: Uint8Array
}

/** What is attached without a name that says what it is, and the ending that it would have. */
const ENDINGS: Record<string, string> = {
  'text/plain': 'txt',
  'text/html': 'html',
  'text/csv': 'csv',
  'text/markdown': 'md',
  'text/calendar': 'ics',
  'text/vcard': 'vcf',
  'text/x-vcard': 'vcf',
  'text/rtf': 'rtf',
  'text/rfc822-headers': 'txt',
  'message/rfc822': 'eml',
  'message/global': 'eml',
  'message/delivery-status': 'txt',
  'application/rtf': 'rtf',
  'application/pdf': 'pdf',
  'application/msword': 'doc',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-outlook': 'msg',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.oasis.opendocument.spreadsheet': 'ods',
  'application/vnd.oasis.opendocument.presentation': 'odp'
}

/** Attachments that are read; a mail with more is an archive. */
const MAX_ATTACHMENTS = 100

/** The text of a mail: who wrote it to whom, and what; then what is attached, by name, when it can be read. */
export async function messageSections ({ from, to, cc, date, subject, text, attachments }: Message, { limits, readInner }: ReadContext): Promise<Section[]> {
  const head = Object.entries({ From: from, To: to, Cc: cc, Date: date, Subject: subject }).filter(([, value]) => value.trim() !== '').map(([name, value]) => `${name}: ${value.trim()}`)
  const names = attachments.map(({ filename }) => filename).filter(name => name !== '')
  if (names.length > 0) head.push(`Attachments: ${names.join(', ')}`)
  const sections: Section[] = [{ text: `${head.join('\n')}\n\n${text.trim()}` }]
  let bytes = 0
  for (const { filename, type, content } of attachments.slice(0, MAX_ATTACHMENTS)) {
    bytes += content.length
    if (bytes > limits.maxUnpackedBytes) break
    const name = readableName(filename, type)
    const inner = content.length === 0 || name === undefined ? undefined : await readInner(name, content)
    if (inner !== undefined) sections.push(...filename === '' ? [] : [{ text: filename }], ...inner.map(({ text, note }) => ({ text, ...note === undefined ? {} : { note } })))
  }
  return sections
}

/** A name by which an attachment can be read: its own, or what its type stands for where that says nothing. */
function readableName (filename: string, type: string | undefined): string | undefined {
  if (filename !== '' && isSupportedName(filename, 'all') && extensionOf(filename) !== '') return filename
  const ending = type === undefined ? undefined : ENDINGS[type]
  if (ending !== undefined) return `${filename === '' ? 'attached' : filename}.${ending}`
  return filename === '' ? undefined : filename
}
