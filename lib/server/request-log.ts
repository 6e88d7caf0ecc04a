import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'

/** In Fastify since 5.11. */
type LogController = new (options: { disableRequestLogging: boolean }) => NonNullable<FastifyServerOptions['logController']>

/** Turns Fastify's own lines off, as the installed version wants it said: newer ones warn of the option of older ones. */
export function requestLogOptions (): FastifyServerOptions {
  const { LogController } = Fastify as unknown as { LogController?: LogController }
  return LogController === undefined ? { disableRequestLogging: true } : { logController: new LogController({ disableRequestLogging: true }) }
}

/**
 * A line for each request that was answered, in place of the two that Fastify writes. What was read successfully is told at the level
 * `debug`: clients ask for their run every second until it has ended, and a line would cost as much as half the answer.
 */
export function logRequests (app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    request.log.debug({ req: request }, 'incoming request')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const isRead = (request.method === 'GET' || request.method === 'HEAD') && reply.statusCode < 400
    request.log[isRead ? 'debug' : 'info']({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request completed')
    done()
  })
}
