import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../shared/errors.js'
import type { Allowance, Spending } from '../usage/spending.js'
import { callerOf } from './request-context.js'

/** Operations that ask a model, now or soon. */
const ASK_A_MODEL: ReadonlySet<string | undefined> = new Set(['createThreadAndRun', 'createRun', 'submitToolOutputsToRun', 'createChatCompletion', 'createEmbedding'])

/**
 * Refuses what exceeds the requests or tokens of a project or a key with a 429 that the SDKs wait for, and tells in the real API's headers what
 * is left.
 */
export function limitRequests (api: FastifyInstance, spending: Spending): void {
  api.addHook('onRequest', async (request, reply) => {
    const caller = callerOf(request)
    if (!spending.isLimited(caller)) return
    const requests = tightest(await spending.allowances(caller, 'requests'))
    if (requests !== undefined) {
      tell(reply, { ...requests, remaining: Math.max(requests.remaining - 1, 0) }, spending)
      if (requests.remaining === 0) throw exceeded(requests, spending)
    }
    spending.spend(caller, 'requests', 1)
    if (!asksModel(request)) return
    const tokens = tightest(await spending.allowances(caller, 'tokens'))
    if (tokens === undefined) return
    tell(reply, tokens, spending)
    if (tokens.remaining === 0) throw exceeded(tokens, spending)
  })
}

/** What the provider answers itself costs tokens too, though how many is not known. */
function asksModel ({ routeOptions: { schema } }: FastifyRequest): boolean {
  const { operationId, hide } = (schema ?? {}) as { operationId?: string, hide?: boolean }
  return hide === true || ASK_A_MODEL.has(operationId)
}

const tightest = (allowances: Allowance[]): Allowance | undefined => allowances.sort((a, b) => a.remaining - b.remaining)[0]

function tell (reply: FastifyReply, { of, limit, remaining, endsAt }: Allowance, spending: Spending): void {
  reply.headers({ [`x-ratelimit-limit-${of}`]: limit, [`x-ratelimit-remaining-${of}`]: remaining, [`x-ratelimit-reset-${of}`]: `${spending.waitS({ endsAt })}s` })
}

function exceeded (allowance: Allowance, spending: Spending): ApiError {
  const { of, limit, per } = allowance
  const waitS = spending.waitS(allowance)
  return new ApiError(429, `Rate limit reached for ${of}: ${limit} per ${per}. Please try again in ${waitS}s.`,
    { type: of, code: 'rate_limit_exceeded', headers: { 'retry-after': String(waitS) } })
}
