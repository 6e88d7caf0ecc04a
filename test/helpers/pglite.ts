import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import type { Test } from 'tap'

/** PostgreSQL with pgvector in this process, on a port like any other server. It has one session, which clients get one transaction at a time. */
export async function startPglite (t: Test): Promise<string> {
  const database = await PGlite.create({ extensions: { vector } })
  const turns = new Turns()
  const server = createServer(socket => serve(socket, database, turns)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    await once(server, 'close')
    await database.close()
  })
  return `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`
}

/** Who has the session. */
class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves with what gives the turn back. */
  async take (): Promise<() => void> {
    const before = this.#last
    let giveBack!: () => void
    this.#last = new Promise(resolve => { giveBack = resolve })
    await before
    return giveBack
  }
}

function serve (socket: Socket, database: PGlite, turns: Turns): void {
  let received = Buffer.alloc(0)
  let hasStarted = false
  let giveBack: (() => void) | undefined
  let work = Promise.resolve()
  socket.on('error', () => {})
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data])
    if (!hasStarted) {
      if (received.length < 4 || received.length < received.readInt32BE(0)) return
      received = received.subarray(received.readInt32BE(0))
      hasStarted = true
      socket.write(WELCOME)
    }
    for (;;) {
      const end = endOfRequest(received)
      if (end === 0) return
      const request = received.subarray(0, end)
      received = received.subarray(end)
      if (request[0] !== TERMINATE) work = work.then(async () => await answer(request))
    }
  })
  socket.on('close', () => {
    work = work.then(async () => {
      if (giveBack === undefined) return
      await database.exec('ROLLBACK')
      giveBack()
    })
  })

  async function answer (request: Buffer): Promise<void> {
    giveBack ??= await turns.take()
    const reply = await database.execProtocolRaw(request)
    if (reply.at(-1) === IDLE) {
      giveBack()
      giveBack = undefined
    }
    socket.write(reply)
  }
}

const [TERMINATE, SYNC, SIMPLE_QUERY, IDLE] = ['X', 'S', 'Q', 'I'].map(letter => letter.charCodeAt(0))

/** Up to the message that is answered with the state of the transaction; 0 while it has not arrived. */
function endOfRequest (bytes: Buffer): number {
  let end = 0
  while (bytes.length >= end + 5) {
    const type = bytes[end]
    end += 1 + bytes.readInt32BE(end + 1)
    if (end > bytes.length) return 0
    if (type === SYNC || type === SIMPLE_QUERY || type === TERMINATE) return end
  }
  return 0
}

const message = (type: string, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const WELCOME = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('S', Buffer.from('client_encoding\0UTF8\0')),
  message('S', Buffer.from('standard_conforming_strings\0on\0')),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I'))
])
