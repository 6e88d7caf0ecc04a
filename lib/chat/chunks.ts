import type { ChatCompletionChunk, ChatDelta, ChatFinishReason, CompletionUsage } from '../../schemas/chat.js'
import { ModelError, type FinishReason, type ModelPart, type ModelUsage } from '../models/provider.js'

/** What a completion says of itself, in every chunk. */
export interface Head {
  id: string
  created: number
  model: string
}

/** A model's parts as chunks, in the order and shapes of the real API. */
export async function * chatChunks (parts: AsyncIterable<ModelPart>, head: Head, includeUsage: boolean): AsyncGenerator<ChatCompletionChunk, void, undefined> {
  const chunk = (delta: ChatDelta, finish: ChatFinishReason | null = null): ChatCompletionChunk => ({
    ...envelope(head),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage ? { usage: null } : {})
  })
  let usage: ModelUsage | undefined
  let finish: ChatFinishReason | undefined
  let begun = false
  for await (const part of parts) {
    if (part.type === 'usage') usage = part.usage
    else if (part.type === 'finish') finish = finishReason(part.reason)
    else if (part.type !== 'reasoning') {
      if (!begun) yield chunk({ role: 'assistant', content: '', refusal: null })
      begun = true
      yield chunk(deltaOf(part))
    }
  }
  if (finish === undefined) throw new ModelError('server_error', 'The model broke off in the midst of its answer.')
  if (!begun) yield chunk({ role: 'assistant', content: '', refusal: null })
  yield chunk({}, finish)
  if (includeUsage && usage !== undefined) yield { ...envelope(head), choices: [], usage: wireUsage(usage) }
}

function envelope ({ id, created, model }: Head): Pick<ChatCompletionChunk, 'id' | 'object' | 'created' | 'model'> {
  return { id, object: 'chat.completion.chunk', created, model }
}

function deltaOf (part: Exclude<ModelPart, { type: 'usage' | 'finish' | 'reasoning' }>): ChatDelta {
  switch (part.type) {
    case 'text':
      return { content: part.text }
    case 'refusal':
      return { refusal: part.text }
    case 'tool_call':
      return { tool_calls: [{ index: part.index, id: part.id, type: 'function', function: { name: part.name, arguments: '' } }] }
    case 'tool_arguments':
      return { tool_calls: [{ index: part.index, function: { arguments: part.fragment } }] }
  }
}

/** The API knows no "other"; what is neither too long nor withheld has come to its end. */
function finishReason (reason: FinishReason): ChatFinishReason {
  return reason === 'other' ? 'stop' : reason
}

function wireUsage ({ promptTokens, completionTokens, cachedTokens = 0, reasoningTokens = 0 }: ModelUsage): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens }
  }
}
