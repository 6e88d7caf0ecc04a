import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { text as readText } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { EventReader, outline } from '../helpers/events.js'
import { newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { Gate, gated, startUpstream, text } from '../helpers/upstream.js'

/** A connection that has asked for a stream and reads nothing of it. */
function idleReader (server: TestServer, path: string, body: object) {
  const { hostname, port } = new URL(server.baseURL)
  const socket = connect(Number(port), hostname).pause()
  const json = JSON.stringify({ ...body, stream: true })
  socket.write(`POST /v1${path} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`)
  return socket
}

test('a client that leaves does not stop the run', async t => {
  const gate = new Gate()
  const server = await startServer(t, { script: [gated(text('one two three'), gate)] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = await stream.until('thread.run.created')
  gate.open()
  await stream.until('thread.message.delta')
  await stream.leave()
  gate.open(Infinity)
  t.equal((await stopped(server, run)).status, 'completed')
  const [message] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  t.match(message, { status: 'completed', content: [{ text: { value: 'one two three' } }] })
  t.equal(server.upstream.abortedCount, 0)
})

test('a client that is gone before the first byte does not stop the run either', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const socket = idleReader(server, `/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await (await server.upstream.next()).completed
  socket.destroy()
  const [run] = (await server.get(`/threads/${thread.id}/runs`)).body.data
  t.equal((await stopped(server, run)).status, 'completed')
})

test('a reader that takes nothing is dropped past the bound, and the run goes on to its end', async t => {
  const words = Array.from({ length: 256 }, () => 'x'.repeat(64 * 1024))
  const server = await startServer(t, { script: [text(words)], streams: { maxLagBytes: 256 * 1024 } })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const socket = idleReader(server, `/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const upstreamRequest = await server.upstream.next()
  await upstreamRequest.completed
  const [created] = (await server.get(`/threads/${thread.id}/runs`)).body.data
  const run = await stopped(server, created)
  t.equal(run.status, 'completed')
  const received = await readText(socket).catch(error => { t.equal(error.code, 'ECONNRESET'); return '' })
  t.notMatch(received, /event: done/, 'what it missed it is not sent later')
  const [message] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  t.equal(message.content[0].text.value.length, 256 * 64 * 1024)
})

test('a reader is not dropped for being late with what is within the bound', async t => {
  const server = await startServer(t, { script: [text(Array.from({ length: 16 }, () => 'x'.repeat(64 * 1024)))] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = await stream.until('thread.run.created')
  t.equal((await stopped(server, run)).status, 'completed')
  t.strictSame(outline(await stream.all()).slice(-3), ['run.step.completed', 'run.completed', 'done'])
})

test('closing the server ends open streams without waiting for their runs', async t => {
  const gates = [new Gate(), new Gate()]
  const server = await startServer(t, { script: gates.map(gate => gated(text('one two'), gate)) })
  const assistant = await newAssistant(server)
  const streams = await Promise.all(gates.map(async () => await server.stream('/threads/runs', { assistant_id: assistant.id })))
  for (const gate of gates) gate.open()
  for (const stream of streams) await stream.until('thread.message.delta')
  const from = performance.now()
  await Promise.all([server.close(), ...streams.map(async stream => await stream.all())])
  t.ok(performance.now() - from < 5000, 'less than the grace period')
  for (const stream of streams) t.match(stream.frames.slice(-2), [{ event: 'error', data: { code: 'shutting_down' } }, { event: 'done' }])
})

test('a server that was closed with a stream open leaves nothing behind that keeps the process alive', async t => {
  const gate = new Gate()
  const upstream = await startUpstream(t, { script: [gated(text('one two'), gate)] })
  const script = fileURLToPath(new URL('closing-server.js', import.meta.url))
  const child = spawn(process.execPath, [script, upstream.url], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [baseURL] = await once(createInterface(child.stdout), 'line') as [string]
  const post = async (path: string, body: object) => await fetch(baseURL + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const { id } = await (await post('/assistants', { model: 'm', instructions: 'x' })).json() as any
  const stream = new EventReader(await post('/threads/runs', { assistant_id: id, stream: true }))
  gate.open()
  await stream.until('thread.message.delta')
  const exited = once(child, 'exit')
  child.stdin.end()
  await stream.all()
  t.strictSame(await exited, [0, null])
})
