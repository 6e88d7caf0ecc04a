import type { DefineTest, SuiteTest } from '../../storage/conformance/runner.js'
import { ModelError, type ModelProvider, type ModelRequest } from '../models/provider.js'
import { callsOf, failure, finishes, read, textOf } from './model-parts.js'

/** An answer, in words that every kind of vendor understands. */
export type ScriptedAnswer =
  | { kind: 'text', tokens: string[], finish?: 'stop' | 'length' }
  | { kind: 'calls', textBefore?: string, calls: { name: string, arguments: Record<string, unknown> }[] }
  /** `tokens`, then silence until the caller leaves. */
  | { kind: 'hang', tokens: string[] }
  /** `tokens`, then the connection is gone. */
  | { kind: 'cut', tokens: string[] }
  | { kind: 'error', error: 'rate_limit' | 'prompt' | 'server', message: string }

/** A provider, and what stands behind it in its tests: a vendor that answers by a script. */
export interface ProviderFixture {
  provider: ModelProvider
  /** A name that `models()` lists; undefined when the provider cannot list. */
  listed: string | undefined
  /**
   * Sees to it that the next call is answered so, and gives the request that does it, to which the suite adds tools and
   * messages. Undefined: this provider cannot do that.
   */
  script (answer: ScriptedAnswer): ModelRequest | undefined
  /** Everything that the vendor was sent in its last call, as one text. */
  received (): string
  /** Calls that reached the vendor. */
  calls (): number
  /** Resolves once the next call has reached the vendor. */
  reached (): Promise<void>
  /** Resolves once the vendor has noticed that the caller of a hanging answer is gone. */
  closed (): Promise<void>
}

