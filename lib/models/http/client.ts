import { undici, type Dispatcher } from '../../shared/undici.js'
import type { Clock } from '../../shared/clock.js'
import { Timer } from '../../shared/timers.js'
import { connectionFailure, httpFailure, UpstreamError, type FailureContext } from './failure.js'
import { Exchange, type ExchangeRequest } from './exchange.js'

export interface Timeouts {
  /** To the connection. Default 10,000 ms. */
  connectMs: number
  /** From there to the first token, or to the whole answer of a call that does not stream. Default 300,000 ms. */
  firstTokenMs: number
  /** Between two pieces of a stream, keep-alive comments included. Default 120,000 ms. */
  idleMs: number
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 10_000, firstTokenMs: 300_000, idleMs: 120_000 }

/** Time-outs with their defaults. Where an option is 0, which means no limit, it is Infinity. */
export function resolveTimeouts (given: Partial<Timeouts> = {}): Timeouts {
  const { connectMs, firstTokenMs, idleMs } = { ...DEFAULT_TIMEOUTS, ...given }
  return { connectMs: connectMs || Infinity, firstTokenMs: firstTokenMs || Infinity, idleMs: idleMs || Infinity }
}

export interface HttpClientOptions {
  name: string
  baseURL: string
  apiKey: string | (() => string | Promise<string>) | undefined
  headers: Record<string, string>
  /** See `resolveTimeouts`. */
  timeouts: Timeouts
  dispatcher: Dispatcher | undefined
  clock: Clock
}

/** A response with a status below 300, whose body is still to be read. */
export interface Answer {
  exchange: Exchange
  /** Still set to the limit for the first token. */
  deadline: Timer
  /** Detaches the signal and clears the deadline. Closes the connection unless the response was read to its end. */
  close (): void
}

/** What a request has beside its path and its body. */
export interface RequestDetails {
  /** With its question mark; parameters of the base URL win. Default empty. */
  query?: string
  /** Of the body. Default `application/json`. */
  contentType?: string | undefined
}

const MAX_ERROR_BYTES = 64 * 1024
const KEEP_ALIVE_MS = 30_000
/** The value of a header may be a key, too. Shorter ones are ordinary words. */
const SHORTEST_SECRET = 12

/** Requests to one vendor's base URL: with its keys, time-outs, and errors that a user can understand. */
export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #base: URL
  #dispatcher: Dispatcher | undefined
  #isClosed = false
  #lastKey = ''

  constructor (options: HttpClientOptions) {
    this.#options = options
    this.#base = new URL(options.baseURL)
    this.#dispatcher = options.dispatcher
  }

  /** What error messages need to know. */
  get context (): FailureContext {
    return {
      name: this.#options.name,
      secrets: { values: [this.#lastKey, ...Object.values(this.#options.headers).filter(value => value.length >= SHORTEST_SECRET)], host: this.#base.host },
      now: this.#options.clock.now()
    }
  }

  /**
   * Sends a request and waits for a status below 300. A body that is a string or bytes is sent as it is. Throws `UpstreamError`, or the
   * signal's reason.
   */
  async send (method: ExchangeRequest['method'], path: string, body: unknown, signal: AbortSignal, { query = '', contentType = 'application/json' }: RequestDetails = {}): Promise<Answer> {
    signal.throwIfAborted()
    const { timeouts, clock } = this.#options
    const deadline = new Timer(clock)
    const exchange = new Exchange(() => {
      deadline.set(timeouts.firstTokenMs, () => exchange.abort(this.timedOut(`sent nothing for ${timeouts.firstTokenMs} ms.`)))
    })
    const abort = (): void => exchange.abort(signal.reason)
    const close = (): void => {
      signal.removeEventListener('abort', abort)
      deadline.clear()
      if (!exchange.ended) exchange.abort(new Error('The response is no longer needed.'))
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      const headers = await this.#headers(body === undefined ? undefined : contentType)
      deadline.set(timeouts.connectMs, () => exchange.abort(this.timedOut(`did not accept a connection within ${timeouts.connectMs} ms.`, true)))
      const url = new URL(this.#base)
      url.pathname = url.pathname.replace(/\/+$/, '') + path
      for (const [name, value] of new URLSearchParams(query)) if (!this.#base.searchParams.has(name)) url.searchParams.append(name, value)
      await exchange.open(this.#dispatcher ??= this.#agent(), { method, url, headers, ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }) })
      if (exchange.status >= 300) {
        const text = await readText(exchange, MAX_ERROR_BYTES).catch(() => '')
        signal.throwIfAborted()
        throw httpFailure(exchange.status, exchange.headers, text, this.context)
      }
      return { exchange, deadline, close }
    } catch (thrown) {
      close()
      signal.throwIfAborted()
      throw connectionFailure(thrown, this.context)
    }
  }

  /** Sends a request and reads its response as JSON of at most `maxBytes`. */
  async json (method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal, maxBytes: number): Promise<unknown> {
    const answer = await this.send(method, path, body, signal)
    try {
      return JSON.parse(await readText(answer.exchange, maxBytes + 1))
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof SyntaxError) throw this.misunderstood('did not answer in JSON: is its base URL right?', thrown)
      throw connectionFailure(thrown, this.context)
    } finally {
      answer.close()
    }
  }

  timedOut (what: string, retryable = false): UpstreamError {
    return new UpstreamError('server_error', `The model provider "${this.#options.name}" ${what}`, { retryable })
  }

  /** The error for a response that is not what the API prescribes. */
  misunderstood (what: string, cause?: unknown): UpstreamError {
    return new UpstreamError('server_error', `The model provider "${this.#options.name}" ${what}`, { cause })
  }

  /** Closes all connections, unless the dispatcher is the caller's own. */
  async close (): Promise<void> {
    this.#isClosed = true
    if (this.#options.dispatcher === undefined) await this.#dispatcher?.destroy()
  }

  /** Made for the first request: a server that starts has none yet. Throws `UpstreamError` once the client is closed. */
  #agent (): Dispatcher {
    if (this.#isClosed) throw connectionFailure({ code: 'UND_ERR_DESTROYED' }, this.context)
    const { connectMs } = this.#options.timeouts
    return new (undici().Agent)({
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The limit is the deadline's; undici's frees the socket of an abandoned connection.
      connect: { timeout: connectMs === Infinity ? 0 : connectMs + 1000 },
      headersTimeout: 0,
      bodyTimeout: 0
    })
  }

  async #headers (contentType: string | undefined): Promise<Record<string, string>> {
    const { apiKey, headers } = this.#options
    this.#lastKey = (typeof apiKey === 'function' ? await apiKey() : apiKey) ?? ''
    return {
      'user-agent': 'fastify-openai-compat',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(this.#lastKey === '' ? {} : { authorization: `Bearer ${this.#lastKey}` }),
      ...headers
    }
  }
}

/** The body as text, cut off after `maxBytes`. */
export async function readText (exchange: Exchange, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for (let chunk = await exchange.read(); chunk !== undefined; chunk = await exchange.read()) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= maxBytes) {
      exchange.abort(new Error('The response is too long.'))
      break
    }
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString()
}
