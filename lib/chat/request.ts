import type { ChatContentPart, ChatMessage, ChatTool, ChatToolChoice, CreateChatCompletionRequest } from '../../schemas/chat.js'
import type { ResponseFormat } from '../../schemas/tools.js'
import { badRequest } from '../shared/errors.js'
import type { ModelContentPart, ModelMessage, ModelRequest, ModelResponseFormat, ModelTool, ModelToolChoice } from '../models/provider.js'

/** Parameters that would change what the answer is made of, and the values that ask for nothing. Hints such as `seed` are passed over. */
const UNSUPPORTED: Record<string, (value: unknown) => boolean> = {
  n: value => value === 1,
  logprobs: value => value === false,
  modalities: value => Array.isArray(value) && value.every(kind => kind === 'text'),
  audio: () => false,
  functions: () => false,
  function_call: value => value === 'none',
  web_search_options: () => false
}

/** Refuses what a provider that is not asked in OpenAI's terms cannot do. */
export function refuseUnsupported (body: Record<string, unknown>): void {
  for (const [param, asksNothing] of Object.entries(UNSUPPORTED)) {
    const value = body[param]
    if (value === undefined || value === null || asksNothing(value)) continue
    throw badRequest(`Unsupported parameter: '${param}' is not supported with this model.`, { param, code: 'unsupported_parameter' })
  }
}

/** A chat completion as a call of any model. */
export function modelRequest (body: CreateChatCompletionRequest, model: string): ModelRequest {
  const tools = body.tools?.map(modelTool) ?? []
  const choice = body.tool_choice ?? undefined
  if (tools.length === 0 && choice !== undefined && choice !== 'none' && choice !== 'auto') {
    throw badRequest('\'tool_choice\' is only allowed when \'tools\' are specified.', { param: 'tool_choice' })
  }
  return {
    model,
    messages: body.messages.map(modelMessage),
    ...(tools.length === 0
      ? {}
      : { tools, ...given({ toolChoice: choice && toolChoice(choice, tools), parallelToolCalls: body.parallel_tool_calls }) }),
    ...given({
      temperature: body.temperature,
      topP: body.top_p,
      reasoningEffort: body.reasoning_effort,
      responseFormat: body.response_format && responseFormat(body.response_format),
      maxCompletionTokens: body.max_completion_tokens ?? body.max_tokens
    })
  }
}

function modelMessage (message: ChatMessage, index: number): ModelMessage {
  switch (message.role) {
    case 'developer':
    case 'system':
      return { role: 'system', content: textOf(message, index) }
    case 'user':
      return { role: 'user', content: typeof message.content === 'string' ? message.content : partsOf(message, index).map((part, at) => userPart(part, `messages[${index}].content[${at}]`)) }
    case 'tool':
      return { role: 'tool', toolCallId: message.tool_call_id ?? missing(`messages[${index}].tool_call_id`), content: textOf(message, index) }
    case 'assistant': {
      const calls = message.tool_calls ?? []
      const content = message.content == null && (calls.length > 0 || message.refusal != null) ? message.refusal ?? null : textOf(message, index)
      if (calls.length === 0) return { role: 'assistant', content }
      return { role: 'assistant', content, toolCalls: calls.map(call => ({ id: call.id, name: call.function.name, arguments: call.function.arguments })) }
    }
  }
}

function partsOf (message: ChatMessage, index: number): ChatContentPart[] {
  return Array.isArray(message.content) ? message.content : missing(`messages[${index}].content`)
}

function textOf (message: ChatMessage, index: number): string {
  if (typeof message.content === 'string') return message.content
  return partsOf(message, index).map((part, at) => {
    if (part.type === 'text') return part.text
    return part.type === 'refusal' ? part.refusal : wrongPart(part.type, `messages[${index}].content[${at}]`)
  }).join('')
}

function userPart (part: ChatContentPart, path: string): ModelContentPart {
  if (part.type === 'text') return part
  if (part.type === 'refusal') return wrongPart(part.type, path)
  return { type: 'image_url', url: part.image_url.url, ...given({ detail: part.image_url.detail }) }
}

function modelTool ({ function: { name, description, parameters, strict } }: ChatTool): ModelTool {
  return { name, ...given({ description, parameters, strict }) }
}

function toolChoice (choice: ChatToolChoice, tools: ModelTool[]): ModelToolChoice {
  if (typeof choice === 'string') return choice
  const { name } = choice.function
  if (tools.every(tool => tool.name !== name)) throw badRequest(`Tool choice '${name}' not found in 'tools' parameter.`, { param: 'tool_choice' })
  return { name }
}

function responseFormat (format: ResponseFormat): ModelResponseFormat | undefined {
  if (format === 'auto') return undefined
  if (format.type !== 'json_schema') return { type: format.type }
  const { name, description, schema, strict } = format.json_schema
  return { type: 'json_schema', name, ...given({ description, schema, strict }) }
}

function missing (param: string): never {
  throw badRequest(`Missing required parameter: '${param}'.`, { param, code: 'missing_required_parameter' })
}

function wrongPart (type: string, path: string): never {
  throw badRequest(`Invalid content type: '${type}' is not supported in a message of this role.`, { param: path, code: 'invalid_value' })
}

/** The values that are neither undefined nor null. */
function given<T extends object> (values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as { [K in keyof T]?: NonNullable<T[K]> }
}
