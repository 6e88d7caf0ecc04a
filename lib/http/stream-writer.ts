import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { Clock } from '../shared/clock.js'
import { HEARTBEAT } from '../shared/event-stream.js'
import { IdleTimer, Timer } from '../shared/timers.js'

/** A client that takes its bytes too slowly. Its connection is closed. */
export class SlowReaderError extends Error {
  override name = 'SlowReaderError'
}

export interface StreamWriterOptions {
  clock: Clock
  /** How long the client may take no bytes at all, in milliseconds. */
  stallMs: number
  /** Silence after which a comment is sent, in milliseconds. 0: never. */
  heartbeatMs: number
}

/** Writes to a client that may read slowly or stop reading, with a heartbeat while there is nothing to write. */
export class StreamWriter {
  readonly #sink: Writable
  readonly #options: StreamWriterOptions
  readonly #heartbeat: IdleTimer

  constructor (sink: Writable, options: StreamWriterOptions) {
    this.#sink = sink
    this.#options = options
    this.#heartbeat = new IdleTimer(options.clock, options.heartbeatMs || Infinity, () => {
      if (!sink.writableNeedDrain) sink.write(HEARTBEAT)
      this.#heartbeat.begin()
    })
    this.#heartbeat.begin()
  }

  /** False when `drained()` must precede the next write. */
  write (chunk: string | Uint8Array): boolean {
    this.#heartbeat.begin()
    return this.#sink.write(chunk)
  }

  /**
   * Resolves when the client has taken what was written, or the signal is aborted. Throws a `SlowReaderError` when the client takes
   * nothing for `stallMs`, or the caller's own bound is exceeded.
   *
   * @param watch calls `giveUp` when the bound is exceeded, until the function that it returns is called.
   */
  async drained (signal: AbortSignal, watch: (giveUp: (reason: string) => void) => () => void = () => () => {}): Promise<void> {
    const { clock, stallMs } = this.#options
    const waiting = new AbortController()
    const giveUp = (reason: string): void => waiting.abort(new SlowReaderError(reason))
    const stall = new Timer(clock)
    stall.set(stallMs, () => giveUp(`The client took no bytes for ${stallMs} ms.`))
    const unwatch = watch(giveUp)
    try {
      await once(this.#sink, 'drain', { signal: AbortSignal.any([waiting.signal, signal]) })
    } catch (error) {
      if (waiting.signal.aborted) throw waiting.signal.reason
      if (!signal.aborted) throw error
    } finally {
      stall.clear()
      unwatch()
    }
  }

  /** Ends the heartbeat. The sink is the caller's to end. */
  stop (): void {
    this.#heartbeat.clear()
  }
}
