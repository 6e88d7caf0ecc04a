import t from 'tap'
import { callsOf, failure, finishes, read, textOf } from '../../lib/conformance/model-parts.js'
import type { ModelPart } from '../../lib/models/provider.js'
import { http, reasoning, refusal, text, toolCalls, type Delta, type ScriptedCall, type StreamReply, type ToolCallOptions } from '../helpers/upstream.js'
import { request, start } from './helpers.js'

const tools = [{ name: 'a' }, { name: 'b' }]
const twoCalls: ScriptedCall[] = [{ name: 'a', arguments: { city: 'Rome' }, id: 'call_a' }, { name: 'b', arguments: { n: [1, 2] }, id: 'call_b' }]
const arguments2 = ['{"city":"Rome"}', '{"n":[1,2]}']

/** A stream of these deltas. */
function deltas (list: Delta[], finish = 'tool_calls'): StreamReply {
  return { kind: 'stream', finish, steps: list.map(delta => ({ delta })) }
}

/** A stream of these bytes. */
function raw (bytes: string | Uint8Array): StreamReply {
  return { kind: 'stream', finish: null, usage: false, done: false, steps: [{ raw: bytes }] }
}

function usageIn (parts: ModelPart[]): unknown {
  return parts.find(part => part.type === 'usage')?.usage
}

for (const style of ['openai', 'repeated', 'whole', 'all-at-once', 'object-arguments', 'without-index'] as const satisfies ToolCallOptions['style'][]) {
  t.test(`parallel calls are understood when they come in the style "${style}"`, async t => {
    const { upstream, provider } = await start(t)
    upstream.enqueue(toolCalls(twoCalls, { style, fragments: 3, interleaved: style === 'openai' || style === 'repeated' }))
    const parts = await read(provider, { ...request, tools })
    t.strictSame(callsOf(parts), [
      { id: 'call_a', name: 'a', arguments: arguments2[0] },
      { id: 'call_b', name: 'b', arguments: arguments2[1] }
    ])
    t.strictSame(finishes(parts), ['tool_calls'])
  })

  t.test(`calls without ids get some in the style "${style}"`, async t => {
    const { upstream, provider } = await start(t)
    upstream.enqueue(toolCalls(twoCalls.map(call => ({ ...call, id: null })), { style }))
    const calls = callsOf(await read(provider, { ...request, tools }))
    t.strictSame(calls.map(call => call.arguments), arguments2)
    t.match(calls[0]?.id, /^call_\w{24}$/)
    t.not(calls[0]?.id, calls[1]?.id)
  })
}

t.test('calls of one function that all claim the index 0 are told apart', async t => {
  const { upstream, provider } = await start(t)
  const call = (id: string | undefined, json: string): Delta => ({ tool_calls: [{ index: 0, ...(id === undefined ? {} : { id }), function: { name: 'a', arguments: json } }] })
  upstream.enqueue(deltas([call('x', '{"n":1}'), call('y', '{"n":2}')]), deltas([call(undefined, '{"n":1}'), call(undefined, '{"n":2}')]))
  for (let round = 0; round < 2; round++) {
    t.strictSame(callsOf(await read(provider, { ...request, tools })).map(call => call.arguments), ['{"n":1}', '{"n":2}'])
  }
})

t.test('an id that two calls share is kept by the first', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(toolCalls(twoCalls.map(call => ({ ...call, id: 'same' })), { style: 'whole' }))
  const calls = callsOf(await read(provider, { ...request, tools }))
  t.equal(calls[0]?.id, 'same')
  t.match(calls[1]?.id, /^call_/)
})

t.test('indexes that start at 1 and empty ids on later fragments do no harm', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(deltas([
    { tool_calls: [{ index: 1, id: 'x', function: { name: 'a', arguments: '' } }] },
    { tool_calls: [{ index: 1, id: '', function: { name: '', arguments: '{"n"' } }] },
    { tool_calls: [{ index: 1, id: null, function: { name: null, arguments: ':1}' } }] },
    { tool_calls: [{ index: 2, id: 'y', function: { name: 'b' } }, null, 7] },
    { tool_calls: null }
  ]))
  t.strictSame(callsOf(await read(provider, { ...request, tools })).map(({ id, arguments: json }) => [id, json]), [['x', '{"n":1}'], ['y', '{}']])
})

t.test('a name that comes after the id holds the call back', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(deltas([
    { tool_calls: [{ index: 0, id: 'x', function: { arguments: '{"n":' } }] },
    { tool_calls: [{ index: 1, id: 'y', function: { name: 'b', arguments: '{}' } }] },
    { tool_calls: [{ index: 0, function: { name: 'a', arguments: '1}' } }] }
  ]))
  t.strictSame(callsOf(await read(provider, { ...request, tools })).map(({ name, arguments: json }) => [name, json]), [['b', '{}'], ['a', '{"n":1}']])
})

