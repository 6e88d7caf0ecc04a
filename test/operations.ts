/**
 * What the API consists of, as data: every operation and every stream event, with its section of the behaviour
 * contract (`docs/contract.md`). `test/coverage.test.ts` holds it against the routes of the plugin, the events of `schemas/stream-events.ts`, the
 * official specification, and the tests that call `covers()` with these names.
 */

export interface Operation {
  /** The `operationId` of the route. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** As Fastify has it, without the plugin's prefix. Fixed words stand before parameters. */
  readonly path: string
  /** Of `docs/contract.md` (`§6`, or `§8 Text` for a part of a section), or the page that describes what is our own. */
  readonly section: string
  /** Test files, below `test/`, that drive it by means of their own and not through `covers()`. */
  readonly tests?: readonly string[]
}

export const OPERATIONS = [
  { id: 'createAssistant', method: 'POST', path: '/assistants', section: '§3' },
  { id: 'listAssistants', method: 'GET', path: '/assistants', section: '§3' },
  { id: 'getAssistant', method: 'GET', path: '/assistants/:assistant_id', section: '§3' },
  { id: 'modifyAssistant', method: 'POST', path: '/assistants/:assistant_id', section: '§3' },
  { id: 'deleteAssistant', method: 'DELETE', path: '/assistants/:assistant_id', section: '§3' },

  { id: 'createThreadAndRun', method: 'POST', path: '/threads/runs', section: '§6' },

  { id: 'createThread', method: 'POST', path: '/threads', section: '§4' },
  /** Our own; the real API has none. */
  { id: 'listThreads', method: 'GET', path: '/threads', section: 'docs/contract.md' },
  { id: 'getThread', method: 'GET', path: '/threads/:thread_id', section: '§4' },
  { id: 'modifyThread', method: 'POST', path: '/threads/:thread_id', section: '§4' },
  /** Our own; the real API has none. */
  { id: 'forkThread', method: 'POST', path: '/threads/:thread_id/fork', section: 'docs/contract.md' },
  /** Our own; the real API has none. */
  { id: 'eraseThread', method: 'POST', path: '/threads/:thread_id/erase', section: 'docs/security.md', tests: ['api/erase.test.ts'] },
  { id: 'eraseProject', method: 'POST', path: '/project/erase', section: 'docs/security.md', tests: ['api/erase.test.ts'] },
  { id: 'deleteThread', method: 'DELETE', path: '/threads/:thread_id', section: '§4' },

  { id: 'createMessage', method: 'POST', path: '/threads/:thread_id/messages', section: '§5' },
  { id: 'listMessages', method: 'GET', path: '/threads/:thread_id/messages', section: '§5' },
  { id: 'getMessage', method: 'GET', path: '/threads/:thread_id/messages/:message_id', section: '§5' },
  { id: 'modifyMessage', method: 'POST', path: '/threads/:thread_id/messages/:message_id', section: '§5' },
  { id: 'deleteMessage', method: 'DELETE', path: '/threads/:thread_id/messages/:message_id', section: '§5' },

  { id: 'createRun', method: 'POST', path: '/threads/:thread_id/runs', section: '§6' },
  { id: 'listRuns', method: 'GET', path: '/threads/:thread_id/runs', section: '§6' },
  { id: 'getRun', method: 'GET', path: '/threads/:thread_id/runs/:run_id', section: '§6' },
  /** Our own: joins a run that is under way. */
  { id: 'streamRun', method: 'GET', path: '/threads/:thread_id/runs/:run_id/stream', section: 'docs/streaming.md' },
  { id: 'modifyRun', method: 'POST', path: '/threads/:thread_id/runs/:run_id', section: '§6' },
  { id: 'cancelRun', method: 'POST', path: '/threads/:thread_id/runs/:run_id/cancel', section: '§6' },
  { id: 'submitToolOutputsToRun', method: 'POST', path: '/threads/:thread_id/runs/:run_id/submit_tool_outputs', section: '§6' },

  { id: 'listRunSteps', method: 'GET', path: '/threads/:thread_id/runs/:run_id/steps', section: '§7' },
  { id: 'getRunStep', method: 'GET', path: '/threads/:thread_id/runs/:run_id/steps/:step_id', section: '§7' },

  { id: 'listModels', method: 'GET', path: '/models', section: '§12' },
  { id: 'retrieveModel', method: 'GET', path: '/models/*', section: '§12' },
  /** Always refused. */
  { id: 'deleteModel', method: 'DELETE', path: '/models/*', section: '§12', tests: ['api/models.test.ts'] },

  { id: 'createChatCompletion', method: 'POST', path: '/chat/completions', section: '§12', tests: ['chat/forward.test.ts', 'chat/translated.test.ts'] },
  { id: 'createEmbedding', method: 'POST', path: '/embeddings', section: '§12', tests: ['chat/embeddings.test.ts'] },

  { id: 'createFile', method: 'POST', path: '/files', section: '§10' },
  { id: 'listFiles', method: 'GET', path: '/files', section: '§10' },
  { id: 'retrieveFile', method: 'GET', path: '/files/:file_id', section: '§10' },
  { id: 'deleteFile', method: 'DELETE', path: '/files/:file_id', section: '§10' },
  { id: 'downloadFile', method: 'GET', path: '/files/:file_id/content', section: '§10' },

  { id: 'createUpload', method: 'POST', path: '/uploads', section: '§10' },
  /** Our own; the real API has none. */
  { id: 'listUploads', method: 'GET', path: '/uploads', section: 'docs/contract.md' },
  { id: 'retrieveUpload', method: 'GET', path: '/uploads/:upload_id', section: 'docs/contract.md' },
  { id: 'addUploadPart', method: 'POST', path: '/uploads/:upload_id/parts', section: '§10' },
  { id: 'completeUpload', method: 'POST', path: '/uploads/:upload_id/complete', section: '§10' },
  { id: 'cancelUpload', method: 'POST', path: '/uploads/:upload_id/cancel', section: '§10' },

  { id: 'createVectorStore', method: 'POST', path: '/vector_stores', section: '§11' },
  { id: 'listVectorStores', method: 'GET', path: '/vector_stores', section: '§11' },
  { id: 'getVectorStore', method: 'GET', path: '/vector_stores/:vector_store_id', section: '§11' },
  { id: 'modifyVectorStore', method: 'POST', path: '/vector_stores/:vector_store_id', section: '§11' },
  { id: 'deleteVectorStore', method: 'DELETE', path: '/vector_stores/:vector_store_id', section: '§11' },
  { id: 'searchVectorStore', method: 'POST', path: '/vector_stores/:vector_store_id/search', section: '§11' },
  { id: 'createVectorStoreFile', method: 'POST', path: '/vector_stores/:vector_store_id/files', section: '§11' },
  { id: 'listVectorStoreFiles', method: 'GET', path: '/vector_stores/:vector_store_id/files', section: '§11' },
  { id: 'getVectorStoreFile', method: 'GET', path: '/vector_stores/:vector_store_id/files/:file_id', section: '§11' },
  { id: 'updateVectorStoreFileAttributes', method: 'POST', path: '/vector_stores/:vector_store_id/files/:file_id', section: '§11' },
  { id: 'deleteVectorStoreFile', method: 'DELETE', path: '/vector_stores/:vector_store_id/files/:file_id', section: '§11' },
  { id: 'retrieveVectorStoreFileContent', method: 'GET', path: '/vector_stores/:vector_store_id/files/:file_id/content', section: '§11' },
  { id: 'createVectorStoreFileBatch', method: 'POST', path: '/vector_stores/:vector_store_id/file_batches', section: '§11' },
  { id: 'getVectorStoreFileBatch', method: 'GET', path: '/vector_stores/:vector_store_id/file_batches/:batch_id', section: '§11' },
  { id: 'cancelVectorStoreFileBatch', method: 'POST', path: '/vector_stores/:vector_store_id/file_batches/:batch_id/cancel', section: '§11' },
  { id: 'listFilesInVectorStoreBatch', method: 'GET', path: '/vector_stores/:vector_store_id/file_batches/:batch_id/files', section: '§11' },

  /** Our own; the real API has none. */
  { id: 'getHealth', method: 'GET', path: '/health', section: 'docs/plugin.md' },
  { id: 'getReady', method: 'GET', path: '/ready', section: 'docs/plugin.md' },
  { id: 'exportStore', method: 'GET', path: '/server/export', section: 'docs/storage.md', tests: ['transfer/live.test.ts'] },
  { id: 'importIntoStore', method: 'POST', path: '/server/import', section: 'docs/storage.md', tests: ['transfer/live.test.ts'] },
  { id: 'getServer', method: 'GET', path: '/server', section: 'docs/console.md' },
  /** As OpenAI's administration API has them. */
  { id: 'getUsageOfCompletions', method: 'GET', path: '/organization/usage/completions', section: 'docs/operations.md' },
  { id: 'getCosts', method: 'GET', path: '/organization/costs', section: 'docs/operations.md' },
  { id: 'getOpenApi', method: 'GET', path: '/openapi.json', section: 'docs/plugin.md' }
] as const satisfies readonly Operation[]

