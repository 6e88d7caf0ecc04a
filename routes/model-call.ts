import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { azureDeployment } from '../lib/http/azure.js'
import type { Answer, Call, StreamedAnswer } from '../lib/chat/call.js'
import { parseJsonBodies } from '../lib/http/json-body.js'
import { bodyText, setBodyText } from '../lib/http/request-context.js'
import { clientGone, closed, type StreamContext } from '../lib/http/sse.js'
import { StreamWriter } from '../lib/http/stream-writer.js'
import { HEARTBEAT } from '../lib/shared/event-stream.js'
import { settlesWithin } from '../lib/shared/timers.js'

/**
 * The largest body of these routes, unless `limits.bodyBytes` is larger. It may contain images as data URLs, of which the real API accepts
 * 50 MB in one request. The body of a request without a valid key is not read.
 */
export const BODY_LIMIT = 64 * 1024 * 1024

/** Keeps the text of request bodies, in this Fastify context. */
export function keepBodyText (app: FastifyInstance): void {
  parseJsonBodies(app, setBodyText)
}

/** Responds with the answer that `create` makes of the request. */
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
  const stream = new AnswerStream(answer, streams)
  await stream.begin()
  // Fastify sends the headers that hooks have set, too.
  return await reply.code(answer.status).headers(answer.headers).send(stream.bytes)
}

/** What the client may be behind before no more of the answer is read. */
const BUFFER_BYTES = 64 * 1024
/** The longest end of a frame. */
const TAIL_LENGTH = 4

type Chunk = IteratorResult<string | Uint8Array>

/** Passes an answer's bytes to Fastify no faster than the client reads them. */
class AnswerStream {
  readonly bytes = new PassThrough({ readableHighWaterMark: BUFFER_BYTES })
  readonly #answer: StreamedAnswer
  readonly #context: StreamContext
  readonly #source: AsyncIterator<string | Uint8Array>
  #tail = ''
  #hasFailed = false

  constructor (answer: StreamedAnswer, context: StreamContext) {
    this.#answer = answer
    this.#context = context
    this.#source = answer.bytes[Symbol.asyncIterator]()
  }

  /** Resolves when there is something to send. Until then a failure can be answered with its status: it throws an `ApiError`. */
  async begin (): Promise<void> {
    const { clock } = this.#context
    const first = this.#next()
    const isSilent = this.#heartbeatMs > 0 && !await settlesWithin(clock, this.#heartbeatMs, first)
    if (isSilent) {
      this.bytes.write(HEARTBEAT)
      this.#tail = HEARTBEAT
    } else {
      await first
    }
    this.#pump(first).catch((error: Error) => this.bytes.destroy(error))
  }

  async #pump (first: Promise<Chunk>): Promise<void> {
    const gone = closed(this.bytes)
    const writer = new StreamWriter(this.bytes, { clock: this.#context.clock, stallMs: this.#context.limits.stallMs, heartbeatMs: this.#heartbeatMs })
    try {
      for (let chunk = await first; chunk.done !== true; chunk = await this.#next()) {
        if (gone.aborted) return
        const flows = writer.write(chunk.value)
        this.#tail = (this.#tail + lastCharacters(chunk.value)).slice(-TAIL_LENGTH)
        if (!flows) await writer.drained(gone)
      }
      this.bytes.end()
    } finally {
      writer.stop()
      await this.#source.return?.()
    }
  }

  /** The next chunk. In place of a failure the last one, if the answer can still be completed; otherwise throws. */
  async #next (): Promise<Chunk> {
    if (this.#hasFailed) return { done: true, value: undefined }
    try {
      return await this.#source.next()
    } catch (thrown) {
      this.#hasFailed = true
      const recovered = this.#answer.recover(thrown, this.#tail)
      if (typeof recovered !== 'string') throw recovered
      return { done: false, value: recovered }
    }
  }

  /** A comment has no place within a frame. */
  get #heartbeatMs (): number {
    return this.#answer.hasWholeFrames ? this.#context.limits.heartbeatMs : 0
  }
}

function lastCharacters (chunk: string | Uint8Array): string {
  return typeof chunk === 'string' ? chunk.slice(-TAIL_LENGTH) : Buffer.from(chunk.slice(-TAIL_LENGTH)).toString('latin1')
}
