/**
 * The parts of the AI SDK's language model specification that we use, for its versions v2 to v4 alike. Structural, so that
 * no version of the SDK has to be installed: what the versions differ in is a union or optional.
 */

/** Values by provider: `{ anthropic: { ... } }`. */
export type ByProvider = Record<string, Record<string, unknown>>

export interface AiSdkModel {
  readonly specificationVersion: string
  readonly provider: string
  readonly modelId: string
  doStream (options: any): PromiseLike<{ stream: AiSdkReadable }>
}

/** A `ReadableStream`, whichever library declares it. */
export interface AiSdkReadable {
  getReader (): { read (): Promise<{ done: boolean, value?: any }>, cancel (reason?: unknown): Promise<unknown> }
}

export interface AiSdkEmbeddingModel {
  readonly modelId: string
  readonly maxEmbeddingsPerCall?: number | undefined | PromiseLike<number | undefined>
  doEmbed (options: { values: string[], abortSignal?: AbortSignal, providerOptions?: any }): PromiseLike<{ embeddings: number[][], usage?: { tokens: number } | undefined }>
}

export interface TextPart { type: 'text', text: string }

/** v4 tags what kind of data it is. */
export type FileData = string | URL | { type: 'data', data: string } | { type: 'url', url: URL }
export interface FilePart { type: 'file', mediaType: string, data: FileData, providerOptions?: ByProvider }

export interface ReasoningPart { type: 'reasoning', text: string, providerOptions?: ByProvider }
export interface ToolCallPart { type: 'tool-call', toolCallId: string, toolName: string, input: unknown, providerOptions?: ByProvider }
export interface ToolResultPart { type: 'tool-result', toolCallId: string, toolName: string, output: { type: 'text', value: string } }

export type AiSdkMessage =
  | { role: 'system', content: string }
  | { role: 'user', content: (TextPart | FilePart)[] }
  | { role: 'assistant', content: (ReasoningPart | TextPart | ToolCallPart)[] }
  | { role: 'tool', content: ToolResultPart[] }

export interface AiSdkCallOptions {
  prompt: AiSdkMessage[]
  maxOutputTokens?: number
  temperature?: number
  topP?: number
  responseFormat?: { type: 'json', schema?: Record<string, unknown>, name?: string, description?: string }
  tools?: { type: 'function', name: string, description?: string, inputSchema: Record<string, unknown>, strict?: boolean }[]
  toolChoice?: { type: 'auto' | 'none' | 'required' } | { type: 'tool', toolName: string }
  /** v4 only. */
  reasoning?: string
  providerOptions?: ByProvider
  abortSignal?: AbortSignal
}

type Metadata = { providerMetadata?: ByProvider }

export type AiSdkStreamPart =
  | { type: 'text-delta', id: string, delta: string }
  | { type: 'reasoning-start', id: string } & Metadata
  | { type: 'reasoning-delta', id: string, delta: string } & Metadata
  | { type: 'reasoning-end', id: string } & Metadata
  | { type: 'tool-input-start', id: string, toolName: string, providerExecuted?: boolean } & Metadata
  | { type: 'tool-input-delta', id: string, delta: string }
  | { type: 'tool-input-end', id: string }
  /** `input` is JSON text. */
  | { type: 'tool-call', toolCallId: string, toolName: string, input: string, providerExecuted?: boolean } & Metadata
  | { type: 'finish', finishReason: string | { unified: string, raw?: string | undefined }, usage?: AiSdkUsage }
  | { type: 'error', error: unknown }
  | { type: 'stream-start' | 'response-metadata' | 'text-start' | 'text-end' | 'raw' | 'source' | 'file' }

/** v2 counts flatly, v3 and v4 in groups. */
export interface AiSdkUsage {
  inputTokens?: number | undefined | { total?: number | undefined, cacheRead?: number | undefined }
  outputTokens?: number | undefined | { total?: number | undefined, reasoning?: number | undefined }
  reasoningTokens?: number | undefined
  cachedInputTokens?: number | undefined
}
