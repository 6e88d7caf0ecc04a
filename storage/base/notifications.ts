import { isText } from './batch.js'
import type { NotificationListener } from '../record-store.js'

/** PostgreSQL takes less than 8,000 bytes, its line break between topic and payload included. */
const MAX_BYTES = 7900

/** Throws unless every backend can send it. */
export function requireSendable (topic: string, payload: string): void {
  if (topic.includes('\n') || !isText(topic + payload, MAX_BYTES)) {
    throw new TypeError('A notification is text without U+0000 and lone surrogates, up to 7,900 bytes with its topic, which has no line break.')
  }
}

interface Topic {
  listeners: Set<{ listener: NotificationListener }>
  /** Settles when the backend delivers the topic. */
  ready: Promise<void>
}

/**
 * Who listens to what on this instance. The backend is asked to deliver a topic when its first listener comes, and
 * to stop when the last one leaves, in exactly that order.
 */
export class Listeners {
  readonly #topics = new Map<string, Topic>()
  readonly #subscribe: (topic: string) => Promise<void> | void
  readonly #unsubscribe: (topic: string) => Promise<void> | void

  constructor (subscribe: (topic: string) => Promise<void> | void, unsubscribe: (topic: string) => Promise<void> | void) {
    this.#subscribe = subscribe
    this.#unsubscribe = unsubscribe
  }

  async add (name: string, listener: NotificationListener): Promise<() => Promise<void>> {
    // An object of its own: the same function may listen twice.
    const entry = { listener }
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = { listeners: new Set(), ready: (async () => this.#subscribe(name))() }
      this.#topics.set(name, topic)
    }
    const { listeners, ready } = topic
    listeners.add(entry)

    const leave = async () => {
      if (!listeners.delete(entry) || listeners.size > 0 || this.#topics.get(name)?.listeners !== listeners) return
      this.#topics.delete(name)
      await this.#unsubscribe(name)
    }
    try {
      await ready
    } catch (error) {
      await leave().catch(() => {})
      throw error
    }
    return leave
  }

  deliver (name: string, payload: string): void {
    for (const { listener } of [...this.#topics.get(name)?.listeners ?? []]) listener(payload)
  }

  /** Removes all of them: later notifications are dropped. */
  clear (): void {
    this.#topics.clear()
  }
}
