import type { Message } from '../../../schemas/messages.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'
import type { ModelContentPart, ModelMessage } from '../../models/provider.js'
import type { JobKey } from '../../runs/job.js'
import { isAnswered } from '../../runs/items.js'
import { storedImage } from '../../runs/prompt/images.js'
import { earlierPrompt } from '../../runs/prompt/own-prompt.js'
import type { OfferedTool } from '../../tools/built-in-tools.js'
import { toItem } from './items.js'
import { loadSteps } from './records.js'

const PAGE = 100

/** What a run reads of earlier runs of its thread: calls of tools and their outputs too, or messages only. */
export type History = 'all' | 'messages'

/** Runs whose calls are looked up, the newest: each takes round trips to the store, before the model can be asked. */
const RUNS_WITH_CALLS = 20

export interface HistoryOptions {
  /** How many messages to take at the most, counted from the newest. */
  newest: number
  /** The built-in tools that the run offers, when calls of earlier runs are to be among it. Undefined: messages only. */
  calls?: readonly OfferedTool[]
}

/**
 * The conversation before the run, oldest first. The run's own output is not among it: that comes from its items, where
 * tool calls stand in their place.
 */
export async function loadHistory (records: RecordStore, key: JobKey, { newest, calls }: HistoryOptions): Promise<ModelMessage[]> {
  const messages = await newestMessages(records, key, newest)
  const runs = calls === undefined ? new Map<string, ModelMessage[]>() : await runsWithCalls(records, key, messages, calls)
  const told = new Set<string>()
  return messages.flatMap(message => {
    const run = message.run_id === null ? undefined : runs.get(message.run_id)
    if (message.run_id === null || run === undefined) return messagePrompt(message, key.project)
    if (told.has(message.run_id)) return []
    told.add(message.run_id)
    return run
  })
}

/** By run id: what the newest runs have said and called, of those that have called anything. */
async function runsWithCalls (records: RecordStore, key: JobKey, messages: readonly Message[], offered: readonly OfferedTool[]): Promise<Map<string, ModelMessage[]>> {
  const ids = [...new Set(messages.flatMap(message => message.run_id ?? []))].slice(-RUNS_WITH_CALLS)
  const known = new Set(messages.map(({ id }) => id))
  const runs = await Promise.all(ids.map(async (id): Promise<[string, ModelMessage[]][]> => {
    const run: JobKey = { ...key, jobId: id }
    // Few runs have any, and a turn is there for each.
    const turns = await records.page({ project: key.project, partition: key.partition, kind: KIND.turn, parent: id, order: 'asc', limit: 1 })
    if (turns.records.length === 0) return []
    const items = (await loadSteps(records, run))
      .filter(step => step.kind === 'calls' || (step.message !== undefined && known.has(step.message.id)))
      .map(step => toItem(step, offered))
      // What was not answered cannot be sent: vendors want an output for every call.
      .filter(item => item.kind !== 'calls' || item.calls.every(isAnswered))
    return [[id, earlierPrompt(items)]]
  }))
  return new Map(runs.flat())
}

async function newestMessages (records: RecordStore, key: JobKey, newest: number): Promise<Message[]> {
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
  return messages.reverse()
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
