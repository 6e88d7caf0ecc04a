import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../shared/errors.js'
import type { Clock } from '../shared/clock.js'
import { MINUTE_MS } from '../usage/shared-counters.js'
import type { OverloadOptions } from './overload-options.js'

/** The code of errors under overload. */
export const OVERLOADED = 'overloaded'

/** Refuses requests of this context while the process has more to do than it can. */
export async function refuseUnderPressure (api: FastifyInstance, options: OverloadOptions): Promise<void> {
  const { maxEventLoopDelayMs = 0, maxHeapBytes = 0, maxRssBytes = 0, retryAfterS = 10 } = options
  if (maxEventLoopDelayMs + maxHeapBytes + maxRssBytes === 0) return
  if (api.hasPlugin('@fastify/under-pressure')) {
    throw new TypeError('Option "overload" cannot be given here: this Fastify instance has @fastify/under-pressure already, and its rules hold for the API too.')
  }
  await api.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    maxHeapUsedBytes: maxHeapBytes,
    maxRssBytes,
    pressureHandler () {
      throw new ApiError(503, 'The server is overloaded. Please retry your request later.', { code: OVERLOADED, headers: { 'retry-after': String(retryAfterS) } })
    }
  })
}

/** Addresses that are remembered. */
const MOST_ADDRESSES = 10_000

/** Slows down those who try keys. */
export class UnauthorizedLimit {
  readonly #limit: number
  readonly #clock: Clock
  #minute = 0
  readonly #refused = new Map<string, number>()

  /** @param limit Infinity for none. */
  constructor (limit: number, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Throws the 429 when this address has tried too often. Its key is not looked at. */
  check (address: string): void {
    if (this.#limit === Infinity) return
    const now = this.#clock.now()
    const minute = Math.floor(now / MINUTE_MS)
    if (minute !== this.#minute) this.#refused.clear()
    this.#minute = minute
    if ((this.#refused.get(address) ?? 0) < this.#limit) return
    const waitS = Math.ceil(((minute + 1) * MINUTE_MS - now) / 1000)
    throw new ApiError(429, `Too many requests without a valid API key. Please try again in ${waitS}s.`, { type: 'requests', code: 'rate_limit_exceeded', headers: { 'retry-after': String(waitS) } })
  }

  /** Counts a request that was refused with a 401. */
  count (address: string): void {
    if (this.#limit === Infinity) return
    const [oldest] = this.#refused.keys()
    if (this.#refused.size >= MOST_ADDRESSES && oldest !== undefined && !this.#refused.has(address)) this.#refused.delete(oldest)
    this.#refused.set(address, (this.#refused.get(address) ?? 0) + 1)
  }
}