t.test('a call that never gets a name is an error', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(deltas([{ tool_calls: [{ index: 0, id: 'x', function: { arguments: '{}' } }] }]))
  t.match(await failure(read(provider, { ...request, tools })), { code: 'server_error', message: /without naming/ })
})

t.test('the old function_call is a call', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(deltas([{ function_call: { name: 'a', arguments: '{"n"' } }, { function_call: { arguments: ':1}' } }], 'function_call'))
  const parts = await read(provider, { ...request, tools })
  t.strictSame(callsOf(parts).map(call => call.arguments), ['{"n":1}'])
  t.strictSame(finishes(parts), ['tool_calls'])
})

t.test('what a vendor wants back with a call is kept and sent back, to it alone', async t => {
  const { upstream, provider } = await start(t)
  const extra = { extra_content: { google: { thought_signature: 'c2ln' } } }
  upstream.enqueue(toolCalls([{ ...twoCalls[0]!, extra: { ...extra, status: 'done' } }, twoCalls[1]!], { style: 'whole', finish: 'stop' }), text('Sunny.'), text('Sunny.'))
  const parts = await read(provider, { ...request, tools })
  t.strictSame(finishes(parts), ['tool_calls'], 'stop with calls means calls')
  const calls = JSON.parse(JSON.stringify(callsOf(parts)))
  const messages = [...request.messages, { role: 'assistant' as const, content: null, toolCalls: calls }]
  await read(provider, { ...request, messages })
  t.match(upstream.chats[1]?.body.messages[1].tool_calls, [{ id: 'call_a', ...extra }, { id: 'call_b' }])
  t.notOk('status' in upstream.chats[1]?.body.messages[1].tool_calls[0])
  await read(provider, { ...request, model: 'another', messages })
  t.notOk('extra_content' in upstream.chats[2]?.body.messages[1].tool_calls[0])
})

t.test('a signature that comes after its call is given out late', async t => {
  const { upstream, provider } = await start(t)
  const extra = { extra_content: { google: { thought_signature: 'c2ln' } } }
  upstream.enqueue(deltas([{ tool_calls: [{ id: 'x', function: { name: 'a', arguments: '{}' } }] }, { tool_calls: [extra] }]))
  t.match(callsOf(await read(provider, { ...request, tools })), [{ id: 'x', arguments: '{}', opaque: { call: extra } }])
})

t.test('thinking that led to a call goes back on the message, whatever its shape', async t => {
  const { upstream, provider } = await start(t)
  const detail = { type: 'reasoning.text', index: 0, format: 'x' }
  const call = { tool_calls: [{ index: 0, id: 'x', function: { name: 'a', arguments: '{}' } }] }
  const cases = [
    {
      stream: [{ reasoning_content: 'Let me ' }, { reasoning_content: 'see.' }, call],
      keys: { reasoning_content: 'Let me see.' }
    },
    {
      stream: [
        { reasoning_details: [{ ...detail, text: 'Let me ' }] },
        { reasoning_details: [{ ...detail, text: 'see.', signature: null }] },
        call,
        { reasoning_details: [{ ...detail, signature: 'c2ln' }, { type: 'reasoning.encrypted', data: 'abc' }] }
      ],
      keys: { reasoning_details: [{ ...detail, text: 'Let me see.', signature: 'c2ln' }, { type: 'reasoning.encrypted', data: 'abc' }] }
    }
  ]
  for (const { stream, keys } of cases) {
    upstream.enqueue(deltas(stream), text('Sunny.'))
    const parts = await read(provider, { ...request, tools })
    t.equal(textOf(parts), '', 'thinking is no answer')
    await read(provider, { ...request, messages: [{ role: 'assistant', content: null, toolCalls: callsOf(parts) }] })
    const { role, content, tool_calls: calls, ...rest } = upstream.chats.at(-1)?.body.messages[0]
    t.strictSame(rest, keys)
  }
})

t.test('thinking beside an answer is left out of it', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(reasoning('Hm, hm.', 'Hello you'))
  t.equal(textOf(await read(provider, request)), 'Hello you')
})

t.test('a refusal is told apart from text', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(refusal('I will not.'))
  const parts = await read(provider, request)
  t.strictSame(parts.filter(part => part.type === 'refusal').map(part => part.text), ['I', ' will', ' not.'])
})

t.test('content in parts is read for its text', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(deltas([{ content: [{ type: 'thinking', thinking: [] }, { type: 'text', text: 'Hello' }] }, { content: null }, { content: '' }], 'stop'))
  t.equal(textOf(await read(provider, request)), 'Hello')
})

t.test('finish reasons of all vendors come down to five', async t => {
  const { upstream, provider } = await start(t)
  const known = { stop: 'stop', end_turn: 'stop', length: 'length', MAX_TOKENS: 'length', tool_calls: 'stop', content_filter: 'content_filter', SAFETY: 'content_filter', error: 'other', insufficient_system_resource: 'other' }
  for (const [rawReason, reason] of Object.entries(known)) {
    upstream.enqueue(text('Hi', { finish: rawReason }))
    const finish = (await read(provider, request)).at(-1)
    t.strictSame(finish, { type: 'finish', reason, raw: rawReason })
  }
  upstream.enqueue(toolCalls(twoCalls, { finish: 'length' }))
  t.strictSame(finishes(await read(provider, { ...request, tools })), ['length'], 'calls that were cut off are not complete')
})

