import t from 'tap'
import { callsOf, failure, finishes, read, textOf } from '../../lib/conformance/model-parts.js'
import { modelProviderSuite, type ProviderFixture, type ScriptedAnswer } from '../../lib/conformance/model-provider.js'
import { aiSdkProvider } from '../../lib/models/ai-sdk.js'
import type { AiSdkModel, AiSdkStreamPart } from '../../lib/models/ai-sdk/types.js'
import type { ModelRequest } from '../../lib/models/provider.js'
import { callParts, FakeAiSdkModel, FakeApiCallError, finishPart, textParts, type FakePart } from '../helpers/ai-sdk.js'
import { ManualClock } from '../helpers/clock.js'
import { request, signal } from './helpers.js'

const never = new Promise(() => {})

for (const version of ['v2', 'v3', 'v4']) {
  t.test(`aiSdkProvider keeps the contract of a model provider with a model of specification ${version}`, async ({ test }) => modelProviderSuite({ test, factory: async () => await fixtureOf(version) }))
}

async function fixtureOf (version: string): Promise<ProviderFixture> {
  const model = new FakeAiSdkModel(version)
  let ids = 0
  return {
    provider: aiSdkProvider(model, { maxRetries: 0 }),
    listed: 'fake-1',
    script: (answer: ScriptedAnswer) => {
      model.enqueue(script(answer, version, () => `call_${++ids}`))
      return request
    },
    received: () => JSON.stringify(model.calls.at(-1)?.options.prompt),
    calls: () => model.calls.length,
    reached: async () => await model.called(1),
    closed: async () => await model.calls.at(-1)!.closed
  }
}

function script (answer: ScriptedAnswer, version: string, newId: () => string): FakePart[] | Error {
  switch (answer.kind) {
    case 'text': return textParts(answer.tokens, version, answer.finish)
    case 'calls': {
      const before: AiSdkStreamPart[] = answer.textBefore === undefined ? [] : [{ type: 'text-delta', id: '0', delta: answer.textBefore }]
      return [...before, ...callParts(answer.calls.map(call => ({ id: newId(), name: call.name, input: JSON.stringify(call.arguments) })), version)]
    }
    case 'hang': return [...textParts(answer.tokens, version).slice(0, -1), never]
    case 'cut': return [...textParts(answer.tokens, version).slice(0, -2), new TypeError('terminated', { cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }) })]
    case 'error': return new FakeApiCallError({ rate_limit: 429, prompt: 400, server: 500 }[answer.error], answer.message)
  }
}

/** What a model of `version` is given for a request. */
async function given (version: string, asked: Partial<ModelRequest>): Promise<FakeAiSdkModel['calls'][number]['options']> {
  const model = new FakeAiSdkModel(version)
  model.enqueue(textParts(['Hi'], version))
  await read(aiSdkProvider(model), { ...request, ...asked })
  const { abortSignal, ...options } = model.calls[0]!.options
  t.type(abortSignal, AbortSignal)
  return options
}

t.test('a plain request holds nothing that was not asked for', async t => {
  t.strictSame(await given('v4', {}), { prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi there' }] }] })
})

t.test('a whole conversation becomes a prompt', async t => {
  const { prompt } = await given('v3', {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Look' }, { type: 'image_url', url: 'data:image/png;base64,AAAA', detail: 'low' }, { type: 'image_url', url: 'https://example.com/a.png' }] },
      { role: 'assistant', content: 'Wait', toolCalls: [{ id: 'a', name: 'one', arguments: '{"n":1}' }, { id: 'b', name: 'two', arguments: '' }, { id: 'c', name: 'two', arguments: '{bro' }] },
      { role: 'tool', toolCallId: 'a', content: 'first' },
      { role: 'tool', toolCallId: 'b', content: 'second' },
      { role: 'assistant', content: '' }
    ]
  })
  t.strictSame(prompt, [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'file', mediaType: 'image/png', data: 'AAAA', providerOptions: { openai: { imageDetail: 'low' } } },
        { type: 'file', mediaType: 'image/*', data: new URL('https://example.com/a.png') }
      ]
    },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'Wait' },
        { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: { n: 1 } },
        { type: 'tool-call', toolCallId: 'b', toolName: 'two', input: {} },
        { type: 'tool-call', toolCallId: 'c', toolName: 'two', input: { arguments: '{bro' } }
      ]
    },
    {
      role: 'tool',
      content: [
        { type: 'tool-result', toolCallId: 'a', toolName: 'one', output: { type: 'text', value: 'first' } },
        { type: 'tool-result', toolCallId: 'b', toolName: 'two', output: { type: 'text', value: 'second' } }
      ]
    }
  ])
})

