import { isIPv6, type AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { OpenAIAdapter } from './adapter.js'
import openaiCompatConsole from './console/console.js'
import { rewriteAzureUrl } from './http/azure.js'
import { answerError, answerNotFound } from './http/error-handler.js'
import { descriptorsUsedUp } from './shared/descriptors.js'
import { sendMetrics } from './http/metrics.js'
import { newId } from './shared/ids.js'
import { refuseUnknown } from './options/names.js'
import openaiCompat, { cores, documents } from './plugin.js'
import { closeGently } from './server/closing.js'
import { frontPage } from './server/front-page.js'
import { loggerOptions } from './server/logging.js'
import { logRequests, requestLogOptions } from './server/request-log.js'
import {
  BUILD_OPTION_NAMES, checkedConnections, checkedPrefix, DEFAULT_CLOSE_GRACE_MS, isPort, pluginOptions, SERVER_OPTION_NAMES, type BuildServerOptions, type OpenAIServerConfig
} from './server/options.js'
import { runtimeOptions, type Runtime } from './options/runtime.js'
import { routerOptions } from './server/router-options.js'
import { answerBadPath, answerClientError } from './server/unroutable.js'

/** The largest JSON that the API's own limits allow for: 32 messages of 256,000 characters, in a script of three bytes each. */
const BODY_LIMIT = 32 * 1024 * 1024
/** A request has to arrive within this: 512 MB over 7 Mbit/s. Answers, streamed ones too, may take as long as they like. */
const REQUEST_TIMEOUT_MS = 600_000
/** A connection on which nothing moves is closed after this. Streams have a heartbeat; the SDKs wait ten minutes for anything else. */
const CONNECTION_TIMEOUT_MS = 660_000
/** Above the minute after which load balancers drop an idle connection, so that they do, and not we in the midst of a request. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000
/** The store has time-outs of its own, and its word is better than the framework's. */
const PLUGIN_TIMEOUT_MS = 120_000

/**
 * The standalone server as a Fastify app that does not listen yet. Throws a TypeError that names a bad option; what only
 * shows when the store is opened rejects `ready()` and `listen()`, after which `close()` leaves nothing open.
 */
export function buildServer (options: BuildServerOptions = {}): FastifyInstance {
  refuseUnknown(options, BUILD_OPTION_NAMES)
  const plugin = pluginOptions(options)
  const app: FastifyInstance = Fastify({
    ...loggerOptions(options.logging),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    pluginTimeout: PLUGIN_TIMEOUT_MS,
    ...routerOptions(),
    genReqId: newId.request,
    trustProxy: options.trustProxy ?? false,
    // `AzureOpenAI` clients find the API below /openai.
    rewriteUrl: rewriteAzureUrl(plugin.prefix),
    forceCloseConnections: 'idle',
    // Ours is in the API's envelope.
    return503OnClosing: false,
    ...requestLogOptions(),
    frameworkErrors: answerBadPath,
    clientErrorHandler: answerClientError
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(answerNotFound)
  app.addHook('onRequest', async (request, reply) => { reply.header('x-request-id', request.id) })
  logRequests(app)
  if (options.maxConnections !== undefined) app.server.maxConnections = checkedConnections(options.maxConnections)
  closeGently(app, options.closeGraceMs ?? DEFAULT_CLOSE_GRACE_MS)
  // Without a prefix it is the plugin's own.
  if (plugin.prefix !== '') {
    app.get('/health', { logLevel: 'warn' }, async () => ({ status: 'ok' as const }))
    app.get('/ready', { logLevel: 'warn' }, async () => {
      await cores.get(app)?.checkStorage()
      return { status: 'ok' as const }
    })
    // Here Prometheus looks for them.
    app.get('/metrics', { logLevel: 'warn' }, async (request, reply) => {
      const metrics = cores.get(app)?.metrics
      if (metrics === undefined) return reply.callNotFound()
      return await sendMetrics(request, reply, metrics, options.metrics ?? false)
    })
    frontPage(app, { prefix: plugin.prefix ?? '', hasConsole: options.console === true, hasMetrics: (options.metrics ?? false) !== false })
    // Here tools look for it.
    app.get('/openapi.json', async () => ({ ...await documents.get(app)?.() }))
  }
  app.register(openaiCompat, plugin)
  if (options.console === true) app.register(openaiCompatConsole, { api: plugin.prefix ?? '' })
  return app
}

/**
 * The standalone server as an object with a life: `start()`, `stop()`, and again.
 *
 * The constructor throws a TypeError for an option that does not exist or is of no use; `start()` rejects for what the
 * machine does not give: the store, the port.
 */
export class OpenAIServer {
  readonly #options: BuildServerOptions
  readonly #port: number
  readonly #host: string
  readonly #prefix: string
  #app: FastifyInstance | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isRunning = false
  #adapter: OpenAIAdapter | undefined

  constructor (runtime?: Runtime, config: OpenAIServerConfig = {}) {
    refuseUnknown(config, SERVER_OPTION_NAMES)
    const { port = 8080, host = '0.0.0.0', ...options } = config
    if (!isPort(port)) throw new TypeError(`Option "port" must be a whole number from 0 to 65535, not ${JSON.stringify(port)}.`)
    if (typeof host !== 'string' || host === '') throw new TypeError('Option "host" must be an address or a name to listen on.')
    const provided = runtimeOptions(runtime)
    for (const name of Object.keys(provided) as (keyof typeof provided)[]) {
      if (options[name] !== undefined) throw new TypeError(`Option "${name}" is given twice: with the runtime and in the configuration.`)
    }
    this.#options = { ...options, ...provided }
    this.#port = port
    this.#host = host
    this.#prefix = checkedPrefix(options.prefix)
  }

  /** The Fastify app from `start()` to `stop()`, for its log, `inject()` and decorators; undefined otherwise. */
  get app (): FastifyInstance | undefined {
    return this.#app
  }

  /** Whether requests are answered: true once `start()` has resolved, false once `stop()` was called. */
  isRunning (): boolean {
    return this.#isRunning
  }

  /**
   * Opens the store and listens. Rejects with one clear sentence, and leaves nothing open, when the store or the port
   * cannot be had (`code` is the system's, such as `EADDRINUSE`), and when the server is started already. After
   * `stop()` it starts anew; with `memory:` as its storage, empty.
   */
  async start (): Promise<void> {
    if (this.#app !== undefined) throw new Error('The server is started already: call stop() first, and wait for it.')
    // At once, so that a second call finds it.
    this.#app = buildServer(this.#options)
    this.#starting = this.#listen(this.#app)
    await this.#starting
  }

  /**
   * Ends streams, hands running runs over, closes connections and the store. Waits for a `start()` under way. Without
   * effect on a server that is not started.
   */
  async stop (): Promise<void> {
    this.#isRunning = false
    this.#adapter = undefined
    this.#stopping ??= this.#close().finally(() => { this.#stopping = undefined })
    await this.#stopping
  }

  /**
   * Where the server listens, as configured: `http://0.0.0.0:8080`. With port 0 it is known from `start()` to `stop()`;
   * at other times this throws.
   */
  getUrl (): string {
    return this.#origin(this.#host)
  }

  /** For a client on this machine, as the SDKs' `baseURL`: `http://127.0.0.1:8080/v1`. Throws as `getUrl()` does. */
  getBaseUrl (): string {
    const reachable: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
    return this.#origin(reachable[this.#host] ?? this.#host) + this.#prefix
  }

  /** The API in process, on the same store and engine as the server. Throws when the server is not started. */
  getAdapter (): OpenAIAdapter {
    const core = this.#app === undefined ? undefined : cores.get(this.#app)
    if (core === undefined) throw new Error('The server is not started: call start() first, and wait for it.')
    this.#adapter ??= new OpenAIAdapter(core)
    return this.#adapter
  }

  #origin (host: string): string {
    const port = (this.#app?.server.address() as AddressInfo | null | undefined)?.port ?? this.#port
    if (port === 0) throw new Error('The server does not listen: with port 0 its URL is known after start().')
    return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
  }

  async #listen (app: FastifyInstance): Promise<void> {
    try {
      await app.listen({ port: this.#port, host: this.#host })
      this.#isRunning = this.#stopping === undefined
    } catch (error) {
      await app.close().catch((err: unknown) => app.log.error({ err }, 'closing failed'))
      this.#app = undefined
      throw this.#startError(error as NodeJS.ErrnoException)
    }
  }

  async #close (): Promise<void> {
    // A start that failed has cleaned up and rejected.
    await this.#starting?.catch(() => {})
    try {
      await this.#app?.close()
    } finally {
      this.#app = this.#starting = undefined
    }
  }

  #startError (error: NodeJS.ErrnoException): Error {
    const sentence = listenFailure(error.code, this.#host, this.#port) ?? descriptorsUsedUp(error)
    return sentence === undefined ? error : Object.assign(new Error(sentence, { cause: error }), { code: error.code })
  }
}

function listenFailure (code: string | undefined, host: string, port: number): string | undefined {
  switch (code) {
    case 'EADDRINUSE': return `Port ${port} on ${host} is in use: stop the program that listens there, or choose another port.`
    case 'EACCES': return `Listening on port ${port} of ${host} is not permitted: choose a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN': return `The host "${host}" is no address of this machine.`
    default: return undefined
  }
}

/**
 * Makes a server that is not started yet.
 *
 *     const server = createOpenAIServer({ baseURL: 'http://127.0.0.1:11434/v1' }, { port: 8080 })
 *     await server.start()
 *     console.log(server.getBaseUrl()) // http://127.0.0.1:8080/v1
 */
export function createOpenAIServer (runtime?: Runtime, config?: OpenAIServerConfig): OpenAIServer {
  return new OpenAIServer(runtime, config)
}
