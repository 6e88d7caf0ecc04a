import type { Dispatcher } from '../shared/undici.js'
import { systemClock, type Clock } from '../shared/clock.js'
import { Adaptations } from './chat/adapt.js'
import { UpstreamError } from './http/failure.js'
import type { Origin } from './chat/opaque.js'
import { ChatReply } from './chat/reply.js'
import { chatBody, type MaxTokensField } from './chat/request.js'
import { modelsOf, tokensOf, vectorsOf } from './chat/responses.js'
import { eachPart } from './batches.js'
import { HttpClient, resolveTimeouts, type Timeouts } from './http/client.js'
import { forwarded } from './http/forward.js'
import { editObject } from './http/json-text.js'
import { retrying } from './http/retry.js'
import type { EmbedOptions, ForwardAnswer, ForwardRequest, ModelInfo, ModelPart, ModelProvider, ModelRequest, PassthroughRequest, StreamOptions } from './provider.js'

/** An endpoint that speaks OpenAI's chat completions, and how to treat it. */
export interface OpenAICompatibleOptions {
  /**
   * Where the API lives, up to and without `/chat/completions`: `https://api.openai.com/v1`. A query string is kept on
   * every request (`?api-version=...`).
   */
  baseURL: string
  /** Sent as `Authorization: Bearer`. A function is asked before each request, for tokens that expire. */
  apiKey?: string | (() => string | Promise<string>) | undefined
  /** More request headers; they win over our own. */
  headers?: Record<string, string>
  /** The provider in messages to the user. Default `openai-compatible`. */
  name?: string
  /** How long to wait for what; 0 or Infinity switches one off. Default: see `Timeouts`. */
  timeouts?: Partial<Timeouts>
  /**
   * Further tries after 408, 409, 425, 429, 5xx and lost connections, as long as nothing of the answer was passed on.
   * Pauses double from half a second, or are as long as the vendor asks. Default 2.
   */
  maxRetries?: number
  /** A vendor that asks for a longer pause (`retry-after`) is not asked again: the call fails at once. Default 60,000 ms. */
  maxRetryDelayMs?: number
  /**
   * How the token limit is called. Default: `max_completion_tokens` for OpenAI and Azure, whose reasoning models know
   * nothing else; `max_tokens` for all others, which mostly ignore or refuse the newer name.
   */
  maxTokensField?: MaxTokensField
  /** Request fields that this vendor must not be sent, such as `['stream_options']`. Default none. */
  omit?: string[]
  /** Fields that are added to every chat completion, such as `{ service_tier: 'flex' }`. Default none. */
  extraBody?: Record<string, unknown>
  /**
   * Whether a request that is refused for a field it can do without (`temperature` for a reasoning model, `stream_options`
   * for an old server, one name of the token limit) is sent again without it, and later ones for that model too.
   * Default true.
   */
  adapt?: boolean
  /** Longest frame of a stream, in characters; a longer one fails the call. Default 4,194,304. */
  maxFrameLength?: number
  /** Inputs per embeddings request. Default 128. */
  embeddingBatchSize?: number
  /** Your own undici dispatcher, for a proxy or a client certificate. It stays open on `close()`. */
  dispatcher?: Dispatcher
  /** The time. For tests. Default: the system's. */
  clock?: Clock
}

const OPENAI_HOSTS = /(?:^|\.)(?:openai\.com|openai\.azure\.com|cognitiveservices\.azure\.com|services\.ai\.azure\.com)$/
const MAX_MODELS_BYTES = 16 * 1024 * 1024
const MAX_EMBEDDINGS_BYTES = 64 * 1024 * 1024

/**
 * Any endpoint that speaks OpenAI's chat completions. Throws a `TypeError` for an invalid base URL.
 *
 *     openaiCompatible({ baseURL: 'http://127.0.0.1:11434/v1' })
 */
