import type { FastifyPluginAsync, HTTPMethods } from 'fastify'
import { Passthrough, PASSTHROUGH_METHODS, type PassthroughCall } from '../lib/chat/passthrough.js'
import type { RouteOptions } from './route-options.js'
import { answerCall, BODY_LIMIT } from './model-call.js'

/** Operations that the option `passthrough` names: the provider's, not ours. They are no part of `GET /openapi.json`. */
export const passthroughRoutes: FastifyPluginAsync<RouteOptions> = async (app, { core, streams, passthrough }) => {
  const calls = new Passthrough(core.models)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: string | Buffer) => body)

  for (const url of passthrough) {
    // What this server has itself, it does not pass on.
    const method = PASSTHROUGH_METHODS.filter((name: HTTPMethods) => !app.hasRoute({ method: name, url: app.prefix + url }))
    if (method.length === 0) continue
    app.route({
      method,
      url,
      bodyLimit: BODY_LIMIT,
      exposeHeadRoute: false,
      schema: { hide: true },
      async handler (request, reply) {
        const [path = '', query] = request.url.slice(app.prefix.length).split(/\?(.*)/s)
        return await answerCall(request as never, reply, streams, async ({ signal, closing, log }) => await calls.send({
          method: request.method as PassthroughCall['method'],
          path,
          query: query === undefined || query === '' ? '' : `?${query}`,
          body: Buffer.isBuffer(request.body) ? request.body : undefined,
          contentType: request.headers['content-type'],
          signal,
          closing,
          log
        }))
      }
    })
  }
}
