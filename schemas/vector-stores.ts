import { Type, type Static } from '@sinclair/typebox'
import { closedObject, FileAttributes, Id, IdParam, JsonObjectParam, ListQuery, literals, Metadata, MetadataParam, nullable, UnixTime } from './common.js'
import { ChunkingStrategyParam } from './tools.js'

// API reference, "Vector stores", "Vector store files", "Vector store file batches".

/** How many files are in which state. */
export const FileCounts = Type.Object({
  in_progress: Type.Integer(),
  completed: Type.Integer(),
  failed: Type.Integer(),
  cancelled: Type.Integer(),
  total: Type.Integer()
})
export type FileCounts = Static<typeof FileCounts>

const ExpiresAfter = closedObject({
  anchor: Type.Literal('last_active_at'),
  days: Type.Integer({ minimum: 1, maximum: 365 })
})
export type ExpiresAfter = Static<typeof ExpiresAfter>

/** API reference, "The vector store object". All keys are always there. */
export const VectorStore = Type.Object({
  id: Type.String(),
  object: Type.Literal('vector_store'),
  created_at: UnixTime,
  name: nullable(Type.String()),
  description: nullable(Type.String()),
  usage_bytes: Type.Integer(),
  file_counts: FileCounts,
  status: literals(['expired', 'in_progress', 'completed']),
  expires_after: nullable(ExpiresAfter),
  expires_at: nullable(UnixTime),
  last_active_at: UnixTime,
  metadata: Metadata
})
export type VectorStore = Static<typeof VectorStore>

const FileIds = (maxItems: number, minItems = 0) => Type.Array(IdParam, { minItems, maxItems })

/** A name or description. The length is ours. */
const StoreText = Type.String({ maxLength: 4096 })

export const CreateVectorStoreRequest = closedObject({
  file_ids: Type.Optional(FileIds(500)),
  name: Type.Optional(nullable(StoreText)),
  description: Type.Optional(nullable(StoreText)),
  expires_after: Type.Optional(nullable(ExpiresAfter)),
  /** Of the files; without any it has no effect. */
  chunking_strategy: Type.Optional(ChunkingStrategyParam),
  metadata: Type.Optional(MetadataParam)
})
export type CreateVectorStoreRequest = Static<typeof CreateVectorStoreRequest>

export const UpdateVectorStoreRequest = closedObject({
  name: Type.Optional(nullable(StoreText)),
  expires_after: Type.Optional(nullable(ExpiresAfter)),
  metadata: Type.Optional(MetadataParam)
})
export type UpdateVectorStoreRequest = Static<typeof UpdateVectorStoreRequest>

export const VectorStoreParams = closedObject({ vector_store_id: Id('vs') })
export type VectorStoreParams = Static<typeof VectorStoreParams>

export const VectorStoreFileStatus = literals(['in_progress', 'completed', 'cancelled', 'failed'])
export type VectorStoreFileStatus = Static<typeof VectorStoreFileStatus>

/** How a file was cut, always in figures. */
export const StaticChunkingStrategy = Type.Object({
  type: Type.Literal('static'),
  static: Type.Object({ max_chunk_size_tokens: Type.Integer(), chunk_overlap_tokens: Type.Integer() })
})
export type StaticChunkingStrategy = Static<typeof StaticChunkingStrategy>

/** API reference, "The vector store file object". Its id is that of the file. */
export const VectorStoreFile = Type.Object({
  id: Type.String(),
  object: Type.Literal('vector_store.file'),
  usage_bytes: Type.Integer(),
  created_at: UnixTime,
  vector_store_id: Type.String(),
  status: VectorStoreFileStatus,
  last_error: nullable(Type.Object({
    code: literals(['server_error', 'unsupported_file', 'invalid_file']),
    message: Type.String()
  })),
  chunking_strategy: StaticChunkingStrategy,
  attributes: FileAttributes,
  /** While it is in progress: the part of its text that is indexed, 0 to 1. Of this server alone. */
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))
})
export type VectorStoreFile = Static<typeof VectorStoreFile>

/** At most 16, keys up to 64 characters, strings up to 512; null means none. */
export const FileAttributesParam = nullable(Type.Record(
  Type.String({ pattern: '^[\\s\\S]{0,64}$' }),
  Type.Union([Type.String({ maxLength: 512 }), Type.Number(), Type.Boolean()]),
  { additionalProperties: false, maxProperties: 16, propertyNames: { maxLength: 64 } }
))
export type FileAttributesParam = Static<typeof FileAttributesParam>

