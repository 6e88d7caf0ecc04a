import type { TextAnnotation } from '../../schemas/messages.js'
import type { ToolStepCall } from '../tools/built-in-tool.js'
import type { OfferedTool } from '../tools/built-in-tools.js'
import type { TokenUsage } from './job.js'

/**
 * What a job has produced, oldest first. Items are neutral: each dialect keeps them in records of its own shape. A model turn
 * produces reasoning, then a message, then calls, each of them optional.
 */
export type Item = MessageItem | CallsItem | ReasoningItem

interface ItemBase {
  /** Of the dialect's record of the item: an item that is written anew after a restart keeps its id. */
  readonly id: string
  /** Not ended yet. Of loaded items only the last can be open. */
  isOpen: boolean
  /** Of the model turn that ended with this item; null before that. */
  usage: TokenUsage | null
}

export type MessagePart =
  | { type: 'text', text: string, annotations: TextAnnotation[] }
  | { type: 'refusal', text: string }
  /** A file's id. */
  | { type: 'image', fileId: string }

export interface MessageItem extends ItemBase {
  kind: 'message'
  parts: MessagePart[]
}

/** All calls of one model turn. */
export interface CallsItem extends ItemBase {
  kind: 'calls'
  calls: Call[]
  /** What the model said behind the calls of the turn. Readers are not shown it: an item that is open cannot have another one behind it. */
  said?: string
  /** The model has made all its calls, and nothing asks it for them again. */
  isComplete: boolean
}

export interface ReasoningItem extends ItemBase {
  kind: 'reasoning'
  text: string
}

/** A call of a tool. */
export interface Call {
  readonly id: string
  /** The function as the model named it. */
  readonly name: string
  /** JSON text as the model wrote it, valid or not. */
  arguments: string
  /** What the provider wants back with the call. */
  opaque?: unknown
  /** A function's output; null until there is one. */
  output: string | null
  /** Of a call of a built-in tool. */
  builtIn?: BuiltInCall
}

export interface BuiltInCall {
  readonly offered: OfferedTool
  /** As the step shows it. */
  step: ToolStepCall
  /** What the tool keeps beside the step, once the call has run. */
  kept: unknown
  isAnswered: boolean
}

export function isAnswered (call: Call): boolean {
  return call.builtIn?.isAnswered ?? call.output !== null
}

/** Text and refusals of a message, as one text. */
export function textOf (item: MessageItem): string {
  return item.parts.map(part => part.type === 'image' ? '' : part.text).join('')
}

/** The calls of one built-in tool among these items, oldest first. */
export function callsOf (items: Iterable<Item>, type: string): BuiltInCall[] {
  return [...items].flatMap(item => item.kind === 'calls' ? item.calls : [])
    .flatMap(({ builtIn }) => builtIn?.step.type === type ? [builtIn] : [])
}

/** Ids of the images that built-in tools have made since the last message. */
export function imagesToShow (items: readonly Item[]): string[] {
  return items.slice(items.findLastIndex(({ kind }) => kind === 'message') + 1)
    .flatMap(item => item.kind === 'calls' ? item.calls : [])
    .flatMap(({ builtIn }) => builtIn?.offered.tool.images?.(builtIn.step) ?? [])
}
