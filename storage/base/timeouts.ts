/** An operation fails when the server does not answer for this many milliseconds. */
const DEFAULT_MS = 10_000
/** A server that answers takes a few milliseconds. Waiting longer than this helps less than an error. */
const CONNECT_MS = 5000
/** The longest delay of a timer. */
const MAX_MS = 2 ** 31 - 1

/** After this many idle milliseconds the system probes a connection. Otherwise a dead one would go unnoticed for hours. */
export const KEEP_ALIVE_MS = 10_000

export interface StoreTimeouts {
  /** For one command or statement. */
  commandMs: number
  /** To connect, or to get a connection of a pool. */
  connectMs: number
}

/** Throws a `TypeError` for an invalid option. */
export function storeTimeouts (timeoutMs: number = DEFAULT_MS): StoreTimeouts {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_MS) {
    throw new TypeError(`timeoutMs must be a number of whole milliseconds from 1 to ${MAX_MS}, got ${timeoutMs}.`)
  }
  return { commandMs: timeoutMs, connectMs: Math.min(timeoutMs, CONNECT_MS) }
}
