import { getEventListeners, once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { Agent } from 'undici'
import { failure, finishes, read, textOf } from '../../lib/conformance/model-parts.js'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import { ModelError } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { drop, error, Gate, gated, hang, http, malformed, text, type Step } from '../helpers/upstream.js'
import { request, signal, start } from './helpers.js'

t.test('passing failures are tried again after a growing pause', async t => {
  const { upstream, provider, clock } = await start(t)
  upstream.enqueue(error(500), error(503), text('Hello'))
  const parts = read(provider, request)
  const first = await clock.armed()
  t.ok(first >= 250 && first <= 500, `the first pause was ${first} ms`)
  t.equal(upstream.chats.length, 1)
  await clock.advance(first)
  const second = await clock.armed()
  t.ok(second >= 500 && second <= 1000, `the second pause was ${second} ms`)
  await clock.advance(second)
  t.equal(textOf(await parts), 'Hello')
  t.equal(upstream.chats.length, 3)
})

t.test('the last error is thrown when the retries are used up', async t => {
  const { upstream, provider, clock } = await start(t)
  upstream.enqueue(error(429), error(500), error(429, 'Rate limit reached for requests'))
  const thrown = failure(read(provider, request))
  for (let round = 0; round < 2; round++) await clock.advance(await clock.armed())
  t.match(await thrown, { name: 'ModelError', code: 'rate_limit_exceeded', status: 429, message: 'Rate limit reached for requests' })
  t.equal(upstream.chats.length, 3)
})

t.test('the pause that a vendor asks for is kept, in seconds, milliseconds or as a date', async t => {
  const asked: [Record<string, string>, number][] = [
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after-ms': '1234', 'retry-after': '99' }, 1234],
    [{ 'retry-after': new Date(new ManualClock().now() + 9000).toUTCString() }, 9000],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0]
  ]
  for (const [headers, delayMs] of asked) {
    const { upstream, provider, clock } = await start(t)
    upstream.enqueue(error(429, 'Slow down', headers), text('Hello'))
    const parts = read(provider, request)
    t.equal(await clock.armed(), delayMs, JSON.stringify(headers))
    await clock.advance(delayMs)
    t.equal(textOf(await parts), 'Hello')
  }
})

t.test('a vendor that asks for too long a pause is not asked again', async t => {
  const { upstream, provider } = await start(t, { maxRetryDelayMs: 5000 })
  upstream.enqueue(error(429, 'Come back tomorrow', { 'retry-after': '6' }))
  t.match(await failure(read(provider, request)), { code: 'rate_limit_exceeded', message: 'Come back tomorrow' })
  t.equal(upstream.chats.length, 1)
})

t.test('our own pauses are no longer than the longest that is allowed', async t => {
  const { upstream, provider, clock } = await start(t, { maxRetryDelayMs: 10 })
  upstream.enqueue(error(500), text('Hello'))
  const parts = read(provider, request)
  t.equal(await clock.armed(), 10)
  await clock.advance(10)
  t.equal(textOf(await parts), 'Hello')
})

t.test('what another try cannot help is not tried again', async t => {
  const quota = { error: { message: 'You exceeded your current quota, please check your plan and billing details.', type: 'insufficient_quota', code: 'insufficient_quota' } }
  for (const reply of [error(400, 'No'), error(401, 'No'), error(404, 'No'), error(429, quota), error(500, 'No', { 'x-should-retry': 'false' })]) {
    const { upstream, provider } = await start(t)
    upstream.enqueue(reply)
    await failure(read(provider, request))
    t.equal(upstream.chats.length, 1, String(reply.status))
  }
})

t.test('a connection that is lost before the first part is tried again, also after headers', async t => {
  const { upstream, provider, clock } = await start(t)
  upstream.enqueue(drop(), drop(text('Hello')), text('Hello'))
  const parts = read(provider, request)
  for (let round = 0; round < 2; round++) await clock.advance(await clock.armed())
  t.equal(textOf(await parts), 'Hello')
})

t.test('a connection that is lost after a part is not tried again', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(drop(text('Hello world'), 1))
  t.match(await failure(read(provider, request)), { name: 'ModelError', code: 'server_error', message: 'The model provider "acme" closed the connection before its answer was complete.' })
  t.equal(upstream.chats.length, 1)
})

