import { createHmac, randomUUID } from 'node:crypto'
import type { Run } from '../../../schemas/runs.js'
import type { Clock } from '../../shared/clock.js'
import { badRequest } from '../../shared/errors.js'
import type { Logger } from '../../shared/log.js'
import { pause } from '../../shared/timers.js'
import { undici } from '../../shared/undici.js'

/** Where runs are reported to. Signed by the Standard Webhooks rules, so that receivers can use any of its libraries. */
export interface WebhookOptions {
  /** `whsec_` and 24 to 64 bytes in base64. */
  secret: string
  /** Receives every run. Default none: only runs that name a URL are reported. */
  url?: string
  /**
   * Hosts that a run may name in its metadata, as `host`, `host:port` or `*.domain`. Default none. The host of `url` is
   * allowed for `url` alone.
   */
  allowedHosts?: readonly string[]
  /** How often a delivery is tried. Default 5. */
  maxAttempts?: number
  /** Time limit of one attempt in milliseconds. Default 10,000. */
  timeoutMs?: number
}

/** The metadata key with which a run names its own receiver. */
export const WEBHOOK_METADATA_KEY = 'webhook_url'

/** Pauses between attempts, in milliseconds. The last one repeats. */
const PAUSES_MS = [5_000, 30_000, 120_000, 600_000] as const

/**
 * Deliveries that wait at the same time, and their bytes. When there is no more room, what is new of the project that has most waiting is dropped and
 * logged: a dead receiver costs no memory without bound, and its own project alone.
 */
const MAX_PENDING = 10_000
const MAX_PENDING_BYTES = 64 * 1024 * 1024

/** Reports runs that wait for the client or have ended. Deliveries are kept in memory and end with the process. */
export class Webhooks {
  readonly #options: Required<Omit<WebhookOptions, 'url'>> & { url: string | undefined }
  readonly #key: Buffer
  readonly #clock: Clock
  readonly #log: Logger
  readonly #closing = new AbortController()
  readonly #agent = new (undici().Agent)({ connect: { timeout: 10_000 } })
  readonly #waiting = new Map<string, { count: number, bytes: number }>()

  /** Throws a TypeError that names the bad option. */
  constructor (options: WebhookOptions, clock: Clock, log: Logger) {
    const { url, allowedHosts = [], maxAttempts = 5, timeoutMs = 10_000, secret } = options
    this.#key = secretKey(secret)
    if (url !== undefined && !isHttpUrl(url)) throw new TypeError('Option "webhooks.url" must be an http or https URL.')
    this.#options = { url, allowedHosts, maxAttempts, timeoutMs, secret }
    this.#clock = clock
    this.#log = log
  }

  /** Refuses a run that names a receiver which the operator has not allowed. */
  check (metadata: Record<string, string> | null | undefined): void {
    const url = metadata?.[WEBHOOK_METADATA_KEY]
    if (url === undefined) return
    if (!isHttpUrl(url) || !this.#isAllowed(new URL(url))) {
      throw badRequest(`Invalid '${WEBHOOK_METADATA_KEY}': this server does not deliver to that host.`,
        { param: `metadata.${WEBHOOK_METADATA_KEY}`, code: 'invalid_value' })
    }
  }

  /** Delivers in the background. The delivery's id is the same for every attempt, so that a receiver can tell repeats. */
  report (project: string, run: Run): void {
    const own = run.metadata[WEBHOOK_METADATA_KEY]
    // Metadata may have been written by other ways than a checked request: an import, say.
    const url = own !== undefined && isHttpUrl(own) && this.#isAllowed(new URL(own)) ? own : this.#options.url
    if (url === undefined || this.#closing.signal.aborted) return
    const at = this.#clock.now()
    const body = JSON.stringify({ type: `thread.run.${run.status}`, timestamp: new Date(at).toISOString(), data: run })
    if (!this.#hasRoom(project, body.length)) {
      this.#log.warn({ run_id: run.id, project }, 'too many webhooks are waiting; this one is dropped')
      return
    }
    this.#count(project, 1, body.length)
    this.#deliver(url, `evt_${randomUUID()}`, body).catch(error => {
      if (!this.#closing.signal.aborted) this.#log.warn({ err: error, run_id: run.id }, 'a webhook delivery was abandoned')
    }).finally(() => this.#count(project, -1, -body.length))
  }

  /** Within its share of the room, which is equal for all projects that wait, a project always finds some. */
  #hasRoom (project: string, bytes: number): boolean {
    const own = this.#waiting.get(project) ?? { count: 0, bytes: 0 }
    const shares = this.#waiting.size + (this.#waiting.has(project) ? 1 : 2)
    return own.count < MAX_PENDING / shares && (own.bytes === 0 || own.bytes + bytes <= MAX_PENDING_BYTES / shares)
  }

  #count (project: string, count: number, bytes: number): void {
    const own = this.#waiting.get(project) ?? { count: 0, bytes: 0 }
    const next = { count: own.count + count, bytes: own.bytes + bytes }
    if (next.count === 0) this.#waiting.delete(project)
    else this.#waiting.set(project, next)
  }

  async close (): Promise<void> {
    this.#closing.abort()
    await this.#agent.destroy()
  }

  async #deliver (url: string, id: string, body: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const problem = await this.#attempt(url, id, body)
      if (problem === undefined) return
      if (attempt >= this.#options.maxAttempts || this.#closing.signal.aborted) throw problem
      await pause(this.#clock, PAUSES_MS[Math.min(attempt, PAUSES_MS.length) - 1] ?? 0, this.#closing.signal)
    }
  }

  /** Undefined when the receiver has taken it. */
  async #attempt (url: string, id: string, body: string): Promise<Error | undefined> {
    const timestamp = Math.floor(this.#clock.now() / 1000)
    const signature = createHmac('sha256', this.#key).update(`${id}.${timestamp}.${body}`).digest('base64')
    try {
      // Redirects are not followed: they could lead to a host that is not allowed.
      const response = await undici().request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        body,
        headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` },
        headersTimeout: this.#options.timeoutMs,
        bodyTimeout: this.#options.timeoutMs,
        signal: this.#closing.signal
      })
      await response.body.dump({ limit: 64 * 1024 })
      return response.statusCode < 300 ? undefined : new Error(`the receiver answered ${response.statusCode}`)
    } catch (error) {
      return error as Error
    }
  }

  #isAllowed (url: URL): boolean {
    return this.#options.allowedHosts.some(allowed => {
      const { hostname, port } = hostOf(allowed)
      if (port !== undefined && port !== effectivePort(url)) return false
      return hostname.startsWith('*.') ? url.hostname.endsWith(hostname.slice(1)) : url.hostname === hostname
    })
  }
}

/** An entry of `allowedHosts`, as a URL would spell it. */
function hostOf (allowed: string): { hostname: string, port: string | undefined } {
  const [, hostname = '', port] = /^(.*?)(?::(\d+))?$/.exec(allowed.toLowerCase()) ?? []
  return { hostname, port }
}

/** URLs leave out the port that goes without saying. */
const effectivePort = ({ protocol, port }: URL): string => port !== '' ? port : protocol === 'https:' ? '443' : '80'

function secretKey (secret: string): Buffer {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret) ?? []
  const key = Buffer.from(base64, 'base64')
  if (key.length < 24 || key.length > 64) throw new TypeError('Option "webhooks.secret" must be "whsec_" and 24 to 64 bytes in base64.')
  return key
}

function isHttpUrl (text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
}
