import t, { type Test } from 'tap'
import OpenAI from 'openai'
import { drop, error, Gate, gated, hang, malformed, startUpstream, text, toolCalls, type UpstreamRequest } from '../helpers/upstream.js'

const messages = [{ role: 'user' as const, content: 'Hi there' }]
const model = 'test-model'

async function start (t: Test) {
  const upstream = await startUpstream(t)
  return { upstream, client: new OpenAI({ baseURL: upstream.url, apiKey: 'sk-test', maxRetries: 0 }) }
}

t.test('the official client reads a scripted text, streamed and plain', async t => {
  const { upstream, client } = await start(t)
  upstream.enqueue(text('Hello big world'), text('Hello again'))
  const tokens: (string | null | undefined)[] = []
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } })) {
    tokens.push(chunk.choices[0]?.delta.content)
    if (chunk.choices.length === 0) t.equal(chunk.usage?.completion_tokens, 3)
  }
  t.strictSame(tokens, ['', 'Hello', ' big', ' world', undefined, undefined])
  const plain = await client.chat.completions.create({ model, messages })
  t.equal(plain.choices[0]?.message.content, 'Hello again')
  t.equal(upstream.chats.length, 2)
})

t.test('parallel calls come in interleaved fragments and add up', async t => {
  const { upstream, client } = await start(t)
  const calls = [{ name: 'a', arguments: { city: 'Rome' }, id: 'call_a' }, { name: 'b', arguments: '{"x":1}', id: 'call_b' }]
  upstream.enqueue(toolCalls(calls, { fragments: 3, interleaved: true, textBefore: 'One moment' }), toolCalls(calls))
  const streamed = await client.chat.completions.stream({ model, messages }).finalMessage()
  const plain = (await client.chat.completions.create({ model, messages })).choices[0]?.message
  t.equal(streamed.content, 'One moment')
  for (const message of [streamed, plain]) {
    t.strictSame(message?.tool_calls?.map(call => call.type === 'function' && [call.id, call.function.name, call.function.arguments]),
      [['call_a', 'a', '{"city":"Rome"}'], ['call_b', 'b', '{"x":1}']])
  }
})

t.test('a gate lets one token pass at a time', async t => {
  const { upstream, client } = await start(t)
  const gate = new Gate()
  upstream.enqueue(gated(text('one two'), gate))
  const stream = await client.chat.completions.create({ model, messages, stream: true })
  const request = await upstream.next()
  await gate.reached()
  t.equal(request.tokensSent, 0)
  gate.open()
  await gate.reached()
  t.equal(request.tokensSent, 1)
  gate.open()
  let words = ''
  for await (const chunk of stream) words += chunk.choices[0]?.delta.content ?? ''
  t.equal(words, 'one two')
  await request.completed
})

t.test('a hanging reply ends when the client leaves or the test releases it', async t => {
  const { upstream, client } = await start(t)
  upstream.enqueue(hang(text('one two'), 1), hang(), hang(text('one two'), 1))
  for (let round = 0; round < 2; round++) {
    const leaving = new AbortController()
    const answer = client.chat.completions.create({ model, messages, stream: true }, { signal: leaving.signal })
    const request: UpstreamRequest = await upstream.next()
    leaving.abort()
    await answer.catch(() => {})
    await request.aborted
  }
  t.equal(upstream.abortedCount, 2)
  const stream = await client.chat.completions.create({ model, messages, stream: true })
  ;(await upstream.next()).release()
  let words = ''
  for await (const chunk of stream) words += chunk.choices[0]?.delta.content ?? ''
  t.equal(words, 'one two')
})

t.test('faults reach the client as faults', async t => {
  const { upstream, client } = await start(t)
  const read = async (): Promise<void> => {
    const stream = await client.chat.completions.create({ model, messages, stream: true })
    for await (const chunk of stream) t.ok(chunk.id)
  }
  upstream.enqueue(drop(), drop(text('one two'), 1), malformed(text('one two'), 1), error(429, 'Slow down', { 'retry-after': '2' }))
  await t.rejects(read(), { name: 'Error' })
  await t.rejects(read())
  await t.rejects(read(), SyntaxError)
  await t.rejects(read(), { message: '429 Slow down' })
  await t.rejects(read(), { message: /no reply left/ })
  t.equal(upstream.abortedCount, 0, 'a connection that the script cut was not aborted by the client')
})

t.test('models, embeddings and replies for other paths', async t => {
  const { upstream, client } = await start(t)
  t.strictSame((await client.models.list()).data.map(model => model.id), ['test-model'])
  const { data } = await client.embeddings.create({ model: 'e', input: ['red apple', 'red apple pie', 'blue car'] })
  const near = (a: number, b: number): number => data[a]!.embedding.reduce((sum, value, i) => sum + value * data[b]!.embedding[i]!, 0)
  t.ok(near(0, 1) > near(0, 2))
  upstream.enqueueAt('/models', error(503))
  await t.rejects(client.models.list(), { message: /503/ })
})
