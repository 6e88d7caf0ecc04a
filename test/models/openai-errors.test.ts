import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { failure, read } from '../../lib/conformance/model-parts.js'
import { publicText } from '../../lib/models/http/redact.js'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import { ModelError } from '../../lib/models/provider.js'
import { error, http } from '../helpers/upstream.js'
import { request, start } from './helpers.js'

const envelope = (message: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ error: { message, type: 'invalid_request_error', param: null, code: null, ...more } })

t.test('what a vendor refuses is told by the code that helps', async t => {
  const cases: [number, unknown, string][] = [
    [429, envelope('Rate limit reached for gpt-4o'), 'rate_limit_exceeded'],
    [429, envelope('You exceeded your current quota', { code: 'insufficient_quota' }), 'rate_limit_exceeded'],
    [402, envelope('Insufficient Balance'), 'rate_limit_exceeded'],
    [503, [{ error: { code: 503, message: 'Try later', status: 'RESOURCE_EXHAUSTED' } }], 'rate_limit_exceeded'],
    [400, envelope('This model\'s maximum context length is 8192 tokens. However, you requested 9000.', { code: 'context_length_exceeded' }), 'invalid_prompt'],
    [400, envelope('prompt is too long: 210000 tokens > 200000 maximum'), 'invalid_prompt'],
    [400, { error: { code: 400, message: 'the request exceeds the available context size, try increasing it', type: 'exceed_context_size_error' } }, 'invalid_prompt'],
    [400, envelope('Your request was rejected by our safety system', { code: 'content_policy_violation' }), 'invalid_prompt'],
    [400, envelope('Invalid schema for function \'a\': None is not of type \'object\'', { code: 'invalid_function_parameters' }), 'invalid_prompt'],
    [400, envelope('You uploaded an unsupported image.', { code: 'image_parse_error' }), 'invalid_prompt'],
    [403, { error: { code: 403, message: 'Input was flagged by moderation' } }, 'invalid_prompt'],
    [413, 'Request Entity Too Large', 'invalid_prompt'],
    [422, { detail: [{ loc: ['body', 'x'], msg: 'Input should be a valid list' }] }, 'server_error'],
    [400, envelope('Invalid parameter: messages with role tool must follow tool_calls'), 'server_error'],
    [404, envelope('The model `gpt-9` does not exist', { code: 'model_not_found' }), 'server_error'],
    [500, envelope('The server had an error'), 'server_error']
  ]
  for (const [status, body, code] of cases) {
    const { upstream, provider } = await start(t, { maxRetries: 0 })
    upstream.enqueue(http(status, body))
    const thrown = await failure(read(provider, request))
    t.type(thrown, ModelError)
    t.strictSame([thrown.code, thrown.status], [code, status], JSON.stringify(body))
  }
})

t.test('the message is the vendor\'s own, from wherever it stands', async t => {
  const cases: [unknown, string][] = [
    [envelope('One.'), 'One.'],
    [{ error: 'Two.' }, 'Two.'],
    [{ message: 'Three.' }, 'Three.'],
    [{ detail: 'Four.' }, 'Four.'],
    [{ detail: [{ msg: 'Five.' }, { msg: 'Six.' }] }, 'Five.; Six.'],
    [[{ error: { message: 'Seven.' } }], 'Seven.'],
    [{ object: 'error', message: { detail: [{ msg: 'Eight.' }] } }, 'Eight.'],
    [{ error: { message: 'Provider returned error', metadata: { raw: '{"error":{"message":"Nine."}}' } } }, 'Provider returned error: Nine.'],
    ['Ten, in plain words.', 'Ten, in plain words.'],
    ['two\n\tlines\u0007', 'two lines'],
    ['<html>502 Bad Gateway</html>', 'The model provider "acme" answered with HTTP 400.'],
    ['', 'The model provider "acme" answered with HTTP 400.'],
    [{}, 'The model provider "acme" answered with HTTP 400.'],
    [envelope('x'.repeat(5000)), 'x'.repeat(997) + '...']
  ]
  for (const [body, message] of cases) {
    const { upstream, provider } = await start(t)
    upstream.enqueue(http(400, body))
    t.equal((await failure(read(provider, request))).message, message)
  }
})

