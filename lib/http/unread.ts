import type { FastifyInstance } from 'fastify'

/** What a client may go on sending after its request was answered, in bytes. Most clients read an answer only when they have sent all. */
const MOST_DISCARDED = 8 * 1024 * 1024
const LOOK_MS = 20

/** Closes the connection of a client that goes on with a body that was refused: Node would read all of it, to discard it. */
export function closeOnUnread (app: FastifyInstance): void {
  app.addHook('onResponse', async request => {
    const message = request.raw
    const { socket } = message
    if (message.complete || socket.destroyed) return
    const from = socket.bytesRead
    // A body that is discarded raises no events.
    const timer = setInterval(() => {
      if (message.complete || socket.destroyed) clearInterval(timer)
      else if (socket.bytesRead - from > MOST_DISCARDED) socket.destroy()
    }, LOOK_MS).unref()
  })
}
