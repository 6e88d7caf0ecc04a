import t from 'tap'
import { ModelError, type ModelPart, type ModelRequest } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { officialSchemas } from '../helpers/official-schema.js'
import { startServer } from '../helpers/server.js'
import { Gate } from '../helpers/upstream.js'
import { ask, connect, messages, post, provider, sdks, textUntilCut } from './helpers.js'

const call = { model: 'test-model', messages }
const weather = { type: 'function' as const, function: { name: 'get_weather', parameters: { type: 'object' } } }
const asked = { model: 'echo', messages: [{ role: 'user' as const, content: '/call get_weather {"city":"Rome"}' }], tools: [weather] }

for (const sdk of sdks) {
  t.test(`${sdk.name} gets its words back from echo, whole and in pieces`, async t => {
    const server = await startServer(t, { providers: {} })
    const client = sdk.connect({ baseURL: server.baseURL, apiKey: 'sk-client', maxRetries: 0 })
    const whole = await client.chat.completions.create({ model: 'echo', messages })
    t.match(whole, { object: 'chat.completion', model: 'echo', choices: [{ index: 0, message: { role: 'assistant', content: 'Hi there', refusal: null }, finish_reason: 'stop' }] })
    t.strictSame(whole.usage, { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4, prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } })
    t.match(whole.id, /^chatcmpl-\w{29}$/)
    const chunks = []
    for await (const chunk of await client.chat.completions.create({ model: 'echo', messages, stream: true, stream_options: { include_usage: true } })) chunks.push(chunk)
    t.strictSame(chunks.map(({ choices: [choice] }) => choice && [choice.delta, choice.finish_reason]),
      [[{ role: 'assistant', content: '', refusal: null }, null], [{ content: 'Hi' }, null], [{ content: ' there' }, null], [{}, 'stop'], undefined])
    t.strictSame(chunks.map(({ usage }) => usage?.total_tokens), [undefined, undefined, undefined, undefined, 4])
    t.equal(new Set(chunks.map(({ id }) => id)).size, 1)
  })

  t.test(`${sdk.name} gets tool calls from echo, whole and in pieces`, async t => {
    const server = await startServer(t, { providers: {} })
    const client = sdk.connect({ baseURL: server.baseURL, apiKey: 'sk-client', maxRetries: 0 })
    const whole = (await client.chat.completions.create(asked)).choices[0]
    t.match(whole, { message: { content: null, tool_calls: [{ type: 'function', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } }] }, finish_reason: 'tool_calls' })
    const calls = []
    for await (const { choices: [choice] } of await client.chat.completions.create({ ...asked, stream: true })) calls.push(...choice?.delta.tool_calls ?? [])
    t.match(calls, [{ index: 0, id: /^call_/, type: 'function', function: { name: 'get_weather', arguments: '' } }, { index: 0, function: { arguments: '{"city":"Rome"}' } }])
  })
}

t.test('answers are what the official specification says', async t => {
  const server = await startServer(t, { providers: {} })
  const official = officialSchemas()
  for (const body of [call, asked]) {
    t.strictSame(official.validate('CreateChatCompletionResponse', (await ask(server, '/chat/completions', body)).body), [])
    const stream = await (await post(server, '/chat/completions', { ...body, stream: true, stream_options: { include_usage: true } })).text()
    const frames = stream.split('\n\n')
    t.strictSame(frames.slice(-2), ['data: [DONE]', ''])
    for (const frame of frames.slice(0, -2)) t.strictSame(official.validate('CreateChatCompletionStreamResponse', JSON.parse(frame.slice('data: '.length))), [])
  }
})

t.test('a model is told all that the request says', async t => {
  const requests: ModelRequest[] = []
  const server = await startServer(t, {
    provider: provider(request => {
      requests.push(request)
      return [{ type: 'finish', reason: 'stop' }]
    })
  })
  await connect(server).chat.completions.create({
    model: 'm',
    messages: [
      { role: 'developer', content: 'Be' },
      { role: 'system', content: [{ type: 'text', text: ' brief' }, { type: 'text', text: '.' }] },
      { role: 'user', name: 'Ann', content: [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } }, { type: 'image_url', image_url: { url: 'https://x.example/y.png' } }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'a cat' }] },
      { role: 'assistant', content: null, refusal: 'No.' },
      { role: 'assistant', content: [{ type: 'text', text: 'A' }, { type: 'refusal', refusal: ' cat' }] }
    ],
    tools: [{ type: 'function', function: { name: 'look', description: 'Looks.', parameters: { type: 'object' }, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'look' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } },
    reasoning_effort: 'low',
    temperature: 0,
    top_p: 0.5,
    max_completion_tokens: 7,
    seed: 1,
    user: 'someone'
  })
  await connect(server).chat.completions.create({ model: 'm', messages, tools: null as never, tool_choice: 'auto', response_format: { type: 'json_object' }, max_tokens: 5, temperature: null, n: 1 })
  t.strictSame(requests, [{
    model: 'm',
    messages: [
      { role: 'system', content: 'Be' },
      { role: 'system', content: ' brief.' },
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, { type: 'image_url', url: 'data:image/png;base64,AA', detail: 'low' }, { type: 'image_url', url: 'https://x.example/y.png' }] },
      { role: 'assistant', content: null, toolCalls: [{ id: 'call_1', name: 'look', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'call_1', content: 'a cat' },
      { role: 'assistant', content: 'No.' },
      { role: 'assistant', content: 'A cat' }
    ],
    tools: [{ name: 'look', description: 'Looks.', parameters: { type: 'object' }, strict: true }],
    toolChoice: { name: 'look' },
    parallelToolCalls: false,
    temperature: 0,
    topP: 0.5,
    reasoningEffort: 'low',
    responseFormat: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true },
    maxCompletionTokens: 7
  }, { model: 'm', messages, responseFormat: { type: 'json_object' }, maxCompletionTokens: 5 }])
})

