import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface TcpProxy {
  /** The URL that was given, by way of the proxy. */
  url: string
  /** Cuts every connection and takes no more, until `restore()`: a server that is away. */
  refuse (): void
  /** Connections stay, and are taken, but nothing passes any more: a server that hangs. */
  stall (): void
  /** Nothing passes any more on the connections there are; new ones work: a server that went elsewhere without a word. */
  strand (): void
  /** Undoes `refuse()` and `stall()`. */
  restore (): void
}

/** Stands before a database that a test wants to lose. */
export async function startProxy (t: Test, target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let mode: 'open' | 'refuse' | 'stall' = 'open'
  const server = createServer(client => {
    if (mode === 'refuse') {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from)
      from.on('data', chunk => { to.write(chunk) })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      if (mode === 'stall') from.pause()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: url.href,
    refuse () {
      mode = 'refuse'
      cut()
    },
    stall () {
      mode = 'stall'
      for (const socket of sockets) socket.pause()
    },
    strand () {
      for (const socket of sockets) {
        socket.pause()
        socket.removeAllListeners('data')
      }
    },
    restore () {
      mode = 'open'
      for (const socket of sockets) socket.resume()
    }
  }
}
