import type { OutgoingHttpHeaders } from 'node:http'
import type { Writable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../shared/clock.js'
import { EVENT_STREAM_HEADERS, frame } from '../shared/event-stream.js'
import { EventsForgottenError, type EventLog } from '../runs/events/event-log.js'
import { SlowReaderError, StreamWriter } from './stream-writer.js'

/** Bounds of a streamed response. */
export interface StreamLimits {
  /** Payload bytes that a client may lag behind the run before it is disconnected. */
  maxLagBytes: number
  /** How long a client may take no bytes at all before it is disconnected, in milliseconds. */
  stallMs: number
  /** Silence after which a comment tells proxies that the stream is alive, in milliseconds. 0: never. */
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
  /** Whether frames say where a reader may resume. The real API's do not, and some clients (.NET) fail on a frame that does. Default false. */
  hasIds?: boolean
}

export interface StreamContext {
  clock: Clock
  limits: StreamLimits
  /** Aborted when the server closes: open streams end. */
  closing: AbortSignal
}

/**
 * Responds with a run's events as server-sent events, up to and including the end of its present stretch (API reference, "Streaming"). A
 * client that leaves or reads slowly affects nothing but its own response. Resolves when the response is over.
 */
export async function sendEvents (request: FastifyRequest, reply: FastifyReply, source: StreamSource, context: StreamContext): Promise<void> {
  reply.hijack()
  const { raw } = reply
  const gone = closed(raw)
  if (raw.destroyed) return
  raw.writeHead(200, {
    // A hijacked reply does not send what hooks have set (CORS, the request id).
    ...reply.getHeaders() as OutgoingHttpHeaders,
    'openai-processing-ms': Math.round(reply.elapsedTime),
    ...EVENT_STREAM_HEADERS
  })
  // The first event may take long, for instance when the run waits for tool outputs.
  raw.flushHeaders()
  const writer = new StreamWriter(raw, { clock: context.clock, ...context.limits })
  try {
    await pump(writer, source, context.limits.maxLagBytes, AbortSignal.any([gone, context.closing]))
    raw.end()
  } catch (error) {
    if (error instanceof SlowReaderError || error instanceof EventsForgottenError) request.log.info({ err: error }, 'a client that reads too slowly was disconnected')
    else request.log.error({ err: error }, 'a stream failed')
    raw.destroy()
  } finally {
    writer.stop()
  }
}

async function pump (writer: StreamWriter, { log, from, hasIds = false }: StreamSource, maxLagBytes: number, stop: AbortSignal): Promise<void> {
  for await (const batch of log.follow(from, stop)) {
    const end = batch.findIndex(entry => log.endsStretch(entry))
    const entries = end === -1 ? batch : batch.slice(0, end + 1)
    // One write for all there is: a client that catches up is not sent one frame at a time.
    let frames = ''
    for (const { id, event, data } of entries) frames += hasIds ? frame({ id: eventId(log, id), event, data }) : frame({ event, data })
    const flows = writer.write(frames)
    if (end !== -1) return
    const last = entries.at(-1)
    if (flows || last === undefined) continue
    await writer.drained(stop, giveUp => log.onChange(() => {
      if (log.bytes - last.offset > maxLagBytes) giveUp(`The client is more than ${maxLagBytes} bytes behind.`)
    }))
  }
}

const eventId = (log: EventLog, id: number): string => `${log.tag}-${id}`

/**
 * The event from which a client resumes that names the last one it has received (`Last-Event-ID`). Without that header, or when the
 * id is of a log that no longer exists, it starts where the run's present stretch does.
 */
export function resumeFrom (log: EventLog, lastEventId: string | undefined): number {
  const [tag, id] = lastEventId?.split('-') ?? []
  if (tag !== log.tag || id === undefined || !/^\d{1,15}$/.test(id)) return log.stretchStart
  return Math.max(Math.min(Number(id) + 1, log.nextId), log.firstId)
}

/** Aborted when the stream is closed, by either side, or fails. */
export function closed (stream: Writable): AbortSignal {
  const controller = new AbortController()
  stream.once('close', () => controller.abort())
  stream.on('error', () => controller.abort())
  return controller.signal
}

/**
 * Aborted when the connection is closed before the response is complete. Fastify's `request.signal` cannot tell: Node closes a request
 * as soon as its body has been read.
 */
export function clientGone (reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => { if (!raw.writableFinished) gone.abort() })
  if (raw.destroyed) gone.abort()
  return gone.signal
}
