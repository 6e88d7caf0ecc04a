import t from 'tap'
import OpenAI from 'openai'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'
import { drop, error, hang, http, startUpstream, text } from '../helpers/upstream.js'
import { ask, connect, messages, post, textUntilCut } from './helpers.js'

const call = { model: 'test-model', messages }

t.test('a vendor\'s refusal of the request keeps its status and says what was wrong', async t => {
  const server = await startServer(t)
  const told = { message: 'Too many tokens.', type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' }
  server.upstream.enqueue(error(400, { error: told }), error(422, { detail: [{ msg: 'bad field', loc: ['body'] }] }), error(413, 'Request too large.'), error(403, 'Your input was flagged by moderation.'))
  t.match(await ask(server, '/chat/completions', call), { status: 400, body: { error: told } })
  t.match(await ask(server, '/chat/completions', call), { status: 422, body: { error: { message: 'bad field', type: 'invalid_request_error', param: null, code: null } } })
  t.match(await ask(server, '/chat/completions', call), { status: 413 })
  t.match(await ask(server, '/chat/completions', call), { status: 400, body: { error: { message: 'Your input was flagged by moderation.' } } })
  t.equal(server.upstream.chats.length, 4, 'nothing is asked twice')
})

t.test('a rate limit is passed on with the pause that the vendor asks for', async t => {
  const server = await startServer(t)
  const limit = { message: 'Slow down.', type: 'tokens', param: null, code: 'rate_limit_exceeded' }
  const quota = { message: 'You exceeded your current quota.', type: 'insufficient_quota', param: null, code: 'insufficient_quota' }
  server.upstream.enqueue(error(429, { error: limit }, { 'retry-after': '7' }), error(429, { error: quota }), error(402, 'Payment required.'), error(429, 'Later.', { 'retry-after-ms': '1500' }))
  const limited = await ask(server, '/chat/completions', call)
  t.match(limited, { status: 429, body: { error: limit } })
  t.equal(limited.headers.get('retry-after'), '7')
  t.equal(limited.headers.get('x-should-retry'), 'true')
  const broke = await ask(server, '/chat/completions', call)
  t.match(broke, { status: 429, body: { error: quota } })
  t.equal(broke.headers.get('x-should-retry'), 'false', 'waiting does not fill an account')
  t.match(await ask(server, '/chat/completions', call), { status: 429, body: { error: { code: 'rate_limit_exceeded' } } })
  const thrown = await connect(server).chat.completions.create(call).catch((error: unknown) => error)
  t.ok(thrown instanceof OpenAI.RateLimitError)
  t.equal(server.upstream.chats.length, 4)
})

t.test('the SDK repeats a limited request by itself, after the pause', async t => {
  const server = await startServer(t, { script: [error(429, 'Slow down.', { 'retry-after-ms': '1' }), text('Hello')] })
  const client = connect(server, { maxRetries: 1 })
  t.equal((await client.chat.completions.create(call)).choices[0]?.message.content, 'Hello')
})

t.test('credentials that the vendor refuses are the operator\'s affair, and stay secret', async t => {
  const upstream = await startUpstream(t)
  const server = await startServer(t, { provider: { baseURL: upstream.url, apiKey: 'sk-operators-own-key', name: 'acme' }, upstream, mayLogErrors: true })
  for (const status of [401, 403]) {
    upstream.enqueue(error(status, `Incorrect API key provided: sk-operators-own-key for ${upstream.url}.`))
    const { status: answered, body, headers } = await ask(server, '/chat/completions', call)
    t.equal(answered, 502)
    t.strictSame(body, { error: { message: `The model provider "acme" refused this server's credentials (HTTP ${status}).`, type: 'server_error', param: null, code: 'model_provider_error' } })
    t.equal(headers.get('x-should-retry'), 'false')
  }
  upstream.enqueue(error(500, `key sk-operators-own-key at ${upstream.url}/chat crashed`))
  t.match(await ask(server, '/chat/completions', call), { status: 502, body: { error: { message: 'key *** at [address] crashed' } } })
})

t.test('a model that the vendor does not have is a 404 in the API\'s words', async t => {
  const server = await startServer(t, { aliases: { 'gpt-4': 'gone' } })
  const expected = { status: 404, body: { error: { message: 'The model `gpt-4` does not exist or you do not have access to it.', type: 'invalid_request_error', param: 'model', code: 'model_not_found' } } }
  server.upstream.enqueue(
    error(404, { error: { message: 'model "gone" not found, try pulling it first', type: 'api_error', param: null, code: null } }),
    error(404, { object: 'error', message: 'The model `gone` does not exist.', type: 'NotFoundError', param: null, code: 404 }),
    error(400, { object: 'error', message: 'Invalid model: gone', type: 'invalid_model', param: null, code: '1500' })
  )
  for (let i = 0; i < 3; i++) t.match(await ask(server, '/chat/completions', { model: 'gpt-4', messages }), expected)
})

t.test('what is wrong on the vendor\'s side is a 502 in the envelope', async t => {
  const server = await startServer(t, { mayLogErrors: true })
  const { upstream } = server
  upstream.enqueue(error(500, 'Boom.'), error(529, 'Overloaded.'), error(503, 'Loading.', { 'retry-after': '3' }), drop(), http(302, '', { location: '/elsewhere' }),
    http(200, '<html>Login</html>', { 'content-type': 'text/html' }), http(404, '<html>nothing here</html>', { 'content-type': 'text/html' }))
  const answers = []
  for (let i = 0; i < 7; i++) answers.push(await ask(server, '/chat/completions', call))
  t.strictSame(answers.map(({ status }) => status), [502, 502, 503, 502, 502, 502, 502])
  t.ok(answers.every(({ body }) => body.error.type === 'server_error' && body.error.code === 'model_provider_error'))
  t.match(answers.map(({ body }) => body.error.message), ['Boom.', 'Overloaded.', 'Loading.', /closed the connection/, /redirect/, /web page: is its base URL right/, /HTTP 404/])
  t.equal(answers[2]?.headers.get('retry-after'), '3')
  t.equal(answers[0]?.headers.get('x-should-retry'), 'true')
})

t.test('a vendor that is not there is a 502 that does not tell where it should be', async t => {
  // A port that the system hands out to no one: one that was free a moment ago may be another process's by now.
  const server = await startServer(t, { provider: { baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0 }, mayLogErrors: true })
  t.match(await ask(server, '/chat/completions', call), { status: 502, body: { error: { message: 'The model provider "openai-compatible" refused the connection: is it running?' } } })
})

t.test('a connection that is lost before any answer is tried again', async t => {
  const clock = new ManualClock()
  const upstream = await startUpstream(t, { script: [drop(), text('Hello'), error(500, 'Boom.')] })
  const server = await startServer(t, { provider: { baseURL: upstream.url, clock, timeouts: { connectMs: 0, firstTokenMs: 0, idleMs: 0 } }, upstream, mayLogErrors: true })
  const answer = ask(server, '/chat/completions', call)
  await clock.advance(await clock.armed())
  t.match(await answer, { status: 200 })
  t.match(await ask(server, '/chat/completions', call), { status: 502 }, 'what the vendor has answered is for the client to repeat')
})

t.test('a stream that breaks off ends in an error that the SDK throws', async t => {
  const server = await startServer(t, { script: [drop(text('one two three'), 2)], mayLogErrors: true })
  let words = ''
  await t.rejects(async () => {
    for await (const chunk of await connect(server).chat.completions.create({ ...call, stream: true })) words += chunk.choices[0]?.delta.content
  }, { message: /closed the connection before its answer was complete/, type: 'server_error' })
  t.equal(words, 'one two')
})

t.test('a stream that breaks off in the midst of a frame is cut', async t => {
  const server = await startServer(t, { script: [text(['one', { raw: 'data: {"choi' }, { fault: 'drop' }])], mayLogErrors: true })
  const { text: received, cut } = await textUntilCut(await post(server, '/chat/completions', { ...call, stream: true }))
  t.ok(cut)
  t.notMatch(received, 'error')
})

t.test('a stream that breaks off before its first byte is an error with a status', async t => {
  const server = await startServer(t, { script: [drop(text('one'), 0)], mayLogErrors: true })
  const answer = await ask(server, '/chat/completions', { ...call, stream: true })
  t.match(answer, { status: 502, body: { error: { code: 'model_provider_error' } } })
  t.match(answer.headers.get('content-type'), 'application/json')
})

t.test('a vendor that falls silent is given up', async t => {
  const clock = new ManualClock()
  const upstream = await startUpstream(t, { script: [hang(), hang(text('one two'), 1)] })
  const timeouts = { connectMs: 0, firstTokenMs: 1000, idleMs: 2000 }
  const server = await startServer(t, { provider: { baseURL: upstream.url, clock, timeouts, maxRetries: 0 }, upstream, mayLogErrors: true })
  const never = ask(server, '/chat/completions', call)
  await upstream.next()
  await clock.advance(await clock.armed(ms => ms === 1000))
  t.match(await never, { status: 502, body: { error: { message: /sent nothing for 1000 ms/ } } })
  const broken = textUntilCut(await post(server, '/chat/completions', { ...call, stream: true }))
  await clock.armed(ms => ms === 2000)
  await clock.advance(2000)
  t.match(await broken, { cut: false, text: /one[^]*sent nothing more for 2000 ms/ })
  await upstream.chats[1]?.aborted
})
