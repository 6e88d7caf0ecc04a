import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { sendMetrics } from '../lib/http/metrics.js'
import type { RouteOptions } from './route-options.js'

/** Ours alone: what Prometheus may know, where the option `metrics` wants it. It is text, and no part of the API's description. */
export const metricsRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core, metrics: option }) => {
  const { metrics } = core
  if (metrics !== undefined) app.get('/metrics', { logLevel: 'warn', schema: { hide: true } }, async (request, reply) => await sendMetrics(request, reply, metrics, option))
}
