import t from 'tap'
import { startServer } from '../helpers/server.js'
import { http, startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { ask, connect, messages, post, sdks, textUntilCut } from './helpers.js'

for (const sdk of sdks) {
  t.test(`${sdk.name} reads plain and streamed completions and models`, async t => {
    const server = await startServer(t, { script: [text('Hello world'), text('Hello again'), toolCalls([{ name: 'f', arguments: { a: 1 }, id: 'call_1' }])] })
    const client = sdk.connect({ baseURL: server.baseURL, apiKey: 'sk-client', maxRetries: 0 })
    const completion = await client.chat.completions.create({ model: 'test-model', messages })
    t.equal(completion.choices[0]?.message.content, 'Hello world')
    let words = ''
    let usage
    for await (const chunk of await client.chat.completions.create({ model: 'test-model', messages, stream: true, stream_options: { include_usage: true } })) {
      words += chunk.choices[0]?.delta.content ?? ''
      usage = chunk.usage ?? usage
    }
    t.equal(words, 'Hello again')
    t.ok(usage)
    const called = await client.chat.completions.create({ model: 'test-model', messages, tools: [{ type: 'function', function: { name: 'f' } }] })
    t.match(called.choices[0]?.message.tool_calls?.[0], { id: 'call_1', function: { name: 'f', arguments: '{"a":1}' } })
    t.strictSame((await client.models.list()).data.map(({ id }) => id), ['test-model'])
  })
}

t.test('a body reaches the vendor as it was written, but for the name of the model', async t => {
  const server = await startServer(t, { script: [text('ok')] })
  const members = [
    '"messages":[{"role":"user", "content":"quote \\" brace } é\\u00e9 \\\\"}]', '"seed":9223372036854775807', '"temperature":1.0', '"stop":["\\n"]', '"logprobs":true',
    '"audio":{"voice":"x", "model":"inner"}', '"vendor_only":[[{"a":"]"}], null, -1e-400]', '"user":""', '"__proto__":{}', '"":1'
  ]
  t.equal((await post(server, '/chat/completions', ` {${['"model" : "default/test-model"', ...members].join(' ,\n')} }\n`)).status, 200)
  const { text: sent, headers } = await server.upstream.next()
  t.equal(sent, `{${['"model":"test-model"', ...members].join(',')}}`)
  t.equal(headers.authorization, 'Bearer sk-upstream')
})

t.test('the bytes of an answer come back as the vendor sent them', async t => {
  const odd = text([
    { raw: ': comment\n\n' }, 'Hel', { raw: Buffer.from('data: {"choices":[{"delta":{"content":"\u{1F600}').subarray(0, -2) },
    { raw: Buffer.from('\u{1F600}').subarray(-2) }, { raw: '"}}],"vendor":1}\r\n\r\nevent: x\nid: 3\ndata: {}\n\n' }
  ], { headers: { 'x-ratelimit-remaining-requests': '7', 'set-cookie': 'a=b', 'openai-organization': 'org-secret' } })
  const server = await startServer(t, { script: [odd, odd, http(200, '{"choices" : [ ],\n"x":1.0}'), http(202, '', { 'content-type': 'application/x-thing' })], allowedHosts: ['app.example'] })
  const body = { model: 'test-model', messages, stream: true }
  const direct = await post({ baseURL: server.upstream.url }, '/chat/completions', body)
  const response = await post(server, '/chat/completions', body, { headers: { 'content-type': 'application/json', origin: 'http://app.example' } })
  t.equal(await response.text(), await direct.text())
  const { headers } = response
  t.equal(headers.get('content-type'), 'text/event-stream; charset=utf-8')
  t.equal(headers.get('access-control-allow-origin'), 'http://app.example')
  t.match(headers.get('x-request-id'), /^req_/)
  t.match(headers.get('openai-processing-ms'), /^\d+$/)
  t.equal(headers.get('x-accel-buffering'), 'no')
  t.equal(headers.get('x-ratelimit-remaining-requests'), '7')
  t.equal(headers.get('set-cookie'), null)
  t.equal(headers.get('openai-organization'), null)
  const plain = await post(server, '/chat/completions', { model: 'test-model', messages })
  t.equal(await plain.text(), '{"choices" : [ ],\n"x":1.0}')
  const other = await post(server, '/chat/completions', { model: 'test-model', messages })
  t.equal(other.status, 202)
  t.equal(other.headers.get('content-type'), 'application/x-thing')
})

t.test('aliases, prefixes and the default model lead to their provider', async t => {
  const first = await startUpstream(t, { respond: () => text('first') })
  const second = await startUpstream(t, { respond: () => text('second') })
  const server = await startServer(t, {
    providers: { first: { baseURL: first.url }, second: { baseURL: second.url } },
    aliases: { 'gpt-4*': 'second/llama*' },
    defaultModel: 'fallback'
  })
  const answerOf = async (model?: string | null): Promise<string> => {
    const { body } = await ask(server, '/chat/completions', { model, messages })
    return `${body.choices[0].message.content}: ${body.model}`
  }
  t.equal(await answerOf('plain'), 'first: plain')
  t.equal(await answerOf('first/a/b'), 'first: a/b')
  t.equal(await answerOf('second/model'), 'second: model')
  t.equal(await answerOf('gpt-4-turbo'), 'second: llama-turbo')
  t.equal(await answerOf(), 'first: fallback')
  t.equal(await answerOf(null), 'first: fallback')
})

t.test('what the operator adds and leaves out holds for requests that are passed on', async t => {
  const upstream = await startUpstream(t, { script: [text('ok')] })
  const server = await startServer(t, { provider: { baseURL: upstream.url, extraBody: { service_tier: 'flex' }, omit: ['user'] }, upstream })
  await ask(server, '/chat/completions', { model: 'm', user: 'u', seed: 1, messages })
  t.strictSame((await upstream.next()).body, { model: 'm', seed: 1, messages, service_tier: 'flex' })
})

t.test('a request without a model, without JSON or without a key is refused before any vendor is asked', async t => {
  const server = await startServer(t, { apiKeys: ['sk-client'] })
  const headers = { authorization: 'Bearer sk-client' }
  t.match(await ask(server, '/chat/completions', { messages }, headers), { status: 400, body: { error: { message: 'Missing required parameter: \'model\'.', param: 'model', code: 'missing_required_parameter' } } })
  t.match(await ask(server, '/chat/completions', { model: 5, messages, unheard_of: 1 }, headers), { status: 400, body: { error: { message: 'Invalid type for \'model\': expected a string, but got an integer instead.' } } })
  t.match(await ask(server, '/chat/completions', '{"model":', headers), { status: 400, body: { error: { message: /not valid JSON/ } } })
  t.match(await ask(server, '/chat/completions', '[]', headers), { status: 400, body: { error: { code: 'missing_required_parameter' } } })
  t.match(await ask(server, '/chat/completions', { model: 'm', messages }), { status: 401 })
  t.match(await ask(server, '/chat/completions', { model: 'm', messages }, { 'api-key': 'wrong' }), { status: 401, body: { error: { code: 'invalid_api_key' } } })
  t.match(await server.get('/chat/completions', headers), { status: 404, body: { error: { message: 'Invalid URL (GET /v1/chat/completions)' } } })
  t.match(await ask(server, '/chat/completions/x', {}, headers), { status: 404, body: { error: { message: 'Invalid URL (POST /v1/chat/completions/x)' } } })
  t.equal(server.upstream.requests.length, 0)
})

t.test('an image of many megabytes fits into a request', async t => {
  const server = await startServer(t, { limits: { bodyBytes: 1024 * 1024 }, script: [text('A cat.')] })
  const url = `data:image/png;base64,${'A'.repeat(20 * 1024 * 1024)}`
  const { status } = await ask(server, '/chat/completions', { model: 'm', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] })
  t.equal(status, 200)
  t.equal((await server.upstream.next()).body.messages[0].content[0].image_url.url.length, url.length)
  t.match(await server.post('/threads', { metadata: { key: 'A'.repeat(2 * 1024 * 1024) } }), { status: 413 }, 'other routes keep their limit')
})

