import { test } from 'tap'
import { outline, payloads } from '../helpers/events.js'
import { startServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor } from './helpers/server.js'
import { CALLED, consumedBySdks, HEAD, SAID, streamOutputs, streamRun } from './helpers/streams.js'

const add = {
  name: 'add',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
  execute: ({ a, b }: { a: number, b: number }) => a + b
}
const addCall = { name: 'add', arguments: { a: 1, b: 2 }, id: 'call_add' }
const askCall = { name: 'ask', arguments: { what: 'now' }, id: 'call_ask' }

test('a server tool is answered within the stream: its step ends before the message begins', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall]), text('It is three')] })
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', ...SAID, 'run.completed', 'done'])
  const [step] = payloads(frames, 'thread.run.step.completed')
  t.strictSame(step.step_details, {
    type: 'tool_calls', tool_calls: [{ id: 'call_add', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}', output: '3' } }]
  })
  await consumedBySdks(t, stream)
})

test('the fragments of a call: id and name once, then arguments only', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall], { fragments: 3 }), text('Three')] })
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  const deltas = payloads(frames, 'thread.run.step.delta').map(({ delta }) => delta.step_details)
  t.strictSame(deltas.map(({ type }) => type), Array(4).fill('tool_calls'))
  t.strictSame(deltas.flatMap(({ tool_calls: calls }) => calls), [
    { index: 0, id: 'call_add', type: 'function', function: { name: 'add', arguments: '', output: null } },
    { index: 0, type: 'function', function: { arguments: '{"a":' } },
    { index: 0, type: 'function', function: { arguments: '1,"b"' } },
    { index: 0, type: 'function', function: { arguments: ':2}' } }
  ])
})

test('parallel server tools share a step, whose calls are told apart by their index', async t => {
  const calls = [addCall, { name: 'add', arguments: { a: 3, b: 4 }, id: 'call_more' }]
  const server = await startServer(t, { tools: [add], script: [toolCalls(calls, { interleaved: true }), text('Three and seven')] })
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', ...SAID, 'run.completed', 'done'])
  const indexes = payloads(frames, 'thread.run.step.delta').flatMap(({ delta }) => delta.step_details.tool_calls.map(({ index }: any) => index))
  t.strictSame(indexes, [0, 1, 0, 1, 0, 1])
  const [step] = payloads(frames, 'thread.run.step.completed')
  t.strictSame(step.step_details.tool_calls.map((call: any) => call.function.output), ['3', '7'])
  await consumedBySdks(t, stream)
})

test('several turns with tools: one step after the other, each ended before the next', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall]), toolCalls([{ ...addCall, id: 'call_2' }]), text('Done')] })
  const stream = await streamRun(t, server)
  t.strictSame(outline(await stream.all()), [
    ...HEAD, ...CALLED, 'run.step.completed', ...CALLED, 'run.step.completed', ...SAID, 'run.completed', 'done'
  ])
  await consumedBySdks(t, stream)
})

test('text before calls is a message of its own, ended before the step of the calls begins', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall], { textBefore: 'Let me see.' }), text('Three')] })
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...SAID, ...CALLED, 'run.step.completed', ...SAID, 'run.completed', 'done'])
  t.strictSame(payloads(frames, 'thread.message.completed').map(({ content }) => content[0].text.value), ['Let me see.', 'Three'])
  await consumedBySdks(t, stream)
})

test('a mixed turn asks the client for its own call only; the step ends when that is answered', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall, askCall]), text('Noon, and three')] })
  const first = await streamRun(t, server, { tools: [clientTool('ask')] })
  const asked = await first.all()
  t.strictSame(outline(asked), [...HEAD, ...CALLED, 'run.requires_action', 'done'])
  const run = payloads(asked, 'thread.run.requires_action')[0]
  t.strictSame(run.required_action.submit_tool_outputs.tool_calls, [{ id: 'call_ask', type: 'function', function: { name: 'ask', arguments: '{"what":"now"}' } }])
  await consumedBySdks(t, first)

  const second = await streamOutputs(t, server, run, outputsFor(run, 'noon'))
  const answered = await second.all()
  t.strictSame(outline(answered), ['run.step.completed', 'run.queued', 'run.in_progress', ...SAID, 'run.completed', 'done'])
  t.strictSame(answered[0]!.data.step_details.tool_calls.map((call: any) => [call.id, call.function.output]), [['call_add', '3'], ['call_ask', 'noon']])
  t.ok(answered[0]!.data.usage.total_tokens > 0)
  await consumedBySdks(t, second)
})

test('a stream that is closed by its reader does not stop the run', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([addCall]), text('Three')] })
  const stream = await streamRun(t, server)
  const { id } = await stream.until('thread.run.created')
  await stream.leave()
  for (;;) {
    const { body: run } = await server.get(`/threads/${stream.threadId}/runs/${id}`)
    if (run.status === 'completed') break
  }
  const { body } = await server.get(`/threads/${stream.threadId}/messages`)
  t.equal(body.data[0].content[0].text.value, 'Three')
})
