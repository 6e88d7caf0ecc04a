/** Headers of a response in server-sent events: nothing between server and client may hold the stream back or change it. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no'
}

/** A comment, which clients skip: it tells proxies that the stream is alive. */
export const HEARTBEAT = ': ping\n\n'

/** One server-sent event. */
export interface EventFrame {
  id?: string
  event?: string
  /** Without line breaks, as JSON is. */
  data: string
}

export function frame ({ id, event, data }: EventFrame): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`
}
