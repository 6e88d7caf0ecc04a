import { dataUrl } from '../data-url.js'
import type { ModelContentPart, ModelMessage, ModelRequest, ModelToolCall } from '../provider.js'
import type { CogitatorMessage, CogitatorPart, CogitatorRequest } from './types.js'

/** The only backend that passes the calls of an assistant message on; with the others the output that follows is an orphan. */
const KEEPS_CALLS = 'ollama'

/** Translates a request for the backend of `provider`; `model` is without that prefix. */
export function cogitatorRequest (request: ModelRequest, model: string, provider: string | undefined): CogitatorRequest {
  const { tools, toolChoice, temperature, topP, maxCompletionTokens, responseFormat } = request
  const result: CogitatorRequest = { model, messages: messagesFor(request.messages, provider) }
  if (temperature !== undefined) result.temperature = temperature
  if (topP !== undefined) result.topP = topP
  if (maxCompletionTokens !== undefined) result.maxTokens = maxCompletionTokens
  if (tools !== undefined && tools.length > 0) {
    result.tools = tools.map(({ name, description, parameters }) => ({ name, description: description ?? '', parameters: parameters ?? { type: 'object', properties: {} } }))
    if (toolChoice !== undefined) result.toolChoice = typeof toolChoice === 'object' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice
  }
  if (responseFormat?.type === 'json_object') result.responseFormat = { type: 'json_object' }
  else if (responseFormat?.type === 'json_schema') {
    const { type, ...jsonSchema } = responseFormat
    result.responseFormat = { type, jsonSchema }
  }
  return result
}

/** All system text in one message at the start: some backends keep only the last one. */
function messagesFor (messages: ModelMessage[], provider: string | undefined): CogitatorMessage[] {
  const system = systemText(messages)
  const rest = messages.filter(message => message.role !== 'system')
  return [
    ...system === '' ? [] : [{ role: 'system' as const, content: system }],
    ...provider === KEEPS_CALLS ? withCalls(rest) : withCallsAsText(rest)
  ]
}

export function systemText (messages: ModelMessage[]): string {
  return messages.flatMap(message => message.role === 'system' ? [message.content] : []).join('\n\n')
}

function withCalls (messages: ModelMessage[]): CogitatorMessage[] {
  const names = new Map<string, string>()
  return messages.map((message): CogitatorMessage => {
    if (message.role === 'tool') return { role: 'tool', content: message.content, toolCallId: message.toolCallId, name: names.get(message.toolCallId) ?? '' }
    if (message.role !== 'assistant' || message.toolCalls === undefined) return plain(message)
    for (const call of message.toolCalls) names.set(call.id, call.name)
    return { role: 'assistant', content: message.content ?? '', toolCalls: message.toolCalls.map(call => ({ id: call.id, name: call.name, arguments: parsed(call.arguments) })) }
  })
}

/**
 * Renders finished turns of calls as text. They become messages of the user: as messages of the assistant they would teach
 * the model to write calls instead of making them.
 */
function withCallsAsText (messages: ModelMessage[]): CogitatorMessage[] {
  const result: CogitatorMessage[] = []
  messages.forEach((message, i) => {
    if (message.role === 'tool') return
    const { toolCalls: calls = [] } = message as { toolCalls?: ModelToolCall[] }
    if (message.role !== 'assistant' || calls.length === 0) {
      result.push(plain(message))
      return
    }
    if (message.content !== null && message.content !== '') result.push({ role: 'assistant', content: message.content })
    const nextOther = messages.findIndex((other, j) => j > i && other.role !== 'tool')
    const outputs = messages.slice(i + 1, nextOther === -1 ? undefined : nextOther)
    const texts = calls.map(call => {
      const output = outputs.find(other => other.role === 'tool' && other.toolCallId === call.id)
      return `${call.name}(${call.arguments}) returned:\n${output === undefined ? '(nothing)' : output.content as string}`
    })
    result.push({ role: 'user', content: `You have called these tools:\n\n${texts.join('\n\n')}` })
  })
  return result
}

function plain (message: ModelMessage): CogitatorMessage {
  if (message.role === 'user' && typeof message.content !== 'string') return { role: 'user', content: message.content.map(part) }
  return { role: message.role, content: (message.content as string | null) ?? '' }
}

function part (given: ModelContentPart): CogitatorPart {
  if (given.type === 'text') return given
  const data = dataUrl(given.url)
  if (data === undefined) return { type: 'image_url', image_url: { url: given.url, ...(given.detail === undefined ? {} : { detail: given.detail }) } }
  return { type: 'image_base64', image_base64: { data: data.base64, media_type: data.mediaType === '' ? 'image/png' : data.mediaType } }
}

function parsed (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return {}
  }
}
