import type { IncomingHttpHeaders } from 'node:http'
import { Notifier } from '../../shared/timers.js'
import type { Dispatcher } from '../../shared/undici.js'

export interface ExchangeRequest {
  method: 'GET' | 'POST' | 'DELETE'
  url: URL
  headers: Record<string, string>
  body?: string | Uint8Array
}

/** The socket is paused while more than this is buffered. */
const HIGH_WATER_BYTES = 64 * 1024

/**
 * One HTTP request and its response, read chunk by chunk. It uses undici's `dispatch`, because undici's promise interfaces neither report
 * when the connection is established nor abort a request that still waits for one.
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
  readonly #changes = new Notifier()
  readonly #onConnected: (() => void) | undefined

  /** `onConnected` is called when the connection is established and the request is being sent. */
  constructor (onConnected?: () => void) {
    this.#onConnected = onConnected
  }

  /** Sends the request and resolves when its status and headers are there. Throws the failure, or the reason given to `abort`. */
  async open (dispatcher: Dispatcher, request: ExchangeRequest): Promise<void> {
    const { url, method, headers, body } = request
    try {
      if (!this.#failed) dispatcher.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body: body ?? null }, this)
    } catch (thrown) {
      this.#fail(thrown)
    }
    while (this.status === 0 && !this.#failed) await this.#changes.notified()
    if (this.#failed) throw this.#failure
  }

  /** The next chunk of the body, undefined at its end. Chunks that were received before a failure are returned first. One reader at a time. */
  async read (): Promise<Buffer | undefined> {
    while (!this.readable) await this.changed()
    return this.take()
  }

  /** Resolves when something has come, or the exchange has ended. */
  changed (): Promise<void> {
    return this.#changes.notified()
  }

  /** What `read` resolves with, at once. Only when `readable`. */
  take (): Buffer | undefined {
    const chunk = this.#chunks.shift()
    if (chunk === undefined) {
      if (this.#failed) throw this.#failure
      return undefined
    }
    this.#buffered -= chunk.length
    if (this.#buffered < HIGH_WATER_BYTES && !this.#failed && this.#controller?.paused === true) this.#controller.resume()
    return chunk
  }

  /** Whether `read` would resolve without waiting. */
  get readable (): boolean {
    return this.#chunks.length > 0 || this.#ended || this.#failed
  }

  get ended (): boolean {
    return this.#ended || this.#failed
  }

  /** Closes the connection at once, in any state. A pending `open` or `read` throws `reason`. */
  abort (reason: unknown): void {
    if (this.#ended || this.#failed) return
    this.#chunks = []
    this.#fail(reason)
    this.#controller?.abort(new Error('The request was aborted.'))
  }

  /** Discards the rest of the body, so that the connection can be used again. Aborts when there are more than `bytes` of it. */
  discard (bytes: number): void {
    this.#discardable = bytes
    this.#chunks = []
    this.#buffered = 0
    if (this.#controller?.paused === true) this.#controller.resume()
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failed) controller.abort(new Error('The request was aborted.'))
    else this.#onConnected?.()
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    this.status = status
    this.headers = headers
    this.#changes.notify()
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failed) return
    if (this.#discardable !== undefined) {
      this.#discardable -= chunk.length
      if (this.#discardable < 0) this.abort(new Error('The rest of the response was too long.'))
      return
    }
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    if (this.#buffered >= HIGH_WATER_BYTES) controller.pause()
    this.#changes.notify()
  }

  onResponseEnd (): void {
    this.#ended = true
    this.#changes.notify()
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error)
  }

  #fail (reason: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#failure = reason
    this.#changes.notify()
  }
}
