import { randomUUID } from 'node:crypto'
import { ModelError, type ModelErrorCode, type ModelMessage, type ModelPart, type ModelProvider, type ModelRequest, type StreamOptions } from 'fastify-openai-compat'

/** A line of what Ollama's own API answers. */
interface Line {
  message?: { content?: string, tool_calls?: { function: { name: string, arguments: Record<string, unknown> } }[] }
  done?: boolean
  done_reason?: string
  prompt_eval_count?: number
  eval_count?: number
  error?: string
}

/** Models behind Ollama's own API, `/api/chat`, which answers in JSON lines. `fetch` gives up by itself after five minutes without a byte. */
export function ollamaProvider (baseURL = 'http://127.0.0.1:11434'): ModelProvider {
  return {
    async * stream (request: ModelRequest, { signal }: StreamOptions): AsyncGenerator<ModelPart, void, undefined> {
      const response = await ask(`${baseURL}/api/chat`, { method: 'POST', body: JSON.stringify(bodyOf(request)), signal })
      let calls = 0
      for await (const { message, done, error, ...end } of linesOf(response, signal)) {
        if (error !== undefined) throw new ModelError('server_error', error)
        if (message?.content) yield { type: 'text', text: message.content }
        for (const { function: { name, arguments: args } } of message?.tool_calls ?? []) {
          // Ollama gives its calls no ids. They must be unique, and are not sent back.
          yield { type: 'tool_call', index: calls, id: `call_${randomUUID()}`, name }
          yield { type: 'tool_arguments', index: calls++, fragment: JSON.stringify(args) }
        }
        if (done !== true) continue
        yield { type: 'usage', usage: { promptTokens: end.prompt_eval_count ?? 0, completionTokens: end.eval_count ?? 0 } }
        yield { type: 'finish', reason: calls > 0 ? 'tool_calls' : end.done_reason === 'length' ? 'length' : 'stop', raw: end.done_reason ?? '' }
        return
      }
      throw new ModelError('server_error', 'Ollama ended the answer before it was complete.')
    },

    async models ({ signal }: StreamOptions) {
      const { models } = await (await ask(`${baseURL}/api/tags`, { signal })).json() as { models: { name: string, modified_at: string }[] }
      return models.map(model => ({ id: model.name, created: Math.floor(Date.parse(model.modified_at) / 1000) || 0, ownedBy: 'ollama' }))
    }
  }
}

function bodyOf ({ model, messages, tools = [], toolChoice, temperature, topP, maxCompletionTokens, responseFormat }: ModelRequest): object {
  return {
    model,
    messages: messagesOf(messages),
    tools: toolChoice === 'none' ? [] : tools.map(({ name, description, parameters }) => ({ type: 'function', function: { name, description, parameters } })),
    options: { temperature, top_p: topP, num_predict: maxCompletionTokens },
    format: responseFormat?.type === 'json_schema' ? responseFormat.schema : responseFormat?.type === 'json_object' ? 'json' : undefined
  }
}

function messagesOf (messages: ModelMessage[]): object[] {
  const names = new Map<string, string>()
  return messages.map(message => {
    if (message.role === 'tool') return { role: 'tool', tool_name: names.get(message.toolCallId), content: message.content }
    if (message.role === 'assistant') {
      for (const { id, name } of message.toolCalls ?? []) names.set(id, name)
      const calls = message.toolCalls?.map(call => ({ function: { name: call.name, arguments: parsed(call.arguments) } }))
      return { role: 'assistant', content: message.content ?? '', tool_calls: calls }
    }
    if (typeof message.content === 'string') return message
    return {
      role: message.role,
      content: message.content.flatMap(part => part.type === 'text' ? [part.text] : []).join('\n'),
      // Ollama takes images as base64 only; files of the API come as data URLs.
      images: message.content.flatMap(part => part.type === 'image_url' && part.url.startsWith('data:') ? [part.url.slice(part.url.indexOf(',') + 1)] : [])
    }
  })
}

/** What the model once wrote may be no JSON. */
function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** The vendor's response, or a `ModelError`. Once the signal is aborted, its reason is all that is thrown. */
async function ask (url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  const response = await fetch(url, init).catch((cause: unknown) => {
    throw init.signal.aborted ? init.signal.reason : new ModelError('server_error', 'Ollama cannot be reached.', { cause })
  })
  if (response.ok) return response
  const { error } = await response.json().catch(() => ({})) as Line
  const code: ModelErrorCode = response.status === 429 ? 'rate_limit_exceeded' : response.status === 400 ? 'invalid_prompt' : 'server_error'
  throw new ModelError(code, error ?? `Ollama answered with status ${response.status}.`, { status: response.status })
}

/** Leaving the loop cancels the body, which closes the connection, and with it ends what the model is doing. */
async function * linesOf (response: Response, signal: AbortSignal): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of response.body ?? []) {
      const lines = (text + decoder.decode(bytes, { stream: true })).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as Line
    }
  } catch (cause) {
    throw signal.aborted ? signal.reason : new ModelError('server_error', 'The connection to Ollama was lost.', { cause })
  }
}
