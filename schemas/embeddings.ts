import { Type, type Static } from '@sinclair/typebox'
import { literals, nullable } from './common.js'

// API reference, "Embeddings". Open objects, as in `chat.ts`.

/** One text, several, or tokens. */
export const EmbeddingInput = Type.Union([
  Type.String(),
  Type.Array(Type.Union([Type.String(), Type.Integer(), Type.Array(Type.Integer())]), { minItems: 1, maxItems: 2048 })
])
export type EmbeddingInput = Static<typeof EmbeddingInput>

export const CreateEmbeddingRequest = Type.Object({
  input: EmbeddingInput,
  dimensions: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  /** `float` when absent. The SDKs ask for `base64`, which is shorter, and decode it unseen. */
  encoding_format: Type.Optional(nullable(literals(['float', 'base64'])))
})
export type CreateEmbeddingRequest = Static<typeof CreateEmbeddingRequest>

export const EmbeddingList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Type.Object({
    object: Type.Literal('embedding'),
    index: Type.Integer(),
    /** Numbers, or their bytes (little-endian float32) in base64. */
    embedding: Type.Union([Type.Array(Type.Number()), Type.String()])
  })),
  model: Type.String(),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() })
})
export type EmbeddingList = Static<typeof EmbeddingList>
