import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from '../../shared/undici.js'

export interface ExchangeRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body?: string
}

/** Beyond this the socket is paused until the reader has caught up. */
const HIGH_WATER_BYTES = 64 * 1024

/**
 * One HTTP request and its answer, pulled chunk by chunk. It sits on undici's dispatch because the promise interfaces
 * above it neither tell when the connection stands nor give up a request that still waits for one.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  status = 0
  headers: IncomingHttpHeaders = {}
  #controller: Dispatcher.DispatchController | undefined
  #chunks: Buffer[] = []
  #buffered = 0
  #ended = false
  #failed = false
  #failure: unknown
  #discardable: number | undefined
  #wake: (() => void) | undefined
  readonly #onConnected: (() => void) | undefined

  /** `onConnected` is called when the request goes out on a connection that stands. */
  constructor (onConnected?: () => void) {
    this.#onConnected = onConnected
  }

  /** Sends the request and resolves with the headers. Throws what broke it, or the reason given to `abort`. */
  async open (dispatcher: Dispatcher, request: ExchangeRequest): Promise<void> {
    const { url, method, headers, body } = request
    try {
      if (!this.#failed) dispatcher.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body: body ?? null }, this)
    } catch (thrown) {
      this.#fail(thrown)
    }
    while (this.status === 0 && !this.#failed) await this.#change()
    if (this.#failed) throw this.#failure
  }

  /** The next chunk of the body, undefined at its end. What came before a connection broke is given out first. One reader at a time. */
  async read (): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0 && !this.#ended && !this.#failed) await this.#change()
    const chunk = this.#chunks.shift()
    if (chunk === undefined) {
      if (this.#failed) throw this.#failure
      return undefined
    }
    this.#buffered -= chunk.length
    if (this.#buffered < HIGH_WATER_BYTES && !this.#failed && this.#controller?.paused === true) this.#controller.resume()
    return chunk
  }

  /** Whether `read` would answer without waiting. */
  get readable (): boolean {
    return this.#chunks.length > 0 || this.#ended || this.#failed
  }

  get ended (): boolean {
    return this.#ended || this.#failed
  }

  /** Closes the connection at once, whatever the state. Whoever waits gets `reason` thrown. */
  abort (reason: unknown): void {
    if (this.#ended || this.#failed) return
    this.#chunks = []
    this.#fail(reason)
    this.#controller?.abort(new Error('The request was given up.'))
  }

  /** Throws the rest of the body away, so that the connection can serve again; more than `bytes` of it aborts. */
  discard (bytes: number): void {
    this.#discardable = bytes
    this.#chunks = []
    this.#buffered = 0
    if (this.#controller?.paused === true) this.#controller.resume()
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failed) controller.abort(new Error('The request was given up.'))
    else this.#onConnected?.()
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    this.status = status
    this.headers = headers
    this.#notify()
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failed) return
    if (this.#discardable !== undefined) {
      this.#discardable -= chunk.length
      if (this.#discardable < 0) this.abort(new Error('The rest of the answer was too long to wait for.'))
      return
    }
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    if (this.#buffered >= HIGH_WATER_BYTES) controller.pause()
    this.#notify()
  }

  onResponseEnd (): void {
    this.#ended = true
    this.#notify()
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error)
  }

  #fail (reason: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#failure = reason
    this.#notify()
  }

  #change (): Promise<void> {
    return new Promise(resolve => { this.#wake = resolve })
  }

  #notify (): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
