import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { buildServer, type BuildServerOptions } from '../../lib/index.js'

async function listening (t: Test, options: BuildServerOptions = {}): Promise<{ app: FastifyInstance, url: string, port: number }> {
  const app = buildServer(options)
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, port: (app.server.address() as AddressInfo).port }
}

/** What the server says to bytes that may be no HTTP, until it hangs up. */
async function answerTo (port: number, bytes: string): Promise<{ status: string | undefined, body: any }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes)
  const answer = await textOf(socket)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: head.split(' ')[1], body: JSON.parse(body) }
}

const warnings: Error[] = []
process.on('warning', warning => { warnings.push(warning) })

test('/health and /ready answer at the root and below the prefix, without a key', async t => {
  const { app } = await listening(t, { apiKeys: ['sk-1'] })
  for (const path of ['/health', '/v1/health', '/ready', '/v1/ready']) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 200, path)
    t.strictSame(answer.json(), { status: 'ok' })
  }
  t.equal((await app.inject('/v1/models')).statusCode, 401)
})

test('without a prefix there is one /health, and the API at the root', async t => {
  const { app } = await listening(t, { prefix: '' })
  t.equal((await app.inject('/health')).statusCode, 200)
  t.equal((await app.inject('/models')).statusCode, 200)
})

test('the root says what this is and where to go, without a key and without a word of the configuration', async t => {
  const { app } = await listening(t, { apiKeys: ['sk-1'], prefix: '/openai/v1' })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 200)
  const { name, api, ...places } = answer.json()
  t.strictSame([name, api, places.console], ['fastify-openai-compat', '/openai/v1', undefined])
  t.equal(places.metrics, undefined)
  for (const place of ['openapi', 'health', 'ready']) t.equal((await app.inject(places[place])).statusCode, 200, place)
  t.notMatch(answer.body, /sk-1/)

  const withConsole = await listening(t, { console: true, metrics: true })
  const page = await withConsole.app.inject({ url: '/', headers: { accept: 'text/html,application/xhtml+xml' } })
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': /^default-src 'none'; style-src 'sha256-/, vary: /accept/ })
  t.notMatch(page.body, /<script|style=/)
  const links = [...page.body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href!).filter(href => !href.startsWith('https:'))
  t.ok(links.includes('console/'))
  t.ok(links.includes('metrics'))
  for (const link of links) t.equal((await withConsole.app.inject(`/${link}`)).statusCode, 200, link)
})

test('an unknown path anywhere is a 404 in the envelope, with a request id', async t => {
  const { app } = await listening(t)
  for (const path of ['/x', '/v1/x', '/v1/']) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 404, path)
    t.strictSame(answer.json(), { error: { message: `Invalid URL (GET ${path})`, type: 'invalid_request_error', param: null, code: null } })
    t.match(answer.headers['x-request-id'], /^req_[0-9a-f]{32}$/)
    t.match(answer.headers['content-type'], 'application/json')
  }
})

test('each request has an id of its own, whatever the client calls it', async t => {
  const { app } = await listening(t)
  const ids = await Promise.all([1, 2].map(async () => (await app.inject({ url: '/v1/models', headers: { 'request-id': 'mine', 'x-request-id': 'mine' } })).headers['x-request-id']))
  t.equal(new Set(ids).size, 2)
  for (const id of ids) t.match(id, /^req_[0-9a-f]{32}$/)
})

test('a path that cannot be decoded is a 400 in the envelope', async t => {
  const { url } = await listening(t)
  const answer = await fetch(`${url}/v1/%zz?x=1`)
  t.equal(answer.status, 400)
  t.match(answer.headers.get('x-request-id'), /^req_/)
  t.strictSame(await answer.json(), { error: { message: 'Invalid URL (GET /v1/%zz)', type: 'invalid_request_error', param: null, code: null } })
})

test('an id longer than any id is a 404 in the envelope; a long one is looked up', async t => {
  const { app } = await listening(t)
  const answer = await app.inject(`/v1/threads/thread_${'x'.repeat(600)}`)
  t.equal(answer.statusCode, 404)
  t.match(answer.json().error, { message: /^Invalid URL \(GET \/v1\/threads\/thread_x+\.\.\.\)$/, code: null })
  t.match((await app.inject(`/v1/threads/thread_${'x'.repeat(400)}`)).json().error.message, /^No thread found with id/)
})

