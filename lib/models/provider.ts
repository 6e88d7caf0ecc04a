/**
 * The contract between the run engine and a model. Types only: an adapter translates one vendor's stream
 * into these parts, the engine knows nothing of vendors.
 */

/** A function that the model may call. `parameters` is a JSON Schema. */
export interface ModelTool {
  name: string
  description?: string
  parameters?: Record<string, unknown>
  strict?: boolean
}

export type ModelContentPart =
  | { type: 'text', text: string }
  /** `url` is http(s) or a data: URL. */
  | { type: 'image_url', url: string, detail?: 'auto' | 'low' | 'high' }

/** A call as the model made it. `arguments` is the JSON text, unparsed. */
export interface ModelToolCall {
  id: string
  name: string
  arguments: string
  /** Opaque data that the provider attached to the call and expects back with it (a thought signature, for example). */
  opaque?: unknown
}

export type ModelMessage =
  | { role: 'system', content: string }
  | { role: 'user', content: string | ModelContentPart[] }
  | { role: 'assistant', content: string | null, toolCalls?: ModelToolCall[] }
  | { role: 'tool', toolCallId: string, content: string }

export type ModelToolChoice = 'auto' | 'none' | 'required' | { name: string }

export type ModelResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | { type: 'json_schema', name: string, description?: string, schema?: Record<string, unknown>, strict?: boolean }

export interface ModelRequest {
  /** The provider's own name of the model, its prefix and any alias already resolved. */
  model: string
  messages: ModelMessage[]
  /** Undefined or not empty. */
  tools?: ModelTool[]
  /** Only with `tools`. */
  toolChoice?: ModelToolChoice
  parallelToolCalls?: boolean
  temperature?: number
  topP?: number
  reasoningEffort?: string
  responseFormat?: ModelResponseFormat
  /** Tokens that this call may produce. */
  maxCompletionTokens?: number
}

export interface ModelUsage {
  promptTokens: number
  completionTokens: number
  cachedTokens?: number
  reasoningTokens?: number
}

/** Why the model stopped, in one vocabulary for all vendors. `error` and anything unknown is `other`. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other'

/**
 * The parts of a stream. Tool calls are identified by `index` (0, 1, ... in order of appearance): exactly one
 * `tool_call`, then any number of `tool_arguments`. `finish` comes once, last but for `usage`; a stream
 * that ends without it was cut short.
 */
export type ModelPart =
  | { type: 'text', text: string }
  | { type: 'refusal', text: string }
  /** What a reasoning model thinks, ahead of what it says. */
  | { type: 'reasoning', text: string }
  | { type: 'tool_call', index: number, id: string, name: string, opaque?: unknown }
  /** `opaque`, rarely: what the vendor gave after the call was announced; it replaces what came with the call. */
  | { type: 'tool_arguments', index: number, fragment: string, opaque?: unknown }
  | { type: 'usage', usage: ModelUsage }
  /** `raw` is the vendor's own word, for the log. */
  | { type: 'finish', reason: FinishReason, raw?: string }

export interface ModelInfo {
  id: string
  /** Unix seconds; 0 when unknown. */
  created: number
  ownedBy: string
}

export interface StreamOptions {
  /** Aborting it closes the upstream request at once; the stream then throws the signal's reason. */
  signal: AbortSignal
  /**
   * Whether the caller reads `reasoning` parts. Default true. Without them a failure while the model still thinks can be retried,
   * because nothing has been passed on.
   */
  reasoning?: boolean
}

export interface EmbedOptions extends StreamOptions {
  /** Called with the tokens that the vendor counts for each request, when it says so. */
  onTokens?: (tokens: number) => void
}

/** What a provider that speaks OpenAI's API can be asked in the client's own words. */
export interface ForwardRequest {
  path: '/chat/completions' | '/embeddings'
  /** A JSON object as text. Its `model` is the provider's own name; all else is as the client wrote it. */
  body: string
}

/** A request for whatever operation, in the client's own words. */
export interface PassthroughRequest {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below the provider's base URL: `/audio/speech`. Holds no segments that lead out of it. */
  path: string
  /** With its question mark, or empty. */
  query: string
  /** Absent when there is none. */
  body?: string | Uint8Array
  contentType?: string
}

/** The vendor's answer, its status below 300. */
export interface ForwardAnswer {
  status: number
  /** Those worth passing on, names in lower case; never the vendor's cookies or account. */
  headers: Record<string, string>
  /** To be read once. Leaving it early closes the upstream request. Throws `ModelError`, or the signal's reason. */
  body: AsyncIterable<Uint8Array>
}

export interface ModelProvider {
  /**
   * One model call. Retries, where they are safe, and time-outs are the provider's affair; what it throws in the
   * end is a `ModelError` (or the reason of an aborted signal).
   */
  stream (request: ModelRequest, options: StreamOptions): AsyncIterable<ModelPart>

  /**
   * The same in batches: the parts that arrived together. Called instead of `stream` where it exists, because a batch costs the
   * engine little more than a part does. Never yields an empty batch.
   */
  streamBatches? (request: ModelRequest, options: StreamOptions): AsyncIterable<readonly ModelPart[]>

  /** The models on offer. Throws `ModelError`. */
  models (options: StreamOptions): Promise<ModelInfo[]>

  /** One vector per input. Absent when the provider has no embeddings. */
  embed? (request: { model: string, input: string[], dimensions?: number }, options: EmbedOptions): Promise<number[][]>

  /**
   * Passes a request on as it is, with nothing added that the operator did not ask for. An answer of 300 or above is a
   * `ModelError` at once, without another try: the client decides about that itself. Absent when the vendor does not speak
   * OpenAI's API; then `stream` and `embed` serve.
   */
  forward? (request: ForwardRequest, options: StreamOptions): Promise<ForwardAnswer>

  /** The same for operations that this server does not know (`passthrough` of the options). Absent when the vendor does not speak OpenAI's API. */
  passthrough? (request: PassthroughRequest, options: StreamOptions): Promise<ForwardAnswer>

  /** Frees what the provider opened (a connection pool). */
  close? (): Promise<void>
}

/** As in a run's `last_error.code` (API reference, "The run object"). */
export type ModelErrorCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'

/** A model call that failed and will not be retried. `message` is safe to show to the API's user: it holds no key and no address of a private host. */
export class ModelError extends Error {
  override name = 'ModelError'
  readonly code: ModelErrorCode
  /** The vendor's HTTP status, when there was one. */
  readonly status: number | undefined

  constructor (code: ModelErrorCode, message: string, options: { status?: number, cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.status = options.status
  }
}