t.test('v4 has its files tagged and its own word for reasoning', async t => {
  const image = { role: 'user' as const, content: [{ type: 'image_url' as const, url: 'data:,a%20b' }, { type: 'image_url' as const, url: 'https://example.com/a.png' }] }
  const { prompt, reasoning } = await given('v4', { messages: [image], reasoningEffort: 'low' })
  t.equal(reasoning, 'low')
  t.strictSame(prompt[0]?.content, [
    { type: 'file', mediaType: 'image/*', data: { type: 'data', data: Buffer.from('a b').toString('base64') } },
    { type: 'file', mediaType: 'image/*', data: { type: 'url', url: new URL('https://example.com/a.png') } }
  ])
  t.strictSame((await given('v3', { reasoningEffort: 'low' })).providerOptions, { openai: { reasoningEffort: 'low' } })
})

t.test('settings, tools and formats are translated', async t => {
  const { prompt, ...options } = await given('v3', {
    tools: [{ name: 'one', description: 'First.', parameters: { type: 'object' }, strict: true }, { name: 'two' }],
    toolChoice: { name: 'one' },
    parallelToolCalls: false,
    temperature: 0,
    topP: 0.5,
    maxCompletionTokens: 9,
    responseFormat: { type: 'json_schema', name: 'answer', description: 'x', schema: { type: 'object' }, strict: true }
  })
  t.strictSame(options, {
    temperature: 0,
    topP: 0.5,
    maxOutputTokens: 9,
    tools: [
      { type: 'function', name: 'one', description: 'First.', inputSchema: { type: 'object' }, strict: true },
      { type: 'function', name: 'two', inputSchema: { type: 'object', properties: {} } }
    ],
    toolChoice: { type: 'tool', toolName: 'one' },
    responseFormat: { type: 'json', name: 'answer', description: 'x', schema: { type: 'object' } },
    providerOptions: { openai: { parallelToolCalls: false }, anthropic: { disableParallelToolUse: true } }
  })
  const loose = await given('v2', { tools: [{ name: 'one', strict: true }], toolChoice: 'required', responseFormat: { type: 'json_object' } })
  t.strictSame([loose.tools?.[0], loose.toolChoice, loose.responseFormat], [{ type: 'function', name: 'one', inputSchema: { type: 'object', properties: {} } }, { type: 'required' }, { type: 'json' }])
})

t.test('usage and finish reasons are read in every version', async t => {
  for (const version of ['v2', 'v3', 'v4']) {
    const model = new FakeAiSdkModel(version)
    model.enqueue(textParts(['Hi'], version, 'content-filter'), textParts(['Hi'], version, 'error'), [{ type: 'finish', finishReason: 'stop' }])
    const provider = aiSdkProvider(model)
    const parts = await read(provider, request)
    t.strictSame(parts.slice(-2), [
      { type: 'usage', usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 2, reasoningTokens: 1 } },
      { type: 'finish', reason: 'content_filter', raw: version === 'v2' ? 'content-filter' : 'raw-content-filter' }
    ])
    t.strictSame(finishes(await read(provider, request)), ['other'])
    t.strictSame(await read(provider, request), [{ type: 'finish', reason: 'stop', raw: 'stop' }])
  }
})

