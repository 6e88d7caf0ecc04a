import t from 'tap'
import { callsOf, finishes, read, textOf } from '../../lib/conformance/model-parts.js'
import { modelProviderSuite, type ProviderFixture, type ScriptedAnswer } from '../../lib/conformance/model-provider.js'
import { echo } from '../../lib/models/echo.js'
import type { ModelRequest } from '../../lib/models/provider.js'

t.test('echo keeps the contract of a model provider', async ({ test }) => modelProviderSuite({ test, factory: echoFixture }))

async function echoFixture (): Promise<ProviderFixture> {
  let received = ''
  let calls = 0
  const inner = echo()
  return {
    provider: {
      ...inner,
      async * stream (request, options) {
        yield * inner.stream(request, options)
        calls++
        received = JSON.stringify(request.messages)
      }
    },
    listed: 'echo',
    script: (answer: ScriptedAnswer) => {
      if (answer.kind === 'text') return ask(answer.finish === 'length' ? [...answer.tokens, ' more'].join('') : answer.tokens.join(''))
      if (answer.kind === 'calls' && answer.textBefore === undefined) return ask(answer.calls.map(call => `/call ${call.name} ${JSON.stringify(call.arguments)}`).join('\n'))
      return undefined
    },
    received: () => received,
    calls: () => calls,
    reached: async () => {},
    closed: async () => {}
  }
}

const weather = { name: 'get_weather' }

function ask (content: string, more: Partial<ModelRequest> = {}): ModelRequest {
  return { model: 'echo', messages: [{ role: 'user', content }], ...more }
}

t.test('the last user message comes back word for word, white space included', async t => {
  const parts = await read(echo(), ask(' Hello,\n\n  big   world '))
  t.equal(textOf(parts), ' Hello,\n\n  big   world ')
  t.strictSame(parts.filter(part => part.type === 'text').map(part => part.text), [' Hello,', '\n\n  big', '   world', ' '])
})

t.test('usage counts words', async t => {
  const parts = await read(echo(), { model: 'echo', messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'one two three' }] })
  t.strictSame(parts.find(part => part.type === 'usage')?.usage, { promptTokens: 5, completionTokens: 3 })
})

t.test('no user message and an empty one are answered with nothing', async t => {
  for (const messages of [[], [{ role: 'user' as const, content: '' }]]) {
    const parts = await read(echo(), { model: 'echo', messages })
    t.equal(textOf(parts), '')
    t.same(finishes(parts), ['stop'])
  }
})

t.test('a call needs an offered function and an object of arguments', async t => {
  const tools = [weather]
  t.strictSame(callsOf(await read(echo(), ask('/call get_weather', { tools }))).map(call => call.arguments), ['{}'])
  for (const content of ['/call get_time {}', '/call get_weather {broken', '/call get_weather {broken}', 'please /call get_weather {}']) {
    t.equal(textOf(await read(echo(), ask(content, { tools }))), content)
  }
  t.equal(textOf(await read(echo(), ask('/call get_weather {}'))), '/call get_weather {}')
})

t.test('arguments may span lines', async t => {
  const parts = await read(echo(), ask('/call get_weather {\n"city":\n"Rome"}', { tools: [weather] }))
  t.same(JSON.parse(callsOf(parts)[0]!.arguments), { city: 'Rome' })
})

t.test('tool_choice forces, names or forbids a call', async t => {
  const tools = [weather, { name: 'get_time' }]
  const names = async (toolChoice: NonNullable<ModelRequest['toolChoice']>, content = 'Hello'): Promise<string[]> => callsOf(await read(echo(), ask(content, { tools, toolChoice }))).map(call => call.name)
  t.strictSame(await names('required'), ['get_weather'])
  t.strictSame(await names({ name: 'get_time' }), ['get_time'])
  t.strictSame(await names({ name: 'get_time' }, '/call get_weather {}'), ['get_time'])
  t.strictSame(await names('none', '/call get_weather {}'), [])
})

t.test('the outputs of the last calls are the answer', async t => {
  const parts = await read(echo(), {
    model: 'echo',
    tools: [weather],
    toolChoice: 'required',
    messages: [
      { role: 'user', content: '/call get_weather {}' },
      { role: 'assistant', content: null, toolCalls: [{ id: 'a', name: 'get_weather', arguments: '{}' }, { id: 'b', name: 'get_weather', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'a', content: 'sunny' },
      { role: 'tool', toolCallId: 'b', content: 'windy' }
    ]
  })
  t.equal(textOf(parts), 'sunny\nwindy')
})
