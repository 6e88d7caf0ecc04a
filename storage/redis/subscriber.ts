import type { Cluster, Redis } from 'ioredis'
import { streamsOf } from './connection.js'

/** How often the subscriptions are confirmed, and how long the server may take to do so. A dead connection is found in twice that time. */
const CONFIRM_MS = 2000

/**
 * The channels that this instance listens to, on a connection of their own: one with subscriptions cannot run other commands. Subscribing
 * to a channel twice is the same as once, so all of them are subscribed to again and again. That brings back what was lost with a connection,
 * and finds one whose other end has silently disappeared. The driver does neither: it subscribes again once, and leaves an unhandled rejection
 * behind when that fails.
 */
export class RedisSubscriber {
  readonly #connect: () => Redis | Cluster
  readonly #deliver: (channel: string, payload: string) => void
  readonly #channels = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #client: Redis | Cluster
  #confirming = false

  /** @param connect makes a client like the store's, which does not subscribe again by itself. */
  constructor (connect: () => Redis | Cluster, deliver: (channel: string, payload: string) => void) {
    this.#connect = connect
    this.#deliver = deliver
    this.#client = this.#open()
    this.#timer = setInterval(() => { this.#confirm() }, CONFIRM_MS).unref()
  }

  /** Resolves when messages arrive. Rejects when the server cannot be reached. */
  async subscribe (channel: string): Promise<void> {
    const client = this.#client
    try {
      await client.subscribe(channel)
    } catch (error) {
      // Nothing confirms a connection without subscriptions: the next attempt must not find it as it is.
      if (client === this.#client) this.renew()
      throw error
    }
    this.#channels.add(channel)
  }

  async unsubscribe (channel: string): Promise<void> {
    this.#channels.delete(channel)
    await this.#client.unsubscribe(channel)
  }

  /** Goes on with a new connection: the one there was may lead to a server that hears nothing any more. */
  renew (): void {
    const streams = streamsOf(this.#client)
    this.#client.disconnect()
    // The driver says goodbye and waits for the other end, which may be gone.
    for (const stream of streams) stream.destroy()
    this.#client = this.#open()
    this.#confirm()
  }

  close (): void {
    clearInterval(this.#timer)
    this.#channels.clear()
    this.#client.disconnect()
  }

  #open (): Redis | Cluster {
    const client = this.#connect()
    // 'close' always follows.
    client.on('error', () => {})
    client.on('message', this.#deliver)
    client.on('ready', () => { this.#confirm() })
    return client
  }

  /** Never throws: what fails is tried again. */
  #confirm (): void {
    if (this.#confirming || this.#channels.size === 0) return
    this.#confirming = true
    const client = this.#client
    const late = setTimeout(() => { if (client === this.#client && this.#channels.size > 0) this.renew() }, CONFIRM_MS)
    client.subscribe(...this.#channels).catch(() => {}).finally(() => {
      clearTimeout(late)
      // The driver has given it up.
      if (client === this.#client && client.status === 'end' && this.#channels.size > 0) this.renew()
      this.#confirming = false
      // A new client has missed its turn.
      if (client !== this.#client) this.#confirm()
    })
  }
}
