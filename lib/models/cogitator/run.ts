import type { ChunkStream } from '../in-process/call.js'
import type { ModelMessage, ModelRequest } from '../provider.js'
import { systemText } from './request.js'
import type { CogitatorChunk, CogitatorLike } from './types.js'

/**
 * A whole answer from `cogitator.run`, for an instance without `getLLMBackend`. It takes one text and no history, so the
 * conversation is rendered into it. Tools belong to the agent there, so ours are not offered.
 */
export function runOnce (run: NonNullable<CogitatorLike['run']>, request: ModelRequest, signal: AbortSignal): ChunkStream<CogitatorChunk> {
  const instructions = systemText(request.messages)
  const shared = { name: 'assistant', model: request.model, instructions, tools: [] }
  const config = {
    ...shared,
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { topP: request.topP }),
    ...(request.maxCompletionTokens === undefined ? {} : { maxTokens: request.maxCompletionTokens })
  }
  // An agent answers for its settings both itself and in its config.
  const agent = { id: 'assistant', ...shared, config }
  let asked = false
  return {
    next: async () => {
      if (asked) return undefined
      asked = true
      const { output, usage } = await run(agent, { input: conversation(request.messages), signal })
      const content = typeof output === 'string' ? output : JSON.stringify(output ?? '')
      return { delta: { content }, finishReason: 'stop', ...(usage === undefined ? {} : { usage }) }
    },
    leave: () => {}
  }
}

/** The last user message alone when there is nothing else, or the whole conversation as a script. */
function conversation (messages: ModelMessage[]): string {
  const spoken = messages.filter(message => message.role !== 'system')
  const [only] = spoken
  if (spoken.length === 1 && only !== undefined) return textOf(only)
  return spoken.map(message => `${SPEAKERS[message.role]}: ${textOf(message)}`).join('\n\n')
}

const SPEAKERS = { system: 'System', user: 'User', assistant: 'Assistant', tool: 'Tool output' }

function textOf (message: ModelMessage): string {
  const { content } = message
  const text = typeof content === 'string' ? content : (content ?? []).map(part => part.type === 'text' ? part.text : part.url.startsWith('data:') ? '[image]' : `[image: ${part.url}]`).join('\n')
  const calls = message.role === 'assistant' ? message.toolCalls ?? [] : []
  return [text, ...calls.map(call => `[calls ${call.name}(${call.arguments})]`)].filter(line => line !== '').join('\n')
}
