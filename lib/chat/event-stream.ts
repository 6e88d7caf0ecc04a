import type { Clock } from '../shared/clock.js'
import type { ApiError } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'

/** Nothing on the way may hold the stream back or change it. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no'
}

export const DONE = 'data: [DONE]\n\n'
const PING = ': ping\n\n'
const END_OF_FRAME = /(?:\n\n|\r\r|\r\n\r\n)$/
const LONGEST_END = 4

export function frame (data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** What is to be told of a stream that breaks off after `tail`: a last piece, or an error, which is the answer while nothing was sent and cuts the connection later. */
export type Recover = (thrown: unknown, tail: string) => ApiError | string

/**
 * A last frame says why, and the SDKs throw it as an error: a stream that just ended would pass for a complete one. Not
 * where a frame has begun, nor while nothing was sent.
 */
export function lastFrame (explain: (thrown: unknown) => ApiError, log: Logger): Recover {
  return (thrown, tail) => {
    const error = explain(thrown)
    if (!END_OF_FRAME.test(tail)) return error
    if (error.status >= 500) log.error({ err: error.cause ?? error }, error.message)
    return frame(error.toEnvelope())
  }
}

/** The stream, its failures told as `recover` says. */
export async function * recovering<T extends string | Uint8Array> (chunks: AsyncIterable<T>, recover: Recover): AsyncGenerator<T | string, void, undefined> {
  const source = chunks[Symbol.asyncIterator]()
  let tail = ''
  try {
    for (;;) {
      // Apart from the `yield`, at which the reader's own failures are thrown.
      const next = await source.next().catch((thrown: unknown) => ({ told: recover(thrown, tail) }))
      if ('told' in next) {
        if (typeof next.told !== 'string') throw next.told
        yield next.told
        return
      }
      if (next.done === true) return
      yield next.value
      tail = (tail + lastCharacters(next.value)).slice(-LONGEST_END)
    }
  } finally {
    await source.return?.()
  }
}

function lastCharacters (chunk: string | Uint8Array): string {
  return typeof chunk === 'string' ? chunk.slice(-LONGEST_END) : Buffer.from(chunk.slice(-LONGEST_END)).toString('latin1')
}

/** The stream, with a comment whenever it is silent for `pauseMs`, so that proxies do not take it for dead. */
export async function * keepAlive (frames: AsyncGenerator<string, void, undefined>, clock: Clock, pauseMs: number): AsyncGenerator<string, void, undefined> {
  let next: Promise<IteratorResult<string, void>> | undefined
  try {
    for (;;) {
      next ??= frames.next()
      const result = await Promise.race([next, pause(clock, pauseMs, next)])
      if (result === undefined) {
        yield PING
        continue
      }
      next = undefined
      if (result.done === true) return
      yield result.value
    }
  } finally {
    next?.catch(() => {})
    // Not waited for: it ends when the model's next word arrives, or its signal.
    frames.return().catch(() => {})
  }
}

/** Undefined after `ms`, unless `unless` comes first: then it never settles, and the timer is taken back. */
async function pause (clock: Clock, ms: number, unless: Promise<unknown>): Promise<undefined> {
  await new Promise<void>(resolve => {
    const takeBack = clock.after(ms, resolve)
    unless.then(takeBack, takeBack)
  })
  return undefined
}
