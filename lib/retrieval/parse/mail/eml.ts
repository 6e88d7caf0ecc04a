import type { Address, Attachment } from 'postal-mime'
import type { Section } from '../document.js'
import { htmlToText } from '../html/html-to-text.js'
import type { ReadContext } from '../kinds.js'
import { messageSections } from './message.js'
import { parseMail } from './mime.js'

/** The text of a mail as it was sent (RFC 5322), or of a page that a browser kept in that form (MHTML). */
export async function read (bytes: Uint8Array, context: ReadContext): Promise<Section[]> {
  const mail = await parseMail(bytes)
  const addresses = (list: readonly Address[] | undefined): string => (list ?? []).flatMap(address => address.group ?? [address]).map(nameOf).join(', ')
  const html = mail.html === undefined ? '' : htmlToText(mail.html)
  return await messageSections({
    from: addresses(mail.from === undefined ? [] : [mail.from]),
    to: addresses(mail.to),
    cc: addresses(mail.cc),
    date: mail.date ?? '',
    subject: mail.subject ?? '',
    // A page that is one picture says what it shows in its other form.
    text: html === '' ? mail.text ?? '' : html,
    attachments: mail.attachments.filter(isAttached).map(attachment => ({ filename: attachment.filename ?? '', type: attachment.mimeType, content: asBytes(attachment.content) }))
  }, context)
}

/** Some programs show documents in the midst of the text; pictures and styles that the text refers to are a part of it. */
const isAttached = ({ disposition, mimeType, related }: Attachment): boolean =>
  mimeType !== 'text/css' && !(disposition !== 'attachment' && (related === true || mimeType.startsWith('image/')))

const nameOf = ({ name, address }: { name: string, address?: string | undefined }): string => name === '' || address === undefined ? address ?? name : `${name} <${address}>`

const asBytes = (content: ArrayBuffer | Uint8Array | string): Uint8Array => typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)
