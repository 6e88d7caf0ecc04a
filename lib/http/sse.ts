import type { OutgoingHttpHeaders } from 'node:http'
import type { Writable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../shared/clock.js'
import { EVENT_STREAM_HEADERS, frame, jsonLine } from '../shared/event-stream.js'
import { EventsForgottenError, type EventLog, type LoggedEvent } from '../runs/events/event-log.js'
import type { ReaderLimits, ReaderSlots } from './reader-slots.js'
import { SlowReaderError, StreamWriter } from './stream-writer.js'

/** Bounds of streamed responses. */
export interface StreamLimits extends ReaderLimits {
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
  // The first event may take long, for instance when the run waits for tool outputs.
  raw.flushHeaders()
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
  for await (const batch of log.follow(from, stop)) {
    const end = batch.findIndex(entry => log.endsStretch(entry))
    const entries = end === -1 ? batch : batch.slice(0, end + 1)
    for (const piece of pieces(entries)) {
      // One write for many: a client that catches up is not sent one frame at a time.
      let frames = ''
      for (const { id, event, data } of piece) frames += hasIds ? frame({ id: eventId(log, id), event, data }) : frame({ event, data })
      const flows = writer.write(frames)
      const last = piece.at(-1)
      if (flows || last === undefined || (end !== -1 && last === entries.at(-1))) continue
      // Who joins late may be as far behind as he was, and no farther.
      const behind = Math.max(maxLagBytes, log.bytes - last.offset)
      await writer.drained(stop, giveUp => log.onChange(() => {
        if (log.bytes - last.offset > behind) giveUp(`The client is more than ${maxLagBytes} bytes behind.`)
      }))
      if (stop.aborted) return false
    }
    if (end !== -1) return true
  }
  return false
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

/** Characters that are written at once: a client that takes none of them costs no more. */
const PIECE = 256 * 1024

function * pieces (entries: readonly LoggedEvent[]): Generator<readonly LoggedEvent[], void, undefined> {
  let from = 0
  let length = 0
  for (const [i, { data }] of entries.entries()) {
    if (length > 0 && length + data.length > PIECE) {
      yield entries.slice(from, i)
      from = i
      length = 0
    }
    length += data.length
  }
  yield entries.slice(from)
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
