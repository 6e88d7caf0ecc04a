import { setTimeout as sleep } from 'node:timers/promises'
import type { PlainObject } from '../wire-objects.js'
import { authorization, baseOf } from './address.js'

export interface RemoteOptions {
  /** Base URL as SDKs have it (`https://api.example.com/v1`); its query goes along with every request. */
  from: string
  key?: string | undefined
  /** Headers of every request besides those of the API. */
  headers?: Readonly<Record<string, string>> | undefined
  /** Waits before a request is sent again. Default: as many milliseconds as it is given. */
  wait?: (ms: number) => Promise<unknown>
}

/** What the server refuses to give out: the pull goes on without it. */
export class NotHad extends Error {
  override name = 'NotHad'
  readonly status: number

  constructor (status: number, message: string) {
    super(`${status} ${message}`)
    this.status = status
  }
}

/** The server is away, or lets nobody in: the pull ends. */
export class RemoteFailure extends Error {
  override name = 'RemoteFailure'
}

/** How often a request is sent in all, unless it is answered. */
const ATTEMPTS = 6
const LONGEST_PAUSE_MS = 60_000
/** To the headers of an answer, and for an answer in JSON to its end. */
const ANSWER_MS = 120_000
const PAGE_LENGTH = 100
const MAX_MESSAGE = 300

/** A server that speaks the Assistants API, as a reader of it sees it. */
export class Remote {
  readonly #base: URL
  readonly #headers: Record<string, string>
  readonly #wait: (ms: number) => Promise<unknown>
  #hasAnswered = false

  constructor ({ from, key, headers, wait = sleep }: RemoteOptions) {
    this.#wait = wait
    this.#base = baseOf(from)
    this.#headers = { 'openai-beta': 'assistants=v2', 'user-agent': 'fastify-openai-compat', ...authorization(this.#base, key), ...headers }
  }

  /** Where it is: names it to a later pull. */
  get name (): string {
    return this.#base.origin + this.#base.pathname
  }

  /** Asks for the list that a pull begins with: whether the server answers and takes the key. Throws `RemoteFailure`. */
  async reach (): Promise<void> {
    await this.object('/assistants', { limit: '1' }).catch((error: unknown) => { if (!(error instanceof NotHad)) throw error })
  }

  /** One object. Throws `NotHad`, `RemoteFailure`. */
  async object (path: string, query: Record<string, string> = {}): Promise<PlainObject> {
    return await this.#retried(async () => {
      const response = await this.#open(path, query)
      const text = await response.text()
      try {
        return JSON.parse(text) as PlainObject
      } catch (error) {
        throw new RemoteFailure(`${this.#base.host} does not answer in JSON: is its URL right?`, { cause: error })
      }
    })
  }

  /** All objects of a list, oldest first, a page at a time. A server that does not know cursors may number its pages. */
  async * pages (path: string, after?: string): AsyncGenerator<PlainObject[]> {
    const seen = new Set<unknown>()
    let numbered: { page: number, size: number } | undefined
    for (let cursor = after; ;) {
      const place = numbered === undefined ? { limit: String(PAGE_LENGTH), order: 'asc', ...cursor === undefined ? {} : { after: cursor } } : { page: String(numbered.page), page_size: String(numbered.size) }
      const page = await this.object(path, place)
      const all = Array.isArray(page.data) ? page.data as PlainObject[] : []
      const data = all.filter(({ id }) => !seen.has(id))
      if (data.length > 0) yield data
      for (const { id } of data) seen.add(id)
      const last = page.last_id ?? all.at(-1)?.id
      if (page.has_more !== true || typeof last !== 'string') return
      if (numbered !== undefined) numbered.page++
      if (data.length === 0) {
        // It has answered with its first page again.
        if (numbered !== undefined) return
        numbered = { page: 2, size: all.length }
      }
      // The ids of one page are enough to notice that.
      if (seen.size > 2 * PAGE_LENGTH) for (const id of seen) if (!data.some(object => object.id === id)) seen.delete(id)
      cursor = last
    }
  }

  /**
   * The bytes of a file, handed to `take` as they come. When the connection breaks all begins anew with `begin`. Throws what `take` throws.
   *
   * @param length how many there must be; undefined when that is not known.
   */
  async bytes (path: string, length: number | undefined, begin: () => void, take: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    await this.#retried(async () => {
      const response = await this.#open(path, {}, false)
      begin()
      let bytes = 0
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        await take(chunk).catch(error => { throw new TakerFailed(error) })
      }
      if (length !== undefined && bytes !== length) throw new NotHad(response.status, `${bytes} bytes came instead of ${length}`)
    })
  }

  async #open (path: string, query: Record<string, string>, isShort = true): Promise<Response> {
    const url = new URL(this.#base)
    url.pathname += path
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(new Error(`no answer within ${ANSWER_MS / 1000} s`)), ANSWER_MS)
    try {
      // A redirect could carry the key elsewhere.
      const response = await fetch(url, { headers: this.#headers, redirect: 'error', signal: isShort ? AbortSignal.timeout(ANSWER_MS) : patience.signal })
      this.#hasAnswered = true
      if (response.ok) return response
      const message = await errorMessage(response)
      if (response.status === 401) throw new RemoteFailure(`${this.#base.host} does not accept the key: ${message}`)
      if (response.status === 408 || response.status === 409 || response.status === 429 || response.status >= 500) throw new Temporary(`${response.status} ${message}`, retryAfterMs(response.headers))
      throw new NotHad(response.status, message)
    } finally {
      clearTimeout(timer)
    }
  }

  async #retried<T> (work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (error instanceof NotHad || error instanceof RemoteFailure) throw error
        if (error instanceof TakerFailed) throw error.cause
        // An address that has never answered is probably wrong.
        if (attempt === ATTEMPTS || !this.#hasAnswered) throw new RemoteFailure(`${this.#base.host} does not answer: ${reasonOf(error)}`, { cause: error })
        const asked = error instanceof Temporary ? error.afterMs : undefined
        await this.#wait(Math.min(asked ?? 500 * 2 ** attempt, LONGEST_PAUSE_MS))
      }
    }
  }
}

/** An answer that may be another one in a while. */
class Temporary extends Error {
  readonly afterMs: number | undefined

  constructor (message: string, afterMs: number | undefined) {
    super(message)
    this.afterMs = afterMs
  }
}

/** The fault is not the server's. */
class TakerFailed extends Error {
  constructor (cause: unknown) {
    super('the bytes could not be taken', { cause })
  }
}

async function errorMessage (response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    if (typeof error?.message === 'string') return error.message.slice(0, MAX_MESSAGE)
  } catch {}
  return text.replace(/\s+/g, ' ').trim().slice(0, MAX_MESSAGE) || response.statusText
}

function retryAfterMs (headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? NaN)
  if (ms >= 0) return ms
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const seconds = Number(value)
  const until = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000
  return Number.isNaN(until) ? undefined : Math.max(until, 0)
}

/** `fetch failed` alone says nothing. */
function reasonOf (error: unknown): string {
  const { message, cause } = error as Error
  const inner = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : undefined
  return inner === undefined || inner === '' ? message : inner
}