export const CreateVectorStoreFileRequest = closedObject({
  file_id: IdParam,
  attributes: Type.Optional(FileAttributesParam),
  chunking_strategy: Type.Optional(ChunkingStrategyParam)
})
export type CreateVectorStoreFileRequest = Static<typeof CreateVectorStoreFileRequest>

export const UpdateVectorStoreFileRequest = closedObject({ attributes: FileAttributesParam })
export type UpdateVectorStoreFileRequest = Static<typeof UpdateVectorStoreFileRequest>

export const VectorStoreFileParams = closedObject({ vector_store_id: Id('vs'), file_id: Type.String() })
export type VectorStoreFileParams = Static<typeof VectorStoreFileParams>

export const ListVectorStoreFilesQuery = closedObject({
  ...ListQuery.properties,
  /** Only files in this state. */
  filter: Type.Optional(VectorStoreFileStatus)
})
export type ListVectorStoreFilesQuery = Static<typeof ListVectorStoreFilesQuery>

/** API reference, "The vector store files batch object". */
export const VectorStoreFileBatch = Type.Object({
  id: Type.String(),
  object: Type.Literal('vector_store.file_batch'),
  created_at: UnixTime,
  vector_store_id: Type.String(),
  status: VectorStoreFileStatus,
  file_counts: FileCounts
})
export type VectorStoreFileBatch = Static<typeof VectorStoreFileBatch>

/** Files by id, all treated alike, or each with what is its own. */
export const CreateVectorStoreFileBatchRequest = closedObject({
  file_ids: Type.Optional(FileIds(2000, 1)),
  files: Type.Optional(Type.Array(CreateVectorStoreFileRequest, { minItems: 1, maxItems: 2000 })),
  attributes: Type.Optional(FileAttributesParam),
  chunking_strategy: Type.Optional(ChunkingStrategyParam)
}, { exclusive: ['file_ids', 'files'] })
export type CreateVectorStoreFileBatchRequest = Static<typeof CreateVectorStoreFileBatchRequest>

export const VectorStoreFileBatchParams = closedObject({ vector_store_id: Id('vs'), batch_id: Id('vsfb_') })
export type VectorStoreFileBatchParams = Static<typeof VectorStoreFileBatchParams>

const TextPart = Type.Object({ type: Type.Literal('text'), text: Type.String() })
/** `page`, ours alone: the page or slide that the part begins on, from 1, where the file has such. */
const FilePart = Type.Object({ ...TextPart.properties, page: Type.Optional(Type.Integer({ minimum: 1 })) })

/** API reference, "Retrieve vector store file content". */
export const VectorStoreFileContent = Type.Object({
  object: Type.Literal('vector_store.file_content.page'),
  data: Type.Array(FilePart),
  has_more: Type.Boolean(),
  next_page: nullable(Type.String())
})
export type VectorStoreFileContent = Static<typeof VectorStoreFileContent>

/** The real service takes 4,096 characters. */
const QueryText = Type.String({ maxLength: 4096 })

export const SearchVectorStoreRequest = closedObject({
  query: Type.Union([QueryText, Type.Array(QueryText, { minItems: 1, maxItems: 32 })]),
  rewrite_query: Type.Optional(Type.Boolean()),
  /** 10 when absent. */
  max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  /** Checked by `lib/retrieval/filters.ts`: it nests. */
  filters: Type.Optional(nullable(JsonObjectParam)),
  ranking_options: Type.Optional(closedObject({
    ranker: Type.Optional(literals(['none', 'auto', 'default-2024-11-15'])),
    score_threshold: Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))
  }))
})
export type SearchVectorStoreRequest = Static<typeof SearchVectorStoreRequest>

/** API reference, "Search vector store". */
export const VectorStoreSearchResults = Type.Object({
  object: Type.Literal('vector_store.search_results.page'),
  search_query: Type.Array(Type.String()),
  data: Type.Array(Type.Object({
    file_id: Type.String(),
    filename: Type.String(),
    score: Type.Number(),
    attributes: FileAttributes,
    content: Type.Array(TextPart)
  })),
  has_more: Type.Boolean(),
  next_page: nullable(Type.String())
})
export type VectorStoreSearchResults = Static<typeof VectorStoreSearchResults>
