import type { FastifyCorsOptions } from '@fastify/cors'

export type { FastifyCorsOptions } from '@fastify/cors'

/** Beside the answer itself, what the SDKs read when they run in a browser. */
const EXPOSED_HEADERS = ['x-request-id', 'openai-version', 'openai-processing-ms', 'openai-poll-after-ms', 'retry-after', 'retry-after-ms', 'x-should-retry', 'content-disposition', 'idempotent-replayed', 'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests']

/** The option `cors` unless it says otherwise. */
export const DEFAULT_CORS: FastifyCorsOptions = { origin: true, methods: ['GET', 'POST', 'DELETE', 'OPTIONS'], exposedHeaders: EXPOSED_HEADERS }
