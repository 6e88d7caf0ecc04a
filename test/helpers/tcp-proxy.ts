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
  /** Nothing passes any more on the connections there are, or on those whose client has `said` this; new ones work: a server that went elsewhere without a word. */
  strand (said?: RegExp): void
  /** Cuts every connection. New ones work. */
  cut (): void
  /** Cuts the next connections whose client sends this text, as many as `times`, before the server sees it. Resolves when all have been cut. */
  cutOn (text: string, times?: number): Promise<void>
  /** Cuts the next connections on which the server answers a request with this text, after it has carried it out. As `cutOn` otherwise. */
  swallow (text: string, times?: number): Promise<void>
  /** Takes no more bytes from the clients and passes on what the server still says: a half of each connection is closed. New ones work. */
  halfClose (): void
  /** Holds every chunk back for so many milliseconds, until `restore()`. */
  delay (ms: number): void
  /** Where new connections lead. */
  target (url: string): void
  /** Undoes `refuse()`, `stall()` and `delay()`. */
  restore (): void
}

/** Characters of what a client says first that are remembered. */
const MOST_SAID = 10_000

/** Stands before a database that a test wants to lose. */
export async function startProxy (t: Test, target: string): Promise<TcpProxy> {
  let { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  /** What the clients began with, by both sockets of each connection. */
  const said = new WeakMap<Socket, { text: string }>()
  let mode: 'open' | 'refuse' | 'stall' = 'open'
  let delayMs = 0
  /** The longest delay so far. */
  let heldMs = 0
  let traps: { text: string, then: 'cut' | 'swallow', times: number, sprung: () => void }[] = []
  /** What becomes of what a client says. */
  const trapFor = (chunk: Buffer): 'cut' | 'swallow' | undefined => {
    const trap = traps.find(({ text }) => chunk.includes(text))
    if (trap === undefined || --trap.times > 0) return trap?.then
    traps = traps.filter(other => other !== trap)
    trap.sprung()
    return trap.then
  }
  const arm = (text: string, then: 'cut' | 'swallow', times = 1): Promise<void> => new Promise(resolve => { traps.push({ text, then, times, sprung: resolve }) })
  const server = createServer(client => {
    if (mode === 'refuse') {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    const words = { text: '' }
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      let delayed = 0
      sockets.add(from)
      said.set(from, words)
      from.on('data', (chunk: Buffer) => {
        if (from === client && words.text.length < MOST_SAID) words.text += chunk.toString('latin1')
        const trap = from === client ? trapFor(chunk) : undefined
        if (trap === 'cut') {
          client.destroy()
          return
        }
        if (trap === 'swallow') upstream.removeAllListeners('data').on('data', () => client.destroy())
        if (delayMs === 0 && delayed === 0) {
          to.write(chunk)
          return
        }
        // Timers of the same length fire in order; one that comes behind them when the delay has ended waits for them, too.
        delayed++
        heldMs = Math.max(heldMs, delayMs)
        setTimeout(() => {
          delayed--
          if (!to.destroyed) to.write(chunk)
        }, heldMs)
      })
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
    strand (pattern) {
      for (const socket of sockets) {
        if (pattern?.test(said.get(socket)!.text) === false) continue
        socket.pause()
        socket.removeAllListeners('data')
      }
    },
    cut,
    cutOn: async (text, times) => await arm(text, 'cut', times),
    swallow: async (text, times) => await arm(text, 'swallow', times),
    halfClose () {
      for (const socket of sockets) socket.removeAllListeners('close').on('close', () => sockets.delete(socket))
      for (const socket of sockets) socket.end()
    },
    delay (ms) { delayMs = ms },
    target (url) { ({ hostname, port } = new URL(url)) },
    restore () {
      mode = 'open'
      delayMs = 0
      for (const socket of sockets) socket.resume()
    }
  }
}
