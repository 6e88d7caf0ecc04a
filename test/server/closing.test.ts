import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { test } from 'tap'
import { OpenAIServer } from '../../lib/index.js'
import { EventReader } from '../helpers/events.js'
import { Gate, gated, startUpstream, text } from '../helpers/upstream.js'

const here = { port: 0, host: '127.0.0.1' }

async function post (url: string, body: object): Promise<Response> {
  return await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

test('closing ends an open stream gracefully, and does not wait for its kept-alive connection', async t => {
  const gate = new Gate()
  const upstream = await startUpstream(t, { script: [gated(text('one two'), gate)] })
  const server = new OpenAIServer({ baseURL: upstream.url }, here)
  await server.start()
  const url = server.getBaseUrl()
  const { id } = await (await post(`${url}/assistants`, { model: 'test-model' })).json() as { id: string }
  const stream = new EventReader(await post(`${url}/threads/runs`, { assistant_id: id, stream: true, thread: { messages: [{ role: 'user', content: 'Hi' }] } }))
  await gate.reached()
  const started = performance.now()
  await Promise.all([server.stop(), (async () => { while (await stream.next() !== undefined); })()])
  const ms = performance.now() - started
  t.ok(ms < 3000, `${Math.round(ms)} ms, less than the grace period`)
  t.match(stream.frames.slice(-2), [{ event: 'error', data: { code: 'shutting_down', error: { type: 'server_error', code: 'shutting_down' } } }, { event: 'done' }])
})

const head = (extra = ''): string => `POST /v1/threads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n${extra}`

test('closing finishes the answers under way; a request that comes only then is a 503', async t => {
  const server = new OpenAIServer(undefined, here)
  await server.start()
  const port = Number(new URL(server.getUrl()).port)
  const early = connect(port, '127.0.0.1')
  const late = connect(port, '127.0.0.1')
  late.write(head())
  early.write(head('expect: 100-continue\r\n\r\n'))
  await once(early, 'data')
  // The server has read what was sent before this.
  await (await fetch(`${server.getUrl()}/health`)).json()

  const stopped = server.stop()
  early.write('{}')
  late.write('\r\n{}')
  const [created, refused] = await Promise.all([textOf(early), textOf(late)])
  await stopped
  t.match(created, /^HTTP\/1\.1 200 OK[^]*\r\nconnection: close\r\n[^]*"object":"thread"/i)
  t.match(refused, /^HTTP\/1\.1 503 Service Unavailable[^]*\r\nconnection: close\r\n[^]*"code":"shutting_down"/i)
})

test('a connection on which nothing was asked yet is closed at once: clients open spare ones', async t => {
  const server = new OpenAIServer(undefined, here)
  await server.start()
  const spare = connect(Number(new URL(server.getUrl()).port), '127.0.0.1')
  await once(spare, 'connect')
  await (await fetch(`${server.getUrl()}/health`)).json()
  const started = performance.now()
  await Promise.all([server.stop(), once(spare, 'close')])
  const ms = performance.now() - started
  t.ok(ms < 3000, `${Math.round(ms)} ms, less than the grace period`)
})

test('idle connections are closed at once', async t => {
  const server = new OpenAIServer(undefined, here)
  await server.start()
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const [response] = await once(get(`${server.getUrl()}/health`, { agent }), 'response') as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  const started = performance.now()
  await server.stop()
  t.ok(performance.now() - started < 3000, 'less than the grace period')
})

test('a connection that does not end is cut after the grace period', async t => {
  const server = new OpenAIServer(undefined, { ...here, closeGraceMs: 20 })
  await server.start()
  const socket = connect(Number(new URL(server.getUrl()).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(head('expect: 100-continue\r\n\r\n'))
  await once(socket, 'data')
  const cut = once(socket, 'close')
  await server.stop()
  await cut
  t.pass('cut')
})

test('a server that has stopped holds no connection to its vendor, idle or not', async t => {
  const never = new Gate()
  const upstream = await startUpstream(t, { script: [text('one'), text('two'), gated(text('three four'), never)] })
  const server = new OpenAIServer({ baseURL: upstream.url }, here)
  await server.start()
  const url = server.getBaseUrl()
  const chat = async (): Promise<Response> => await post(`${url}/chat/completions`, { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] })
  await Promise.all([chat(), chat()])
  await (await fetch(`${url}/models`)).json()
  const idle = upstream.connections
  t.ok(idle >= 2, 'they are kept for the next request')
  const { id } = await (await post(`${url}/assistants`, { model: 'test-model' })).json() as { id: string }
  await post(`${url}/threads/runs`, { assistant_id: id, thread: { messages: [{ role: 'user', content: 'Hi' }] } })
  await never.reached()
  await server.stop()
  await upstream.disconnected()
  t.equal(upstream.connections, 0)
  await server.start()
  t.equal((await fetch(`${server.getBaseUrl()}/models`)).status, 200, 'and it can be started again')
  await server.stop()
  await upstream.disconnected()
})
