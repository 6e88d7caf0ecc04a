/**
 * A model vendor for tests: a real HTTP server on a free port that speaks chat completions from a script.
 *
 *     const upstream = await startUpstream(t)
 *     upstream.enqueue(text('Hello world'))
 *     upstream.enqueue(toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' } }]), text('Sunny.'))
 *     // point the code under test at upstream.url, then
 *     const request = await upstream.next()
 *     t.equal(request.body.model, 'test-model')
 *
 * Replies are taken in order, one per chat completion. When none is left, `respond` is asked; without it the
 * answer is a 400 that says so. Nothing here sleeps: hold a reply with a `Gate`, `hang` or a promise.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { embeddingAnswer } from './upstream-embedding.js'
import { cut, renderJson, renderPlain, renderStream } from './upstream-render.js'
import { error, type UpstreamReply } from './upstream-replies.js'
import type { UpstreamRequest } from './upstream-request.js'

export { embedText } from './upstream-embedding.js'
export { Gate } from './upstream-gate.js'
export * from './upstream-replies.js'
export type { UpstreamRequest } from './upstream-request.js'

export type Responder = (request: UpstreamRequest) => UpstreamReply | Promise<UpstreamReply>

export interface UpstreamOptions {
  /** Replies to begin with, as if enqueued. */
  script?: UpstreamReply[]
  /** Answers the chat completions for which no reply is queued. */
  respond?: Responder
  /** What `GET /v1/models` lists. Default `['test-model']`. */
  models?: string[]
  /** When given, other keys get a 401. */
  apiKey?: string
}

export interface Upstream {
  /** Ends in `/v1`. */
  url: string
  /** Every request so far, all paths. */
  requests: UpstreamRequest[]
  /** The chat completions among them. */
  readonly chats: UpstreamRequest[]
  /** Requests whose client closed early. */
  readonly abortedCount: number
  /** The next request to `path` that was not handed out yet, or waits for it. Default path: `/chat/completions`. */
  next (path?: string): Promise<UpstreamRequest>
  /** More replies for chat completions. */
  enqueue (...replies: UpstreamReply[]): void
  /** Replies for another path, `/models` or `/embeddings`, ahead of the built-in answer. */
  enqueueAt (path: string, ...replies: UpstreamReply[]): void
  /** Replaces the responder. */
  respond (responder: Responder): void
  /** Open connections, idle ones included. */
  readonly connections: number
  /** Resolves when no connection is open any more. */
  disconnected (): Promise<void>
  /** Cuts open connections too. Called at the end of the test when `t` was given. */
  close (): Promise<void>
}

const CHAT = '/chat/completions'

export async function startUpstream (t?: { teardown (close: () => unknown): unknown }, options: UpstreamOptions = {}): Promise<Upstream> {
  const requests: UpstreamRequest[] = []
  const handedOut = new Set<UpstreamRequest>()
  const waiting: { path: string, resolve: (request: UpstreamRequest) => void }[] = []
  const queues = new Map<string, UpstreamReply[]>([[CHAT, [...options.script ?? []]]])
  let responder = options.respond

  function record (request: UpstreamRequest): void {
    requests.push(request)
    const index = waiting.findIndex(({ path }) => '/v1' + path === request.path)
    if (index === -1) return
    handedOut.add(request)
    waiting.splice(index, 1)[0]?.resolve(request)
  }

  async function pickReply (request: UpstreamRequest, path: string): Promise<UpstreamReply> {
    if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
      return error(401, { error: { message: 'Incorrect API key provided.', type: 'invalid_request_error', param: null, code: 'invalid_api_key' } })
    }
    const queued = queues.get(path)?.shift()
    if (queued !== undefined) return queued
    if (path === CHAT && request.method === 'POST') {
      return responder?.(request) ?? error(400, 'The test upstream has no reply left: enqueue() one or give it respond().')
    }
    if (path === '/embeddings') return { kind: 'http', status: 200, body: embeddingAnswer(request.body), headers: {} }
    if (path === '/models') return { kind: 'http', status: 200, body: modelList(options.models ?? ['test-model']), headers: {} }
    return error(404, `Invalid URL (${request.method} ${request.path})`)
  }

  function enqueueAt (path: string, ...replies: UpstreamReply[]): void {
    queues.set(path, [...queues.get(path) ?? [], ...replies])
  }

  const server = createServer((message, response) => {
    answer(message, response).catch(() => response.destroy())
  })

  async function answer (message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await receive(message, response)
    record(request)
    const reply = await pickReply(request, request.path.replace(/^\/v1/, ''))
    if (response.destroyed) return
    if (reply.kind === 'http') return renderJson(response, reply.status, reply.body, reply.headers)
    if (reply.kind === 'stream') return await (request.body.stream === true ? renderStream : renderPlain)(reply, request, response)
    if (reply.fault === 'drop') return cut(response)
    await Promise.race([request.released, request.aborted])
    if (!response.destroyed) renderJson(response, 503, '')
  }

  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      server.emit('disconnection')
    })
  })
  // Who keeps connections is the code under test.
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get chats () { return requests.filter(request => request.path === '/v1' + CHAT) },
    get abortedCount () { return requests.filter(request => request.wasAborted).length },
    next (path = CHAT) {
      const request = requests.find(candidate => candidate.path === '/v1' + path && !handedOut.has(candidate))
      if (request === undefined) return new Promise(resolve => waiting.push({ path, resolve }))
      handedOut.add(request)
      return Promise.resolve(request)
    },
    enqueue: (...replies) => enqueueAt(CHAT, ...replies),
    enqueueAt,
    respond (next) { responder = next },
    get connections () { return sockets.size },
    async disconnected () {
      while (sockets.size > 0) await once(server, 'disconnection')
    },
    async close () {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
  t?.teardown(() => upstream.close())
  return upstream
}

async function receive (message: IncomingMessage, response: ServerResponse): Promise<UpstreamRequest> {
  const signals = { abort: () => {}, complete: () => {}, release: () => {} }
  const request: UpstreamRequest = {
    method: message.method ?? 'GET',
    path: (message.url ?? '/').split('?')[0] ?? '/',
    headers: message.headers,
    body: {},
    text: '',
    remotePort: message.socket.remotePort,
    aborted: new Promise(resolve => { signals.abort = resolve }),
    wasAborted: false,
    completed: new Promise(resolve => { signals.complete = resolve }),
    release: () => signals.release(),
    released: new Promise(resolve => { signals.release = resolve }),
    tokensSent: 0,
    bytesSent: 0
  }
  let finished = false
  response.once('finish', () => {
    // A write that failed with its socket calls itself finished too.
    if (message.socket.destroyed) return
    finished = true
    signals.complete()
  })
  response.once('close', () => {
    const cutByScript = response.errored !== null
    if (finished || cutByScript) return
    request.wasAborted = true
    signals.abort()
  })
  request.text = (await buffer(message)).toString()
  if (request.text !== '') request.body = JSON.parse(request.text)
  return request
}

function modelList (ids: string[]): Record<string, unknown> {
  return { object: 'list', data: ids.map(id => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'upstream' })) }
}
