import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify'
import type { Metrics } from '../observe/metrics.js'
import { ApiError } from '../shared/errors.js'
import { sha256 } from './keys.js'
import { isLoopback } from './local-only.js'
import type { MetricsOption } from './metrics-option.js'

/** Counts the requests of this context, by operation. */
export function countRequests (api: FastifyInstance, metrics: Metrics): void {
  // One hook for each route: a request's `routeOptions` are made anew each time they are looked at.
  const countAs = (operation: string): onResponseHookHandler => {
    const count = metrics.requestsOf(operation)
    return (_request, reply, done) => {
      const isStream = String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream')
      count(reply.statusCode, isStream ? undefined : reply.elapsedTime / 1000)
      done()
    }
  }
  api.addHook('onRoute', route => {
    const { operationId = 'other' } = (route.schema ?? {}) as { operationId?: string }
    route.onResponse = [...[route.onResponse ?? []].flat(), countAs(operationId)]
  })
  const unknown = countAs('other')
  api.addHook('onResponse', function (request, reply, done) {
    if (request.is404) unknown.call(this, request, reply, done)
    else done()
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
