import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../observe/metrics.js'
import { ApiError } from '../shared/errors.js'
import { sha256 } from './keys.js'
import { isLoopback } from './local-only.js'
import type { MetricsOption } from './metrics-option.js'

/** Counts the requests of this context, by operation. */
export function countRequests (api: FastifyInstance, metrics: Metrics): void {
  api.addHook('onResponse', ({ routeOptions }, reply, done) => {
    const { operationId = 'other' } = (routeOptions.schema ?? {}) as { operationId?: string }
    const isStream = String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream')
    metrics.requested(operationId, reply.statusCode, isStream ? undefined : reply.elapsedTime / 1000)
    done()
  })
}

/** Answers with the metrics. Throws the 403 for the one who may not see them. */
export async function sendMetrics (request: FastifyRequest, reply: FastifyReply, metrics: Metrics, option: MetricsOption): Promise<string> {
  if (!maySee(request, option)) {
    throw new ApiError(403, 'The metrics are for this machine, or for the holder of the token that the option "metrics" names.', { code: 'insufficient_permissions' })
  }
  const text = await metrics.text()
  reply.type(metrics.contentType)
  return text
}

function maySee ({ headers, socket }: FastifyRequest, option: MetricsOption): boolean {
  if (typeof option === 'object' && option.token !== undefined) {
    const [, presented = ''] = /^Bearer\s+(.+)$/i.exec(headers.authorization ?? '') ?? []
    return timingSafeEqual(sha256(presented), sha256(option.token))
  }
  // A proxy on this machine speaks for others, and a page in a browser for its site.
  const isForOthers = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.origin !== undefined
  return !isForOthers && isLoopback(socket.remoteAddress ?? '')
}