/** What the official specification has and we do not: operations, or all below a path. A gap that is closed must leave this list. */
export const KNOWN_GAPS: readonly string[] = []

export type OperationId = typeof OPERATIONS[number]['id']

export interface StreamEventEntry {
  readonly event: string
  /** Of `docs/contract.md`. */
  readonly section: string
  /** Why no test covers it: we never send it. */
  readonly neverSent?: string
}

export const STREAM_EVENTS = [
  { event: 'thread.created', section: '§8 Beginning' },
  { event: 'thread.run.created', section: '§8 Beginning' },
  { event: 'thread.run.queued', section: '§8 Beginning' },
  { event: 'thread.run.in_progress', section: '§8 Beginning' },
  { event: 'thread.run.requires_action', section: '§8 Functions' },
  { event: 'thread.run.completed', section: '§8 Text' },
  { event: 'thread.run.incomplete', section: '§8 Incomplete' },
  { event: 'thread.run.failed', section: '§8 Failure' },
  { event: 'thread.run.cancelling', section: '§8 Failure' },
  { event: 'thread.run.cancelled', section: '§8 Failure' },
  { event: 'thread.run.expired', section: '§8 Failure' },
  { event: 'thread.run.step.created', section: '§8 Text' },
  { event: 'thread.run.step.in_progress', section: '§8 Text' },
  { event: 'thread.run.step.delta', section: '§8 Deltas' },
  { event: 'thread.run.step.completed', section: '§8 Text' },
  { event: 'thread.run.step.failed', section: '§8 Failure' },
  { event: 'thread.run.step.cancelled', section: '§8 Failure' },
  { event: 'thread.run.step.expired', section: '§8 Failure' },
  { event: 'thread.message.created', section: '§8 Text' },
  { event: 'thread.message.in_progress', section: '§8 Text' },
  { event: 'thread.message.delta', section: '§8 Deltas' },
  { event: 'thread.message.completed', section: '§8 Text' },
  { event: 'thread.message.incomplete', section: '§8 Incomplete' },
  { event: 'error', section: '§8 Error', neverSent: 'whatever goes wrong after the first event ends the run with thread.run.failed' },
  { event: 'done', section: '§8 End' }
] as const satisfies readonly StreamEventEntry[]

export type StreamEventName = typeof STREAM_EVENTS[number]['event']

/** The operation that a request to this path, without prefix and query, is answered by. */
export function operationOf (method: string, path: string): Operation | undefined {
  return OPERATIONS.find(operation => operation.method === method && pattern(operation.path).test(path))
}

function pattern (path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replace('*', '.+')}$`)
}