t.test('what such a model cannot do is refused instead of passed over', async t => {
  const server = await startServer(t, { providers: {} })
  const errorOf = async (body: object): Promise<unknown> => {
    const { status, body: answer } = await ask(server, '/chat/completions', { ...call, ...body })
    return status === 400 ? [answer.error.param, answer.error.code] : status
  }
  for (const param of [{ n: 2 }, { logprobs: true }, { audio: { voice: 'x' } }, { modalities: ['text', 'audio'] }, { functions: [{ name: 'f' }] }, { web_search_options: {} }]) {
    t.strictSame(await errorOf(param), [Object.keys(param)[0], 'unsupported_parameter'])
  }
  t.strictSame(await errorOf({ messages: [] }), ['messages', 'empty_array'])
  t.strictSame(await errorOf({ messages: undefined }), ['messages', 'missing_required_parameter'])
  t.strictSame(await errorOf({ messages: [{ role: 'user' }] }), ['messages[0].content', 'missing_required_parameter'])
  t.strictSame(await errorOf({ messages: [{ role: 'tool', content: 'x' }] }), ['messages[0].tool_call_id', 'missing_required_parameter'])
  t.strictSame(await errorOf({ messages: [{ role: 'function', content: 'x' }] }), ['messages[0].role', 'invalid_value'])
  t.strictSame(await errorOf({ messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }), ['messages[0].content[0].type', 'invalid_value'])
  t.strictSame(await errorOf({ messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }), ['messages[0].content[0]', 'invalid_value'])
  t.strictSame(await errorOf({ messages: [{ role: 'user', content: [{ type: 'refusal', refusal: 'x' }] }] }), ['messages[0].content[0]', 'invalid_value'])
  t.strictSame(await errorOf({ tools: [{ type: 'custom', custom: {} }] }), ['tools[0].function', 'missing_required_parameter'])
  t.strictSame(await errorOf({ tool_choice: 'required' }), ['tool_choice', null])
  t.strictSame(await errorOf({ tools: [weather], tool_choice: { type: 'function', function: { name: 'g' } } }), ['tool_choice', null])
  t.strictSame(await errorOf({ temperature: 3, stream: true }), ['temperature', 'decimal_above_max_value'])
  t.equal(await errorOf({ n: 1, logprobs: false, modalities: ['text'], audio: null, function_call: 'none', logit_bias: {}, store: false }), 200)
})

t.test('an answer ends before a stop sequence, however the model cuts its words', async t => {
  let ended = 0
  const said = (...words: string[]): ModelPart[] => [...words.map((text): ModelPart => ({ type: 'text', text })), { type: 'tool_call', index: 0, id: 'call_1', name: 'f' }, { type: 'finish', reason: 'tool_calls' }]
  let parts: ModelPart[] = []
  const server = await startServer(t, {
    provider: provider(function * () {
      try {
        yield * parts
      } finally {
        ended++
      }
    })
  })
  const answer = async (stop: unknown, ...words: string[]): Promise<unknown> => {
    parts = said(...words)
    const [{ message, finish_reason: finish }] = (await ask(server, '/chat/completions', { ...call, stop })).body.choices
    return [message.content, finish]
  }
  t.strictSame(await answer('\nObservation', 'Act\nObs', 'erva', 'tion: x'), ['Act', 'stop'])
  t.strictSame(await answer(['x', 'cd'], 'abcdx'), ['ab', 'stop'])
  t.strictSame(await answer(['STOP'], 'a ST', 'OO', 'P'), ['a STOOP', 'tool_calls'])
  t.strictSame(await answer(['STOP'], 'a STO'), ['a STO', 'tool_calls'])
  t.strictSame(await answer(['aab'], 'aaa', 'b!'), ['a', 'stop'])
  t.strictSame(await answer(['STOP'], 'STOP'), ['', 'stop'])
  t.strictSame(await answer('', 'a'), ['a', 'tool_calls'])
  t.equal(ended, 7, 'the model is not left working')
})

