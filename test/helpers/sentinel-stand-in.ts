/** A Sentinel that a test can hold back: what it does at which moment is the matter, and a real one has its own mind. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Gate } from './upstream-gate.js'

export interface SentinelStandIn {
  url: string
  /** Questions for the master wait from now on. */
  hold (): Gate
  /** Tells all who listen that there is a new master. */
  announceFailover (): void
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const array = (...items: string[]): string => `*${items.length}\r\n${items.join('')}`

/** The commands in what was received, as far as they are whole, and the rest. */
function commands (text: string): { whole: string[][], rest: string } {
  const whole: string[][] = []
  for (let rest = text; ;) {
    const head = /^\*(\d+)\r\n/.exec(rest)
    if (head === null) return { whole, rest }
    let at = head[0].length
    const words: string[] = []
    for (let n = Number(head[1]); n > 0; n--) {
      const length = /^\$(\d+)\r\n/.exec(rest.slice(at))
      if (length === null || rest.length < at + length[0].length + Number(length[1]) + 2) return { whole, rest }
      at += length[0].length
      words.push(rest.slice(at, at + Number(length[1])))
      at += Number(length[1]) + 2
    }
    whole.push(words)
    rest = rest.slice(at)
  }
}

export async function startSentinelStandIn (t: Test, masterPort: number): Promise<SentinelStandIn> {
  let gate: Gate | undefined
  const listeners = new Set<Socket>()
  const sockets = new Set<Socket>()

  async function answer (socket: Socket, [name = '', first = '']: string[]): Promise<void> {
    switch (`${name} ${first}`.toLowerCase()) {
      case 'sentinel get-master-addr-by-name':
        await gate?.pass()
        socket.write(array(bulk('127.0.0.1'), bulk(String(masterPort))))
        break
      case 'sentinel sentinels':
        socket.write(array())
        break
      case 'subscribe +switch-master':
        listeners.add(socket)
        socket.write(array(bulk('subscribe'), bulk(first), ':1\r\n'))
        break
      case 'info ':
        socket.write(bulk('redis_version:7.0.0\r\nloading:0\r\n'))
        break
      default:
        socket.write('+OK\r\n')
    }
  }

  const server = createServer(socket => {
    sockets.add(socket)
    let text = ''
    socket.setEncoding('utf8').on('error', () => {}).on('close', () => { listeners.delete(socket) }).on('data', (piece: string) => {
      const { whole, rest } = commands(text + piece)
      text = rest
      for (const command of whole) answer(socket, command).catch((error: unknown) => t.fail(String(error)))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    gate?.open(Infinity)
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `redis+sentinel://127.0.0.1:${(server.address() as AddressInfo).port}/mymaster`,
    hold () {
      gate = new Gate()
      return gate
    },
    announceFailover () {
      for (const socket of listeners) socket.write(array(bulk('message'), bulk('+switch-master'), bulk(`mymaster 127.0.0.1 1 127.0.0.1 ${masterPort}`)))
    }
  }
}
