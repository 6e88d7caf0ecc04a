import t from 'tap'
import { callsOf, failure, finishes, read, textOf } from '../../lib/conformance/model-parts.js'
import { modelProviderSuite, type ProviderFixture, type ScriptedAnswer } from '../../lib/conformance/model-provider.js'
import { cogitatorProvider } from '../../lib/models/cogitator.js'
import type { CogitatorLike, CogitatorMessage } from '../../lib/models/cogitator/types.js'
import type { ModelMessage, ModelRequest } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { callChunks, FakeCogitator, FakeLLMError, textChunks, type FakeChunk } from '../helpers/cogitator.js'
import { request as plain, signal } from './helpers.js'

for (const provider of ['ollama', 'openai', 'anthropic']) {
  const request: ModelRequest = { ...plain, model: `${provider}/test-model` }
  t.test(`cogitatorProvider keeps the contract of a model provider with the backend of ${provider}`, async ({ test }) => modelProviderSuite({ test, factory: async () => await fixtureOf(request) }))
}

async function fixtureOf (request: ModelRequest): Promise<ProviderFixture> {
  const cogitator = new FakeCogitator()
  let release = (): void => {}
  let ids = 0
  const hold = new Promise<void>(resolve => { release = resolve })
  return {
    provider: cogitatorProvider(cogitator, { maxRetries: 0, models: [request.model] }),
    listed: request.model,
    script: (answer: ScriptedAnswer) => {
      cogitator.enqueue(script(answer, hold, () => `call_${++ids}`))
      return request
    },
    received: () => JSON.stringify(cogitator.calls.at(-1)?.messages),
    calls: () => cogitator.calls.length,
    reached: async () => await cogitator.called(1),
    closed: async () => {
      // Cogitator notices that the reader is gone only when the next chunk comes.
      release()
      await cogitator.calls.at(-1)!.closed
    }
  }
}

function script (answer: ScriptedAnswer, hold: Promise<void>, newId: () => string): FakeChunk[] {
  switch (answer.kind) {
    case 'text': return textChunks(answer.tokens, answer.finish)
    case 'calls': return callChunks(answer.calls.map(call => ({ id: newId(), ...call })), answer.textBefore)
    case 'hang': return [...answer.tokens.map(content => ({ delta: { content } })), hold, { delta: { content: 'late' } }]
    case 'cut': return answer.tokens.map(content => ({ delta: { content } }))
    case 'error': return [{
      rate_limit: new FakeLLMError(answer.message, 'LLM_RATE_LIMITED', { statusCode: 429, retryable: true, retryAfter: 1000 }),
      prompt: new FakeLLMError(answer.message, 'LLM_CONTEXT_LENGTH_EXCEEDED', { statusCode: 400 }),
      server: new FakeLLMError(answer.message, 'LLM_UNAVAILABLE', { statusCode: 500, retryable: true })
    }[answer.error]]
  }
}

/** The request that Cogitator is given. */
async function given (asked: Partial<ModelRequest>): Promise<FakeCogitator['calls'][number]> {
  const cogitator = new FakeCogitator()
  cogitator.enqueue(textChunks(['Hi']))
  await read(cogitatorProvider(cogitator), { ...plain, ...asked })
  return cogitator.calls[0]!
}

const turn: ModelMessage[] = [
  { role: 'user', content: 'Weather?' },
  { role: 'assistant', content: 'One moment.', toolCalls: [{ id: 'a', name: 'get_weather', arguments: '{"city":"Rome"}' }, { id: 'b', name: 'get_time', arguments: '{}' }] },
  { role: 'tool', toolCallId: 'b', content: 'noon' },
  { role: 'tool', toolCallId: 'a', content: 'sunny' },
  { role: 'user', content: 'And now?' }
]

t.test('the prefix chooses the backend and is not part of the model\'s name', async t => {
  const names = [['openai/gpt-4o', 'openai', 'gpt-4o'], ['llama3', 'ollama', 'llama3'], ['ollama/library/llama3', 'ollama', 'library/llama3']]
  for (const [model, provider, bare] of names) {
    const call = await given({ model: model! })
    t.strictSame([call.provider, call.request.model], [provider, bare])
  }
})

t.test('a plain request holds nothing that was not asked for', async t => {
  t.strictSame((await given({ tools: [], toolChoice: 'auto', responseFormat: { type: 'text' } })).request, { model: 'test-model', messages: [{ role: 'user', content: 'Hi there' }] })
})

