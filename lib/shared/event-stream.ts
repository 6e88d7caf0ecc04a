/** Headers of a response in server-sent events: nothing between server and client may hold the stream back or change it. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no'
}

/** A comment, which clients skip: it tells proxies that the stream is alive. */
export const HEARTBEAT = ': ping\n\n'

/** Plain characters to JSON and to the event stream format, line ends to Python's `splitlines()` and Node's `readline`, which clients read streams with. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g

/** What JSON and the line ends above leave as it is. A lone half of a character is not among it. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\uffff]*$/

/** The same for a string, of which most need no more than quotes. */
export const stringLine = (value: string): string => PLAIN.test(value) ? `"${value}"` : jsonLine(value)

/** JSON on one line, however lines are counted. */
export function jsonLine (value: unknown): string {
  return JSON.stringify(value).replace(LINE_ENDS, end => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** One server-sent event. */
export interface EventFrame {
  id?: string
  event?: string
  /** Without line breaks: that of `jsonLine`. */
  data: string
}

export function frame ({ id, event, data }: EventFrame): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`
}
