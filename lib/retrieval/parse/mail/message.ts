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
  attachments: { filename: string, content: Uint8Array }[]
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
  for (const { filename, content } of attachments.slice(0, MAX_ATTACHMENTS)) {
    bytes += content.length
    if (bytes > limits.maxUnpackedBytes) break
    const inner = content.length === 0 || filename === '' ? undefined : await readInner(filename, content)
    if (inner !== undefined) sections.push({ text: filename }, ...inner.map(({ text, note }) => ({ text, ...note === undefined ? {} : { note } })))
  }
  return sections
}
