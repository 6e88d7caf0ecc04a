import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from '../shared/errors.js'

/**
 * Parses JSON bodies only, and none at all is `{}`, whatever its type: several SDKs announce JSON and send nothing, `curl -d ''` announces
 * a form. `onText` gets the text of a body that is not empty.
 */
export function parseJsonBodies (api: FastifyInstance, onText?: (request: FastifyRequest, text: string) => void): void {
  api.removeAllContentTypeParsers()
  // Fastify before 5.1 compares the header as it was sent.
  api.addContentTypeParser(/^application\/([\w.-]+\+)?json\s*(?:;|$)/i, { parseAs: 'string' }, async (request: FastifyRequest, body: string | Buffer) => {
    // A byte order mark is no part of the text.
    const text = body.toString().replace(/^\uFEFF/, '')
    if (text.trim() === '') return {}
    onText?.(request, text)
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new ApiError(400, 'We could not parse the JSON body of your request: what was sent is not valid JSON.', { cause })
    }
  })
  api.addContentTypeParser('*', (request: FastifyRequest, _payload, done) => {
    if (request.headers['content-length'] === '0') done(null, {})
    else done(new ApiError(415, 'Unsupported content type: send the body as application/json.', { code: 'unsupported_content_type' }))
  })
}
