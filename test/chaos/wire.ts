import { randomUUID } from 'node:crypto'
import type OpenAI from 'openai'
import { newestSdk } from '../helpers/sdk.js'

/** How long a client waits for an answer to begin. */
const PATIENCE_MS = 4000
/** Between two attempts of the SDK, in place of the seconds that a server asks for. */
const RETRY_MS = 50

/** The network between the clients and the instances: a load balancer that takes turns, and may lose answers. */
export class Wire {
  /** The addresses that requests may go to, each ending in `/v1`. */
  readonly #addresses: () => readonly string[]
  #turn = 0
  /** The share of answers to a POST that get lost on their way back. */
  loss = 0
  readonly #random: () => number

  constructor (addresses: () => readonly string[], random: () => number) {
    this.#addresses = addresses
    this.#random = random
  }

  /** The official SDK, which repeats what had no answer under one `Idempotency-Key` for each call. */
  client (stop?: AbortSignal): OpenAI {
    const { OpenAI } = newestSdk.load()
    const client = new OpenAI({
      baseURL: 'http://chaos.invalid/v1',
      apiKey: 'sk-test',
      maxRetries: 4,
      timeout: PATIENCE_MS,
      fetch: async (url: string, init: RequestInit) => await this.#fetch(url, init, stop)
    })
    // What the constructor has no option for: the SDK then makes a key for each call and keeps it for its retries.
    ;(client as unknown as { idempotencyHeader: string }).idempotencyHeader = 'Idempotency-Key'
    return client
  }

  async #fetch (url: string, init: RequestInit, stop: AbortSignal | undefined): Promise<Response> {
    const address = this.#next()
    const isStopped = (): boolean => stop?.aborted === true
    if (isStopped()) return stopped()
    if (address === undefined) return unanswered()
    const signal = AbortSignal.any([init.signal, stop].filter(each => each instanceof AbortSignal))
    try {
      const answer = await fetch(url.replace('http://chaos.invalid/v1', address), { ...init, signal })
      if (init.method?.toUpperCase() === 'POST' && this.#random() < this.loss) {
        await answer.body?.cancel()
        return unanswered()
      }
      if (answer.status < 400) return answer
      const headers = new Headers(answer.headers)
      headers.set('retry-after-ms', String(RETRY_MS))
      return new Response(answer.body, { status: answer.status, headers })
    } catch (error) {
      if (isStopped()) return stopped()
      if (init.signal?.aborted === true) throw error
      return unanswered()
    }
  }

  #next (): string | undefined {
    const addresses = this.#addresses()
    return addresses[this.#turn++ % addresses.length]
  }
}

const refusal = (status: number, headers: Record<string, string>): Response => new Response('', { status, headers })

/** Keeps the SDK from trying again. */
const stopped = (): Response => refusal(418, { 'x-should-retry': 'false' })

/** What a load balancer says in place of an instance. */
const unanswered = (): Response => refusal(502, { 'retry-after-ms': String(RETRY_MS) })

/** A word that stands nowhere else. */
export const unique = (): string => `w${randomUUID().replaceAll('-', '')}`