t.test('calls that come whole, run at the vendor\'s or have no input are told apart', async t => {
  const model = new FakeAiSdkModel()
  model.enqueue([
    { type: 'tool-input-start', id: 'search', toolName: 'web_search', providerExecuted: true },
    { type: 'tool-input-delta', id: 'search', delta: '{"q":1}' },
    { type: 'tool-call', toolCallId: 'search', toolName: 'web_search', input: '{"q":1}', providerExecuted: true },
    { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: '{"n":1}' },
    { type: 'tool-input-start', id: 'b', toolName: 'two' },
    { type: 'tool-call', toolCallId: 'b', toolName: 'two', input: '' },
    finishPart('v4', 'stop')
  ])
  const parts = await read(aiSdkProvider(model), request)
  t.strictSame(callsOf(parts), [{ id: 'a', name: 'one', arguments: '{"n":1}' }, { id: 'b', name: 'two', arguments: '{}' }])
  t.strictSame(finishes(parts), ['tool_calls'])
})

t.test('signatures and thinking go back to the model that gave them, and to no other', async t => {
  const signature = { anthropic: { signature: 'c2ln' } }
  const model = new FakeAiSdkModel()
  model.enqueue([
    { type: 'reasoning-start', id: 'r' },
    { type: 'reasoning-delta', id: 'r', delta: 'Let me ' },
    { type: 'reasoning-delta', id: 'r', delta: 'see.' },
    { type: 'reasoning-end', id: 'r', providerMetadata: signature },
    { type: 'tool-input-start', id: 'a', toolName: 'one' },
    { type: 'tool-input-delta', id: 'a', delta: '{}' },
    { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: '{}', providerMetadata: { google: { thoughtSignature: 'abc' } } },
    finishPart('v4', 'tool-calls')
  ], textParts(['Hi'], 'v4'))
  const provider = aiSdkProvider(model)
  const calls = JSON.parse(JSON.stringify(callsOf(await read(provider, request))))
  const messages = [{ role: 'assistant' as const, content: null, toolCalls: calls }]
  await read(provider, { ...request, messages })
  t.strictSame(model.calls[1]?.options.prompt[0]?.content, [
    { type: 'reasoning', text: 'Let me see.', providerOptions: signature },
    { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: {}, providerOptions: { google: { thoughtSignature: 'abc' } } }
  ])
  const other = Object.assign(new FakeAiSdkModel(), { modelId: 'fake-2' })
  other.enqueue(textParts(['Hi'], 'v4'))
  await read(aiSdkProvider(other), { ...request, messages })
  t.strictSame(other.calls[0]?.options.prompt[0]?.content, [{ type: 'tool-call', toolCallId: 'a', toolName: 'one', input: {} }])
})

t.test('passing failures are tried again, with the pause that was asked for', async t => {
  const clock = new ManualClock()
  const model = new FakeAiSdkModel()
  model.enqueue(
    new FakeApiCallError(429, 'Slow down', { 'retry-after': '3' }),
    Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) }),
    textParts(['Hi'], 'v4'))
  const parts = read(aiSdkProvider(model, { clock }), request)
  await clock.advance(await clock.armed(ms => ms === 3000))
  await clock.advance(await clock.armed(ms => ms <= 1000))
  t.equal(textOf(await parts), 'Hi')
})

t.test('errors are told in the vendor\'s words, without its address', async t => {
  const cases: [FakePart[] | Error, Record<string, unknown>][] = [
    [new FakeApiCallError(401, 'bad key sk-abcdefghijklmn'), { code: 'server_error', status: 401, message: 'The model provider "house" refused this server\'s credentials (HTTP 401).' }],
    [new FakeApiCallError(500, 'crashed at http://10.0.0.5:8000/x'), { code: 'server_error', message: 'crashed at [address]' }],
    [[{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }], { code: 'rate_limit_exceeded', message: 'Overloaded' }],
    [[{ type: 'error', error: { type: 'error', error: { message: 'Wrapped' } } }], { code: 'server_error', message: 'Wrapped' }],
    [[{ type: 'error', error: 'plain words' }], { code: 'server_error', message: 'plain words' }],
    [Object.assign(new Error('No image input'), { name: 'AI_UnsupportedFunctionalityError' }), { code: 'server_error', message: 'No image input' }],
    [[], { code: 'server_error', message: /before its answer was complete/ }]
  ]
  for (const [answer, expected] of cases) {
    const model = new FakeAiSdkModel()
    model.enqueue(answer)
    t.match(await failure(read(aiSdkProvider(model, { name: 'house', maxRetries: 0 }), request)), { name: 'ModelError', ...expected })
  }
})