export function openaiCompatible (options: OpenAICompatibleOptions): Required<ModelProvider> {
  const {
    name = 'openai-compatible', apiKey, headers = {}, maxRetries = 2, maxRetryDelayMs = 60_000, omit = [], extraBody = {}, adapt = true,
    maxFrameLength = 4 * 1024 * 1024, embeddingBatchSize = 128, dispatcher, clock = systemClock
  } = options
  const baseURL = checkedURL(options.baseURL)
  const timeouts = resolveTimeouts(options.timeouts)
  const maxTokensField = options.maxTokensField ?? (OPENAI_HOSTS.test(baseURL.hostname) ? 'max_completion_tokens' : 'max_tokens')
  const client = new HttpClient({ name, baseURL: baseURL.href, apiKey, headers, timeouts, dispatcher, clock })
  const adaptations = new Adaptations()
  const adjusted = omit.length > 0 || Object.keys(extraBody).length > 0

  function retried<T> (signal: AbortSignal, attempt: () => Promise<T>, worthIt: (failure: UpstreamError) => boolean = () => true): Promise<T> {
    const inspect = (thrown: unknown): UpstreamError | undefined => thrown instanceof UpstreamError && thrown.retryable && worthIt(thrown) ? thrown : undefined
    return retrying(attempt, { maxRetries, maxDelayMs: maxRetryDelayMs, clock, signal, inspect })
  }

  async function begin (request: ModelRequest, { signal, reasoning = true }: StreamOptions): Promise<ChatReply> {
    const origin: Origin = `${name}/${request.model}`
    const body = chatBody(request, origin, { maxTokensField, omit, extraBody })
    const attempt = adaptations.attempt(body)
    for (;;) {
      try {
        const reply = await ChatReply.begin(attempt.body, { client, clock, timeouts, maxFrameLength, origin, signal, reasoning })
        attempt.succeeded()
        return reply
      } catch (thrown) {
        if (!adapt || !attempt.isWorthAnother(thrown)) throw thrown
      }
    }
  }

  async function * streamBatches (request: ModelRequest, options: StreamOptions): AsyncGenerator<readonly ModelPart[], void, undefined> {
    const { signal } = options
    const reply = await retried(signal, () => begin(request, options))
    try {
      for (let parts = await reply.next(); parts !== undefined; parts = await reply.next()) {
        yield parts
        signal.throwIfAborted()
      }
    } finally {
      reply.close()
    }
  }

  return {
    stream: (request, options) => eachPart(streamBatches(request, options), options.signal),
    streamBatches,

    async models ({ signal }: StreamOptions): Promise<ModelInfo[]> {
      const answer = await retried(signal, () => client.json('GET', '/models', undefined, signal, MAX_MODELS_BYTES))
      const models = modelsOf(answer, name)
      if (models === undefined) throw client.misunderstood('did not answer with a list of models: is its base URL right?')
      return models
    },

    async embed ({ model, input, dimensions }, { signal, onTokens }: EmbedOptions): Promise<number[][]> {
      const vectors: number[][] = []
      for (let from = 0; from < input.length; from += embeddingBatchSize) {
        const batch = input.slice(from, from + embeddingBatchSize)
        const body = { model, input: batch, encoding_format: 'float', ...(dimensions === undefined ? {} : { dimensions }) }
        const answer = await retried(signal, () => client.json('POST', '/embeddings', body, signal, MAX_EMBEDDINGS_BYTES))
        const found = vectorsOf(answer, batch.length)
        if (found === undefined) throw client.misunderstood('did not answer with one vector per input.')
        vectors.push(...found)
        const tokens = tokensOf(answer)
        if (tokens !== undefined) onTokens?.(tokens)
      }
      return vectors
    },

    async forward ({ path, body }: ForwardRequest, { signal }: StreamOptions): Promise<ForwardAnswer> {
      const text = path === '/chat/completions' && adjusted ? editObject(body, extraBody, omit) : body
      // A connection that was lost before any answer is not the client's affair; the vendor's word is.
      const answer = await retried(signal, () => client.send('POST', path, text, signal), failure => failure.status === undefined)
      return forwarded(answer, client, timeouts, signal)
    },

    async passthrough ({ method, path, query, body, contentType }: PassthroughRequest, { signal }: StreamOptions): Promise<ForwardAnswer> {
      const answer = await retried(signal, () => client.send(method, path, body, signal, { query, contentType }), failure => failure.status === undefined)
      return forwarded(answer, client, timeouts, signal)
    },

    close: () => client.close()
  }
}

function checkedURL (value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new TypeError(`baseURL must be an http(s) URL without credentials, such as "https://api.openai.com/v1"; got "${url === undefined ? value : url.origin}".`)
  }
  return url
}
