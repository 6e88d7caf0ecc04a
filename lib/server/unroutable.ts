import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { invalidUrl } from '../http/error-handler.js'
import { ApiError } from '../shared/errors.js'

/**
 * Answers a path that the router cannot read (`/v1/%zz`) or whose id is longer than any id. No route has matched, so no
 * hook has run.
 */
export function answerBadPath (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const answer = invalidUrl(error.code === 'FST_ERR_BAD_URL' ? 400 : 404, request)
  reply.code(answer.status).header('x-request-id', request.id).type('application/json; charset=utf-8').send(answer.toEnvelope())
}

/** Answers what is no HTTP request, or not one that we wait for any longer, and hangs up. */
export function answerClientError (error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // In the midst of an answer, anything that we write would become part of it.
  const answering = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage?.headersSent === true
  if (socket.writable && !answering) {
    const answer = clientError(error)
    const body = JSON.stringify(answer.toEnvelope())
    socket.write(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
  }
  socket.destroy(error)
}

function clientError (error: ConnectionError): ApiError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT': return new ApiError(408, 'The request did not arrive in time.', { code: 'request_timeout' })
    case 'HPE_HEADER_OVERFLOW': return new ApiError(431, 'The request\'s headers are larger than this server accepts.', { code: 'headers_too_large' })
    default: return new ApiError(400, 'The request is not valid HTTP.', { code: 'invalid_http' })
  }
}
