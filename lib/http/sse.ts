import { once } from 'node:events'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../shared/clock.js'
import { EventsForgottenError, type EventLog, type LoggedEvent } from '../runs/events/event-log.js'

/** Bounds of a streamed answer. */
export interface StreamLimits {
  /** Payload bytes that a reader may lag behind the run before it is dropped. */
  maxLagBytes: number
  /** How long a reader may take no bytes at all before it is dropped, in milliseconds. */
  stallMs: number
  /** Pause after which a comment tells proxies that the stream is alive, in milliseconds. */
  heartbeatMs: number
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  maxLagBytes: 4 * 1024 * 1024,
  stallMs: 60_000,
  heartbeatMs: 15_000
}

export interface StreamSource {
  log: EventLog
  /** The first event to send. */
  from: number
}

export interface StreamContext {
  clock: Clock
  limits: StreamLimits
  /** Aborted when the server closes: open streams end. */
  closing: AbortSignal
}

/** A reader that takes its bytes too slowly. The run does not care; the connection is cut. */
class SlowReaderError extends Error {
  override name = 'SlowReaderError'
}

/**
 * Answers with a run's events as server-sent events, up to and with the end of its present stretch (API reference, "Streaming"). The
 * reader's leaving, slowness or death touches nothing but this response. Resolves when the response is over.
 */
export async function sendEvents (request: FastifyRequest, reply: FastifyReply, source: StreamSource, context: StreamContext): Promise<void> {
  reply.hijack()
  const { raw } = reply
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  raw.on('error', () => gone.abort())
  if (raw.destroyed) return
  raw.writeHead(200, {
    // What hooks have set (CORS, the request id) is not sent by itself once the reply is hijacked.
    ...reply.getHeaders() as OutgoingHttpHeaders,
    'openai-processing-ms': Math.round(reply.elapsedTime),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no'
  })
  // A reader of a run that rests has to know that it is connected.
  raw.flushHeaders()
  const heart = new Heartbeat(raw, context)
  try {
    await pump(raw, source, context, AbortSignal.any([gone.signal, context.closing]), heart)
    raw.end()
  } catch (error) {
    if (!(error instanceof SlowReaderError) && !(error instanceof EventsForgottenError)) request.log.error({ err: error }, 'a stream broke off')
    else request.log.info({ err: error }, 'a slow reader was dropped')
    raw.destroy()
  } finally {
    heart.stop()
  }
}

async function pump (raw: ServerResponse, source: StreamSource, context: StreamContext, stop: AbortSignal, heart: Heartbeat): Promise<void> {
  for await (const batch of source.log.follow(source.from, stop)) {
    const end = batch.findIndex(entry => source.log.endsStretch(entry))
    const entries = end === -1 ? batch : batch.slice(0, end + 1)
    heart.rest()
    // One write for all that is there: a reader who catches up is not fed frame by frame.
    const flows = raw.write(entries.map(entry => frame(source.log, entry)).join(''))
    if (end !== -1) return
    const last = entries.at(-1)
    if (!flows && last !== undefined) await drained(raw, source.log, last, context, stop)
  }
}

function frame (log: EventLog, { id, event, data }: LoggedEvent): string {
  return `id: ${eventId(log, id)}\nevent: ${event}\ndata: ${data}\n\n`
}

const eventId = (log: EventLog, id: number): string => `${log.tag}-${id}`

/**
 * Where a reader goes on that names the last event it has seen (`Last-Event-ID`). Without one, or with one of a log that
 * is no more, it starts where the run's present stretch does.
 */
export function resumeFrom (log: EventLog, lastEventId: string | undefined): number {
  const [tag, id] = lastEventId?.split('-') ?? []
  if (tag !== log.tag || id === undefined || !/^\d{1,15}$/.test(id)) return log.stretchStart
  return Math.max(Math.min(Number(id) + 1, log.nextId), log.firstId)
}

/** Waits until the reader has taken what was written, within bounds. */
async function drained (raw: ServerResponse, log: EventLog, sent: LoggedEvent, { clock, limits }: StreamContext, stop: AbortSignal): Promise<void> {
  const waiting = new AbortController()
  const giveUp = (why: string): void => waiting.abort(new SlowReaderError(why))
  const offTimer = clock.after(limits.stallMs, () => giveUp(`no bytes taken for ${limits.stallMs} ms`))
  const offLog = log.onChange(() => {
    if (log.bytes - sent.offset > limits.maxLagBytes) giveUp(`more than ${limits.maxLagBytes} bytes behind`)
  })
  try {
    await once(raw, 'drain', { signal: AbortSignal.any([waiting.signal, stop]) })
  } catch (error) {
    if (waiting.signal.aborted) throw waiting.signal.reason
    // The reader has left or the server closes: the caller sees that by the same signal.
    if (!stop.aborted) throw error
  } finally {
    offTimer()
    offLog()
  }
}

/** Sends a comment whenever nothing else was sent for a while. */
class Heartbeat {
  #cancel = (): void => {}
  readonly #raw: ServerResponse
  readonly #context: StreamContext

  constructor (raw: ServerResponse, context: StreamContext) {
    this.#raw = raw
    this.#context = context
    this.rest()
  }

  /** Something was sent: the pause starts anew. */
  rest (): void {
    this.#cancel()
    this.#cancel = this.#context.clock.after(this.#context.limits.heartbeatMs, () => {
      if (!this.#raw.writableNeedDrain) this.#raw.write(': ping\n\n')
      this.rest()
    })
  }

  stop (): void {
    this.#cancel()
  }
}

/**
 * Aborted when the connection ends before the answer is complete. Fastify's `request.signal` does not tell: Node closes
 * a request as soon as its body is read.
 */
export function clientGone (reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => { if (!raw.writableFinished) gone.abort() })
  if (raw.destroyed) gone.abort()
  return gone.signal
}
