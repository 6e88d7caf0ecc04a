import type { OutgoingHttpHeaders } from 'node:http'
import type { Writable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../shared/clock.js'
import { EVENT_STREAM_HEADERS, frame, jsonLine } from '../shared/event-stream.js'
import { EventsForgottenError, eventsOf, type EventLog, type LogPiece } from '../runs/events/event-log.js'
import type { ReaderLimits, ReaderSlots } from './reader-slots.js'
import { SlowReaderError, StreamWriter } from './stream-writer.js'

/** Bounds of streamed responses. */
export interface StreamLimits extends ReaderLimits {
  /** Bytes of events that a client may lag behind the run before it is disconnected. */
  maxLagBytes: number
  /** How long a client may take no bytes at all before it is disconnected, in milliseconds. */
  stallMs: number
  /** Silence after which a comment tells proxies that the stream is alive, in milliseconds. 0: never. */
  heartbeatMs: number
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  maxLagBytes: 4 * 1024 * 1024,
  stallMs: 60_000,
  heartbeatMs: 15_000,
  maxReaders: 2000,
  maxReadersPerProject: 500
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
  readers: ReaderSlots
  /** Aborted when the server closes: open streams end. */
  closing: AbortSignal
}

/**
 * Responds with a run's events as server-sent events, up to and including the end of its present stretch (API reference, "Streaming"). A
 * client that leaves or reads slowly affects nothing but its own response. A stream that ends
 * before its run does says so in an `error` event. Resolves when the response is over.
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
  // The first event may take long, for instance when the run waits for tool outputs. What is there already goes with the headers.
  if (source.log.nextId <= source.from) raw.flushHeaders()
  const writer = new StreamWriter(raw, { clock: context.clock, ...context.limits })
  try {
    const isWhole = await pump(writer, source, context.limits.maxLagBytes, AbortSignal.any([gone, context.closing]))
    // A reader that can resume does so, and finds the run wherever it is then.
    if (!isWhole && source.hasIds !== true && !gone.aborted) writer.write(interruption(context.closing.aborted))
    raw.end()
  } catch (error) {
    if (error instanceof SlowReaderError || error instanceof EventsForgottenError) request.log.info({ err: error }, 'a client that reads too slowly was disconnected')
    else request.log.error({ err: error }, 'a stream failed')
    raw.destroy()
  } finally {
    writer.stop()
  }
}

/** Whether the stretch was sent to its end. */
async function pump (writer: StreamWriter, { log, from, hasIds = false }: StreamSource, maxLagBytes: number, stop: AbortSignal): Promise<boolean> {
  const reader = log.reader(from, PIECE_BYTES, stop)
  try {
    while (!stop.aborted) {
      const piece = reader.take()
      if (piece === undefined) {
        if (log.isClosed) return false
        await reader.changed()
        continue
      }
      const flows = writer.write(hasIds ? withIds(log, piece) : piece.bytes)
      if (piece.endsStretch) return true
      if (flows) continue
      // Who joins late may be as far behind as he was, and no farther.
      const behind = Math.max(maxLagBytes, log.bytes - piece.offset)
      await writer.drained(stop, giveUp => log.onChange(() => {
        if (log.bytes - piece.offset > behind) giveUp(`The client is more than ${maxLagBytes} bytes behind.`)
      }))
    }
    return false
  } finally {
    reader.close()
  }
}

/**
 * The end of a stream whose run goes on without it. The official SDKs throw the error; without it they would say that the final run has
 * not been received, or wait.
 */
function interruption (isClosing: boolean): string {
  const error = {
    message: isClosing
      ? 'The server is shutting down, and the run goes on without this stream. Retrieve the run, or join its stream, to see how it ends.'
      : 'This stream cannot go on: its run continues on another server, or its thread was deleted. Retrieve the run, or join its stream.',
    type: 'server_error',
    param: null,
    code: isClosing ? 'shutting_down' : 'stream_interrupted'
  }
  return frame({ event: 'error', data: jsonLine({ ...error, error }) }) + frame({ event: 'done', data: '[DONE]' })
}

/** Written at once: a client that takes none of them costs no more. */
const PIECE_BYTES = 256 * 1024

const withIds = (log: EventLog, piece: LogPiece): string =>
  eventsOf(piece).map(({ id, event, data }) => frame({ id: `${log.tag}-${id}`, event, data })).join('')

/**
 * The event from which a client resumes that names the last one it has received (`Last-Event-ID`). Without that header, or when the
 * id is of a log that no longer exists, it starts where the run's present stretch does.
 */
export function resumeFrom (log: EventLog, lastEventId: string | undefined): number {
  const [tag, id] = lastEventId?.split('-') ?? []
  if (tag !== log.tag || id === undefined || !/^\d{1,15}$/.test(id)) return log.stretchStart
  // A copy of another instance's log may not have come so far yet.
  return Math.max(Number(id) + 1, log.firstId)
}

/** Made once: an error with its stack costs more than the rest of an abort, and nearly every stream ends with one. */
const CLOSED = new Error('The connection is closed.')

/** Aborted when the stream is closed, by either side, or fails. */
export function closed (stream: Writable): AbortSignal {
  const controller = new AbortController()
  stream.once('close', () => controller.abort(CLOSED))
  stream.on('error', () => controller.abort(CLOSED))
  return controller.signal
}

/**
 * Aborted when the connection is closed before the response is complete. Fastify's `request.signal` cannot tell: Node closes a request
 * as soon as its body has been read.
 */
export function clientGone (reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => { if (!raw.writableFinished) gone.abort(CLOSED) })
  if (raw.destroyed) gone.abort(CLOSED)
  return gone.signal
}
