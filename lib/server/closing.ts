import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../shared/errors.js'

/**
 * Makes `app.close()` quick and gentle: streams are ended by the plugin, other answers under way are finished, and each
 * connection is closed behind its last answer instead of being kept alive for a client that may not come back. What is
 * left after the grace period (a reader that takes nothing) is cut.
 */
export function closeGently (app: FastifyInstance, graceMs: number): void {
  closeUnused(app)
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

/**
 * Closes the connections on which nothing has been asked as soon as the app closes. Clients and browsers open spare ones, and to Node they
 * are not idle: it would wait a minute for the headers of their first request.
 */
export function closeUnused (app: FastifyInstance): void {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  app.addHook('preClose', async () => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  })
}