t.test('a stream that ends without a reason was cut short', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text('Hello', { finish: null, done: false }))
  t.match(await failure(read(provider, request)), { code: 'server_error', message: /before its answer was complete/ })
})

t.test('a stream that breaks after its reason is complete', async t => {
  const { upstream, provider } = await start(t)
  const last = { chunk: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } }
  upstream.enqueue(drop(text(['Hello', last]), 2))
  const parts = await read(provider, request)
  t.equal(textOf(parts), 'Hello')
  t.strictSame(finishes(parts), ['stop'])
})

t.test('a stream that stays open after its reason is closed', async t => {
  const { upstream, provider, clock } = await start(t)
  const last = { chunk: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } }
  upstream.enqueue(hang(text(['Hello', last]), 2))
  const parts = read(provider, request)
  await clock.advance(await clock.armed())
  t.strictSame(finishes(await parts), ['stop'])
  await (await upstream.next()).aborted
})

t.test('frames that are no JSON objects are errors', async t => {
  for (const data of ['{"choices":[{"delta":', 'null', '"text"', '7']) {
    const { upstream, provider } = await start(t)
    upstream.enqueue(malformed(text('Hello world'), 1, data))
    t.match(await failure(read(provider, request)), { name: 'ModelError', code: 'server_error', message: /^The model provider "acme" sent a piece of its stream that is not/ })
  }
})

t.test('a frame or line beyond the limit is an error before it is held whole', async t => {
  const endless: Step[] = Array.from({ length: 1000 }, () => ({ raw: 'x'.repeat(1000) }))
  const lines: Step[] = Array.from({ length: 1000 }, () => ({ raw: `data: ${'x'.repeat(1000)}\n` }))
  for (const steps of [[{ raw: 'data: ' }, ...endless], lines]) {
    const { upstream, provider } = await start(t, { maxFrameLength: 10_000 })
    upstream.enqueue(text(steps))
    t.match(await failure(read(provider, request)), { code: 'server_error', message: /longer than 10000 characters/ })
  }
})

t.test('an error body beyond the limit is not read to its end', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(http(400, `${'long '.repeat(4_000_000)}`))
  const thrown = await failure(read(provider, request))
  t.equal(thrown.code, 'server_error')
  t.ok(thrown.message.length <= 1000)
  await (await upstream.next()).aborted
})

t.test('an error inside the stream is told in the vendor\'s words, and tried again while nothing was passed on', async t => {
  const { upstream, provider, clock } = await start(t)
  const limited = { chunk: { error: { code: 429, message: 'Rate limited upstream' }, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }] } }
  upstream.enqueue(text([limited]), text(['Hello', limited]))
  const thrown = failure(read(provider, request))
  await clock.advance(await clock.armed())
  t.match(await thrown, { code: 'rate_limit_exceeded', status: 429, message: 'Rate limited upstream' })
  t.equal(upstream.chats.length, 2)
})

t.test('errors inside the stream are known by their shapes', async t => {
  const shapes: [Step, Record<string, unknown>][] = [
    [{ chunk: { error: { message: 'This model\'s maximum context length is 10 tokens', code: 'context_length_exceeded' } } }, { code: 'invalid_prompt' }],
    [{ chunk: { error: { message: 'Rate limit', type: 'rate_limit_exceeded' } } }, { code: 'rate_limit_exceeded' }],
    [{ chunk: { object: 'error', message: 'CUDA out of memory', code: 500 } }, { code: 'server_error', message: 'CUDA out of memory' }],
    [{ chunk: { error: 'plain words' } }, { code: 'server_error', message: 'plain words' }],
    [{ chunk: { choices: [{ index: 0, delta: {}, finish_reason: 'error', error: { code: 502, message: 'Provider disconnected' } }] } }, { code: 'server_error', message: 'Provider disconnected', status: 502 }],
    [{ raw: 'event: error\ndata: {"message":"overloaded"}\n\n' }, { code: 'server_error', message: 'overloaded' }]
  ]
  for (const [step, expected] of shapes) {
    const { upstream, provider } = await start(t)
    upstream.enqueue(text(['Hello', step]))
    const thrown = await failure(read(provider, request))
    t.type(thrown, ModelError)
    t.match(thrown, expected)
  }
})

