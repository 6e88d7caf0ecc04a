import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { connect } from './helpers.js'

interface Received {
  line: string
  headers: Record<string, any>
  body: string
}

/** A vendor that has every operation: it answers with what it was asked. */
async function startVendor (t: Test): Promise<{ url: string, received: Received[] }> {
  const received: Received[] = []
  const vendor = createServer((request, response) => {
    buffer(request).then((bytes): unknown => {
      received.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: bytes.toString('latin1') })
      if (request.url?.startsWith('/base/audio/speech')) return response.writeHead(200, { 'content-type': 'audio/mpeg', 'set-cookie': 'a=b' }).end(Buffer.from([0xff, 0xfb, 0, 1]))
      if (request.url?.startsWith('/base/rerank')) return response.writeHead(422, { 'content-type': 'application/json' }).end('{"error":{"message":"documents is missing","type":"invalid_request_error","param":"documents","code":null}}')
      if (bytes.includes('"stream":true')) return response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choices":[{"text":"one"}]}\n\ndata: [DONE]\n\n')
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 'modr-1', text: 'said', results: [], object: 'list', data: [] }))
    }, () => response.destroy())
  })
  await new Promise<void>(resolve => vendor.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    vendor.closeAllConnections()
    await new Promise(resolve => vendor.close(resolve))
  })
  return { url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/base?v=1`, received }
}

async function start (t: Test, passthrough: string[] | undefined, options: TestServerOptions = {}): Promise<{ server: TestServer, received: Received[], other: Received[] }> {
  const [one, other] = [await startVendor(t), await startVendor(t)]
  const providers = { one: { baseURL: one.url, apiKey: 'sk-vendor', maxRetries: 0 }, other: { baseURL: other.url, maxRetries: 0 }, echo: { stream: () => { throw new Error('never asked') }, models: async () => [] } }
  const server = await startServer(t, { providers, defaultProvider: 'one', aliases: { whisper: 'other/whisper-large' }, ...passthrough === undefined ? {} : { passthrough }, ...options })
  return { server, received: one.received, other: other.received }
}

const ALL = ['/completions', '/moderations', '/audio/*', '/images/*', '/rerank', '/chat/completions', '/chat/completions/*']

test('nothing is passed through unless an option says so', async t => {
  const { server, received } = await start(t, undefined)
  for (const path of ['/completions', '/moderations', '/audio/speech']) t.match(await server.post(path, { model: 'm' }), { status: 404, body: { error: { message: `Invalid URL (POST /v1${path})` } } })
  t.equal((await server.get('/chat/completions')).status, 404)
  t.strictSame(received, [])
})

test('a client asks for moderations, completions and stored chat completions with one base URL', async t => {
  const { server, received, other } = await start(t, ALL)
  const client = connect(server)
  t.match(await client.moderations.create({ input: 'text' }), { id: 'modr-1' })
  let words = ''
  for await (const chunk of await client.completions.create({ model: 'other/davinci', prompt: 'x', stream: true })) words += chunk.choices[0]?.text ?? ''
  t.equal(words, 'one')
  t.strictSame((await client.chat.completions.list({ limit: 5 })).data, [])
  t.match(await client.chat.completions.retrieve('chatcmpl-1'), { id: 'modr-1' })
  await client.chat.completions.delete('chatcmpl-1')
  t.strictSame(received.map(({ line }) => line), ['POST /base/moderations?v=1', 'GET /base/chat/completions?v=1&limit=5', 'GET /base/chat/completions/chatcmpl-1?v=1', 'DELETE /base/chat/completions/chatcmpl-1?v=1'])
  t.match(received[0], { headers: { authorization: 'Bearer sk-vendor', 'content-type': 'application/json' }, body: '{"input":"text"}' })
  t.strictSame(other.map(({ line, body }) => [line, JSON.parse(body).model]), [['POST /base/completions?v=1', 'davinci']])
})

test('bytes go out and forms come in as they are, but for the model', async t => {
  const { server, other } = await start(t, ALL)
  const client = connect(server)
  const speech = await client.audio.speech.create({ model: 'tts', voice: 'alloy', input: 'x' })
  t.strictSame([...new Uint8Array(await speech.arrayBuffer())], [0xff, 0xfb, 0, 1])
  t.equal(speech.headers.get('content-type'), 'audio/mpeg')
  t.equal(speech.headers.get('set-cookie'), null)
  const sound = new Uint8Array(100_000).map((_, i) => i)
  t.match(await client.audio.transcriptions.create({ model: 'whisper', file: new File([sound], 'a.wav') }), { text: 'said' })
  const { body, headers } = other[0]!
  t.match(body, /name="model"\r\n\r\nwhisper-large\r\n/)
  t.ok(body.includes(Buffer.from(sound).toString('latin1')), 'the sound is the same')
  t.match(headers['content-type'], /^multipart\/form-data; boundary=/)
})

test('a vendor\'s refusal is told, and a provider of another kind has no such operations', async t => {
  const { server } = await start(t, ALL)
  t.match(await server.post('/rerank', { model: 'm', query: 'x' }), { status: 422, body: { error: { message: /documents is missing/, param: 'documents' } } })
  t.match(await server.post('/moderations', { model: 'echo/m' }), { status: 404, body: { error: { message: 'The provider \'echo\' has no POST /moderations.', code: 'unsupported_operation' } } })
  t.match(await server.post('/moderations', '{"model":'), { status: 400 })
  t.match(await server.post('/moderations', '[]'), { status: 400 })
})

test('no path leads out of what is allowed, and keys are asked for', async t => {
  const { server, received } = await start(t, ['/audio/*'], { apiKeys: ['sk-a'] })
  const origin = new URL(server.baseURL)
  const { connect: dial } = await import('node:net')
  for (const path of ['/audio/../files', '/audio/%2e%2e/files', '/audio/.%2E/files', '/audio/..%2ffiles', '/audio/x\\..\\..\\files']) {
    const socket = dial(Number(origin.port), origin.hostname)
    socket.end(`GET /v1${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-a\r\nconnection: close\r\n\r\n`)
    t.match((await buffer(socket)).toString(), /^HTTP\/1\.1 404 /, path)
  }
  t.equal((await server.post('/audio/speech', { model: 'm' })).status, 401)
  t.strictSame(received, [])
})

test('paths that cannot be passed through are refused at the start', async t => {
  for (const path of ['moderations', '/audio*', '/', '/*', '/../x', '/a b', 7]) await t.rejects(start(t, [path as string]), { message: /^Option "passthrough" must hold paths such as/ }, String(path))
  for (const path of ['/files/*', '/threads', '/vector_stores/x']) await t.rejects(start(t, [path]), { message: `Option "passthrough" cannot hold "${path}": this server has that itself.` })
  await t.rejects(start(t, '/moderations' as never), { message: 'Option "passthrough" must be a list of paths.' })
})
