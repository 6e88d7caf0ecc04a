import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../shared/clock.js'
import { pause } from '../../shared/timers.js'

export interface RetryOptions {
  maxRetries: number
  /** The longest pause before a retry, in milliseconds. A request is not retried when the vendor asks for a longer one. */
  maxDelayMs: number
  clock: Clock
  signal: AbortSignal
  /** Undefined when a retry cannot succeed; otherwise the pause that the vendor asks for, in milliseconds, if it does. */
  inspect (thrown: unknown): { retryAfterMs: number | undefined } | undefined
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

/** Calls `attempt` until it succeeds. Throws its last error when a retry cannot succeed or there are no retries left, or the signal's reason. */
export async function retrying<T> (attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { maxRetries, maxDelayMs, clock, signal } = options
  for (let retries = 0; ; retries++) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (thrown) {
      signal.throwIfAborted()
      const known = retries < maxRetries ? options.inspect(thrown) : undefined
      if (known === undefined || (known.retryAfterMs ?? 0) > maxDelayMs) throw thrown
      await pause(clock, known.retryAfterMs ?? Math.min(backoffMs(retries), maxDelayMs), signal)
    }
  }
}

/** Doubles from half a second. Half of it is random, so that clients that failed at the same time do not retry at the same time. */
export function backoffMs (retries: number): number {
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** retries, LONGEST_DELAY_MS)
  return ceiling * (1 + Math.random()) / 2
}

/** The pause that a response asks for, in `retry-after-ms` or in `retry-after` as seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMs (headers: IncomingHttpHeaders, now: number): number | undefined {
  const precise = Number.parseFloat(String(headers['retry-after-ms']))
  if (precise >= 0) return precise
  const value = headers['retry-after']
  if (value === undefined) return undefined
  const delayMs = /^\s*[\d.]+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs)
}