t.test('time-outs', async t => {
  t.test('to the first token, which a role alone is not', async t => {
    for (const reply of [hang(), hang(text([{ delta: { role: 'assistant' } }]), 1)]) {
      const { upstream, provider, clock } = await start(t, { timeouts: { firstTokenMs: 3000 } })
      upstream.enqueue(reply)
      const thrown = failure(read(provider, request))
      const asked = await upstream.next()
      await clock.armed(ms => ms === 3000)
      await clock.advance(3000)
      t.match(await thrown, { code: 'server_error', message: 'The model provider "acme" sent nothing for 3000 ms.' })
      await asked.aborted
      t.equal(upstream.chats.length, 1, 'a slow model is not made slower by asking twice')
    }
  })

  t.test('between tokens', async t => {
    const { upstream, provider, clock } = await start(t, { timeouts: { idleMs: 2000 } })
    upstream.enqueue(hang(text('Hello world'), 1))
    const thrown = failure(read(provider, request))
    await clock.armed(ms => ms === 2000)
    await clock.advance(2000)
    t.match(await thrown, { code: 'server_error', message: 'The model provider "acme" sent nothing more for 2000 ms.' })
    await (await upstream.next()).aborted
  })

  t.test('every piece, comments included, starts the wait anew', async t => {
    const { upstream, provider, clock } = await start(t, { timeouts: { idleMs: 2000 } })
    const gate = new Gate()
    upstream.enqueue(text(['Hello', gate, { raw: ': still here\n\n' }, gate, ' world']))
    const stream = provider.stream(request, { signal })[Symbol.asyncIterator]()
    await stream.next()
    const second = stream.next()
    await clock.armed()
    await clock.advance(1500)
    const again = clock.looked()
    gate.open()
    await again
    await clock.advance(1500)
    gate.open()
    t.match((await second).value, { text: ' world' })
  })

  t.test('a reader that takes its time is not idle', async t => {
    const { upstream, provider, clock } = await start(t, { timeouts: { idleMs: 2000, firstTokenMs: 1000 } })
    const gate = new Gate()
    upstream.enqueue(text(['Hello', gate, ' world']))
    const stream = provider.stream(request, { signal })[Symbol.asyncIterator]()
    await stream.next()
    t.equal(clock.pending, 0)
    await clock.advance(60_000)
    gate.open()
    t.match((await stream.next()).value, { text: ' world' })
  })

  t.test('to the connection, which is tried again', async t => {
    const clock = new ManualClock()
    let dialled = 0
    const dispatcher = new Agent({ connect: () => { dialled++ } })
    t.teardown(() => dispatcher.destroy())
    const provider = openaiCompatible({ baseURL: 'http://192.0.2.1/v1', name: 'acme', clock, dispatcher, timeouts: { connectMs: 700 }, maxRetries: 1 })
    const thrown = failure(read(provider, request))
    for (const wait of [(ms: number) => ms === 700, (ms: number) => ms < 700, (ms: number) => ms === 700]) await clock.advance(await clock.armed(wait))
    t.match(await thrown, { code: 'server_error', message: 'The model provider "acme" did not accept a connection within 700 ms.' })
    t.ok(dialled > 0)
  })
})

