import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from '../shared/errors.js'

/**
 * Parses JSON bodies only, and none at all is `{}`: several SDKs announce JSON and send nothing. `onText` gets the text
 * of a body that is not empty.
 */
export function parseJsonBodies (api: FastifyInstance, onText?: (request: FastifyRequest, text: string) => void): void {
  api.removeAllContentTypeParsers()
  // Fastify before 5.1 compares the header as it was sent.
  api.addContentTypeParser(/^application\/([\w.-]+\+)?json\s*(?:;|$)/i, { parseAs: 'string' }, async (request: FastifyRequest, body: string | Buffer) => {
    if (body.length === 0) return {}
    const text = body.toString()
    onText?.(request, text)
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new ApiError(400, 'We could not parse the JSON body of your request: what was sent is not valid JSON.', { cause })
    }
  })
}
