/**
 * The parts of a Cogitator instance that we use, as of its core 0.19. Structural: its packages are no dependency.
 */

export interface CogitatorLike {
  getLLMBackend? (model: string, provider?: string): CogitatorBackend
  run? (agent: any, options: any): PromiseLike<CogitatorRunResult>
}

export interface CogitatorBackend {
  readonly provider?: string
  /** There is no signal: leaving the generator aborts, but only once it has given a first chunk. */
  chatStream (request: any): AsyncGenerator<any, any, any>
}

export interface CogitatorRunResult {
  output: unknown
  usage?: CogitatorUsage
}

export interface CogitatorUsage {
  inputTokens?: number
  outputTokens?: number
}

export interface CogitatorToolCall {
  id?: string
  name?: string
  /** Always an object. */
  arguments?: unknown
}

export interface CogitatorChunk {
  delta?: { content?: string, toolCalls?: CogitatorToolCall[] }
  finishReason?: string
  usage?: CogitatorUsage
}

export type CogitatorPart =
  | { type: 'text', text: string }
  | { type: 'image_url', image_url: { url: string, detail?: string } }
  | { type: 'image_base64', image_base64: { data: string, media_type: string } }

export interface CogitatorMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string | CogitatorPart[]
  name?: string
  toolCallId?: string
  toolCalls?: { id: string, name: string, arguments: unknown }[]
}

export interface CogitatorRequest {
  model: string
  messages: CogitatorMessage[]
  tools?: { name: string, description: string, parameters: Record<string, unknown> }[]
  toolChoice?: 'auto' | 'none' | 'required' | { type: 'function', function: { name: string } }
  temperature?: number
  topP?: number
  maxTokens?: number
  responseFormat?: { type: 'json_object' } | { type: 'json_schema', jsonSchema: { name: string, description?: string, schema?: Record<string, unknown>, strict?: boolean } }
}
