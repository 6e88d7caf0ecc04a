import { Type, type Static } from '@sinclair/typebox'
import { closedObject, type Extensible, Id, IdParam, JsonObject, JsonObjectParam, literals, MetadataParam, nullable } from './common.js'

// API reference, "Assistants": tools, tool_resources, response_format, tool_choice. What a request may leave out, a
// response always shows, so most objects come twice: `...Param` is the form of the request.

/** Letters, digits, underscores and dashes, 1 to 64 of them: the names of functions and of response schemas. */
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9_-]+$' })

const Ranker = literals(['auto', 'default_2024_08_21'])

/** How file_search ranks what it finds, with the underscores that the Assistants API spells its rankers with. */
export const RankingOptions = Type.Object({
  ranker: Ranker,
  /** 0 to 1: results below it are left out. */
  score_threshold: Type.Number()
})
export type RankingOptions = Static<typeof RankingOptions>

/** A function that the model may call. `parameters` is a JSON Schema. */
export const FunctionDefinition = Type.Object({
  name: Type.String(),
  /** Null when there is none. Records of 0.1.0 lack it. */
  description: Type.Optional(nullable(Type.String())),
  parameters: JsonObject,
  strict: Type.Boolean()
})
export type FunctionDefinition = Static<typeof FunctionDefinition>

export const FunctionDefinitionParam = closedObject({
  name: Name,
  description: Type.Optional(nullable(Type.String({ maxLength: 1024 }))),
  parameters: Type.Optional(JsonObjectParam),
  strict: Type.Optional(nullable(Type.Boolean()))
})
export type FunctionDefinitionParam = Static<typeof FunctionDefinitionParam>

/** A tool of an assistant or a run. */
export const AssistantTool = Type.Union([
  Type.Object({ type: Type.Literal('code_interpreter') }),
  Type.Object({
    type: Type.Literal('file_search'),
    file_search: Type.Object({
      max_num_results: Type.Optional(Type.Integer()),
      ranking_options: RankingOptions
    })
  }),
  Type.Object({ type: Type.Literal('function'), function: FunctionDefinition })
])
export type AssistantTool = Static<typeof AssistantTool>

export const AssistantToolParam = Type.Union([
  closedObject({ type: Type.Literal('code_interpreter') }),
  closedObject({
    type: Type.Literal('file_search'),
    file_search: Type.Optional(closedObject({
      max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
      ranking_options: Type.Optional(closedObject({
        ranker: Type.Optional(Ranker),
        score_threshold: Type.Number({ minimum: 0, maximum: 1 })
      }))
    }))
  }),
  closedObject({ type: Type.Literal('function'), function: FunctionDefinitionParam })
], { extension: 'tool' } satisfies Extensible)
export type AssistantToolParam = Static<typeof AssistantToolParam>

/** The tools of an assistant or a run, up to 128 of them. */
export const AssistantToolsParam = Type.Array(AssistantToolParam, { maxItems: 128 })

/** What the tools may read: a key per tool, absent when nothing was given for it. */
export const ToolResources = Type.Object({
  code_interpreter: Type.Optional(Type.Object({ file_ids: Type.Array(Type.String()) })),
  file_search: Type.Optional(Type.Object({ vector_store_ids: Type.Array(Type.String()) }))
})
export type ToolResources = Static<typeof ToolResources>

/** Files of the code interpreter (API reference, "Create thread"). */
export const MOST_CODE_FILES = 20

const CodeInterpreterResources = closedObject({
  file_ids: Type.Optional(Type.Array(IdParam, { maxItems: MOST_CODE_FILES }))
})

const vectorStoreIds = Type.Optional(Type.Array(Id('vs'), { maxItems: 1 }))

/** `tool_resources` of an update, and of `POST /threads/runs`: existing vector stores only. */
export const ToolResourcesParam = closedObject({
  code_interpreter: Type.Optional(CodeInterpreterResources),
  file_search: Type.Optional(closedObject({ vector_store_ids: vectorStoreIds }))
}, { extension: 'tool_resources' })
export type ToolResourcesParam = Static<typeof ToolResourcesParam>

/** How a file is cut into chunks, in tokens; `auto` is 800 with an overlap of 400. */
export const ChunkingStrategyParam = Type.Union([
  closedObject({ type: Type.Literal('auto') }),
  closedObject({
    type: Type.Literal('static'),
    static: closedObject({
      max_chunk_size_tokens: Type.Integer({ minimum: 100, maximum: 4096 }),
      /** Not more than half of the chunk, which the vector-store service checks. */
      chunk_overlap_tokens: Type.Integer({ minimum: 0 })
    })
  })
])
export type ChunkingStrategyParam = Static<typeof ChunkingStrategyParam>

/** `tool_resources` of a new assistant or thread: an existing vector store, or one to be made for it. */
export const CreateToolResourcesParam = closedObject({
  code_interpreter: Type.Optional(CodeInterpreterResources),
  file_search: Type.Optional(closedObject({
    vector_store_ids: vectorStoreIds,
    vector_stores: Type.Optional(Type.Array(closedObject({
      file_ids: Type.Optional(Type.Array(IdParam, { maxItems: 10_000 })),
      chunking_strategy: Type.Optional(ChunkingStrategyParam),
      metadata: Type.Optional(MetadataParam)
    }), { maxItems: 1 }))
  }, { exclusive: ['vector_store_ids', 'vector_stores'] }))
}, { extension: 'tool_resources' })
export type CreateToolResourcesParam = Static<typeof CreateToolResourcesParam>

/** The schema that an answer has to fit. */
export const JsonSchema = closedObject({
  name: Name,
  description: Type.Optional(Type.String({ maxLength: 1024 })),
  schema: Type.Optional(JsonObjectParam),
  strict: Type.Optional(nullable(Type.Boolean()))
})
export type JsonSchema = Static<typeof JsonSchema>

/** The form of the model's answer; `auto` is plain text. */
export const ResponseFormat = Type.Union([
  Type.Literal('auto'),
  closedObject({ type: Type.Literal('text') }),
  closedObject({ type: Type.Literal('json_object') }),
  closedObject({ type: Type.Literal('json_schema'), json_schema: JsonSchema })
])
export type ResponseFormat = Static<typeof ResponseFormat>

/** Whether the model may, must or must not call tools, or which one it must call. */
export const ToolChoice = Type.Union([
  Type.Literal('none'),
  Type.Literal('auto'),
  Type.Literal('required'),
  closedObject({ type: Type.Literal('function'), function: closedObject({ name: Type.String({ minLength: 1, maxLength: 64 }) }) }),
  closedObject({ type: Type.Literal('code_interpreter') }),
  closedObject({ type: Type.Literal('file_search') })
], { extension: 'tool_choice' } satisfies Extensible)
export type ToolChoice = Static<typeof ToolChoice>

/** How hard a reasoning model thinks; null leaves it to the model. */
export const ReasoningEffort = nullable(literals(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']))
export type ReasoningEffort = Static<typeof ReasoningEffort>
