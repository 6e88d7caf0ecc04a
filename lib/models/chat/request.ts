import type { ModelMessage, ModelRequest, ModelResponseFormat, ModelTool, ModelToolChoice } from '../provider.js'
import { opaqueFor, type Origin } from './opaque.js'

export type MaxTokensField = 'max_tokens' | 'max_completion_tokens'

export interface ChatRequestOptions {
  maxTokensField: MaxTokensField
  /** Fields that this vendor is never sent. */
  omit: string[]
  /** Fields that it always is. */
  extraBody: Record<string, unknown>
}

/** The body of `POST /chat/completions`. */
export interface ChatBody extends Record<string, unknown> {
  model: string
  messages: Record<string, unknown>[]
}

/** Translates a request. Fields without a value are left out: many vendors refuse null. */
export function chatBody (request: ModelRequest, origin: Origin, options: ChatRequestOptions): ChatBody {
  const tools = request.tools !== undefined && request.tools.length > 0 ? request.tools : undefined
  const body: ChatBody = {
    model: request.model,
    messages: request.messages.map(message => chatMessage(message, origin)),
    stream: true,
    stream_options: { include_usage: true },
    ...defined({
      temperature: request.temperature,
      top_p: request.topP,
      reasoning_effort: request.reasoningEffort,
      [options.maxTokensField]: request.maxCompletionTokens,
      response_format: responseFormat(request.responseFormat),
      tools: tools?.map(chatTool),
      tool_choice: tools && toolChoice(request.toolChoice),
      parallel_tool_calls: tools && request.parallelToolCalls
    }),
    ...options.extraBody
  }
  for (const field of options.omit) delete body[field]
  return body
}

function chatMessage (message: ModelMessage, origin: Origin): Record<string, unknown> {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.content }
    case 'user':
      return { role: 'user', content: typeof message.content === 'string' ? message.content : message.content.map(contentPart) }
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content }
    case 'assistant':
      return assistantMessage(message, origin)
  }
}

function assistantMessage (message: ModelMessage & { role: 'assistant' }, origin: Origin): Record<string, unknown> {
  const calls = message.toolCalls ?? []
  if (calls.length === 0) return { role: 'assistant', content: message.content ?? '' }
  const opaque = calls.map(call => opaqueFor(origin, call.opaque))
  return {
    role: 'assistant',
    content: message.content,
    tool_calls: calls.map((call, index) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
      ...opaque[index]?.call
    })),
    ...opaque.find(given => given?.message !== undefined)?.message
  }
}

function contentPart (part: { type: 'text', text: string } | { type: 'image_url', url: string, detail?: string }): Record<string, unknown> {
  if (part.type === 'text') return { type: 'text', text: part.text }
  return { type: 'image_url', image_url: { url: part.url, ...defined({ detail: part.detail }) } }
}

function chatTool ({ name, description, parameters, strict }: ModelTool): Record<string, unknown> {
  return { type: 'function', function: { name, ...defined({ description, parameters, strict: strict === true ? true : undefined }) } }
}

function toolChoice (choice: ModelToolChoice | undefined): unknown {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice
}

function responseFormat (format: ModelResponseFormat | undefined): unknown {
  // Text is what every vendor does unasked, and some do not know the word.
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'json_object' }
  const { name, description, schema, strict } = format
  return { type: 'json_schema', json_schema: { name, ...defined({ description, schema, strict }) } }
}

/** The object without its undefined values. */
function defined (values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
