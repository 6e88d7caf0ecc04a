import { createHash } from 'node:crypto'
import type { Client, Pool } from 'pg'
import { createClient, destroy, endClient } from './connections.js'

/** Milliseconds between attempts to listen again. */
const RECONNECT_MS = { first: 100, most: 5000 }

/** How often the connection is tried, and how long the server may take to answer. A dead one is found in twice that time. */
const CONFIRM_MS = 2000

/**
 * Receives the notifications of all topics over one connection and one channel, both shared by the whole store:
 * LISTEN is per connection, and a pooled one is not ours to keep. It connects with the first listener and again
 * whenever the connection is lost.
 */
export class PostgresListener {
  /** Made from the table's name, which may be longer than a channel's may be. */
  readonly channel: string
  readonly #createClient: () => Client
  readonly #deliver: (topic: string, payload: string) => void
  #connection: Promise<Client> | undefined
  #reconnect: NodeJS.Timeout | undefined
  #isClosed = false

  constructor (pool: Pool, table: string, deliver: (topic: string, payload: string) => void) {
    this.#createClient = () => createClient(pool)
    this.channel = `openai_compat_${createHash('sha1').update(table).digest('hex').slice(0, 16)}`
    this.#deliver = deliver
  }

  /** A topic has no line break, so the first one ends it. */
  static encode (topic: string, payload: string): string {
    return `${topic}\n${payload}`
  }

  /** Resolves when notifications arrive. */
  async start (): Promise<void> {
    clearTimeout(this.#reconnect)
    this.#connection ??= this.#connect()
    await this.#connection
  }

  async close (): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#reconnect)
    const client = await this.#connection?.catch(() => undefined)
    if (client !== undefined) await endClient(client)
  }

  async #connect (): Promise<Client> {
    const client = this.#createClient()
    // 'end' always follows, and is where we act.
    client.on('error', () => {})
    client.on('notification', ({ payload = '' }) => {
      const end = payload.indexOf('\n')
      this.#deliver(payload.slice(0, end), payload.slice(end + 1))
    })
    try {
      await client.connect()
      await client.query(`LISTEN ${this.channel}`)
    } catch (error) {
      this.#connection = undefined
      client.end().catch(() => {})
      throw error
    }
    const confirming = this.#confirm(client)
    client.on('end', () => {
      clearInterval(confirming)
      this.#connection = undefined
      this.#connectAgain(RECONNECT_MS.first)
    })
    return client
  }

  /** Closes the connection when its other end has silently disappeared: it says nothing itself, so nothing else would find out. */
  #confirm (client: Client): NodeJS.Timeout {
    let isAsking = false
    return setInterval(() => {
      if (isAsking) return
      isAsking = true
      const confirm = { text: `LISTEN ${this.channel}`, query_timeout: CONFIRM_MS }
      client.query(confirm).then(() => { isAsking = false }, () => destroy(client))
    }, CONFIRM_MS).unref()
  }

  #connectAgain (delayMs: number): void {
    if (this.#isClosed) return
    this.#reconnect = setTimeout(() => {
      this.start().catch(() => this.#connectAgain(Math.min(delayMs * 2, RECONNECT_MS.most)))
    }, delayMs)
    this.#reconnect.unref()
  }
}