t.test('settings, tools and formats are translated', async t => {
  const { request: { messages, ...rest } } = await given({
    tools: [{ name: 'one', description: 'First.', parameters: { type: 'object', properties: { n: {} } } }, { name: 'two' }],
    toolChoice: { name: 'one' },
    temperature: 0,
    topP: 0.5,
    maxCompletionTokens: 9,
    responseFormat: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true }
  })
  t.strictSame(rest, {
    model: 'test-model',
    temperature: 0,
    topP: 0.5,
    maxTokens: 9,
    tools: [{ name: 'one', description: 'First.', parameters: { type: 'object', properties: { n: {} } } }, { name: 'two', description: '', parameters: { type: 'object', properties: {} } }],
    toolChoice: { type: 'function', function: { name: 'one' } },
    responseFormat: { type: 'json_schema', jsonSchema: { name: 'answer', schema: { type: 'object' }, strict: true } }
  })
  t.strictSame((await given({ responseFormat: { type: 'json_object' } })).request.responseFormat, { type: 'json_object' })
})

t.test('system text is one message, so that no backend loses any', async t => {
  const messages: ModelMessage[] = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hi' }, { role: 'system', content: 'Be kind.' }]
  for (const model of ['anthropic/x', 'openai/x']) {
    t.strictSame((await given({ model, messages })).messages, [{ role: 'system', content: 'Be brief.\n\nBe kind.' }, { role: 'user', content: 'Hi' }])
  }
})

t.test('images are given by address or in base64', async t => {
  const content = [{ type: 'text' as const, text: 'Look' }, { type: 'image_url' as const, url: 'https://example.com/a.png', detail: 'low' as const }, { type: 'image_url' as const, url: 'data:image/gif;base64,AAAA' }]
  t.strictSame((await given({ messages: [{ role: 'user', content }] })).request.messages[0]?.content, [
    { type: 'text', text: 'Look' },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    { type: 'image_base64', image_base64: { data: 'AAAA', media_type: 'image/gif' } }
  ])
})

t.test('Ollama\'s backend gets finished calls as calls', async t => {
  t.strictSame((await given({ messages: turn })).messages.slice(1, 4), [
    { role: 'assistant', content: 'One moment.', toolCalls: [{ id: 'a', name: 'get_weather', arguments: { city: 'Rome' } }, { id: 'b', name: 'get_time', arguments: {} }] },
    { role: 'tool', content: 'noon', toolCallId: 'b', name: 'get_time' },
    { role: 'tool', content: 'sunny', toolCallId: 'a', name: 'get_weather' }
  ] satisfies CogitatorMessage[])
})

t.test('the others, which would lose the calls, get them in words', async t => {
  for (const model of ['openai/x', 'anthropic/x', 'google/x']) {
    t.strictSame((await given({ model, messages: turn })).messages, [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: 'One moment.' },
      { role: 'user', content: 'You have called these tools:\n\nget_weather({"city":"Rome"}) returned:\nsunny\n\nget_time({}) returned:\nnoon' },
      { role: 'user', content: 'And now?' }
    ])
  }
})

t.test('calls without ids get some, and their arguments are text', async t => {
  const cogitator = new FakeCogitator()
  cogitator.enqueue([{ delta: { toolCalls: [{ name: 'one' }, { name: 'two', arguments: { n: 1 } }, {}] }, finishReason: 'stop' }])
  const parts = await read(cogitatorProvider(cogitator), plain)
  t.match(callsOf(parts), [{ id: /^call_/, name: 'one', arguments: '{}' }, { id: /^call_/, name: 'two', arguments: '{"n":1}' }])
  t.strictSame(finishes(parts), ['tool_calls'])
})

t.test('errors say what Cogitator says', async t => {
  const cases: [Error, Record<string, unknown>][] = [
    [new FakeLLMError('[openai] Rate limit exceeded', 'LLM_RATE_LIMITED'), { code: 'rate_limit_exceeded' }],
    [new FakeLLMError('[google] Content filtered by safety policy', 'LLM_CONTENT_FILTERED', { statusCode: 400 }), { code: 'invalid_prompt', status: 400 }],
    [new FakeLLMError('[openai] Blocked', 'LLM_CONTENT_FILTERED', { statusCode: 400 }), { code: 'invalid_prompt', status: 400, message: '[openai] Blocked' }],
    [new FakeLLMError('[openai] Authentication failed', 'LLM_UNAVAILABLE', { statusCode: 401 }), { code: 'server_error', message: /credentials/ }],
    [new FakeLLMError('[vllm] down at 10.0.0.7:8000', 'LLM_UNAVAILABLE'), { code: 'server_error', message: '[vllm] down at [address]' }],
    [new Error('boom'), { code: 'server_error', message: 'boom' }]
  ]
  for (const [error, expected] of cases) {
    const cogitator = new FakeCogitator()
    cogitator.enqueue([error])
    t.match(await failure(read(cogitatorProvider(cogitator, { maxRetries: 0 }), plain)), { name: 'ModelError', ...expected })
  }
  t.match(await failure(read(cogitatorProvider(new FakeCogitator()), { ...plain, model: 'nobody/x' })), { name: 'ModelError', message: 'Unknown provider: nobody' })
})