t.test('an image that is nowhere is the prompt\'s fault', async t => {
  const asked: ModelRequest = { ...request, messages: [{ role: 'user', content: [{ type: 'image_url', url: 'not a url' }] }] }
  t.match(await failure(read(aiSdkProvider(new FakeAiSdkModel()), asked)), { code: 'invalid_prompt' })
})

t.test('time-outs end a model that hangs, and abort it', async t => {
  for (const [tokens, ms, message] of [[[], 300, 'sent nothing for 300 ms'], [['Hi'], 200, 'sent nothing more for 200 ms']] as const) {
    const clock = new ManualClock()
    const model = new FakeAiSdkModel()
    model.enqueue([...textParts([...tokens], 'v4').slice(0, -1), never])
    const thrown = failure(read(aiSdkProvider(model, { clock, timeouts: { firstTokenMs: 300, idleMs: 200 } }), request))
    await clock.armed(delay => delay === ms)
    await clock.advance(ms)
    t.match(await thrown, { name: 'ModelError', message: new RegExp(message) })
    await model.calls[0]!.closed
    t.equal(clock.pending, 0)
  }
})

t.test('a function is given the name and may fail', async t => {
  const model = new FakeAiSdkModel()
  model.enqueue(textParts(['Hi'], 'v4'))
  const asked: string[] = []
  const provider = aiSdkProvider(name => {
    asked.push(name)
    if (name === 'none') throw new Error('No such model: none')
    return name === 'old' ? { specificationVersion: 'v1' } as AiSdkModel : model
  }, { models: ['fast', 'slow'] })
  await read(provider, { ...request, model: 'fast' })
  t.strictSame(asked, ['fast'])
  t.strictSame((await provider.models({ signal })).map(info => info.id), ['fast', 'slow'])
  t.match(await failure(read(provider, { ...request, model: 'none' })), { name: 'ModelError', message: 'No such model: none' })
  t.match(await failure(read(provider, { ...request, model: 'old' })), { name: 'ModelError', message: /v2 or later/ })
})

t.test('something that is no such model is refused at once', async t => {
  for (const model of [undefined, null, {}, 'openai/gpt-4o', { specificationVersion: 'v1', doStream () {} }, { specificationVersion: 'v3' }]) {
    t.throws(() => aiSdkProvider(model as unknown as AiSdkModel), TypeError)
  }
})

t.test('embeddings come from the embedding model, in its batches', async t => {
  const asked: unknown[] = []
  const embeddingModel = {
    modelId: 'e',
    maxEmbeddingsPerCall: 2,
    async doEmbed ({ values, providerOptions }: { values: string[], providerOptions?: unknown }) {
      asked.push([values, providerOptions])
      if (values.includes('bad')) throw new FakeApiCallError(400, 'No')
      return { embeddings: values.map(value => [value.length]) }
    }
  }
  const provider = aiSdkProvider(new FakeAiSdkModel(), { embeddingModel })
  t.strictSame(await provider.embed!({ model: 'e', input: ['a', 'bb', 'ccc'], dimensions: 1 }, { signal }), [[1], [2], [3]])
  t.strictSame(asked, [[['a', 'bb'], { openai: { dimensions: 1 } }], [['ccc'], { openai: { dimensions: 1 } }]])
  t.match(await failure(provider.embed!({ model: 'e', input: ['bad'] }, { signal })), { name: 'ModelError', message: 'No' })
  t.equal(aiSdkProvider(new FakeAiSdkModel()).embed, undefined)
})
