import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Delivery {
  path: string
  method: string
  headers: IncomingHttpHeaders
  /** As it came: what the signature is made of. */
  raw: string
  body: any
}

export interface Receiver {
  /** Ends in `/hook`. */
  url: string
  /** `127.0.0.1:port` */
  host: string
  deliveries: Delivery[]
  /** The next delivery that was not handed out yet, or waits for it. */
  next (): Promise<Delivery>
}

/** What a receiver does with a delivery: a status, or anything else. */
export type Reaction = number | ((response: ServerResponse) => void | Promise<void>)

/** A receiver of webhooks that reacts as told, and with 204 when nothing is left to do. */
export async function startReceiver (t: Test, ...reactions: Reaction[]): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const waiting: ((delivery: Delivery) => void)[] = []
  let handedOut = 0
  async function receive (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await text(request)
    const delivery = { path: request.url ?? '', method: request.method ?? '', headers: request.headers, raw, body: raw === '' ? undefined : JSON.parse(raw) }
    deliveries.push(delivery)
    const reaction = reactions.shift() ?? 204
    const reacted = typeof reaction === 'number' ? response.writeHead(reaction).end() : reaction(response)
    const next = waiting.shift()
    if (next !== undefined) {
      handedOut++
      next(delivery)
    }
    await reacted
  }

  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}/hook`,
    host,
    deliveries,
    async next () {
      const delivery = deliveries[handedOut]
      if (delivery === undefined) return await new Promise(resolve => waiting.push(resolve))
      handedOut++
      return delivery
    }
  }
}

const KEY = Buffer.from('a key of at least twenty-four bytes')
export const secret = `whsec_${KEY.toString('base64')}`

/** What is wrong with a delivery's signature (https://www.standardwebhooks.com); undefined when nothing is. */
export function signatureProblem ({ headers, raw }: Delivery, key: Buffer = KEY): string | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (typeof id !== 'string' || id === '' || id.includes('.')) return `the id is ${id as string}`
  if (typeof timestamp !== 'string' || !/^\d{10}$/.test(timestamp)) return `the timestamp is ${timestamp as string}`
  const expected = `v1,${createHmac('sha256', key).update([id, timestamp, raw].join('.')).digest('base64')}`
  if (typeof signatures !== 'string' || !signatures.split(' ').includes(expected)) return `the signature is ${signatures as string}, not ${expected}`
  return undefined
}
