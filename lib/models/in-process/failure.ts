import type { IncomingHttpHeaders } from 'node:http'
import { connectionFailure, httpFailure, streamedFailure, UpstreamError, type FailureContext } from '../http/failure.js'

/** What errors of AI SDK models and of Cogitator tell beside their message. Nothing of it can be relied on. */
interface ForeignError {
  message?: unknown
  code?: unknown
  type?: unknown
  /** Some wrap what they tell once more. */
  error?: ForeignError | null
  cause?: unknown
  statusCode?: unknown
  responseBody?: unknown
  responseHeaders?: unknown
  details?: { statusCode?: unknown, responseBody?: unknown } | null
  isRetryable?: unknown
  retryable?: unknown
  /** Milliseconds. */
  retryAfter?: unknown
}

const NETWORK_CODE = /^(?:E[A-Z_]{4,}|UND_ERR_\w+|CERT_\w+)$/

/** An error that a library threw, as ours. */
export function foreignFailure (thrown: unknown, context: FailureContext): UpstreamError {
  if (thrown instanceof UpstreamError) return thrown
  const error: ForeignError = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }
  const found = interpret(thrown, error, context)
  const retryable = error.isRetryable ?? error.retryable
  return new UpstreamError(found.code, found.message, {
    cause: thrown,
    retryable: typeof retryable === 'boolean' ? retryable : found.retryable,
    ...defined('status', found.status),
    ...defined('retryAfterMs', typeof error.retryAfter === 'number' ? error.retryAfter : found.retryAfterMs)
  })
}

function interpret (thrown: unknown, error: ForeignError, context: FailureContext): UpstreamError {
  const status = error.statusCode ?? error.details?.statusCode
  const body = error.responseBody ?? error.details?.responseBody
  const { message, code, type } = error.message === undefined && typeof error.error === 'object' ? error.error ?? {} : error
  const summary = streamedFailure({ error: { message, code, type } }, context)
  if (typeof status === 'number' && status >= 300) {
    const headers = typeof error.responseHeaders === 'object' && error.responseHeaders !== null ? error.responseHeaders as IncomingHttpHeaders : {}
    const text = typeof body === 'string' && body !== '' ? body : JSON.stringify({ error: { message: error.message } })
    const failure = httpFailure(status, headers, text, context)
    // The vendor's own words say more than the library's summary, but its code may know what they mean.
    if (failure.code !== 'server_error' || summary.code === 'server_error') return failure
    const { retryable, retryAfterMs } = failure
    return new UpstreamError(summary.code, failure.message, { status, retryable, ...defined('retryAfterMs', retryAfterMs) })
  }
  const lost = networkCause(thrown)
  if (lost !== undefined) return connectionFailure(lost, context)
  // Most of what is left are mistakes, and those do not pass.
  return new UpstreamError(summary.code, summary.message, { retryable: summary.code === 'rate_limit_exceeded' })
}

/** `fetch` hides why it failed in causes. */
function networkCause (thrown: unknown): unknown {
  let error = thrown as ForeignError | null | undefined
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth++) {
    if (typeof error.code === 'string' && NETWORK_CODE.test(error.code)) return error
    error = error.cause as ForeignError
  }
  return undefined
}

function defined<K extends string, V> (key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [key in K]?: V }
}
