import PostalMime, { type Address, type Attachment } from 'postal-mime'
import type { Section } from '../document.js'
import { htmlToText } from '../html/html-to-text.js'
import type { ReadContext } from '../kinds.js'
import { messageSections } from './message.js'

/** The text of a mail as it was sent (RFC 5322), or of a page that a browser kept in that form (MHTML). */
export async function read (bytes: Uint8Array, context: ReadContext): Promise<Section[]> {
  const mail = await PostalMime.parse(bytes)
  const addresses = (list: readonly Address[] | undefined): string => (list ?? []).flatMap(address => address.group ?? [address]).map(nameOf).join(', ')
  return await messageSections({
    from: addresses(mail.from === undefined ? [] : [mail.from]),
    to: addresses(mail.to),
    cc: addresses(mail.cc),
    date: mail.date ?? '',
    subject: mail.subject ?? '',
    text: mail.html === undefined ? mail.text ?? '' : htmlToText(mail.html),
    attachments: mail.attachments.filter(isAttached).map(({ filename, content }) => ({ filename: filename ?? '', content: asBytes(content) }))
  }, context)
}

/** Some programs show documents in the midst of the text; pictures that the text refers to are a part of it. */
const isAttached = ({ filename, disposition, mimeType, related }: Attachment): boolean =>
  filename !== null && !(disposition === 'inline' && (related === true || mimeType.startsWith('image/')))

const nameOf = ({ name, address }: { name: string, address?: string | undefined }): string => name === '' || address === undefined ? address ?? name : `${name} <${address}>`

const asBytes = (content: ArrayBuffer | Uint8Array | string): Uint8Array => typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)
