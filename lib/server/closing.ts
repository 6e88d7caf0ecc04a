import type { FastifyInstance } from 'fastify'
import { ApiError } from '../shared/errors.js'

/**
 * Makes `app.close()` quick and gentle: streams are ended by the plugin, other answers under way are finished, and each
 * connection is closed behind its last answer instead of being kept alive for a client that may not come back. What is
 * left after the grace period (a reader that takes nothing) is cut.
 */
export function closeGently (app: FastifyInstance, graceMs: number): void {
  let closing = false
  let timer: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    closing = true
    timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  })
  app.addHook('onClose', async () => clearTimeout(timer))
  app.addHook('onRequest', async () => {
    if (!closing) return
    throw new ApiError(503, 'The server is shutting down. Please retry your request.', { code: 'shutting_down', headers: { 'retry-after': '1' } })
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
  // A stream has sent its headers long ago.
  app.addHook('onResponse', async request => {
    const { socket } = request.raw
    // Later, since Node has yet to hand the answer's last bytes to the socket.
    if (closing) setImmediate(() => socket.destroySoon())
  })
}
