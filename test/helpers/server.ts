import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { ClientOptions } from 'openai'
import type { Test } from 'tap'
import type { OpenAICompatOptions } from '../../lib/options/options.js'
import { closeUnused } from '../../lib/server/closing.js'
import openaiCompat from '../../lib/plugin.js'
import { EventReader } from './events.js'
import type { FastifyVersion } from './fastify.js'
import { newestSdk, type Client, type Sdk } from './sdk.js'
import { persistentStores } from './stores.js'
import { startUpstream, type Upstream, type UpstreamReply } from './upstream.js'
import { watchOf } from './watch.js'

export { covers } from './watch.js'

/** An answer as it came, its JSON parsed. */
export interface Answer {
  status: number
  headers: Headers
  body: any
}

/** A running server, as its clients have it. */
export interface ApiClient {
  /** Ends in `/v1`. */
  baseURL: string
  /** An official client; the newest unless another is asked for. It does not retry. */
  client (sdk?: Sdk, options?: ClientOptions): Client
  /** A request as raw as `fetch` allows. A string body is sent as it is, anything else as JSON. */
  request (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  get (path: string, headers?: Record<string, string>): Promise<Answer>
  post (path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  delete (path: string, headers?: Record<string, string>): Promise<Answer>
  /** A POST with `stream: true`. Throws when the answer is no stream. */
  stream (path: string, body?: object, headers?: Record<string, string>): Promise<EventReader>
  /** A GET that is answered with a stream. */
  follow (path: string, headers?: Record<string, string>): Promise<EventReader>
}

/** A server in this process. */
export interface TestServer extends ApiClient {
  app: FastifyInstance
  upstream: Upstream
  /** Give it to another server to start that on the same data. */
  storage: NonNullable<OpenAICompatOptions['storage']>
  close (): Promise<void>
}

export interface TestServerOptions extends OpenAICompatOptions {
  /** Default: a new one. */
  upstream?: Upstream
  /** Replies of the new upstream. */
  script?: UpstreamReply[]
  fastify?: FastifyServerOptions
  /** Default: the installed version. */
  version?: FastifyVersion
  /** Whether the server may log errors. Default false: then one in the log fails the test. */
  mayLogErrors?: boolean
  /** Called before the plugin is registered. */
  prepare?: (app: FastifyInstance) => unknown
}

/** The plugin at `/v1` of a real server, in front of a scripted model. Closed when the test ends. */
export async function startServer (t: Test, options: TestServerOptions = {}): Promise<TestServer> {
  const { upstream: given, script = [], fastify, version, mayLogErrors = false, prepare, ...pluginOptions } = options
  const watch = watchOf(t)
  const upstream = given ?? await startUpstream(t, { script })
  const storage = pluginOptions.storage ?? testStorage(t)
  const log = new Writable({
    write (line, _encoding, callback) {
      if (!mayLogErrors) watch.report(`the server logged an error: ${line}`)
      callback()
    }
  })
  const app = (version?.create ?? Fastify)({ logger: { level: 'error', stream: log }, ...fastify })
  closeUnused(app)
  const close = async (): Promise<void> => await closed(app)
  t.teardown(close)
  await prepare?.(app)
  const provider = pluginOptions.providers === undefined ? { provider: { baseURL: upstream.url, apiKey: 'sk-upstream', maxRetries: 0 } } : {}
  await app.register(openaiCompat, { prefix: '/v1', codeInterpreter: 'off', ...provider, ...pluginOptions, storage })
  await app.listen({ port: 0, host: '127.0.0.1' })

  const baseURL = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1`
  return { ...connectTo(t, baseURL), app, upstream, storage, close }
}

/** Closes an app without waiting for a client that has just read its last answer: its connection is idle a moment too late for Node. */
async function closed (app: FastifyInstance): Promise<void> {
  const timer = setInterval(() => app.server.closeIdleConnections(), 20)
  try {
    await app.close()
  } finally {
    clearInterval(timer)
  }
}

/** The API of a server that runs already. What it answers is looked over as the test's `Watch` does. `always` are headers of every request. */
export function connectTo (t: Test, baseURL: string, always: Record<string, string> = {}): ApiClient {
  const watchedFetch = watchOf(t).fetchFrom(baseURL)

  async function send (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return await watchedFetch(baseURL + path, {
      method,
      headers: { ...always, ...body === undefined ? {} : { 'content-type': 'application/json' }, ...headers },
      ...body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    })
  }

  async function request (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    const response = await send(method, path, body, headers)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  async function events (method: string, path: string, body: object | undefined, headers?: Record<string, string>): Promise<EventReader> {
    const response = await send(method, path, body, headers)
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(`no stream but ${response.status} ${await response.text()}`)
    return new EventReader(response)
  }

  return {
    baseURL,
    client (sdk = newestSdk, clientOptions = {}) {
      return sdk.connect({ baseURL, apiKey: 'sk-test', maxRetries: 0, fetch: watchedFetch as never, ...clientOptions })
    },
    request,
    get: async (path, headers) => await request('GET', path, undefined, headers),
    post: async (path, body, headers) => await request('POST', path, body, headers),
    delete: async (path, headers) => await request('DELETE', path, undefined, headers),
    stream: async (path, body, headers) => await events('POST', path, { ...body, stream: true }, headers),
    follow: async (path, headers) => await events('GET', path, undefined, headers)
  }
}

/** A fresh store of the kind that the environment names, `sqlite` unless it does: the whole API suite runs on any of them. */
function testStorage (t: Test): string {
  const kind = process.env.TEST_STORE ?? 'sqlite'
  if (kind === 'memory') return 'memory:'
  const store = persistentStores.find(({ name }) => name === kind)
  if (store === undefined) throw new Error(`TEST_STORE=${kind} is not one of memory, sqlite, redis, postgres`)
  return store.url(t)
}

/** A new assistant; of the test model, unless the fields say otherwise. */
export async function newAssistant (server: ApiClient, fields: object = {}): Promise<any> {
  return created(await server.post('/assistants', { model: 'test-model', instructions: 'Be brief.', ...fields }))
}

/** A new thread with a message of the user for each text. */
export async function newThread (server: ApiClient, ...texts: string[]): Promise<any> {
  return created(await server.post('/threads', { messages: texts.map(content => ({ role: 'user', content })) }))
}

/** The run once it neither waits for the model nor is being cancelled. Asks until it is so. */
export async function stopped (server: TestServer, run: { id: string, thread_id: string }): Promise<any> {
  for (;;) {
    const { body } = await server.get(`/threads/${run.thread_id}/runs/${run.id}`)
    if (!['queued', 'in_progress', 'cancelling'].includes(body.status)) return body
  }
}

function created ({ status, body }: Answer): any {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}
