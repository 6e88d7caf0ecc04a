import type { Message } from '../../../schemas/messages.js'
import type { Run } from '../../../schemas/runs.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'
import type { ModelContentPart, ModelMessage, ModelToolCall } from '../../models/provider.js'
import { FILE_SEARCH, searchesOf, searchOutput } from '../../tools/file-search/search.js'
import type { PromptParts } from '../../runs/prompt/budget.js'
import { storedImage } from '../../runs/prompt/images.js'
import type { RunItem, RunKey } from '../../runs/records.js'

const PAGE = 100

/** A message and in whose project it is: its images are files there. */
type PastMessage = Message & { project: string }

/**
 * The conversation before the run, oldest first. The run's own output is not among it: that comes from its items, where
 * tool calls stand in their place.
 *
 * @param newest how many messages to take at the most, counted from the newest.
 */
export async function loadHistory (records: RecordStore, run: RunKey, newest: number): Promise<PastMessage[]> {
  const messages: PastMessage[] = []
  let after: number | undefined
  while (messages.length < newest) {
    const page = await records.page<Message>({ project: run.project, partition: run.threadId, kind: KIND.message, order: 'desc', limit: PAGE, after })
    for (const { body } of page.records) {
      if (body.run_id !== run.runId && messages.length < newest) messages.push({ ...body, project: run.project })
    }
    after = page.records.at(-1)?.position
    if (!page.hasMore) break
  }
  return messages.reverse()
}

/** What the model is told: the instructions, the conversation, and what this run has done so far. */
export function buildPrompt (run: Run, history: readonly PastMessage[], items: readonly RunItem[]): PromptParts {
  return {
    system: run.instructions === '' ? [] : [{ role: 'system', content: run.instructions }],
    history: history.flatMap(messagePrompt),
    own: ownPrompt(items)
  }
}

function ownPrompt (items: readonly RunItem[]): ModelMessage[] {
  const prompt: ModelMessage[] = []
  let searches = 0
  items.forEach((item, i) => {
    if (item.kind === 'message') {
      if (item.message !== undefined) prompt.push(...messagePrompt(item.message))
      return
    }
    const turn = toolPrompt(item, searches)
    searches += searchesOf([item.step]).length
    const spoken = items[i - 1]?.kind === 'message' ? prompt.at(-1) : undefined
    // Text that the model wrote before its calls belongs to the same turn: many vendors want one assistant message for it.
    if (turn[0]?.role === 'assistant' && spoken?.role === 'assistant') {
      prompt.pop()
      turn[0] = { ...turn[0], content: spoken.content }
    }
    prompt.push(...turn)
  })
  return prompt
}

function messagePrompt (message: Message | PastMessage): ModelMessage[] {
  if (message.role === 'assistant') {
    const text = message.content.map(part => part.type === 'text' ? part.text.value : part.type === 'refusal' ? part.refusal : '').join('')
    // An answer that was cut off before its first word says nothing.
    return text === '' ? [] : [{ role: 'assistant', content: text }]
  }
  const parts = message.content.flatMap((part): ModelContentPart[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text.value }]
    if (part.type === 'image_url') return [{ type: 'image_url', url: part.image_url.url, detail: part.image_url.detail }]
    if (part.type === 'image_file' && 'project' in message) return [storedImage(message.project, part.image_file)]
    return []
  })
  if (parts.length === 0) return []
  const [only] = parts
  return [{ role: 'user', content: parts.length === 1 && only?.type === 'text' ? only.text : parts }]
}

/**
 * The calls of one model turn and their outputs.
 *
 * @param searches how many searches of files the run had made before.
 */
function toolPrompt (item: RunItem & { kind: 'tools' }, searches: number): ModelMessage[] {
  const { step_details: details } = item.step
  if (details.type !== 'tool_calls') return []
  const calls: ModelToolCall[] = []
  const outputs: ModelMessage[] = []
  for (const call of details.tool_calls) {
    if (call.type === 'code_interpreter') continue
    const opaque = item.turn?.opaque[call.id]
    const search = item.turn?.searches?.[call.id]
    const { name, arguments: args, output } = call.type === 'function'
      ? call.function
      : { name: FILE_SEARCH, arguments: search?.arguments ?? '{}', output: searchOutput(searches++, call, search?.passages ?? []) }
    calls.push({ id: call.id, name, arguments: args, ...(opaque === undefined ? {} : { opaque }) })
    outputs.push({ role: 'tool', toolCallId: call.id, content: output ?? '' })
  }
  return calls.length === 0 ? [] : [{ role: 'assistant', content: null, toolCalls: calls }, ...outputs]
}
