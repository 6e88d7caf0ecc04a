import MsgReader, { type FieldsData } from '@kenjiuno/msgreader'
import { decompressRTF } from '@kenjiuno/decompressrtf'
import { unreadable, type Section } from '../document.js'
import { htmlToText } from '../html/html-to-text.js'
import type { ReadContext } from '../kinds.js'
import { read as readRtf } from '../rtf/read.js'
import { decodeText } from '../text/decode.js'
import { requireChains } from './chains.js'
import { messageSections } from './message.js'

// The package is CommonJS with a default export.
const { default: Reader } = MsgReader

/** The text of a message of Outlook. */
export async function read (bytes: Uint8Array, context: ReadContext): Promise<Section[]> {
  requireChains(bytes)
  const reader = new Reader(bytes.slice().buffer)
  const fields = reader.getFileData()
  if ('error' in fields && typeof fields.error === 'string') throw unreadable()
  const { senderName = '', senderSmtpAddress, senderEmail, recipients = [], messageDeliveryTime, clientSubmitTime, subject = '', attachments = [] } = fields
  const address = senderSmtpAddress ?? senderEmail ?? ''
  const named = (type: string): string => recipients.filter(({ recipType }) => recipType === type).map(({ name, smtpAddress, email }) => withAddress(name ?? '', smtpAddress ?? email ?? '')).join(', ')
  return await messageSections({
    from: withAddress(senderName, address),
    to: named('to'),
    cc: named('cc'),
    date: messageDeliveryTime ?? clientSubmitTime ?? '',
    subject,
    text: await bodyOf(fields),
    attachments: attachments.filter(attachment => attachment.attachmentHidden !== true).map(attachment => fileOf(reader, attachment))
  }, context)
}

const withAddress = (name: string, address: string): string => address === '' || address === name || address.startsWith('/') ? name : name === '' ? address : `${name} <${address}>`

async function bodyOf ({ body, bodyHtml, html, compressedRtf }: FieldsData): Promise<string> {
  if (body !== undefined && body.trim() !== '') return body
  if (html !== undefined && html.length > 0) return htmlToText(decodeText(html, { isMarkup: true }))
  if (bodyHtml !== undefined && bodyHtml !== '') return htmlToText(bodyHtml)
  if (compressedRtf === undefined) return ''
  const [section] = await readRtf(Uint8Array.from(decompressRTF([...compressedRtf])))
  return section?.text ?? ''
}

function fileOf (reader: InstanceType<typeof Reader>, attachment: FieldsData): { filename: string, content: Uint8Array } {
  try {
    const { fileName, content } = reader.getAttachment(attachment)
    return { filename: fileName, content }
  } catch {
    return { filename: attachment.fileName ?? '', content: new Uint8Array() }
  }
}
