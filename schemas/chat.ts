import { Type, type Static } from '@sinclair/typebox'
import { literals, nullable, UnixTime } from './common.js'
import { FunctionDefinitionParam, ReasoningEffort, ResponseFormat } from './tools.js'

// API reference, "Chat". Vendors have parameters of their own, so these objects are open: `ModelCall` is all that is asked
// of a request that goes on to a vendor as it is, `CreateChatCompletionRequest` of one that is translated.

/** Which model a request is for, and whether it wants its answer in pieces. */
export const ModelCall = Type.Object({
  /** The server's default model when absent. */
  model: Type.Optional(nullable(Type.String())),
  stream: Type.Optional(nullable(Type.Boolean()))
})
export type ModelCall = Static<typeof ModelCall>

export const ChatContentPart = Type.Union([
  Type.Object({ type: Type.Literal('text'), text: Type.String() }),
  Type.Object({
    type: Type.Literal('image_url'),
    image_url: Type.Object({
      url: Type.String({ minLength: 1 }),
      detail: Type.Optional(literals(['auto', 'low', 'high']))
    })
  }),
  Type.Object({ type: Type.Literal('refusal'), refusal: Type.String() })
])
export type ChatContentPart = Static<typeof ChatContentPart>

export const ChatToolCall = Type.Object({
  id: Type.String({ minLength: 1 }),
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String({ minLength: 1 }),
    /** JSON text as the model wrote it, valid or not. */
    arguments: Type.String()
  })
})
export type ChatToolCall = Static<typeof ChatToolCall>

/** A message of any role. Which of the keys belong to which role, the translation knows. */
export const ChatMessage = Type.Object({
  role: literals(['developer', 'system', 'user', 'assistant', 'tool']),
  content: Type.Optional(nullable(Type.Union([Type.String(), Type.Array(ChatContentPart)]))),
  refusal: Type.Optional(nullable(Type.String())),
  tool_calls: Type.Optional(nullable(Type.Array(ChatToolCall))),
  tool_call_id: Type.Optional(Type.String())
})
export type ChatMessage = Static<typeof ChatMessage>

export const ChatTool = Type.Object({ type: Type.Literal('function'), function: FunctionDefinitionParam })
export type ChatTool = Static<typeof ChatTool>

export const ChatToolChoice = Type.Union([
  literals(['none', 'auto', 'required']),
  Type.Object({ type: Type.Literal('function'), function: Type.Object({ name: Type.String() }) })
])
export type ChatToolChoice = Static<typeof ChatToolChoice>

export const CreateChatCompletionRequest = Type.Object({
  messages: Type.Array(ChatMessage, { minItems: 1 }),
  tools: Type.Optional(nullable(Type.Array(ChatTool, { maxItems: 128 }))),
  tool_choice: Type.Optional(nullable(ChatToolChoice)),
  parallel_tool_calls: Type.Optional(nullable(Type.Boolean())),
  response_format: Type.Optional(nullable(ResponseFormat)),
  reasoning_effort: Type.Optional(ReasoningEffort),
  temperature: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 2 }))),
  top_p: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1 }))),
  /** The older name of `max_completion_tokens`. */
  max_tokens: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  max_completion_tokens: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  stop: Type.Optional(nullable(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 4 })]))),
  stream: Type.Optional(nullable(Type.Boolean())),
  stream_options: Type.Optional(nullable(Type.Object({ include_usage: Type.Optional(nullable(Type.Boolean())) })))
})
export type CreateChatCompletionRequest = Static<typeof CreateChatCompletionRequest>

export const ChatFinishReason = literals(['stop', 'length', 'tool_calls', 'content_filter'])
export type ChatFinishReason = Static<typeof ChatFinishReason>

export const CompletionUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
  completion_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() })
})
export type CompletionUsage = Static<typeof CompletionUsage>

/** API reference, "The chat completion object". */
export const ChatCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: UnixTime,
  model: Type.String(),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    message: Type.Object({
      role: Type.Literal('assistant'),
      content: nullable(Type.String()),
      refusal: nullable(Type.String()),
      tool_calls: Type.Optional(Type.Array(ChatToolCall))
    }),
    logprobs: Type.Null(),
    finish_reason: ChatFinishReason
  })),
  /** Absent when the model does not count. */
  usage: Type.Optional(CompletionUsage)
})
export type ChatCompletion = Static<typeof ChatCompletion>

/** What a chunk adds to the message. The first fragment of a call has its id and name. */
export const ChatDelta = Type.Object({
  role: Type.Optional(Type.Literal('assistant')),
  content: Type.Optional(nullable(Type.String())),
  refusal: Type.Optional(nullable(Type.String())),
  tool_calls: Type.Optional(Type.Array(Type.Object({
    index: Type.Integer(),
    id: Type.Optional(Type.String()),
    type: Type.Optional(Type.Literal('function')),
    function: Type.Object({ name: Type.Optional(Type.String()), arguments: Type.String() })
  })))
})
export type ChatDelta = Static<typeof ChatDelta>

/** API reference, "The chat completion chunk object". */
export const ChatCompletionChunk = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion.chunk'),
  created: UnixTime,
  model: Type.String(),
  /** Empty in the chunk that tells the usage. */
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    delta: ChatDelta,
    logprobs: Type.Null(),
    finish_reason: nullable(ChatFinishReason)
  })),
  /** Only with `stream_options.include_usage`; then null but for the last chunk. */
  usage: Type.Optional(nullable(CompletionUsage))
})
export type ChatCompletionChunk = Static<typeof ChatCompletionChunk>
