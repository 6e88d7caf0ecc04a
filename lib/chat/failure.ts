import { ApiError } from '../shared/errors.js'
import { frame, jsonLine } from '../shared/event-stream.js'
import type { Logger } from '../shared/log.js'
import { isUnknownModel, UpstreamError, vendorError } from '../models/http/failure.js'
import { ModelError } from '../models/provider.js'
import type { Call, StreamedAnswer } from './call.js'

/** Statuses on which the SDKs retry unless a header tells them not to. */
const RETRIED_BY_SDKS = [408, 409, 429]
/** Statuses of the vendor that are the client's fault and are passed on. Those about credentials or URLs concern the operator. */
const CLIENT_STATUS = [400, 408, 409, 413, 415, 422, 425]

/** The error that the client receives for a failed call. `asked` is the model's name as the client wrote it. */
export function callFailure (thrown: unknown, asked: string, { signal, closing }: Pick<Call, 'signal' | 'closing'>): ApiError {
  if (closing.aborted) {
    return new ApiError(503, 'The server is shutting down. Please retry your request.', { code: 'shutting_down', headers: { 'retry-after': '1' }, cause: thrown })
  }
  // The client does not receive this. The status keeps it from being logged as an error.
  if (signal.aborted) return new ApiError(499, 'The client closed the connection.', { code: 'client_closed_request', cause: thrown })
  return thrown instanceof ModelError ? modelFailure(thrown, asked) : ApiError.from(thrown)
}

function modelFailure (failure: ModelError, asked: string): ApiError {
  const vendor = failure instanceof UpstreamError ? vendorError(failure.body) : undefined
  if (isUnknownModel(failure)) return unknownModel(asked, failure)
  const status = statusFor(failure)
  if (status >= 500) return new ApiError(status, failure.message, { code: 'model_provider_error', headers: retryHeaders(failure, status), cause: failure })
  const limited = status === 429
  return new ApiError(status, failure.message, {
    type: vendor?.type ?? (limited ? 'rate_limit_error' : 'invalid_request_error'),
    param: vendor?.param ?? null,
    code: vendor?.code ?? (limited ? 'rate_limit_exceeded' : null),
    headers: retryHeaders(failure, status),
    cause: failure
  })
}

/** A vendor's 401 or 403 must not look as if the client's own key were wrong, nor its 404 as if the URL of this server were. */
function statusFor ({ code, status = 500 }: ModelError): number {
  if (code === 'rate_limit_exceeded') return 429
  if (CLIENT_STATUS.includes(status)) return status
  if (code === 'invalid_prompt') return 400
  return status === 503 || status === 504 ? status : 502
}

function unknownModel (asked: string, cause: unknown): ApiError {
  return new ApiError(404, `The model \`${asked}\` does not exist or you do not have access to it.`, { param: 'model', code: 'model_not_found', cause })
}

function retryHeaders (failure: ModelError, status: number): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!(failure instanceof UpstreamError)) return headers
  if (failure.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(failure.retryAfterMs / 1000))
    // Preferred by the SDKs.
    headers['retry-after-ms'] = String(Math.ceil(failure.retryAfterMs))
  }
  if (status >= 500 || RETRIED_BY_SDKS.includes(status)) headers['x-should-retry'] = String(failure.retryable)
  return headers
}

const END_OF_FRAME = /(?:\n\n|\r\r|\r\n\r\n)$/

/**
 * Explains the failure of an event stream in a last frame, which the SDKs throw as an error: a stream that just ended would pass for a
 * complete one. Within a frame, and as long as nothing was sent, the failure stays an error.
 */
export function lastFrame (explain: (thrown: unknown) => ApiError, log: Logger): StreamedAnswer['recover'] {
  return (thrown, tail) => {
    const error = explain(thrown)
    if (!END_OF_FRAME.test(tail)) return error
    if (error.status >= 500) log.error({ err: error.cause ?? error }, error.message)
    return frame({ data: jsonLine(error.toEnvelope()) })
  }
}