t.test('a base URL below which there is no API is named as what is wrong', async t => {
  const wrong = 'The model provider "acme" does not know this request (HTTP 404): is its base URL right? Most end in /v1.'
  for (const [body, message] of [['404 page not found', wrong], ['<html>Not Found</html>', wrong], ['', wrong], [{ detail: 'Not Found' }, wrong], [{ error: 'Not found.' }, wrong], [envelope('There is no such model.'), 'There is no such model.']] as const) {
    const { upstream, provider } = await start(t, { maxRetries: 0 })
    upstream.enqueue(http(404, body))
    t.equal((await failure(read(provider, request))).message, message)
  }
})

t.test('neither keys nor private addresses get out, not even in the log', async t => {
  const apiKey = 'my-very-own-key-123'
  const { upstream, provider } = await start(t, { apiKey, headers: { 'api-key': 'another-key-456' }, maxRetries: 0 })
  const { host } = new URL(upstream.url)
  upstream.enqueue(
    error(400, `bad key ${apiKey} or another-key-456 or sk-proj-abcdefghijkl at ${upstream.url}/chat and http://vllm.internal:8000/x or ${host}; see https://platform.openai.com/docs`),
    error(401, `Incorrect API key provided: ${apiKey.slice(0, 6)}***123.`))
  const thrown = await failure(read(provider, request))
  t.equal(thrown.message, 'bad key *** or *** or *** at [address] and [address] or [address]; see https://platform.openai.com/docs')
  t.notMatch(JSON.stringify({ ...thrown, cause: thrown.cause }), apiKey)
  t.equal((await failure(read(provider, request))).message, 'The model provider "acme" refused this server\'s credentials (HTTP 401).')
})

t.test('texts are cleaned of what looks private, and of nothing else', async t => {
  const secrets = { values: ['', 'k'], host: 'ollama:11434' }
  const cases: [string, string][] = [
    ['dial tcp 127.0.0.1:11434: connect refused', 'dial tcp [address]: connect refused'],
    ['at [::1]:8000, [fd00::1] and localhost.', 'at [address], [address] and [address].'],
    ['10.1.2.3, 172.20.0.5:80, 192.168.1.1 and 169.254.169.254', '[address], [address], [address] and [address]'],
    ['172.32.0.1, version 10.1.2 and 8.8.8.8', '172.32.0.1, version 10.1.2 and 8.8.8.8'],
    ['http://ollama:11434/api and ollama:11434', '[address] and [address]'],
    ['https://user:pw@example.com/x and https://example.com/x', '[address] and https://example.com/x'],
    ['Authorization: Bearer abcdefghij.klm', 'Authorization: ***'],
    ['key AIzaSyA1234567890abcdefghij ok', 'key *** ok'],
    ['a task-oriented model of risk_free sk-less design', 'a task-oriented model of risk_free sk-less design']
  ]
  for (const [given, clean] of cases) t.equal(publicText(given, secrets), clean)
})

t.test('a redirect is not followed', async t => {
  const { upstream, provider } = await start(t, { apiKey: 'secret-key-123456' })
  upstream.enqueue(http(307, '', { location: 'http://127.0.0.1:1/elsewhere' }))
  t.match(await failure(read(provider, request)), { code: 'server_error', status: 307, message: /redirect \(HTTP 307\): its base URL is not right/ })
  t.equal(upstream.requests.length, 1)
})

t.test('a vendor that is not there is told in a sentence', async t => {
  const provider = openaiCompatible({ baseURL: 'http://127.0.0.1:9/v1', name: 'ollama', maxRetries: 0 })
  t.teardown(() => provider.close())
  const thrown = await failure(read(provider, request))
  t.match(thrown, { name: 'ModelError', code: 'server_error', message: 'The model provider "ollama" refused the connection: is it running?' })
  t.match(thrown.cause, { code: 'ECONNREFUSED' })
})

t.test('something that does not speak HTTP is told in a sentence', async t => {
  const server = createServer(socket => { socket.end('220 mail.example.com ESMTP\r\n') }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const provider = openaiCompatible({ baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, name: 'mail', maxRetries: 0 })
  t.teardown(() => provider.close())
  t.match(await failure(read(provider, request)), { code: 'server_error', message: 'The model provider "mail" did not answer in HTTP.' })
})
