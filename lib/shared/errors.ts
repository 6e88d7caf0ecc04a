import { StorageUnavailableError, StorageClosedError } from '../../storage/record-store.js'
import { ContentionError } from './until-written.js'

/** The body of every error answer: four keys, always (API reference, "Error codes"). */
export interface ErrorEnvelope {
  error: {
    message: string
    type: string
    /** The offending parameter as a path (`tools[0].function.name`), or null. */
    param: string | null
    /** Stable, for programs; see docs/errors.md. */
    code: string | null
  }
}

export interface ApiErrorOptions {
  /** Default: `server_error` of a 5xx, `authentication_error` of a 401, otherwise `invalid_request_error`. */
  type?: string
  param?: string | null
  /** Default: null, but `invalid_api_key` of a 401: programs that know OpenAI's errors go by it. */
  code?: string | null
  /** Response headers that go with it (`retry-after`, `x-should-retry`). */
  headers?: Record<string, string>
  /** Logged, never sent. */
  cause?: unknown
}

const UNREACHABLE = 'The server is temporarily unable to reach its storage. Please retry your request.'
const TAKES_NO_WRITES = {
  read_only: 'The server\'s storage is read-only at the moment. Please retry your request.',
  full: 'The server\'s storage is full. Please retry your request later.'
}

/** The one error that reaches a client. Anything else becomes a neutral 500. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly code: string | null
  readonly headers: Record<string, string>

  constructor (status: number, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.status = status
    this.type = options.type ?? typeOf(status)
    this.param = options.param ?? null
    this.code = options.code ?? (status === 401 ? 'invalid_api_key' : null)
    this.headers = options.headers ?? {}
  }

  /** Any thrown thing as an ApiError: itself, a store that is away or a race that was always lost (503), or a 500 that tells nothing. */
  static from (thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown
    if (thrown instanceof StorageUnavailableError || thrown instanceof StorageClosedError) {
      const reason = thrown instanceof StorageUnavailableError ? thrown.reason : undefined
      return new ApiError(503, reason === undefined ? UNREACHABLE : TAKES_NO_WRITES[reason],
        { code: 'storage_unavailable', headers: { 'retry-after': '1' }, cause: thrown })
    }
    if (thrown instanceof ContentionError) {
      return new ApiError(503, 'Too many requests change the same object at once. Please retry your request.',
        { code: 'contention', headers: { 'retry-after': '1', 'x-should-retry': 'true' }, cause: thrown })
    }
    return new ApiError(500, 'The server had an error while processing your request. Sorry about that!', { cause: thrown })
  }

  toEnvelope (): ErrorEnvelope {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } }
  }
}

function typeOf (status: number): string {
  if (status >= 500) return 'server_error'
  return status === 401 ? 'authentication_error' : 'invalid_request_error'
}

/** 400. */
export function badRequest (message: string, options: ApiErrorOptions = {}): ApiError {
  return new ApiError(400, message, options)
}

/** The result, or undefined when it ends in the API's 404: for callers in process, who ask by `undefined`. */
export async function absentAsUndefined<T> (work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** 404 for an id that does not exist, or is another project's. */
export function notFound (what: 'assistant' | 'thread' | 'message' | 'run' | 'run step' | 'vector store' | 'file' | 'upload', id: string): ApiError {
  return new ApiError(404, `No ${what} found with id '${id}'.`)
}
