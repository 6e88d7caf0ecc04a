import t from 'tap'
import { failure, read } from '../../lib/conformance/model-parts.js'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import type { ModelRequest } from '../../lib/models/provider.js'
import { error, text } from '../helpers/upstream.js'
import { request, signal, start } from './helpers.js'

const weather = { name: 'get_weather', description: 'Tells the weather.', parameters: { type: 'object' }, strict: true }

t.test('a plain request holds nothing that was not asked for', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text('Hello'))
  await read(provider, request)
  t.strictSame(upstream.chats[0]?.body, {
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi there' }],
    stream: true,
    stream_options: { include_usage: true }
  })
})

t.test('every part of a request is translated', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text('Hello'))
  await read(provider, {
    model: 'vision/model-1',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Look' }, { type: 'image_url', url: 'https://example.com/a.png', detail: 'low' }, { type: 'image_url', url: 'data:,x' }] },
      { role: 'assistant', content: null },
      { role: 'assistant', content: 'Wait', toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"Rome"}' }] },
      { role: 'tool', toolCallId: 'call_1', content: 'sunny' }
    ],
    tools: [weather, { name: 'bare', strict: false }],
    toolChoice: { name: 'get_weather' },
    parallelToolCalls: false,
    temperature: 0,
    topP: 0.5,
    reasoningEffort: 'low',
    responseFormat: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true },
    maxCompletionTokens: 50
  })
  t.strictSame(upstream.chats[0]?.body, {
    model: 'vision/model-1',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Look' }, { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } }, { type: 'image_url', image_url: { url: 'data:,x' } }] },
      { role: 'assistant', content: '' },
      { role: 'assistant', content: 'Wait', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }
    ],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
    top_p: 0.5,
    reasoning_effort: 'low',
    max_tokens: 50,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } },
    tools: [{ type: 'function', function: weather }, { type: 'function', function: { name: 'bare' } }],
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
    parallel_tool_calls: false
  })
})

t.test('without tools nothing is said of them, and the text format is what comes unasked', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text('Hello'), text('Hello'))
  await read(provider, { ...request, tools: [], toolChoice: 'auto', parallelToolCalls: true, responseFormat: { type: 'text' } })
  for (const field of ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'n']) t.notOk(field in upstream.chats[0]!.body, field)
  await read(provider, { ...request, tools: [weather], toolChoice: 'required', parallelToolCalls: true, responseFormat: { type: 'json_object' } })
  const { tool_choice: choice, parallel_tool_calls: parallel, response_format: format } = upstream.chats[1]!.body
  t.strictSame({ choice, parallel, format }, { choice: 'required', parallel: true, format: { type: 'json_object' } })
})

t.test('key, own headers and a query in the base URL go with every request', async t => {
  const { upstream, provider } = await start(t, { apiKey: async () => 'sk-rotating', headers: { 'api-key': 'azure-key' } })
  const versioned = openaiCompatible({ baseURL: `${upstream.url}/?api-version=1` })
  t.teardown(() => versioned.close())
  upstream.enqueue(text('Hello'), text('Hello'))
  await read(provider, request)
  t.match(upstream.chats[0]?.headers, { authorization: 'Bearer sk-rotating', 'api-key': 'azure-key', 'content-type': 'application/json', 'user-agent': 'fastify-openai-compat' })
  await read(versioned, request)
  t.notOk(upstream.chats[1]?.headers.authorization)
  await provider.models({ signal })
  t.match(upstream.requests.at(-1)?.headers, { authorization: 'Bearer sk-rotating' })
  t.notOk(upstream.requests.at(-1)?.headers['content-type'])
})

t.test('a key that cannot be had is a failed call', async t => {
  const { upstream, provider } = await start(t, { apiKey: () => { throw new Error('vault sealed at 10.0.0.1') } })
  t.match(await failure(read(provider, request)), { name: 'ModelError', code: 'server_error', message: 'The model provider "acme" could not be asked.' })
  t.equal(upstream.requests.length, 0)
})