t.test('aborting', async t => {
  const reason = new Error('cancelled by the user')

  t.test('while waiting to try again throws at once', async t => {
    const { upstream, provider, clock } = await start(t)
    upstream.enqueue(error(500))
    const leaving = new AbortController()
    const thrown = failure(read(provider, request, leaving.signal))
    await clock.armed()
    leaving.abort(reason)
    t.equal(await thrown, reason)
    t.equal(clock.pending, 0)
    t.equal(upstream.chats.length, 1)
  })

  t.test('while the connection is not there yet throws at once, and the request is never sent', async t => {
    const dialling = new Gate()
    let sent = ''
    const server = createServer((socket: Socket) => socket.on('data', data => { sent += data.toString() }))
    t.teardown(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    let connected: Socket | undefined
    const dispatcher = new Agent({
      connect: (_options, callback) => {
        dialling.pass().then(() => {
          const socket = connect(port, '127.0.0.1', () => callback(null, socket))
          connected = socket
        }, () => {})
      }
    })
    t.teardown(() => dispatcher.destroy())
    const provider = openaiCompatible({ baseURL: `http://127.0.0.1:${port}/v1`, dispatcher })
    const leaving = new AbortController()
    const thrown = failure(read(provider, request, leaving.signal))
    await dialling.reached()
    leaving.abort(reason)
    t.equal(await thrown, reason)
    const arrived = once(server, 'connection')
    dialling.open()
    const [socket] = await arrived as [Socket]
    await once(socket, 'close')
    t.equal(sent, '')
    t.ok(connected?.destroyed)
  })

  t.test('between two parts ends the stream with the reason', async t => {
    const { upstream, provider } = await start(t)
    upstream.enqueue(text('one two three'))
    const leaving = new AbortController()
    const stream = provider.stream(request, { signal: leaving.signal })[Symbol.asyncIterator]()
    await stream.next()
    leaving.abort(reason)
    t.equal(await failure(stream.next()), reason)
  })

  t.test('leaves nothing hanging on a signal that lives longer', async t => {
    const { upstream, provider, clock } = await start(t)
    const living = new AbortController().signal
    upstream.enqueue(text('Hello'), error(400), drop(text('Hello world'), 1))
    for (let round = 0; round < 3; round++) await read(provider, request, living).catch(() => {})
    await clock.advance(10_000)
    t.equal(getEventListeners(living, 'abort').length, 0)
    t.equal(clock.pending, 0)
  })
})

t.test('a reader that stops pulling stops the vendor', async t => {
  const { upstream, provider } = await start(t)
  const long = 'x'.repeat(1000)
  const total = 20_000
  upstream.enqueue(text(Array.from({ length: total }, () => long)))
  const stream = provider.stream(request, { signal })[Symbol.asyncIterator]()
  await stream.next()
  const asked = await upstream.next()
  // The upstream sends until the buffers between it and the reader are full; then its count stands still.
  let sent = -1
  for (let same = 0; same < 50; same = asked.tokensSent === sent ? same + 1 : 0) {
    sent = asked.tokensSent
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(sent < total, `${sent} of ${total} tokens were sent`)
  let length = long.length
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
    if (next.value.type === 'text') length += next.value.text.length
  }
  t.equal(length, total * long.length)
})

t.test('a token is passed on as soon as it is there', async t => {
  const { upstream, provider } = await start(t)
  const gate = new Gate()
  upstream.enqueue(gated(text('one two three'), gate))
  const stream = provider.stream(request, { signal })[Symbol.asyncIterator]()
  for (const expected of ['one', ' two', ' three']) {
    const next = stream.next()
    gate.open()
    t.match((await next).value, { type: 'text', text: expected })
  }
})

t.test('connections are kept and used again', async t => {
  const { upstream, provider } = await start(t)
  for (let round = 0; round < 3; round++) {
    upstream.enqueue(text('Hello'))
    await read(provider, request)
    await upstream.chats.at(-1)?.completed
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(new Set(upstream.chats.map(chat => chat.remotePort)).size < 3)
  t.equal(upstream.abortedCount, 0)
})

t.test('a provider that is closed ends what is under way', async t => {
  const { upstream, provider } = await start(t, { maxRetries: 0 })
  upstream.enqueue(hang(text('Hello world'), 1))
  const stream = provider.stream(request, { signal })[Symbol.asyncIterator]()
  await stream.next()
  const next = failure(stream.next())
  await provider.close()
  t.match(await next, { name: 'ModelError', code: 'server_error', message: 'The model provider "acme" is shut down.' })
  t.match(await failure(read(provider, request)), { message: 'The model provider "acme" is shut down.' })
})

t.test('a provider that is closed before it was asked asks no more', async t => {
  const { upstream, provider } = await start(t, { maxRetries: 0 })
  await provider.close()
  t.match(await failure(read(provider, request)), { code: 'server_error', message: 'The model provider "acme" is shut down.' })
  t.equal(upstream.chats.length, 0)
})
