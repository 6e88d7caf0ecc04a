/** When requests are refused for the server's own good. What is absent is not looked at. */
export interface OverloadOptions {
  /** By how much the event loop may lag in the mean of a second, in milliseconds; beyond it requests are a 503. */
  maxEventLoopDelayMs?: number
  /** Heap in use, in bytes; beyond it requests are a 503. */
  maxHeapBytes?: number
  /** Memory of the process, in bytes; beyond it requests are a 503. */
  maxRssBytes?: number
  /** What `Retry-After` of such a 503 says, in seconds. Default 10. */
  retryAfterS?: number
  /** Requests of one address in a minute that may have no valid key; then all of that address are a 429 until the minute is over. */
  unauthorizedPerMinute?: number
}

const NAMES: Record<keyof OverloadOptions, true> = { maxEventLoopDelayMs: true, maxHeapBytes: true, maxRssBytes: true, retryAfterS: true, unauthorizedPerMinute: true }

/** Throws a TypeError for what is no such option. */
export function checkedOverload (given: OverloadOptions = {}): OverloadOptions {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(NAMES, name)) throw new TypeError(`Option "overload.${name}" does not exist.`)
    if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`Option "overload.${name}" must be a whole number, 1 or more.`)
  }
  return given
}