t.test('usage is read from where the vendor puts it', async t => {
  const { upstream, provider } = await start(t)
  const counted = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }
  const details = { ...counted, prompt_tokens_details: { cached_tokens: 5 }, completion_tokens_details: { reasoning_tokens: 2 } }
  const full = { promptTokens: 7, completionTokens: 3, cachedTokens: 5, reasoningTokens: 2 }
  upstream.enqueue(text('Hi', { usage: details }), text('Hi', { usage: details, usageOn: 'finish-chunk' }))
  t.strictSame(usageIn(await read(provider, request)), full)
  t.strictSame(usageIn(await read(provider, request)), full)
  upstream.enqueue(text('Hi', { usage: { ...counted, prompt_cache_hit_tokens: 4 } }))
  t.strictSame(usageIn(await read(provider, request)), { promptTokens: 7, completionTokens: 3, cachedTokens: 4 })
  upstream.enqueue(text([{ chunk: { choices: [], usage: { prompt_tokens: 7, completion_tokens: 1 } } }, 'Hi', { chunk: { choices: [], x_groq: { usage: counted } } }], { usage: false }))
  const parts = await read(provider, request)
  t.equal(parts.filter(part => part.type === 'usage').length, 1, 'a count that goes along is told once')
  t.strictSame(usageIn(parts), { promptTokens: 7, completionTokens: 3 })
  upstream.enqueue(text('Hi', { usage: false }), text('Hi', { usage: { prompt_tokens: null, completion_tokens: null } as any }))
  t.equal(usageIn(await read(provider, request)), undefined)
  t.equal(usageIn(await read(provider, request)), undefined)
})

t.test('other choices, empty choices and unknown keys are passed over', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text([
    { chunk: { choices: [], prompt_filter_results: [{}] } },
    { chunk: { choices: [{ index: 1, delta: { content: 'another answer' } }] } },
    { chunk: { choices: [{ delta: { content: 'Hello' }, logprobs: null }] } },
    { chunk: { choices: null } },
    { chunk: { choices: [null] } }
  ]))
  t.equal(textOf(await read(provider, request)), 'Hello')
})

t.test('frames may be split anywhere, letters of several bytes included', async t => {
  const { upstream, provider } = await start(t)
  const bytes = Buffer.from(': hello\r\n\r\ndata: {"choices":[{"delta":{"content":"Grüße, 世界 🌍"}}]}\r\n\r\nevent: message\r\nid: 7\r\ndata: {"choices":[{"delta":{},\r\ndata: "finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n')
  upstream.enqueue({ kind: 'stream', finish: null, usage: false, done: false, steps: Array.from(bytes, byte => ({ raw: Uint8Array.of(byte) })) })
  const parts = await read(provider, request)
  t.equal(textOf(parts), 'Grüße, 世界 🌍')
  t.strictSame(finishes(parts), ['stop'])
})

t.test('a byte order mark and a missing last blank line are forgiven', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(raw('\uFEFFdata: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}'))
  t.equal(textOf(await read(provider, request)), 'Hi')
})

t.test('[DONE] is as good as a reason to stop, when there was an answer', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text('Hi', { finish: null }), toolCalls(twoCalls, { finish: null }), text('', { finish: null }))
  t.strictSame((await read(provider, request)).at(-1), { type: 'finish', reason: 'stop' })
  t.strictSame(finishes(await read(provider, { ...request, tools })), ['tool_calls'])
  const { provider: once, upstream: other } = await start(t, { maxRetries: 0 })
  other.enqueue(text('', { finish: null }))
  t.match(await failure(read(once, request)), { code: 'server_error' })
})

t.test('a vendor that answers whole instead of streaming is understood', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(
    http(200, { choices: [{ index: 0, message: { role: 'assistant', content: 'Hello', tool_calls: [{ id: 'x', type: 'function', function: { name: 'a', arguments: '{}' } }] }, finish_reason: 'tool_calls' }], usage: { prompt_tokens: 1, completion_tokens: 2 } }),
    http(200, { hello: 'world' }), http(200, '<html>Welcome</html>', { 'content-type': 'text/html' }))
  const parts = await read(provider, { ...request, tools })
  t.strictSame(parts.map(part => part.type), ['text', 'tool_call', 'tool_arguments', 'usage', 'finish'])
  t.match(await failure(read(provider, request)), { code: 'server_error', message: /no chat completion: is its base URL right/ })
  t.match(await failure(read(provider, request)), { code: 'server_error', message: /a web page: is its base URL right/ })
})

t.test('an answer without a word is an answer', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueue(text(''))
  t.strictSame((await read(provider, request)).map(part => part.type), ['usage', 'finish'])
})
