import openaiCompat from './plugin.js'

export default openaiCompat
export { openaiCompat }

export { buildServer, createOpenAIServer, OpenAIServer } from './server.js'
export type { BuildServerOptions, Logging, OpenAIServerConfig } from './server/options.js'
export type { ProviderOptions, Runtime } from './options/runtime.js'

export { default as openaiCompatConsole, type ConsoleOptions } from './console/console.js'
export { createOpenAIAdapter, OpenAIAdapter, type OpenAIAdapterOptions } from './adapter.js'
export type { ApiKeys } from './http/auth.js'
export type { Clock } from './shared/clock.js'
export type { Limits, OpenAICompatOptions, ProviderOption } from './options/options.js'
export type { StreamLimits } from './http/sse.js'
export { ApiError, type ApiErrorOptions, type ErrorEnvelope } from './shared/errors.js'

export { COGITATOR_MODEL_ID, formatOpenAIError, InvalidRequestError } from './cogitator-names.js'
export type {
  AuthConfig, CreateAssistantParams, LLMThreadMessage, RunStreamEvent, StreamEmitterEvents, StreamEventData, StreamEventType, UpdateAssistantParams
} from './cogitator-names.js'

export { rewriteAzureUrl } from './http/azure.js'
export { ThreadManager, type PlainMessage, type ThreadManagerOptions } from './threads/manager.js'
export type { CodeInterpreterLimits, CodeInterpreterOption, CodeInterpreterOptions } from './options/code-interpreter.js'
export type { CallStatus, ExecuteOptions, Sandbox, SandboxCheck, SandboxEvent, SandboxFile, SandboxLimits, SandboxSession, StartOptions } from './sandbox/sandbox.js'
export type { E2bOptions } from './sandbox/e2b/e2b.js'
export type { PyodideOptions } from './sandbox/pyodide/pyodide.js'
export type { BubblewrapOptions } from './sandbox/bubblewrap/bubblewrap.js'
export type { ServerTool, ToolContext } from './tools/tool.js'
export type {
  AnnotatedText, Annotator, AnyBuiltInTool, ArgumentsReader, BuiltInContext, BuiltInResources, BuiltInResult, BuiltInTool, ResolveOptions, ResourceChange, ToolDeclaration, ToolStepCall,
  ToolStepDelta
} from './tools/built-in-tool.js'
export type { ToolAccess } from './tools/server-tools.js'

export { aiSdkProvider, type AiSdkModel, type AiSdkProviderOptions } from './models/ai-sdk.js'
export { cogitatorProvider, type CogitatorLike, type CogitatorProviderOptions } from './models/cogitator.js'
export { echo } from './models/echo.js'
export { openaiCompatible, type OpenAICompatibleOptions } from './models/openai-compatible.js'
export { ModelError } from './models/provider.js'
export type {
  FinishReason, ModelContentPart, ModelErrorCode, ModelInfo, ModelMessage, ModelPart, ModelProvider, ModelRequest, ModelResponseFormat, ModelTool,
  ModelToolCall, ModelToolChoice, ModelUsage, StreamOptions
} from './models/provider.js'

export { createThreadStorage, openStorageUrl, type ThreadStorageConfig } from '../storage/open.js'
export { InMemoryThreadStorage, PostgresThreadStorage, RedisThreadStorage, SqliteThreadStorage } from '../storage/thread-storage/classes.js'
export type { PostgresThreadStorageConfig, RedisThreadStorageConfig, SqliteThreadStorageConfig } from '../storage/thread-storage/classes.js'
export type { WebhookOptions } from './dialects/assistants/webhooks.js'
export { StorageClosedError, StorageUnavailableError } from '../storage/record-store.js'
export { FolderBlobStore, type FolderBlobStoreOptions } from '../storage/folder/blobs.js'
export { MemoryBlobStore } from '../storage/memory/blobs.js'
export { PostgresBlobStore, type PostgresBlobStoreOptions } from '../storage/postgres/blobs.js'
export type { PostgresPool } from '../storage/postgres/options.js'
export { RedisBlobStore, type RedisBlobStoreOptions } from '../storage/redis/blobs.js'
export { S3BlobStore, type S3BlobStoreOptions, type S3ClientLike } from '../storage/s3/blobs.js'
export { AbstractRecordStore, type Row, type Scan } from '../storage/base/abstract-record-store.js'
export { applyBatch, type BatchTarget, type PreparedItem, type PreparedPut } from '../storage/base/batch.js'
export { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../storage/base/abstract-blob-store.js'
export { inChunks, readChunks } from '../storage/base/chunks.js'
export { LEFTOVERS_MS } from '../storage/blob-store.js'
export type * from '../storage/blob-store.js'
export type * from '../storage/record-store.js'
export type * from '../storage/thread-storage/thread-storage.js'
export type * from '../schemas/index.js'
