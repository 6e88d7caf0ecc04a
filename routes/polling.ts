import type { FastifyReply } from 'fastify'
import { unixSeconds, type Clock } from '../lib/shared/clock.js'

const SHORTEST_MS = 100
const LONGEST_MS = 1000

/** States that end by themselves: those of runs, files and batches. */
const PENDING: readonly string[] = ['queued', 'in_progress', 'cancelling']

/**
 * Tells the pollers of the official SDKs when to ask again, as `openai-poll-after-ms`: left to themselves they wait for five
 * seconds (Node) or one (Python), however soon the work is done. Asked often at first, then an eighth of the age, up to a second.
 */
export function askAgain<T extends { status: string, created_at: number }> (reply: FastifyReply, clock: Clock, polled: T): T {
  if (PENDING.includes(polled.status)) {
    const ageMs = (unixSeconds(clock) - polled.created_at) * 1000
    reply.header('openai-poll-after-ms', Math.round(Math.min(Math.max(ageMs / 8, SHORTEST_MS), LONGEST_MS)))
  }
  return polled
}
