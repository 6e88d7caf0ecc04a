import { newId } from '../shared/ids.js'
import type { ModelMessage, ModelPart, ModelProvider, ModelRequest, ModelUsage, StreamOptions } from './provider.js'

const CALL = /^\/call\s+([\w-]{1,64})(?:\s+(\{[^]*\}))?\s*$/

/**
 * A model that needs no key and no network: it repeats the last user message word by word. For a first start, and for
 * trying function tools:
 *
 *     /call get_weather {"city":"Rome"}
 *
 * calls that function if the run offers it (one line each for parallel calls); when the outputs are in, they are
 * the answer. `tool_choice` is honoured: `required` or a named function is called with `{}` unless the message says
 * otherwise, `none` repeats the command. The same request always gets the same words. Usage counts words.
 */
export function echo (): ModelProvider {
  return {
    async * stream (request: ModelRequest, { signal }: StreamOptions): AsyncGenerator<ModelPart, void, undefined> {
      signal.throwIfAborted()
      const calls = callsOf(request)
      const answer = calls.length > 0 ? [] : words(answerTo(request.messages))
      const limit = request.maxCompletionTokens ?? Infinity
      const spoken = answer.slice(0, limit)
      for (const text of spoken) {
        yield { type: 'text', text }
        signal.throwIfAborted()
      }
      for (const [index, call] of calls.entries()) {
        yield { type: 'tool_call', index, id: newId.toolCall(), name: call.name }
        yield { type: 'tool_arguments', index, fragment: call.arguments }
      }
      yield { type: 'usage', usage: usageOf(request.messages, spoken.length + calls.reduce((sum, call) => sum + words(call.arguments).length + 1, 0)) }
      yield { type: 'finish', reason: calls.length > 0 ? 'tool_calls' : spoken.length < answer.length ? 'length' : 'stop' }
    },

    models: async () => [{ id: 'echo', created: 0, ownedBy: 'fastify-openai-compat' }]
  }
}

function callsOf ({ messages, tools = [], toolChoice = 'auto' }: ModelRequest): { name: string, arguments: string }[] {
  if (toolChoice === 'none' || tools.length === 0 || messages.at(-1)?.role === 'tool') return []
  const forced = typeof toolChoice === 'object' ? toolChoice.name : undefined
  const offered = tools.map(tool => tool.name).filter(name => forced === undefined || name === forced)
  const asked = lastUserText(messages).split(/\n(?=\/call\s)/).map(line => CALL.exec(line))
    .flatMap(match => match === null || !offered.includes(match[1]!) || !isJson(match[2] ?? '{}') ? [] : [{ name: match[1]!, arguments: match[2] ?? '{}' }])
  if (asked.length > 0) return asked
  const [first] = offered
  return first !== undefined && toolChoice !== 'auto' ? [{ name: first, arguments: '{}' }] : []
}

function answerTo (messages: ModelMessage[]): string {
  const lastOther = messages.findLastIndex(message => message.role !== 'tool')
  const outputs = messages.slice(lastOther + 1).map(textOf)
  return outputs.length > 0 ? outputs.join('\n') : lastUserText(messages)
}

function lastUserText (messages: ModelMessage[]): string {
  const last = messages.findLast(message => message.role === 'user')
  return last === undefined ? '' : textOf(last)
}

function textOf ({ content }: ModelMessage): string {
  if (content === null) return ''
  if (typeof content === 'string') return content
  return content.map(part => part.type === 'text' ? part.text : '[image]').join(' ')
}

function usageOf (messages: ModelMessage[], completionTokens: number): ModelUsage {
  return { promptTokens: messages.reduce((sum, message) => sum + words(textOf(message)).length, 0), completionTokens }
}

/** Each word with the space before it. */
function words (text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? []
}

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
