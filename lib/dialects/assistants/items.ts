import type { Message, MessageContent } from '../../../schemas/messages.js'
import type { RunStep, StepToolCall } from '../../../schemas/run-steps.js'
import type { Call, CallsItem, Item, MessageItem, MessagePart } from '../../runs/items.js'
import type { OfferedTool } from '../../tools/built-in-tools.js'
import { tokenUsage, type StepRecord, type TurnState } from './records.js'

/** Between the engine's items and the wire objects that the records hold. */

export function toItem (record: StepRecord, offered: readonly OfferedTool[]): Item {
  const { step } = record
  const isOpen = step.status === 'in_progress'
  if (record.kind === 'message') {
    return { kind: 'message', id: step.id, isOpen, usage: step.usage === null ? null : tokenUsage(step.usage), parts: record.message?.content.flatMap(toPart) ?? [] }
  }
  const { turn } = record
  const calls = step.step_details.type === 'tool_calls' ? step.step_details.tool_calls.flatMap(call => toCall(call, turn, offered)) : []
  const usage = isOpen ? turn?.usage : step.usage
  return { kind: 'calls', id: step.id, isOpen, usage: usage == null ? null : tokenUsage(usage), calls, isComplete: turn !== undefined, ...turn?.said === undefined ? {} : { said: turn.said } }
}

/** A call of a tool that this server does not have is nothing that the model could be reminded of. */
function toCall (call: StepToolCall, turn: TurnState | undefined, offered: readonly OfferedTool[]): Call[] {
  const opaque = turn?.opaque[call.id]
  const extra = opaque === undefined ? {} : { opaque }
  if (call.type === 'function') {
    const { name, arguments: args, output } = call.function
    return [{ id: call.id, name, arguments: args, output, ...extra }]
  }
  const tool = offered.find(({ tool }) => tool.type === call.type)
  if (tool === undefined) return []
  const stored = turn?.calls?.[call.id]
  return [{
    id: call.id,
    name: tool.shown.name,
    arguments: stored?.arguments ?? '{}',
    output: null,
    ...extra,
    builtIn: { offered: tool, step: call, kept: stored?.kept, isAnswered: stored?.kept !== undefined }
  }]
}

function toPart (part: MessageContent): MessagePart[] {
  if (part.type === 'text') return [{ type: 'text', text: part.text.value, annotations: part.text.annotations }]
  if (part.type === 'refusal') return [{ type: 'refusal', text: part.refusal }]
  if (part.type === 'image_file') return [{ type: 'image', fileId: part.image_file.file_id }]
  return []
}

/** A message never ends with fewer parts than a reader may index: without a word it has one empty text. */
export function toContent ({ parts }: MessageItem): MessageContent[] {
  if (parts.length === 0) return [{ type: 'text', text: { value: '', annotations: [] } }]
  return parts.map(part => {
    switch (part.type) {
      case 'text': return { type: 'text', text: { value: part.text, annotations: structuredClone(part.annotations) } }
      case 'refusal': return { type: 'refusal', refusal: part.text }
      case 'image': return { type: 'image_file', image_file: { file_id: part.fileId } }
    }
  })
}

/** A message has the files attached that it links and that code has written. */
export function toAttachments ({ parts }: MessageItem): Message['attachments'] {
  const ids = parts.flatMap(part => part.type === 'text' ? part.annotations : []).flatMap(annotation => annotation.type === 'file_path' ? [annotation.file_path.file_id] : [])
  return [...new Set(ids)].map(id => ({ file_id: id, tools: [{ type: 'code_interpreter' }] }))
}

/** The calls as their step shows them. */
export function toStepCalls ({ calls }: CallsItem): StepToolCall[] {
  return calls.map(({ id, name, arguments: args, output, builtIn }) => builtIn === undefined
    ? { id, type: 'function', function: { name, arguments: args, output } }
    : structuredClone(builtIn.step) as StepToolCall)
}

/** What is stored beside the step of the calls. */
export function toTurnState ({ calls, usage, said }: CallsItem, toUsage: (usage: CallsItem['usage']) => TurnState['usage']): TurnState {
  const opaque = calls.flatMap(call => call.opaque === undefined ? [] : [[call.id, call.opaque] as const])
  const builtIn = calls.flatMap(({ id, arguments: args, builtIn }) => builtIn === undefined
    ? []
    : [[id, { arguments: args, ...builtIn.isAnswered ? { kept: builtIn.kept ?? null } : {} }] as const])
  return { usage: toUsage(usage), opaque: Object.fromEntries(opaque), ...said === undefined ? {} : { said }, ...builtIn.length === 0 ? {} : { calls: Object.fromEntries(builtIn) } }
}

/** A message of the thread as it is before its first word. */
export function emptyMessage (step: RunStep, id: string): Message {
  return {
    id,
    object: 'thread.message',
    created_at: step.created_at,
    thread_id: step.thread_id,
    status: 'in_progress',
    incomplete_details: null,
    completed_at: null,
    incomplete_at: null,
    role: 'assistant',
    content: [],
    assistant_id: step.assistant_id,
    run_id: step.run_id,
    attachments: [],
    metadata: {}
  }
}
