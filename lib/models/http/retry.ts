import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../shared/clock.js'

export interface RetryOptions {
  maxRetries: number
  /** A vendor that asks for a longer pause is not asked again; our own pauses are no longer than this. */
  maxDelayMs: number
  clock: Clock
  signal: AbortSignal
  /** What is known of a failure: undefined when another try cannot help, else how long the vendor wants to be left alone. */
  inspect (thrown: unknown): { retryAfterMs: number | undefined } | undefined
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

/** Calls `attempt` until it succeeds, cannot be helped or has used up its retries; then its last error is thrown. */
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
      await wait(clock, known.retryAfterMs ?? Math.min(backoffMs(retries), maxDelayMs), signal)
    }
  }
}

/** Doubles from half a second; the random half keeps clients that failed together from returning together. */
export function backoffMs (retries: number): number {
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** retries, LONGEST_DELAY_MS)
  return ceiling * (1 + Math.random()) / 2
}

/** The pause an answer asks for, in `retry-after-ms` or in `retry-after` as seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMs (headers: IncomingHttpHeaders, now: number): number | undefined {
  const precise = Number.parseFloat(String(headers['retry-after-ms']))
  if (precise >= 0) return precise
  const value = headers['retry-after']
  if (value === undefined) return undefined
  const delayMs = /^\s*[\d.]+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs)
}

/** Resolves after `delayMs`, or throws the signal's reason as soon as it is aborted. */
export function wait (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = (): void => {
      takeBack()
      reject(signal.reason)
    }
    const takeBack = clock.after(delayMs, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