t.test('a vendor is read no faster than the client reads', async t => {
  const token = 'x'.repeat(8 * 1024 * 1024)
  const server = await startServer(t, { script: [text(Array.from({ length: 8 }, () => token))] })
  const response = await post(server, '/chat/completions', { model: 'm', messages, stream: true })
  const reader = response.body!.getReader()
  await reader.read()
  const request = await server.upstream.next()
  // The sockets between here and there hold a part of it. When they are full nothing moves, however often others are served.
  for (let sent = -1, still = 0; still < 20; still = sent === request.bytesSent ? still + 1 : 0, sent = request.bytesSent) await server.get('/models')
  t.ok(request.bytesSent < 8 * token.length, `${request.bytesSent} bytes are on their way`)
  reader.releaseLock()
  const { text: rest, cut } = await textUntilCut(response)
  t.equal(cut, false)
  t.ok(rest.endsWith('data: [DONE]\n\n'))
})

t.test('the SDK\'s own helpers work through the server', async t => {
  const server = await startServer(t, { script: [toolCalls([{ name: 'add', arguments: { a: 1, b: 2 } }]), text('3')] })
  const runner = connect(server).chat.completions.runTools({
    model: 'm',
    stream: true,
    messages,
    tools: [{
      type: 'function',
      function: { name: 'add', description: 'Adds.', parse: JSON.parse, parameters: { type: 'object' }, function: ({ a, b }: { a: number, b: number }) => String(a + b) }
    }]
  })
  t.equal(await runner.finalContent(), '3')
  t.match((await server.upstream.next(), await server.upstream.next()).body.messages.at(-1), { role: 'tool', content: '3' })
})
