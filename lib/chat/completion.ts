import type { ChatCompletion, ChatCompletionChunk, ChatFinishReason, ChatToolCall, CompletionUsage } from '../../schemas/chat.js'
import type { Head } from './chunks.js'

/** The chunks of an answer put together to one object. */
export async function joined (chunks: AsyncIterable<ChatCompletionChunk>, { id, created, model }: Head): Promise<ChatCompletion> {
  let content: string | null = null
  let refusal: string | null = null
  const calls: ChatToolCall[] = []
  let finish: ChatFinishReason = 'stop'
  let usage: CompletionUsage | undefined
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage
    const [choice] = chunk.choices
    if (choice === undefined) continue
    finish = choice.finish_reason ?? finish
    const { delta } = choice
    if (delta.content) content = (content ?? '') + delta.content
    if (delta.refusal) refusal = (refusal ?? '') + delta.refusal
    for (const { index, id: callId, function: { name, arguments: fragment } } of delta.tool_calls ?? []) {
      const call = calls[index] ??= { id: callId ?? '', type: 'function', function: { name: name ?? '', arguments: '' } }
      call.function.arguments += fragment
    }
  }
  // An answer of no words is an empty one; null means that there is something else instead.
  if (content === null && refusal === null && calls.length === 0) content = ''
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content, refusal, ...(calls.length > 0 ? { tool_calls: calls } : {}) }, logprobs: null, finish_reason: finish }],
    ...(usage === undefined ? {} : { usage })
  }
}
