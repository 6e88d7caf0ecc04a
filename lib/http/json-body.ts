import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from '../shared/errors.js'
import { JsonGuard } from './json-guard.js'

/**
 * Parses JSON bodies only, and none at all is `{}`, whatever its type: several SDKs announce JSON and send nothing, `curl -d ''` announces
 * a form. `onText` gets the text of a body that is not empty.
 */
export function parseJsonBodies (api: FastifyInstance, onText?: (request: FastifyRequest, text: string) => void): void {
  api.removeAllContentTypeParsers()
  // Fastify before 5.1 compares the header as it was sent.
  api.addContentTypeParser(/^application\/([\w.-]+\+)?json\s*(?:;|$)/i, async (request: FastifyRequest, body: Readable) => {
    const sent = await readText(body, request.routeOptions.bodyLimit ?? Infinity, Number(request.headers['content-length'] ?? 0))
    // A byte order mark is no part of the text.
    const text = sent.replace(/^\uFEFF/, '')
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

/** The body, looked at as it arrives: what is too much is refused before all of it is here. */
async function readText (body: Readable, limit: number, announced: number): Promise<string> {
  if (announced > limit) throw tooLarge()
  const guard = new JsonGuard()
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // Leaving the loop must not close the connection: the client should still receive the error.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > limit) throw tooLarge()
      guard.push(chunk)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError(400, 'The request ended early.', { cause: error })
  }
  return Buffer.concat(chunks).toString()
}

const tooLarge = (): ApiError => new ApiError(413, 'The request body is larger than this server accepts.', { code: 'request_too_large' })