const WEATHER = { name: 'get_weather', description: 'Tells the weather.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }
const TIME = { name: 'get_time', parameters: { type: 'object', properties: {} } }

export interface ProviderSuite {
  test: DefineTest
  /** A provider of its own for each test. It gets the test of your runner. */
  factory: (t: any) => Promise<ProviderFixture>
}

/**
 * What every `ModelProvider` has to do. A provider's test file is a factory, this call, and what is
 * unique to it. An answer that the factory cannot script is passed over.
 */
export function modelProviderSuite ({ test, factory }: ProviderSuite): void {
  /** Runs `body` when the fixture can answer so. */
  const when = (title: string, answer: ScriptedAnswer, body: (t: SuiteTest, fixture: ProviderFixture, request: ModelRequest) => Promise<void>): void => {
    test(title, async (t: SuiteTest) => {
      const given = await factory(t)
      const request = given.script(answer)
      if (request === undefined) t.pass('not something that this provider can do')
      else await body(t, given, request)
    })
  }

  when('text comes in order and ends with usage and one finish', { kind: 'text', tokens: ['Hello', ' big', ' world'] }, async (t, { provider }, request) => {
    const parts = await read(provider, request)
    t.equal(textOf(parts), 'Hello big world')
    t.same(finishes(parts), ['stop'])
    const usages = parts.filter(part => part.type === 'usage')
    t.equal(usages.length, 1)
    t.ok(usages[0]!.usage.promptTokens > 0)
    t.ok(usages[0]!.usage.completionTokens > 0)
    t.strictSame(parts.filter(part => part.type !== 'text').map(part => part.type).slice(-2).sort(), ['finish', 'usage'])
  })

  when('an answer that met its limit finishes with length', { kind: 'text', tokens: ['Hello', ' big'], finish: 'length' }, async (t, { provider }, request) => {
    t.same(finishes(await read(provider, { ...request, maxCompletionTokens: 2 })), ['length'])
  })

  const calls = [{ name: 'get_weather', arguments: { city: 'Reykjavík "N"' } }, { name: 'get_time', arguments: {} }]
  when('parallel calls are announced once each and their arguments add up', { kind: 'calls', calls }, async (t, { provider }, request) => {
    const parts = await read(provider, { ...request, tools: [WEATHER, TIME] })
    const made = callsOf(parts)
    t.same(made.map(call => [call.name, JSON.parse(call.arguments)]), calls.map(call => [call.name, call.arguments]))
    t.equal(new Set(made.map(call => call.id)).size, 2)
    t.ok(made.every(call => call.id.length > 0))
    t.same(finishes(parts), ['tool_calls'])
  })

  when('text ahead of a call is kept', { kind: 'calls', textBefore: 'One moment.', calls: calls.slice(0, 1) }, async (t, { provider }, request) => {
    const parts = await read(provider, { ...request, tools: [WEATHER] })
    t.equal(textOf(parts), 'One moment.')
    t.equal(callsOf(parts).length, 1)
  })

  when('a finished turn of calls goes back with its outputs', { kind: 'calls', calls }, async (t, given, request) => {
    const tools = [WEATHER, TIME]
    const made = callsOf(await read(given.provider, { ...request, tools }))
    const again = given.script({ kind: 'text', tokens: ['It', ' rains.'] }) ?? request
    const parts = await read(given.provider, {
      ...again,
      tools,
      messages: [
        ...again.messages,
        { role: 'assistant', content: null, toolCalls: made },
        ...made.map((call, index) => ({ role: 'tool' as const, toolCallId: call.id, content: `output-${index}` }))
      ]
    })
    t.ok(textOf(parts) !== '')
    t.same(finishes(parts), ['stop'])
    for (const part of ['output-0', 'output-1', 'get_weather', 'Reykjav']) t.match(given.received(), part)
  })

  when('instructions, images and earlier turns reach the model', { kind: 'text', tokens: ['Yes.'] }, async (t, given, request) => {
    await read(given.provider, {
      ...request,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'First question' },
        { role: 'assistant', content: 'First answer' },
        { role: 'user', content: [{ type: 'text', text: 'What is this?' }, { type: 'image_url', url: 'data:image/png;base64,iVBORw0KGgo=' }] },
        ...request.messages
      ]
    })
    for (const part of ['Be brief.', 'First question', 'First answer', 'What is this?', 'iVBORw0KGgo=']) t.match(given.received(), part)
  })

  when('aborting in the middle throws the reason and closes the vendor\'s side', { kind: 'hang', tokens: ['Hello'] }, async (t, given, request) => {
    const leaving = new AbortController()
    const stream = given.provider.stream(request, { signal: leaving.signal })[Symbol.asyncIterator]()
    const first = await stream.next()
    t.equal(first.value?.type, 'text')
    const next = stream.next()
    const reason = new Error('cancelled by the user')
    leaving.abort(reason)
    t.equal(await failure(next), reason)
    await given.closed()
  })

  when('aborting before the first token throws the reason at once', { kind: 'hang', tokens: [] }, async (t, given, request) => {
    const leaving = new AbortController()
    const next = given.provider.stream(request, { signal: leaving.signal })[Symbol.asyncIterator]().next()
    await given.reached()
    const reason = new Error('cancelled by the user')
    leaving.abort(reason)
    t.equal(await failure(next), reason)
    await given.closed()
  })

  when('an aborted signal sends no request', { kind: 'text', tokens: ['Hello'] }, async (t, given, request) => {
    const reason = new Error('too late')
    const before = given.calls()
    t.equal(await failure(read(given.provider, request, AbortSignal.abort(reason))), reason)
    t.equal(given.calls(), before)
  })

  when('leaving the loop closes the vendor\'s side', { kind: 'hang', tokens: ['Hello'] }, async (t, given, request) => {
    const stream = given.provider.stream(request, { signal: new AbortController().signal })[Symbol.asyncIterator]()
    t.equal((await stream.next()).value?.type, 'text')
    await stream.return?.()
    await given.closed()
  })

  when('an answer that is cut off is an error', { kind: 'cut', tokens: ['Hello'] }, async (t, { provider }, request) => {
    const error = await failure(read(provider, request))
    t.ok(error instanceof ModelError)
    t.equal(error.code, 'server_error')
  })

  for (const [error, code] of [['rate_limit', 'rate_limit_exceeded'], ['prompt', 'invalid_prompt'], ['server', 'server_error']] as const) {
    const message = error === 'prompt' ? 'This model\'s maximum context length is 128 tokens.' : `Something about ${error}.`
    when(`a ${error} error becomes ${code} with the vendor's words`, { kind: 'error', error, message }, async (t, { provider }, request) => {
      const thrown = await failure(read(provider, request))
      t.ok(thrown instanceof ModelError)
      t.equal(thrown.code, code)
      t.match(thrown.message, message)
    })
  }

  test('the models on offer are listed', async (t: SuiteTest) => {
    const { provider, listed } = await factory(t)
    const models = await provider.models({ signal: new AbortController().signal })
    if (listed !== undefined) t.ok(models.some(model => model.id === listed))
    for (const model of models) t.ok(Number.isInteger(model.created) && model.ownedBy !== '')
  })
}