t.test('what is worth another try gets it, after the pause that was asked for', async t => {
  const clock = new ManualClock()
  const cogitator = new FakeCogitator()
  cogitator.enqueue([new FakeLLMError('slow down', 'LLM_RATE_LIMITED', { retryable: true, retryAfter: 4000 })], textChunks(['Hi']))
  const parts = read(cogitatorProvider(cogitator, { clock }), plain)
  await clock.advance(await clock.armed(ms => ms === 4000))
  t.equal(textOf(await parts), 'Hi')
})

t.test('a backend that hangs is given up, though it cannot be told', async t => {
  const clock = new ManualClock()
  const cogitator = new FakeCogitator()
  cogitator.enqueue([new Promise(() => {})])
  const thrown = failure(read(cogitatorProvider(cogitator, { clock, timeouts: { firstTokenMs: 300 } }), plain))
  await clock.armed(ms => ms === 300)
  await clock.advance(300)
  t.match(await thrown, { name: 'ModelError', message: 'The model provider "cogitator" sent nothing for 300 ms.' })
})

t.test('an instance that can only run agents answers whole', async t => {
  const asked: any[] = []
  const cogitator: CogitatorLike = {
    async run (agent, options) {
      asked.push([agent, options.input])
      if (options.input === 'fail') throw new FakeLLMError('no', 'LLM_UNAVAILABLE', { statusCode: 500 })
      return { output: 'Sunny.', usage: { inputTokens: 4, outputTokens: 2 } }
    }
  }
  const provider = cogitatorProvider(cogitator, { maxRetries: 0 })
  const parts = await read(provider, { ...plain, temperature: 0, messages: [{ role: 'system', content: 'Be brief.' }, ...plain.messages] })
  t.strictSame(parts, [
    { type: 'text', text: 'Sunny.' },
    { type: 'usage', usage: { promptTokens: 4, completionTokens: 2 } },
    { type: 'finish', reason: 'stop', raw: 'stop' }
  ])
  t.match(asked[0], [{ name: 'assistant', model: 'test-model', instructions: 'Be brief.', tools: { length: 0 }, config: { model: 'test-model', temperature: 0, instructions: 'Be brief.' } }, 'Hi there'])
  await read(provider, { ...plain, messages: turn })
  t.equal(asked[1][1], 'User: Weather?\n\nAssistant: One moment.\n[calls get_weather({"city":"Rome"})]\n[calls get_time({})]\n\nTool output: noon\n\nTool output: sunny\n\nUser: And now?')
  t.match(await failure(read(provider, { ...plain, messages: [{ role: 'user', content: 'fail' }] })), { name: 'ModelError', code: 'server_error', message: 'no' })
})

t.test('something that is no Cogitator is refused at once', async t => {
  for (const thing of [undefined, null, {}, { run: 7 }]) t.throws(() => cogitatorProvider(thing as unknown as CogitatorLike), TypeError)
  t.strictSame(await cogitatorProvider(new FakeCogitator(), { models: ['openai/gpt-4o', 'llama3'] }).models({ signal }),
    [{ id: 'openai/gpt-4o', created: 0, ownedBy: 'openai' }, { id: 'llama3', created: 0, ownedBy: 'cogitator' }])
})

t.test('an instance without a list of models offers "cogitator", which stands for its default model', async t => {
  const model = (id: string, ownedBy = 'cogitator') => ({ id, created: 0, ownedBy })
  t.strictSame(await cogitatorProvider(new FakeCogitator()).models({ signal }), [model('cogitator')])

  const configured = Object.assign(new FakeCogitator(), { config: { llm: { defaultModel: 'ollama/llama3.2' } } })
  t.strictSame(await cogitatorProvider(configured).models({ signal }), [model('cogitator'), model('ollama/llama3.2', 'ollama')])
  configured.enqueue(textChunks(['Hi']), textChunks(['Hi']))
  await read(cogitatorProvider(configured), { ...plain, model: 'cogitator' })
  t.match(configured.calls[0], { provider: 'ollama', request: { model: 'llama3.2' } })

  await read(cogitatorProvider(configured, { defaultModel: 'openai/gpt-4o' }), { ...plain, model: 'cogitator' })
  t.match(configured.calls[1], { provider: 'openai', request: { model: 'gpt-4o' } }, 'the option wins')

  await t.rejects(read(cogitatorProvider(new FakeCogitator(), { maxRetries: 0 }), { ...plain, model: 'cogitator' }), { message: /"cogitator" stands for the default model, which is not set: set "defaultModel"/ })
})
