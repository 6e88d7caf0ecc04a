import t from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'
import { Gate, hang, text } from '../helpers/upstream.js'
import { connect, messages, post, provider, textUntilCut } from './helpers.js'

const call = { model: 'test-model', messages }
/** A `fetch` that is aborted leaves a fresh connection behind, which Node waits for when it closes the server. */
const fastify = { forceCloseConnections: true }

t.test('a client that leaves ends the upstream request at once, whatever state that is in', async t => {
  const server = await startServer(t, { fastify, script: [hang(), hang(), hang(text('one two'), 0), hang(text('one two'), 1)] })
  for (const body of [call, { ...call, stream: true }, { ...call, stream: true }, { ...call, stream: true }]) {
    const leaving = new AbortController()
    const answer = post(server, '/chat/completions', body, { headers: { 'content-type': 'application/json' }, signal: leaving.signal })
    const request = await server.upstream.next()
    // The last one has seen a token.
    if (server.upstream.chats.length === 4) await (await answer).body?.getReader().read()
    leaving.abort()
    await answer.catch(() => {})
    await request.aborted
  }
  t.equal(server.upstream.abortedCount, 4)
})

t.test('a client that leaves ends an embeddings request, too', async t => {
  const server = await startServer(t, { fastify })
  server.upstream.enqueueAt('/embeddings', hang())
  const leaving = new AbortController()
  const answer = connect(server).embeddings.create({ model: 'm', input: 'x' }, { signal: leaving.signal })
  const request = await server.upstream.next('/embeddings')
  leaving.abort()
  await t.rejects(answer)
  await request.aborted
})

t.test('a client that leaves ends the work of a model that is asked in other terms', async t => {
  for (const stream of [false, true]) {
    const asked = new Gate()
    const ended = new Gate()
    const server = await startServer(t, {
      fastify,
      provider: provider(async function * (_request, signal) {
        yield { type: 'text', text: 'one' }
        asked.open()
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => {
          ended.open()
          reject(new Error('the model was told to stop'))
        }))
      })
    })
    const leaving = new AbortController()
    const answer = post(server, '/chat/completions', { ...call, stream }, { headers: { 'content-type': 'application/json' }, signal: leaving.signal })
    await asked.pass()
    if (stream) await (await answer).body?.getReader().read()
    leaving.abort()
    await answer.catch(() => {})
    await ended.pass()
  }
})

t.test('closing the server ends what is under way, and says so', async t => {
  const server = await startServer(t, { script: [hang(text('one two'), 1), hang()], mayLogErrors: true })
  const streamed = await post(server, '/chat/completions', { ...call, stream: true })
  const plain = post(server, '/chat/completions', call)
  await server.upstream.next()
  await server.upstream.next()
  const began = Date.now()
  const closed = server.close()
  const { text: received, cut } = await textUntilCut(streamed)
  t.equal(cut, false)
  t.match(received, /one[^]*data: {"error":{"message":"The server is shutting down\. Please retry your request\.","type":"server_error","param":null,"code":"shutting_down"}}\n\n$/)
  const answer = await plain
  t.match(answer, { status: 503 })
  t.match(await answer.json(), { error: { code: 'shutting_down' } })
  await closed
  t.ok(Date.now() - began < 1000, `it took ${Date.now() - began} ms`)
  await Promise.all(server.upstream.chats.map(async ({ aborted }) => await aborted))
})

t.test('a client that takes no bytes is dropped, and the upstream request with it', async t => {
  const clock = new ManualClock()
  const token = 'x'.repeat(8 * 1024 * 1024)
  const server = await startServer(t, { fastify, clock, streams: { stallMs: 5000, heartbeatMs: 1e9 }, script: [text(Array.from({ length: 8 }, () => token))] })
  const response = await post(server, '/chat/completions', { ...call, stream: true })
  const request = await server.upstream.next()
  for (let sent = -1, still = 0; still < 20; still = sent === request.bytesSent ? still + 1 : 0, sent = request.bytesSent) await server.get('/models')
  await clock.armed(ms => ms === 5000)
  await clock.advance(5000)
  await request.aborted
  t.ok((await textUntilCut(response)).cut)
})
