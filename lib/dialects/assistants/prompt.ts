import type { Message } from '../../../schemas/messages.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'
import type { ModelContentPart, ModelMessage } from '../../models/provider.js'
import type { JobKey } from '../../runs/job.js'
import { storedImage } from '../../runs/prompt/images.js'

const PAGE = 100

/**
 * The conversation before the run, oldest first. The run's own output is not among it: that comes from its items, where
 * tool calls stand in their place.
 *
 * @param newest how many messages to take at the most, counted from the newest.
 */
export async function loadHistory (records: RecordStore, key: JobKey, newest: number): Promise<ModelMessage[]> {
  const messages: Message[] = []
  let after: number | undefined
  while (messages.length < newest) {
    const page = await records.page<Message>({
      project: key.project, partition: key.partition, kind: KIND.message, order: 'desc', limit: PAGE, ...after === undefined ? {} : { after }
    })
    for (const { body } of page.records) {
      if (body.run_id !== key.jobId && messages.length < newest) messages.push(body)
    }
    after = page.records.at(-1)?.position
    if (!page.hasMore) break
  }
  return messages.reverse().flatMap(message => messagePrompt(message, key.project))
}

/** @param project whose files the message's images are. */
function messagePrompt (message: Message, project: string): ModelMessage[] {
  if (message.role === 'assistant') {
    const text = message.content.map(part => part.type === 'text' ? part.text.value : part.type === 'refusal' ? part.refusal : '').join('')
    // An answer that was cut off before its first word says nothing.
    return text === '' ? [] : [{ role: 'assistant', content: text }]
  }
  const parts = message.content.flatMap((part): ModelContentPart[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text.value }]
    if (part.type === 'image_url') return [{ type: 'image_url', url: part.image_url.url, ...part.image_url.detail === undefined ? {} : { detail: part.image_url.detail } }]
    if (part.type === 'image_file') return [storedImage(project, part.image_file)]
    return []
  })
  const [only] = parts
  if (only === undefined) return []
  return [{ role: 'user', content: parts.length === 1 && only.type === 'text' ? only.text : parts }]
}