test('what is no HTTP is a 400 in the envelope, and too many headers a 431', async t => {
  const { port } = await listening(t)
  t.match(await answerTo(port, 'HELO there\r\n\r\n'), { status: '400', body: { error: { type: 'invalid_request_error', param: null, code: 'invalid_http' } } })
  t.match(await answerTo(port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`), { status: '431', body: { error: { code: 'headers_too_large' } } })
})

test('slashes too many are overlooked', async t => {
  const { app } = await listening(t)
  for (const path of ['/v1/models/', '/v1//models', '//v1/models']) t.equal((await app.inject(path)).statusCode, 200, path)
})

test('a body of the size that the API allows is read, a larger one is a 413', async t => {
  const { app } = await listening(t)
  const post = async (content: string[]): Promise<number> => (await app.inject({
    method: 'POST', url: '/v1/threads', payload: { messages: content.map(text => ({ role: 'user', content: text })) }
  })).statusCode
  t.equal(await post(Array<string>(32).fill('字'.repeat(256_000))), 200)
  t.equal(await post(Array<string>(140).fill('x'.repeat(256_000))), 413)
})

test('other origins may call, as the option says', async t => {
  const { app } = await listening(t, { apiKeys: ['sk-1'] })
  const headers = { origin: 'http://app.example', 'access-control-request-method': 'POST' }
  const answer = await app.inject({ method: 'OPTIONS', url: '/v1/threads', headers })
  t.equal(answer.statusCode, 204)
  t.equal(answer.headers['access-control-allow-origin'], 'http://app.example')
  const strict = await listening(t, { apiKeys: ['sk-1'], cors: { origin: 'http://only.example' } })
  t.equal((await strict.app.inject({ method: 'OPTIONS', url: '/v1/threads', headers })).headers['access-control-allow-origin'], 'http://only.example')
})

test('an option that does not exist is a TypeError', t => {
  t.throws(() => buildServer({ apikeys: [] } as never), { name: 'TypeError', message: /^Option "apikeys" does not exist/ })
  t.end()
})

test('no key is ever logged, not even by a serializer that logs all headers', async t => {
  let log = ''
  const stream = new Writable({
    write (chunk, _encoding, callback) {
      log += String(chunk)
      callback()
    }
  })
  const serializers = { req: (request: { url: string, headers: object }) => ({ url: request.url, headers: request.headers }) }
  const { app } = await listening(t, { apiKeys: ['sk-right'], logging: { level: 'trace', stream, serializers, redact: ['req.headers["x-mine"]'] } })
  const headers = { authorization: 'Bearer sk-wrong', 'api-key': 'sk-right', cookie: 'sk-cookie', 'x-mine': 'sk-mine', 'x-other': 'seen' }
  t.equal((await app.inject({ url: '/v1/models', headers })).statusCode, 401)
  t.match(log, 'seen', 'headers are logged')
  t.notMatch(log, /sk-(wrong|right|cookie|mine)/)
})

test('the log: a level, true, or a logger of your own', async t => {
  t.equal(buildServer({ logging: true }).log.level, 'info')
  t.equal(buildServer({ logging: 'error' }).log.level, 'error')
  const lines: string[] = []
  const own: any = { level: 'info', child: () => own }
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) own[level] = (_details: object, message?: string) => { lines.push(String(message)) }
  const { app } = await listening(t, { logging: own })
  await app.inject('/v1/models')
  t.ok(lines.includes('request completed'))
})

test('each request is a line in the log once it is answered, what is read with success from the level debug on', async t => {
  const linesAt = async (level: string): Promise<string[]> => {
    const lines: string[] = []
    const stream = new Writable({
      write (chunk, _encoding, callback) {
        const { level, msg, req, res } = JSON.parse(String(chunk))
        if (req !== undefined) lines.push([level, msg, req.method, req.url, res?.statusCode].filter(part => part !== undefined).join(' '))
        callback()
      }
    })
    const { app } = await listening(t, { logging: { level, stream } })
    await app.inject('/v1/models?secret=1')
    await app.inject('/v1/assistants/asst_none')
    await app.inject({ method: 'POST', url: '/v1/threads', payload: {} })
    return lines
  }
  const answered = ['30 request completed GET /v1/assistants/asst_none 404', '30 request completed POST /v1/threads 200']
  t.strictSame(await linesAt('info'), answered)
  t.strictSame(await linesAt('debug'), ['20 incoming request GET /v1/models', '20 request completed GET /v1/models 200', '20 incoming request GET /v1/assistants/asst_none', answered[0], '20 incoming request POST /v1/threads', answered[1]])
})

test('no option is one that the installed Fastify warns of', t => {
  t.strictSame(warnings.map(({ message }) => message).filter(message => /option/i.test(message)), [])
  t.end()
})
