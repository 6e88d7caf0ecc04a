import type { Message } from '../api.js'
import type { Draft } from './composer.js'
import type { Attachment } from './conversation.js'
import { fileName } from './file-chip.js'

/** A message as it stood in the field where it was written, with its files and images. */
export async function draftOf ({ content, attachments }: Message): Promise<Draft> {
  const images = content.flatMap((part): (Promise<Attachment> | Attachment)[] => {
    if (part.type === 'image_file') return [kept(part.image_file.file_id, true)]
    return part.type === 'image_url' ? [{ name: part.image_url.url.slice(0, 60), isImage: true, source: { url: part.image_url.url } }] : []
  })
  const files = (attachments ?? []).flatMap(({ file_id: id }) => id === undefined ? [] : kept(id, false))
  return { text: content.flatMap(part => part.type === 'text' ? part.text.value : []).join('\n'), attachments: await Promise.all([...files, ...images]) }
}

const kept = async (id: string, isImage: boolean): Promise<Attachment> => ({ name: await fileName(id), isImage, source: { id } })
