/** A server that stopped answering fails a verb after this many milliseconds. */
const DEFAULT_MS = 10_000
/** Of a server that answers this takes a few; who waits for longer is better off with an error. */
const CONNECT_MS = 5000
/** What a timer can take. */
const MAX_MS = 2 ** 31 - 1

/** An idle connection is looked after by the system from then on, in milliseconds: else one that is dead is not noticed for hours. */
export const KEEP_ALIVE_MS = 10_000

export interface StoreTimeouts {
  /** For one command or statement. */
  commandMs: number
  /** To connect, or to get a connection of a pool. */
  connectMs: number
}

/** Throws a `TypeError` for an option that is none. */
export function storeTimeouts (timeoutMs: number = DEFAULT_MS): StoreTimeouts {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_MS) {
    throw new TypeError(`timeoutMs must be a number of whole milliseconds from 1 to ${MAX_MS}, got ${timeoutMs}.`)
  }
  return { commandMs: timeoutMs, connectMs: Math.min(timeoutMs, CONNECT_MS) }
}