t.test('options choose the name of the token limit, leave fields out and add others', async t => {
  const { upstream, provider } = await start(t, { maxTokensField: 'max_completion_tokens', omit: ['stream_options', 'temperature'], extraBody: { service_tier: 'flex' } })
  upstream.enqueue(text('Hello'))
  await read(provider, { ...request, temperature: 1, maxCompletionTokens: 7 })
  const { messages, ...rest } = upstream.chats[0]!.body
  t.strictSame(rest, { model: 'test-model', stream: true, max_completion_tokens: 7, service_tier: 'flex' })
})

t.test('a field that a model refuses is left out from then on, for that model', async t => {
  const { upstream, provider } = await start(t)
  const asked: ModelRequest = { ...request, temperature: 0.2, maxCompletionTokens: 9 }
  upstream.enqueue(
    error(400, 'Unsupported parameter: \'max_tokens\' is not supported with this model. Use \'max_completion_tokens\' instead.'),
    error(400, 'Unsupported value: \'temperature\' does not support 0.2 with this model. Only the default (1) value is supported.'),
    error(422, { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] }),
    text('Hello'), text('Again'), text('Other')
  )
  await read(provider, asked)
  await read(provider, asked)
  for (const { body } of upstream.chats.slice(3, 5)) {
    t.strictSame([body.temperature, body.max_tokens, body.max_completion_tokens, body.stream_options], [undefined, undefined, 9, undefined])
  }
  await read(provider, { ...asked, model: 'other' })
  t.match(upstream.chats[5]!.body, { temperature: 0.2, max_tokens: 9 })
})

/** As a vendor complains of a function that the user has called by the name of a parameter, in the words of the user. */
const COMPLAINTS = {
  'without a param': error(400, 'Invalid schema for function \'NAME\': \'NAME\' is not supported, missing or unknown.'),
  'with the param of the function': error(400, { error: { message: 'Invalid schema for function \'NAME\': unsupported.', type: 'invalid_request_error', param: 'tools[0].function.parameters', code: 'invalid_function_parameters' } })
}

for (const [how, complaint] of Object.entries(COMPLAINTS)) {
  t.test(`nothing is learned from a complaint that quotes what a user has named, ${how}`, async t => {
    for (const name of ['temperature', 'max_tokens', 'top_p', 'reasoning_content', 'stream_options', 'Temperature']) {
      const { upstream, provider } = await start(t, { maxRetries: 0 })
      const whole: ModelRequest = { ...request, temperature: 0.2, topP: 0.5, maxCompletionTokens: 9, messages: [...request.messages, { role: 'assistant', content: 'Yes?' }, ...request.messages] }
      const quoting = { ...complaint, body: JSON.parse(JSON.stringify(complaint.body).replaceAll('NAME', name)) }
      upstream.enqueue(quoting, quoting, text('Hello'))
      await failure(read(provider, { ...whole, tools: [{ name, parameters: {}, strict: true }] }))
      t.equal(upstream.chats.length, 1, `a function named ${name} is no reason for another try`)
      await failure(read(provider, { ...whole, messages: [{ role: 'user', content: `${name} is unknown and missing` }] }))
      upstream.enqueue(text('Hello'))
      await read(provider, whole)
      const { body } = upstream.chats.at(-1)!
      t.match(body, { temperature: 0.2, top_p: 0.5, max_tokens: 9, stream_options: { include_usage: true } })
      t.notOk(JSON.stringify(body).includes('reasoning_content'))
    }
  })
}

const refusalOf = (param: string, code: string, message = `Unsupported: '${param}'`) => error(400, { error: { message, type: 'invalid_request_error', param, code } })

t.test('what a vendor says with its param is learned although a user has a function of that name', async t => {
  const { upstream, provider } = await start(t)
  const asked: ModelRequest = { ...request, temperature: 0.2, tools: [{ name: 'temperature', parameters: {} }] }
  upstream.enqueue(refusalOf('temperature', 'unsupported_parameter'), text('Hello'), text('Again'))
  await read(provider, asked)
  await read(provider, asked)
  t.equal(upstream.chats.length, 3)
  t.equal(upstream.chats[2]!.body.temperature, undefined)
})

