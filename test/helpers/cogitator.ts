import type { CogitatorBackend, CogitatorChunk, CogitatorLike, CogitatorMessage, CogitatorRequest } from '../../lib/models/cogitator/types.js'

/** One call's script: chunks, a promise that holds the rest back, or an error. */
export type FakeChunk = CogitatorChunk | Promise<unknown> | Error

/** Looks like Cogitator's own error class. */
export class FakeLLMError extends Error {
  override name = 'LLMError'
  readonly retryable: boolean
  readonly retryAfter: number | undefined
  readonly statusCode: number | undefined
  readonly details: Record<string, unknown>

  constructor (message: string, readonly code: string, { statusCode, retryable = false, retryAfter }: { statusCode?: number, retryable?: boolean, retryAfter?: number } = {}) {
    super(message)
    this.statusCode = statusCode
    this.retryable = retryable
    this.retryAfter = retryAfter
    this.details = { statusCode }
  }
}

export interface FakeCogitatorCall {
  /** As our provider sent it. */
  request: CogitatorRequest
  provider: string
  /** As the vendor would get it, after what the backend does to it. */
  messages: CogitatorMessage[]
  /** Resolves when the generator was left, which aborts the vendor's side. */
  closed: Promise<void>
}

/** A Cogitator whose backends follow a script and have the real ones' quirks. */
export class FakeCogitator implements CogitatorLike {
  readonly calls: FakeCogitatorCall[] = []
  readonly #script: FakeChunk[][] = []
  #watchers: (() => void)[] = []

  constructor (readonly defaultProvider = 'ollama') {}

  enqueue (...script: FakeChunk[][]): void {
    this.#script.push(...script)
  }

  /** Resolves when there have been `count` calls. */
  async called (count: number): Promise<void> {
    while (this.calls.length < count) await new Promise<void>(resolve => this.#watchers.push(resolve))
  }

  getLLMBackend (model: string): CogitatorBackend {
    const provider = model.includes('/') ? model.slice(0, model.indexOf('/')) : this.defaultProvider
    if (!['ollama', 'openai', 'anthropic', 'google'].includes(provider)) throw new FakeLLMError(`Unknown provider: ${provider}`, 'CONFIGURATION_ERROR')
    return { provider, chatStream: (request: CogitatorRequest) => this.#chatStream(provider, request) }
  }

  async * #chatStream (provider: string, request: CogitatorRequest): AsyncGenerator<CogitatorChunk, void, undefined> {
    let close = (): void => {}
    const messages = asSent(provider, request.messages)
    this.calls.push({ request, provider, messages, closed: new Promise(resolve => { close = resolve }) })
    for (const watcher of this.#watchers.splice(0)) watcher()
    if (messages.some((message, i) => message.role === 'tool' && !follows(messages, i))) {
      throw new FakeLLMError('[openai] Bad request: messages with role "tool" must follow tool_calls', 'VALIDATION_ERROR', { statusCode: 400 })
    }
    try {
      for (const step of this.#script.shift() ?? [new Error('The fake Cogitator has no reply left.')]) {
        if (step instanceof Error) throw step
        if (step instanceof Promise) await step
        else yield step
      }
    } finally {
      close()
    }
  }
}

/** All but Ollama's drop the calls of assistant messages; Anthropic's and Google's keep the last system message only. */
function asSent (provider: string, messages: CogitatorMessage[]): CogitatorMessage[] {
  const last = messages.findLast(message => message.role === 'system')
  return messages
    .filter(message => !['anthropic', 'google'].includes(provider) || message.role !== 'system' || message === last)
    .map(message => {
      const { toolCalls, ...rest } = message
      return provider === 'ollama' ? message : rest
    })
}

function follows (messages: CogitatorMessage[], index: number): boolean {
  const caller = messages.slice(0, index).findLast(message => message.role !== 'tool')
  return caller?.toolCalls?.some(call => call.id === messages[index]?.toolCallId) ?? false
}

/** A text answer in Cogitator's chunks, empty deltas and late usage included. */
export function textChunks (tokens: string[], finishReason = 'stop'): CogitatorChunk[] {
  return [
    { delta: {} },
    ...tokens.map(content => ({ delta: { content } })),
    { delta: { content: '' }, finishReason },
    { delta: {}, usage: { inputTokens: 7, outputTokens: tokens.length } }
  ]
}

/** Calls come whole, all in one chunk with the finish reason. */
export function callChunks (calls: { id: string, name: string, arguments: Record<string, unknown> }[], textBefore = ''): CogitatorChunk[] {
  return [
    { delta: { content: textBefore } },
    { delta: { toolCalls: calls }, finishReason: 'tool_calls' },
    { delta: {}, usage: { inputTokens: 7, outputTokens: 5 } }
  ]
}
