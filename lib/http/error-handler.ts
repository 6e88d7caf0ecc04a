import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../shared/errors.js'
import { descriptorsUsedUp } from '../shared/descriptors.js'
import { OVERLOADED } from './overload.js'

/** Turns any thrown value into the API's error envelope. Details that a client must not see go to the log only. */
export async function answerError (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const error = apiError(thrown)
  // What is refused under overload is not to cost more than it must; the status is in the log anyway.
  if (error.status >= 500 && error.code !== OVERLOADED) request.log.error({ err: error.cause ?? error }, descriptorsUsedUp(error) ?? error.message)
  // The SDKs repeat a request that ended in a 5xx, unless a header says that it may have had an effect.
  if (error.status === 500 && request.method !== 'GET') reply.header('x-should-retry', 'false')
  await reply.code(error.status).headers(error.headers).type('application/json; charset=utf-8').send(error.toEnvelope())
}

export async function answerNotFound (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await answerError(invalidUrl(404, request) as never, request, reply)
}

/** Names the request's URL, as far as it helps. */
export function invalidUrl (status: number, { method, url }: FastifyRequest): ApiError {
  const [path = ''] = url.split('?')
  return new ApiError(status, `Invalid URL (${method} ${path.length > 200 ? `${path.slice(0, 200)}...` : path})`)
}

function apiError (thrown: FastifyError): ApiError {
  if (thrown.cause instanceof ApiError) return thrown.cause
  const { statusCode: status = 500 } = thrown
  const message = thrown.message ?? STATUS_CODES[status] ?? 'The request was refused.'
  // A 500 may say more than a client must know. Any other status was chosen by a hook of the host, such as one that sheds load.
  if (thrown instanceof ApiError || status === 500) return ApiError.from(thrown)
  if (status === 429) return new ApiError(429, message, { type: 'rate_limit_error', code: 'rate_limit_exceeded' })
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError(413, 'The request body is larger than this server accepts.', { code: 'request_too_large' })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError(415, 'Unsupported content type: send the body as application/json.', { code: 'unsupported_content_type' })
    default:
      return new ApiError(status, message, { cause: thrown })
  }
}
