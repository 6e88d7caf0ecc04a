import type { FastifyInstance, FastifyReply } from 'fastify'
import { ApiError } from '../shared/errors.js'
import type { Clock } from '../shared/clock.js'
import type { Quotas } from './quota-options.js'
import { callerOf } from './request-context.js'

const MINUTE_MS = 60_000
/** Projects and keys that are counted at a time. */
const MOST_COUNTED = 10_000

interface Window {
  /** When it ends and another begins, in milliseconds since the epoch. */
  endsAt: number
  requests: number
}

/**
 * Refuses what exceeds a project's or a key's requests per minute with a 429 that the SDKs wait for, and tells in the real API's headers what
 * is left. Each instance counts by itself.
 */
export function limitRequests (api: FastifyInstance, quotas: Quotas, clock: Clock): void {
  const windows = new Map<string, Window>()

  function windowOf (name: string): Window {
    const now = clock.now()
    const known = windows.get(name)
    if (known !== undefined && known.endsAt > now) return known
    const [oldest] = windows.keys()
    if (windows.size >= MOST_COUNTED && oldest !== undefined) windows.delete(oldest)
    windows.delete(name)
    const fresh = { endsAt: now + MINUTE_MS, requests: 0 }
    windows.set(name, fresh)
    return fresh
  }

  api.addHook('onRequest', async (request, reply) => {
    const { project, keyName, requestsPerMinute } = callerOf(request)
    const limits = [
      ...quotas.requestsPerMinute === undefined ? [] : [{ name: `project ${project}`, limit: quotas.requestsPerMinute }],
      ...requestsPerMinute === undefined ? [] : [{ name: `key ${keyName}`, limit: requestsPerMinute }]
    ].map(({ name, limit }) => ({ limit, window: windowOf(name) }))
    const [tightest] = limits.sort((a, b) => (a.limit - a.window.requests) - (b.limit - b.window.requests))
    if (tightest === undefined) return
    const { limit, window } = tightest
    const waitS = Math.ceil((window.endsAt - clock.now()) / 1000)
    const refused = window.requests >= limit
    if (!refused) for (const { window } of limits) window.requests++
    tell(reply, limit, limit - window.requests, waitS)
    if (refused) {
      throw new ApiError(429, `Rate limit reached for requests: ${limit} per minute. Please try again in ${waitS}s.`,
        { type: 'requests', code: 'rate_limit_exceeded', headers: { 'retry-after': String(waitS) } })
    }
  })
}

function tell (reply: FastifyReply, limit: number, remaining: number, waitS: number): void {
  reply.headers({ 'x-ratelimit-limit-requests': limit, 'x-ratelimit-remaining-requests': remaining, 'x-ratelimit-reset-requests': `${waitS}s` })
}
