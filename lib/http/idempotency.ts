import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { badRequest } from '../shared/errors.js'
import { Begun, type IdempotentAnswers, type KeptAnswer, type StreamedAnswer } from '../shared/idempotent-answers.js'
import { watchWrites, type WriteWatch } from '../shared/write-watch.js'
import { apiOf } from './request-context.js'

/** Says that an answer is one that was given before. */
export const REPLAYED_HEADER = 'idempotent-replayed'

/** Longer keys are refused. */
const MAX_KEY_LENGTH = 255

/** A larger answer is not kept: its request cannot be repeated under its key. */
const MAX_PAYLOAD = 16 * 1024 * 1024

const BEGUN = Symbol('fastify-openai-compat.idempotent-request')

/** A request that is being carried out under a key. */
interface Attempt {
  begun: Begun
  writes: WriteWatch
}

/**
 * Carries out each POST with an `Idempotency-Key` once: repetitions get its answer, on any instance, for at least a day. Only successful
 * answers are kept, since a refused request has done nothing.
 *
 * @param resend sends the events of an answer that was a stream.
 */
export function honourIdempotencyKeys (api: FastifyInstance, answers: IdempotentAnswers, resend: (request: FastifyRequest, reply: FastifyReply, stream: StreamedAnswer) => Promise<void>): void {
  api.decorateRequest(BEGUN, undefined)

  // With a callback, because what follows is to run inside of the watch.
  api.addHook('preHandler', (request, reply, done) => {
    const begin = async (): Promise<Attempt | KeptAnswer | undefined> => {
      const key = keyOf(request)
      if (key === undefined) return undefined
      const found = await answers.begin(apiOf(request).project, key, fingerprintOf(request))
      return found instanceof Begun ? { begun: found, writes: { mayHaveWritten: false } } : found
    }
    const proceed = async (found: Attempt | KeptAnswer | undefined): Promise<void> => {
      if (found === undefined) return done()
      if ('begun' in found) {
        contextOf(request)[BEGUN] = found
        return watchWrites(found.writes, done)
      }
      reply.header(REPLAYED_HEADER, 'true')
      if ('stream' in found) await resend(request, reply, found.stream)
      else reply.code(found.status).type('application/json; charset=utf-8').send(found.payload)
    }
    begin().then(proceed).catch(done)
  })

  api.addHook('onSend', async (request, reply, payload) => {
    const attempt = contextOf(request)[BEGUN]
    if (attempt === undefined || attempt.begun.isSettled) return
    const { statusCode } = reply
    const isKept = statusCode < 400 && typeof payload === 'string' && payload.length <= MAX_PAYLOAD
    await settle(request, async () => await (isKept ? attempt.begun.keep({ status: statusCode, payload }) : letGo(attempt, statusCode >= 500)))
  })

  // Answers that were written past Fastify, and requests whose clients left.
  api.addHook('onResponse', async request => {
    const attempt = contextOf(request)[BEGUN]
    if (attempt?.begun.isSettled === false) await settle(request, async () => await letGo(attempt, false))
  })
}

/** What failed after it had written, or may have, is not to be repeated. */
async function letGo ({ begun, writes }: Attempt, hasFailed: boolean): Promise<void> {
  await (hasFailed && writes.mayHaveWritten ? begun.keepUnknown() : begun.release())
}

/** Keeps a stream as the request's answer: called before its first event is sent. */
export async function keepStream (request: FastifyRequest, stream: StreamedAnswer): Promise<void> {
  const attempt = contextOf(request)[BEGUN]
  if (attempt !== undefined) await settle(request, async () => await attempt.begun.keep({ stream }))
}

/** The request was carried out, whether or not its answer can be kept. */
async function settle (request: FastifyRequest, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (err) {
    request.log.warn({ err }, 'the answer of a request with an Idempotency-Key could not be kept')
  }
}

function keyOf ({ method, headers }: FastifyRequest): string | undefined {
  const key = [headers['idempotency-key']].flat()[0]
  if (method !== 'POST' || key === undefined) return undefined
  if (key === '' || key.length > MAX_KEY_LENGTH) {
    throw badRequest(`Invalid 'Idempotency-Key': expected 1 to ${MAX_KEY_LENGTH} characters, but got ${key.length}.`, { code: 'invalid_idempotency_key' })
  }
  return key
}

/** Of the URL and the body. Of a form, which is not read yet, the length alone. */
function fingerprintOf ({ url, body, headers }: FastifyRequest): string {
  return createHash('sha256').update(JSON.stringify([url, body ?? headers['content-length'] ?? null])).digest('base64url')
}

const contextOf = (request: FastifyRequest): { [BEGUN]: Attempt | undefined } => request as unknown as { [BEGUN]: Attempt | undefined }
