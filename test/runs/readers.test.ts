import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { withoutIds } from '../helpers/events.js'
import { startServer, type TestServer } from '../helpers/server.js'
import { startUpstream, Gate, text } from '../helpers/upstream.js'
import { GatedStore } from './helpers/gated-store.js'
import { startGatedServer } from './helpers/server.js'
import { join, joining, streamRun } from './helpers/streams.js'

/** Connects to the stream of a run, and takes nothing. */
async function lazyReader (server: TestServer, run: { id: string, thread_id: string }): Promise<Socket> {
  const { hostname, port } = new URL(server.baseURL)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.pause()
  socket.write(`GET /v1/threads/${run.thread_id}/runs/${run.id}/stream HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`)
  return socket
}

/** What is left to read once it begins to. */
async function readOut (socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('latin1').on('data', chunk => { received += chunk }).resume()
  await once(socket, 'close')
  return received
}

/** Counts a stream that is too big to be looked at closely. */
class Counter {
  bytes = 0
  #tail = ''
  readonly #reader

  constructor (response: Response) {
    this.#reader = response.body!.getReader()
  }

  static async join (server: TestServer, run: { id: string, thread_id: string }): Promise<Counter> {
    return new Counter(await fetch(`${server.baseURL}/threads/${run.thread_id}/runs/${run.id}/stream`))
  }

  /** Reads on until so many bytes have come, or to the end, which it returns. */
  async upTo (bytes: number): Promise<string> {
    while (this.bytes < bytes) {
      const { done, value } = await this.#reader.read()
      if (done) break
      this.bytes += value.length
      this.#tail = (this.#tail + Buffer.from(value.slice(-100)).toString('latin1')).slice(-100)
    }
    return this.#tail
  }
}

/** In all far more than the buffers of two sockets hold. */
const CHUNK = 'x'.repeat(256 * 1024)
const CHUNKS = 64
const flood = (gate: Gate) => text(Array.from({ length: CHUNKS }, () => [gate, CHUNK]).flat())

test('a reader that lags too far behind is dropped; the run and its other readers are not held up', async t => {
  // The words come twice: in deltas, and in the message as it ends, at once.
  const server = await startGatedServer(t, { streams: { maxLagBytes: (CHUNKS + 8) * CHUNK.length }, limits: { maxLogBytes: 1024 ** 3 } })
  const gate = new Gate()
  server.upstream.enqueue(flood(gate))
  const run = await server.run()
  await gate.reached()
  const [quick, lazy] = await Promise.all([Counter.join(server, run), lazyReader(server, run)])
  t.teardown(() => lazy.destroy())
  for (let i = 1; i <= CHUNKS; i++) {
    gate.open()
    await quick.upTo(i * CHUNK.length)
  }
  t.match(await quick.upTo(Infinity), /event: done\ndata: \[DONE\]\n\n$/)
  t.equal((await server.rest(run)).status, 'completed')
  const received = await readOut(lazy)
  t.match(received, /^HTTP\/1\.1 200 OK/)
  t.notMatch(received, /event: done/)
})

test('a reader that takes nothing for too long is dropped', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, streams: { maxLagBytes: 1024 ** 3, stallMs: 7777 }, limits: { maxLogBytes: 1024 ** 3 } })
  const gate = new Gate()
  server.upstream.enqueue(flood(gate))
  const run = await server.run()
  await gate.reached()
  const lazy = await lazyReader(server, run)
  t.teardown(() => lazy.destroy())
  gate.open(Infinity)
  await clock.armed(ms => ms === 7777)
  t.equal((await server.rest(run)).status, 'completed', 'the run does not wait for it')
  await clock.advance(7777)
  t.notMatch(await readOut(lazy), /event: done/)
})

test('a slow reader within the bounds gets everything', async t => {
  const server = await startGatedServer(t, { streams: { maxLagBytes: 1024 ** 3 }, limits: { maxLogBytes: 1024 ** 3 } })
  const gate = new Gate()
  server.upstream.enqueue(flood(gate))
  const run = await server.run()
  await gate.reached()
  const slow = await Counter.join(server, run)
  gate.open(Infinity)
  await server.rest(run)
  t.match(await slow.upTo(Infinity), /event: done\ndata: \[DONE\]\n\n$/)
  t.ok(slow.bytes > 2 * CHUNKS * CHUNK.length)
})

test('a run is read on an instance that does not execute it: the same bytes, under the same ids', async t => {
  const upstream = await startUpstream(t)
  const store = new GatedStore({ shared: true })
  const gate = new Gate()
  upstream.enqueue(text(['Once', gate, ' upon', ' a time']))
  const here = await startServer(t, { storage: store, upstream })
  const there = await startServer(t, { storage: store, upstream })
  const stream = await streamRun(t, here)
  const run = (await stream.next())!.data
  await gate.reached()
  const far = await joining(t, there, run)
  const further = await join(t, there, run)
  await further.until('thread.message.delta')
  const moved = await join(t, there, run, further.frames[5]!.id)
  gate.open()
  const frames = await stream.all()
  t.equal((await far.text()).replaceAll(/^id: .*\n/gm, ''), await stream.bytes)
  t.strictSame(withoutIds(await further.all()), frames)
  t.strictSame(await moved.all(), further.frames.slice(6), 'and a reader may go on there from where it was')
})