t.test('nothing is learned when the request fails without the field, too', async t => {
  const { upstream, provider } = await start(t, { maxRetries: 0 })
  upstream.enqueue(refusalOf('temperature', 'unsupported_parameter'), error(400, 'No.'), text('Hello'))
  await failure(read(provider, { ...request, temperature: 0.2 }))
  await read(provider, { ...request, temperature: 0.2 })
  t.equal(upstream.chats[2]!.body.temperature, 0.2)
})

t.test('a value that is refused says nothing of other values', async t => {
  const { upstream, provider } = await start(t)
  const message = 'Unsupported value: \'reasoning_effort\' does not support \'xhigh\' with this model.'
  upstream.enqueue(refusalOf('reasoning_effort', 'unsupported_value', message), text('Hello'), text('Hello'), text('Hello'))
  for (const reasoningEffort of ['xhigh', 'xhigh', 'low'] as const) await read(provider, { ...request, reasoningEffort })
  t.strictSame(upstream.chats.map(({ body }) => body.reasoning_effort), ['xhigh', undefined, undefined, 'low'])
})

t.test('a refused field is an error when it says something else, keeps being refused or adapting is off', async t => {
  const { upstream, provider } = await start(t, { maxRetries: 0 })
  upstream.enqueue(error(400, 'Invalid \'temperature\': decimal above maximum value. Expected a value <= 2.'))
  t.match((await failure(read(provider, { ...request, temperature: 3 }))).message, /above maximum/)
  const refusal = error(400, 'temperature is not supported')
  upstream.enqueue(refusal, refusal)
  await failure(read(provider, { ...request, temperature: 1 }))
  t.equal(upstream.chats.length, 3)
  const strict = openaiCompatible({ baseURL: upstream.url, adapt: false })
  t.teardown(() => strict.close())
  upstream.enqueue(refusal)
  await failure(read(strict, { ...request, temperature: 1 }))
  t.equal(upstream.chats.length, 4)
})

t.test('a vendor that wants thinking back gets an empty one where none was kept', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(error(400, 'The reasoning_content in the thinking mode must be passed back to the API.'), text('Hello'))
  await read(provider, { ...request, messages: [...request.messages, { role: 'assistant', content: 'Yes?' }, ...request.messages] })
  t.strictSame(upstream.chats[1]!.body.messages[1], { reasoning_content: '', role: 'assistant', content: 'Yes?' })
  t.notOk('reasoning_content' in upstream.chats[1]!.body.messages[0])
})

t.test('OpenAI and Azure get the newer name of the token limit', async t => {
  const { upstream } = await start(t)
  // The dispatcher sends what is meant for those hosts to the upstream.
  const { Agent } = await import('undici')
  const { origin } = new URL(upstream.url)
  for (const [host, field] of [['api.openai.com', 'max_completion_tokens'], ['x.openai.azure.com', 'max_completion_tokens'], ['notopenai.com', 'max_tokens']] as const) {
    const agent = new Agent().compose(dispatch => (options, handler) => dispatch({ ...options, origin }, handler))
    t.teardown(() => agent.close())
    const provider = openaiCompatible({ baseURL: `https://${host}/v1`, dispatcher: agent })
    upstream.enqueue(text('Hello'))
    await read(provider, { ...request, maxCompletionTokens: 3 })
    t.equal(upstream.chats.at(-1)?.body[field], 3, host)
  }
})

t.test('a base URL that is none is refused by name', async t => {
  for (const baseURL of ['', 'localhost:11434', 'ftp://example.com/v1', 'https://user:secret-password@example.com/v1']) {
    const thrown = await failure((async () => openaiCompatible({ baseURL }))())
    t.type(thrown, TypeError)
    t.match(thrown.message, 'baseURL')
    t.notMatch(thrown.message, 'secret-password')
  }
})
