import type { CreateMessageRequest, Message, MessageContent } from '../../schemas/messages.js'
import { KIND } from '../../storage/layout.js'
import type { WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { badRequest } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import type { Scope } from '../shared/scope.js'
import { extensionOf } from '../files/filename.js'
import { wrongIdPrefix } from '../shared/validation.js'
import { findFile, requireFiles } from '../files/find.js'

/**
 * A message written by hand: complete from the start, of no assistant and no run.
 *
 * @param path where the message stands in the request, for the error's `param`.
 */
export async function newMessage (scope: Scope, threadId: string, request: CreateMessageRequest, path = ''): Promise<Message> {
  const at = unixSeconds(scope.clock)
  const attachments = request.attachments ?? []
  refuseTooLong(request.content, path)
  await requireAttached(scope, attachments.map(attachment => attachment.file_id), path)
  await requireImages(scope, request.content, path)
  return {
    id: newId.message(),
    object: 'thread.message',
    created_at: at,
    thread_id: threadId,
    status: 'completed',
    incomplete_details: null,
    completed_at: at,
    incomplete_at: null,
    role: request.role,
    content: messageContent(request.content),
    assistant_id: null,
    run_id: null,
    attachments,
    metadata: request.metadata ?? {}
  }
}

/** The records of a message that does not exist yet: itself, and its entry in its run's index. */
export function putMessage (message: Message): WriteItem[] {
  const put: WriteItem = { op: 'put', kind: KIND.message, id: message.id, body: message, expect: 'absent' }
  return message.run_id === null ? [put] : [put, indexMessage(message, message.run_id)]
}

export const indexMessage = (message: Message, runId: string): WriteItem =>
  ({ op: 'put', kind: KIND.runMessage, id: message.id, parent: runId, body: {} })

/** Request content as the response shows it: text becomes an object with annotations (API reference, "The message object"). */
function messageContent (content: CreateMessageRequest['content']): MessageContent[] {
  if (typeof content === 'string') return [textContent(content)]
  return content.map((part): MessageContent => {
    switch (part.type) {
      case 'text':
        return textContent(part.text)
      case 'image_url':
        return { type: 'image_url', image_url: { url: part.image_url.url, detail: part.image_url.detail ?? 'auto' } }
      case 'image_file':
        return { type: 'image_file', image_file: { file_id: part.image_file.file_id, detail: part.image_file.detail ?? 'auto' } }
    }
  })
}

/** Characters of a message: what a list of messages holds in memory is a multiple of it. The number is ours. */
const LONGEST_MESSAGE = 8_000_000

function refuseTooLong (content: CreateMessageRequest['content'], path: string): void {
  if (typeof content === 'string') return
  const length = content.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : part.type === 'image_url' ? part.image_url.url.length : 0), 0)
  if (length <= LONGEST_MESSAGE) return
  const param = `${path}content`
  throw badRequest(`Invalid '${param}': content too long. Expected at most ${LONGEST_MESSAGE} characters in all parts together, but got ${length}.`, { param, code: 'string_above_max_length' })
}

async function requireAttached (scope: Scope, ids: readonly string[], path: string): Promise<void> {
  for (const [i, id] of ids.entries()) {
    // Files that were imported (from Azure, say) keep ids of any form.
    if (!id.startsWith('file') && await findFile(scope, id) === undefined) throw wrongIdPrefix(`${path}attachments[${i}].file_id`, id, 'file')
  }
  await requireFiles(scope, ids)
}

/** What models can see. */
const IMAGE_EXTENSIONS = ['.jpeg', '.jpg', '.png', '.gif', '.webp']

/** Images that are files must exist and be called like one. */
async function requireImages (scope: Scope, content: CreateMessageRequest['content'], path: string): Promise<void> {
  if (typeof content === 'string') return
  const param = `${path}content`
  const images = await requireFiles(scope, content.flatMap(part => part.type === 'image_file' ? [part.image_file.file_id] : []), param)
  for (const { filename } of images) {
    const extension = extensionOf(filename)
    if (IMAGE_EXTENSIONS.includes(extension)) continue
    throw badRequest(
      `Invalid message content: Expected file type to be a supported format: ${IMAGE_EXTENSIONS.join(', ')} but got ${extension === '' ? 'none' : extension}.`, { param })
  }
}

export const textContent = (value: string): MessageContent => ({ type: 'text', text: { value, annotations: [] } })
