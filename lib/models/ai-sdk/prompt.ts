import { opaqueFor, type Origin } from '../chat/opaque.js'
import { dataUrl } from '../data-url.js'
import { UpstreamError } from '../http/failure.js'
import type { ModelContentPart, ModelMessage, ModelRequest, ModelResponseFormat } from '../provider.js'
import type { AiSdkCallOptions, AiSdkMessage, ByProvider, FileData, FilePart, ReasoningPart, TextPart, ToolCallPart, ToolResultPart } from './types.js'

const TYPED_DATA_SINCE = 4
const STRICT_SINCE = 3
const REASONING_SINCE = 4
/** Call arguments that are no JSON still go back as what the model wrote. */
const UNPARSED = 'arguments'

/** Translates a request for a model of specification `version`. */
export function callOptions (request: ModelRequest, version: number, origin: Origin): AiSdkCallOptions {
  const { tools, toolChoice, temperature, topP, maxCompletionTokens, reasoningEffort, responseFormat } = request
  const options: AiSdkCallOptions = { prompt: prompt(request.messages, version, origin) }
  if (maxCompletionTokens !== undefined) options.maxOutputTokens = maxCompletionTokens
  if (temperature !== undefined) options.temperature = temperature
  if (topP !== undefined) options.topP = topP
  if (responseFormat !== undefined && responseFormat.type !== 'text') options.responseFormat = jsonFormat(responseFormat)
  if (tools !== undefined && tools.length > 0) {
    options.tools = tools.map(({ name, description, parameters, strict }) => ({
      type: 'function',
      name,
      ...(description === undefined ? {} : { description }),
      inputSchema: parameters ?? { type: 'object', properties: {} },
      ...(strict === true && version >= STRICT_SINCE ? { strict } : {})
    }))
    if (toolChoice !== undefined) options.toolChoice = typeof toolChoice === 'object' ? { type: 'tool', toolName: toolChoice.name } : { type: toolChoice }
  }
  const own: ByProvider = {}
  // The specification has no word for it; these are the vendors' own, and others pass over them.
  if (options.tools !== undefined && request.parallelToolCalls === false) {
    own.openai = { parallelToolCalls: false }
    own.anthropic = { disableParallelToolUse: true }
  }
  if (reasoningEffort !== undefined && version >= REASONING_SINCE) options.reasoning = reasoningEffort
  else if (reasoningEffort !== undefined) own.openai = { ...own.openai, reasoningEffort }
  if (Object.keys(own).length > 0) options.providerOptions = own
  return options
}

function prompt (messages: ModelMessage[], version: number, origin: Origin): AiSdkMessage[] {
  const names = new Map<string, string>()
  const result: AiSdkMessage[] = []
  for (const message of messages) {
    if (message.role === 'system') result.push({ role: 'system', content: message.content })
    else if (message.role === 'user') result.push({ role: 'user', content: userParts(message.content, version) })
    else if (message.role === 'assistant') {
      for (const call of message.toolCalls ?? []) names.set(call.id, call.name)
      const content = assistantParts(message, origin)
      if (content.length > 0) result.push({ role: 'assistant', content })
    } else {
      const part: ToolResultPart = { type: 'tool-result', toolCallId: message.toolCallId, toolName: names.get(message.toolCallId) ?? 'unknown', output: { type: 'text', value: message.content } }
      const last = result.at(-1)
      // The outputs of parallel calls are one message.
      if (last?.role === 'tool') last.content.push(part)
      else result.push({ role: 'tool', content: [part] })
    }
  }
  return result
}

function userParts (content: string | ModelContentPart[], version: number): (TextPart | FilePart)[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map(part => part.type === 'text' ? { type: 'text', text: part.text } : imagePart(part, version))
}

function imagePart ({ url, detail }: ModelContentPart & { type: 'image_url' }, version: number): FilePart {
  const options = detail === undefined ? {} : { providerOptions: { openai: { imageDetail: detail } } }
  const inline = dataUrl(url)
  if (inline === undefined) {
    if (!URL.canParse(url)) throw new UpstreamError('invalid_prompt', 'An image has an invalid URL.')
    const location = new URL(url)
    return { type: 'file', mediaType: 'image/*', data: version >= TYPED_DATA_SINCE ? { type: 'url', url: location } : location, ...options }
  }
  const data: FileData = version >= TYPED_DATA_SINCE ? { type: 'data', data: inline.base64 } : inline.base64
  return { type: 'file', mediaType: inline.mediaType === '' ? 'image/*' : inline.mediaType, data, ...options }
}

function assistantParts (message: ModelMessage & { role: 'assistant' }, origin: Origin): (ReasoningPart | TextPart | ToolCallPart)[] {
  const calls = (message.toolCalls ?? []).map(call => ({ call, opaque: opaqueFor(origin, call.opaque) }))
  const reasoning = calls.map(({ opaque }) => opaque?.message?.reasoning).find(Array.isArray) as ReasoningPart[] | undefined
  const text: TextPart[] = message.content === null || message.content === '' ? [] : [{ type: 'text', text: message.content }]
  return [...reasoning ?? [], ...text, ...calls.map(({ call, opaque }): ToolCallPart => ({
    type: 'tool-call',
    toolCallId: call.id,
    toolName: call.name,
    input: parsed(call.arguments),
    ...(opaque?.call === undefined ? {} : { providerOptions: opaque.call as ByProvider })
  }))]
}

function parsed (json: string): unknown {
  if (json.trim() === '') return {}
  try {
    return JSON.parse(json)
  } catch {
    return { [UNPARSED]: json }
  }
}

function jsonFormat (format: Exclude<ModelResponseFormat, { type: 'text' }>): NonNullable<AiSdkCallOptions['responseFormat']> {
  if (format.type === 'json_object') return { type: 'json' }
  const { name, description, schema } = format
  return { type: 'json', name, ...(description === undefined ? {} : { description }), ...(schema === undefined ? {} : { schema }) }
}
