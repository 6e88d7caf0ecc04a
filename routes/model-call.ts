import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { azureDeployment } from '../lib/http/azure.js'
import type { Answer, Call } from '../lib/chat/call.js'
import { parseJsonBodies } from '../lib/http/json-body.js'
import { bodyText, setBodyText } from '../lib/http/request-context.js'
import { clientGone, type StreamContext } from '../lib/http/sse.js'

/**
 * The largest body of these routes, unless `limits.bodyBytes` is larger: images travel in it as data URLs, and the real API
 * takes 50 MB of them in one request. Nothing is read of a request without a valid key.
 */
export const BODY_LIMIT = 64 * 1024 * 1024

/** Makes the bodies of this context's routes keep their text. */
export function keepBodyText (app: FastifyInstance): void {
  parseJsonBodies(app, setBodyText)
}

/** Answers with what `create` makes of the request. */
export async function answerCall (
  request: FastifyRequest<{ Body: Record<string, unknown> }>, reply: FastifyReply, streams: StreamContext, create: (call: Call) => Promise<Answer>
): Promise<object> {
  const { closing } = streams
  const answer = await create({
    text: bodyText(request),
    body: request.body,
    deployment: azureDeployment(request.raw),
    signal: AbortSignal.any([clientGone(reply), closing]),
    closing,
    log: request.log
  })
  if ('object' in answer) return answer.object
  const chunks = answer.bytes[Symbol.asyncIterator]()
  // Until there is something to send, a failure can be answered with its status.
  const first = await chunks.next()
  // Sent by Fastify, which keeps what hooks have set, and pulls no faster than the client reads.
  return await reply.code(answer.status).headers(answer.headers).send(readable(first, chunks, streams))
}

function readable (first: IteratorResult<string | Uint8Array>, chunks: AsyncIterator<string | Uint8Array>, { clock, limits }: StreamContext): Readable {
  const stream = Readable.from(unlessStalled(), { objectMode: false, highWaterMark: 64 * 1024 })
  return stream

  async function * unlessStalled (): AsyncGenerator<string | Uint8Array, void, undefined> {
    try {
      for (let chunk = first; chunk.done !== true; chunk = await chunks.next()) {
        // A client that takes nothing must not keep the upstream request open for ever.
        const takeBack = clock.after(limits.stallMs, () => stream.destroy(new Error(`The client took no bytes for ${limits.stallMs} ms.`)))
        try {
          yield chunk.value
        } finally {
          takeBack()
        }
      }
    } finally {
      await chunks.return?.()
    }
  }
}