t.test('refusals, cached and reasoning tokens, and every reason to stop are told', async t => {
  let parts: ModelPart[] = []
  const server = await startServer(t, { provider: provider(() => parts) })
  const choiceOf = async (): Promise<any> => (await ask(server, '/chat/completions', call)).body.choices[0]
  parts = [{ type: 'refusal', text: 'I ' }, { type: 'refusal', text: 'won\'t.' }, { type: 'finish', reason: 'content_filter' }]
  t.match(await choiceOf(), { message: { content: null, refusal: 'I won\'t.' }, finish_reason: 'content_filter' })
  parts = [{ type: 'text', text: 'x' }, { type: 'finish', reason: 'length' }, { type: 'usage', usage: { promptTokens: 1, completionTokens: 2, cachedTokens: 3, reasoningTokens: 4 } }]
  const { body } = await ask(server, '/chat/completions', call)
  t.match(body, { choices: [{ finish_reason: 'length' }], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, prompt_tokens_details: { cached_tokens: 3 }, completion_tokens_details: { reasoning_tokens: 4 } } })
  parts = [{ type: 'finish', reason: 'other' }]
  t.match(await choiceOf(), { message: { content: '', refusal: null }, finish_reason: 'stop' })
  t.notOk('usage' in (await ask(server, '/chat/completions', call)).body, 'nobody counted')
})

t.test('a model that fails is told as one, before and after its first word', async t => {
  let failure: unknown
  let words: ModelPart[] = []
  const server = await startServer(t, {
    mayLogErrors: true,
    provider: provider(function * () {
      yield * words
      if (failure !== undefined) throw failure
    })
  })
  const failures: [unknown, number, string | null][] = [
    [new ModelError('rate_limit_exceeded', 'Slow down.'), 429, 'rate_limit_exceeded'],
    [new ModelError('invalid_prompt', 'Too long.'), 400, null],
    [new ModelError('server_error', 'Gone.', { status: 404 }), 404, 'model_not_found'],
    [new ModelError('server_error', 'Boom.'), 502, 'model_provider_error'],
    [new TypeError('secret'), 500, null],
    [undefined, 502, 'model_provider_error']
  ]
  for (const [thrown, status, code] of failures) {
    failure = thrown
    words = []
    for (const stream of [false, true]) t.match(await ask(server, '/chat/completions', { ...call, stream }), { status, body: { error: { code } } })
    words = [{ type: 'text', text: 'Hi' }]
    t.match(await ask(server, '/chat/completions', call), { status, body: { error: { code } } })
    const { text, cut } = await textUntilCut(await post(server, '/chat/completions', { ...call, stream: true }))
    t.notOk(cut)
    t.match(text.split('\n\n').at(-2), new RegExp(`^data: {"error":{"message":".*"code":${JSON.stringify(code)}}}$`))
    t.notMatch(text, 'secret')
  }
})

t.test('a stream says that it is alive while the model thinks', async t => {
  const clock = new ManualClock()
  const gate = new Gate()
  const server = await startServer(t, {
    clock,
    streams: { heartbeatMs: 1000 },
    provider: provider(async function * () {
      await gate.pass()
      yield { type: 'text', text: 'Well' }
      yield { type: 'finish', reason: 'stop' }
    })
  })
  const answer = post(server, '/chat/completions', { ...call, stream: true })
  await gate.reached()
  await clock.advance(await clock.armed(ms => ms === 1000))
  const response = await answer
  const reader = response.body!.getReader()
  t.equal(Buffer.from((await reader.read()).value!).toString(), ': ping\n\n')
  await clock.armed(ms => ms === 1000)
  await clock.advance(1000)
  t.equal(Buffer.from((await reader.read()).value!).toString(), ': ping\n\n')
  gate.open()
  reader.releaseLock()
  const { text } = await textUntilCut(response)
  t.match(text, /^data: {[^]*"content":"Well"[^]*data: \[DONE\]\n\n$/)
})

t.test('a stream has no comments when the pause between them is 0', async t => {
  const clock = new ManualClock()
  const gate = new Gate()
  const server = await startServer(t, {
    clock,
    streams: { heartbeatMs: 0 },
    provider: provider(async function * () {
      await gate.pass()
      yield { type: 'text', text: 'Well' }
      await gate.pass()
      yield { type: 'finish', reason: 'stop' }
    })
  })
  const answer = post(server, '/chat/completions', { ...call, stream: true })
  for (let pass = 0; pass < 2; pass++) {
    await gate.reached()
    await clock.advance(100_000)
    gate.open()
  }
  const { text } = await textUntilCut(await answer)
  t.notMatch(text, ': ping')
  t.match(text, /^data: {[^]*"content":"Well"[^]*data: \[DONE\]\n\n$/)
})

t.test('no character of an answer ends a line for readers that count more than line feeds', async t => {
  const words = 'a\u0085b\u2028c\u2029d'
  const server = await startServer(t, {
    provider: provider(async function * () {
      yield { type: 'text', text: words }
      yield { type: 'finish', reason: 'stop' }
    })
  })
  const { text } = await textUntilCut(await post(server, '/chat/completions', { ...call, stream: true }))
  t.notMatch(text, /[\u0085\u2028\u2029]/)
  const chunks = text.split(/[\n\u0085\u2028\u2029]+/).filter(line => line.startsWith('data: {')).map(line => JSON.parse(line.slice(6)))
  t.equal(chunks.map(chunk => chunk.choices[0].delta.content ?? '').join(''), words)
})
