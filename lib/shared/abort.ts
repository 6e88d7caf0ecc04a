import type { Clock } from './clock.js'
import { Timer } from './timers.js'

/**
 * The result of `work`, unless the signal is aborted first: then throws its reason, and the outcome of the work is ignored. No
 * listener stays on the signal, because Node keeps a composite signal alive as long as it has one.
 */
export async function unlessAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
  })
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  try {
    // The work may have failed already; the signal comes first. `race` handles the failure of the one that comes later.
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * The result of `work`, whose signal is aborted after `timeoutMs` or together with `signal`. It is then abandoned at once, even if it
 * ignores its signal.
 *
 * @param timeoutError what is thrown when the time is up.
 */
export async function withTimeLimit<T> (
  clock: Clock, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>, timeoutError: () => Error, signal?: AbortSignal
): Promise<T> {
  const limit = new AbortController()
  const timer = new Timer(clock)
  timer.set(timeoutMs, () => limit.abort(timeoutError()))
  const either = signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal])
  try {
    return await unlessAborted(work(either), either)
  } finally {
    timer.clear()
  }
}
