import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { outline, payloads } from '../helpers/events.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor, startGatedServer } from './helpers/server.js'
import { CALLED, consumedBySdks, HEAD, MESSAGE, SAID, streamOutputs, streamRun } from './helpers/streams.js'

/** The helper of major 4 knows no `thread.run.incomplete` and never finds the final run. */
const laterSdks = sdks.slice(1)

const add = { name: 'add', parameters: { type: 'object' }, execute: () => 3 }
const spent = (prompt: number, completion: number) => ({ usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion } })

test('an answer that the vendor cuts off for its length', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Once upon', { finish: 'length', ...spent(10, 2) }))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...MESSAGE, 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'])
  const [message] = payloads(frames, 'thread.message.incomplete')
  t.match(message, { incomplete_details: { reason: 'max_tokens' }, incomplete_at: Number, completed_at: null, content: [{ text: { value: 'Once upon' } }] })
  const [run] = payloads(frames, 'thread.run.incomplete')
  t.match(run, { incomplete_details: { reason: 'max_completion_tokens' }, usage: { total_tokens: 12 }, last_error: null })
  t.strictSame((await server.get(`/threads/${stream.threadId}/messages`)).body.data[0], message, 'the partial text is kept')
  await consumedBySdks(t, stream, laterSdks)
})

test('an answer that the vendor\'s content filter cuts off', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Once upon', { finish: 'content_filter' }))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...MESSAGE, 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'])
  t.strictSame(payloads(frames, 'thread.message.incomplete')[0].incomplete_details, { reason: 'content_filter' })
  t.strictSame(payloads(frames, 'thread.run.incomplete')[0].incomplete_details, { reason: 'content_filter' })
  await consumedBySdks(t, stream, laterSdks)
})

test('a cut before the first word leaves a message with one empty text', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text([], { finish: 'length' }))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...MESSAGE.slice(0, -1), 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'])
  t.strictSame(payloads(frames, 'thread.message.incomplete')[0].content, [{ type: 'text', text: { value: '', annotations: [] } }])
})

test('a call that is cut off within its arguments is not made', async t => {
  const server = await startGatedServer(t, { tools: [{ ...add, execute: () => { throw new Error('must not run') } }] })
  server.upstream.enqueue(toolCalls([{ name: 'add', arguments: '{"a":' }], { finish: 'length' }))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', 'run.incomplete', 'done'])
  t.equal(payloads(frames, 'thread.run.step.completed')[0].step_details.tool_calls[0].function.output, null)
  await consumedBySdks(t, stream, laterSdks)
})

test('completion tokens are a total over the model calls: each call gets the rest', async t => {
  const server = await startGatedServer(t, { tools: [add] })
  const turn = (tokens: number) => toolCalls([{ name: 'add', arguments: {} }], spent(10, tokens))
  server.upstream.enqueue(turn(30), turn(50), text('Done', { finish: 'length', ...spent(10, 20) }))
  const stream = await streamRun(t, server, { max_completion_tokens: 100 })
  const frames = await stream.all()
  t.strictSame(server.upstream.chats.map(({ body }) => body.max_tokens), [100, 70, 20])
  t.strictSame(outline(frames), [
    ...HEAD, ...CALLED, 'run.step.completed', ...CALLED, 'run.step.completed', ...MESSAGE, 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'
  ])
  t.match(payloads(frames, 'thread.run.incomplete')[0], { usage: { prompt_tokens: 30, completion_tokens: 100, total_tokens: 130 } })
  await consumedBySdks(t, stream, laterSdks)
})

test('completion tokens that are spent in the middle of a tool loop end the run there', async t => {
  const server = await startGatedServer(t, { tools: [add] })
  server.upstream.enqueue(toolCalls([{ name: 'add', arguments: {} }], spent(10, 100)))
  const stream = await streamRun(t, server, { max_completion_tokens: 100 })
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', 'run.incomplete', 'done'])
  t.strictSame(payloads(frames, 'thread.run.incomplete')[0].incomplete_details, { reason: 'max_completion_tokens' })
  t.equal(payloads(frames, 'thread.run.step.completed')[0].step_details.tool_calls[0].function.output, '3', 'what was called was answered')
  t.equal(server.upstream.chats.length, 1)
  await consumedBySdks(t, stream, laterSdks)
})

test('tokens that were spent before the client answers end the run after its answer', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }], spent(10, 16)))
  const run = await server.rest(await server.run({ tools: [clientTool('ask')], max_completion_tokens: 16 }))
  t.equal(run.status, 'requires_action')
  const stream = await streamOutputs(t, server, run, outputsFor(run))
  t.strictSame(outline(await stream.all()), ['run.step.completed', 'run.queued', 'run.in_progress', 'run.incomplete', 'done'])
  await consumedBySdks(t, stream, laterSdks)
})

test('prompt tokens are a total too', async t => {
  const server = await startGatedServer(t, { tools: [add] })
  server.upstream.enqueue(toolCalls([{ name: 'add', arguments: {} }], spent(990, 5)))
  const stream = await streamRun(t, server, { max_prompt_tokens: 1000 })
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', 'run.incomplete', 'done'])
  t.match(payloads(frames, 'thread.run.incomplete')[0], { incomplete_details: { reason: 'max_prompt_tokens' }, usage: { prompt_tokens: 990 } })
  t.equal(server.upstream.chats.length, 1)
  await consumedBySdks(t, stream, laterSdks)
})

test('a prompt that cannot be made to fit is never sent', async t => {
  const server = await startGatedServer(t)
  const stream = await streamRun(t, server, { max_prompt_tokens: 16, instructions: 'word '.repeat(50) })
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, 'run.incomplete', 'done'])
  t.match(payloads(frames, 'thread.run.incomplete')[0], { incomplete_details: { reason: 'max_prompt_tokens' }, usage: { total_tokens: 0 } })
  t.equal(server.upstream.chats.length, 0)
  await consumedBySdks(t, stream, laterSdks)
})

test('a run within its limits is none the wiser', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Hi', spent(10, 1)))
  const stream = await streamRun(t, server, { max_prompt_tokens: 1000, max_completion_tokens: 1000 })
  t.strictSame(outline(await stream.all()), [...HEAD, ...SAID, 'run.completed', 'done'])
})

test('an incomplete run frees its thread', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Once', { finish: 'length' }), text('upon a time.'))
  const stream = await streamRun(t, server)
  const { assistant_id: assistant } = (await stream.all())[0]!.data
  const { body: next } = await server.post(`/threads/${stream.threadId}/runs`, { assistant_id: assistant })
  t.equal((await server.rest(next)).status, 'completed')
  t.strictSame(server.upstream.chats[1]!.body.messages.at(-1), { role: 'assistant', content: 'Once' }, 'the partial answer is part of the conversation')
})
