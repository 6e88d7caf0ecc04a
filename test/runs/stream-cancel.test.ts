import { test } from 'tap'
import { outline, payloads } from '../helpers/events.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { clientTool, startGatedServer } from './helpers/server.js'
import { CALLED, consumedBySdks, HEAD, MESSAGE, streamRun, type Recorded } from './helpers/streams.js'
import type { GatedServer } from './helpers/server.js'

async function cancel (server: GatedServer, stream: Recorded): Promise<void> {
  const { id } = stream.frames[0]!.data
  const { status, body } = await server.post(`/threads/${stream.threadId}/runs/${id}/cancel`)
  if (status !== 200 || body.status !== 'cancelling') throw new Error(JSON.stringify(body))
}

const ENDED = ['run.cancelling', 'run.cancelled', 'done']

test('cancelled before the first token', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text([gate, 'Hi']))
  const stream = await streamRun(t, server)
  await stream.until('thread.run.in_progress')
  await gate.reached()
  await cancel(server, stream)
  t.strictSame(outline(await stream.all()), [...HEAD, ...ENDED])
  await server.upstream.chats[0]!.aborted
  await consumedBySdks(t, stream)
})

test('cancelled in the middle of a message: what was said stays, marked incomplete', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', ' upon', gate, ' a time']))
  const stream = await streamRun(t, server)
  await stream.until('thread.message.delta')
  await stream.until('thread.message.delta')
  await cancel(server, stream)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...MESSAGE, 'run.cancelling', 'run.step.cancelled', 'message.incomplete', 'run.cancelled', 'done'])
  const [message] = payloads(frames, 'thread.message.incomplete')
  t.match(message, { status: 'incomplete', incomplete_details: { reason: 'run_cancelled' }, incomplete_at: Number, completed_at: null, content: [{ text: { value: 'Once upon' } }] })
  t.match(payloads(frames, 'thread.run.step.cancelled')[0], { status: 'cancelled', cancelled_at: Number, completed_at: null, last_error: null })
  t.strictSame((await server.get(`/threads/${stream.threadId}/messages`)).body.data[0], message, 'the message as it is kept')
  await server.upstream.chats[0]!.aborted
  await consumedBySdks(t, stream)
})

test('cancelled in the middle of a tool call', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  const whole = toolCalls([{ name: 'ask', arguments: { what: 'the time' }, id: 'call_1' }])
  server.upstream.enqueue({ ...whole, steps: whole.steps.toSpliced(2, 0, gate) })
  const stream = await streamRun(t, server, { tools: [clientTool('ask')] })
  await stream.until('thread.run.step.delta')
  await gate.reached()
  await cancel(server, stream)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.cancelling', 'run.step.cancelled', 'run.cancelled', 'done'])
  const [step] = payloads(frames, 'thread.run.step.cancelled')
  t.strictSame(step.step_details.tool_calls.map(({ id, function: call }: any) => [id, call.name, call.arguments, call.output]), [['call_1', 'ask', '{"what":"t', null]])
  await server.upstream.chats[0]!.aborted
  await consumedBySdks(t, stream)
})

test('cancelled while a server tool runs: the tool is told', async t => {
  const working = new Gate()
  let told: unknown
  const slow = {
    name: 'slow',
    parameters: { type: 'object' },
    async execute (_args: unknown, { signal }: { signal: AbortSignal }) {
      signal.addEventListener('abort', () => { told = signal.reason })
      await working.pass()
    }
  }
  const server = await startGatedServer(t, { tools: [slow] })
  server.upstream.enqueue(toolCalls([{ name: 'slow', arguments: {}, id: 'call_1' }]))
  const stream = await streamRun(t, server)
  await working.reached()
  await stream.until('thread.run.step.delta')
  await cancel(server, stream)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.cancelling', 'run.step.cancelled', 'run.cancelled', 'done'])
  t.ok(told instanceof Error, 'its signal was aborted')
  const [step] = payloads(frames, 'thread.run.step.cancelled')
  t.equal(step.step_details.tool_calls[0].function.output, null)
  t.ok(step.usage.total_tokens > 0, 'the turn that made the call is paid for')
  t.strictSame(payloads(frames, 'thread.run.cancelled')[0].usage, step.usage)
  working.open()
  await consumedBySdks(t, stream)
})

test('cancelled while it waits for outputs: the step that waits is cancelled with it', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }]))
  const stream = await streamRun(t, server, { tools: [clientTool('ask')] })
  t.strictSame(outline(await stream.all()), [...HEAD, ...CALLED, 'run.requires_action', 'done'])
  await cancel(server, stream)
  const run = await server.rest(payloads(stream.frames, 'thread.run.created')[0])
  t.equal(run.status, 'cancelled')
  const steps = await server.get(`/threads/${stream.threadId}/runs/${run.id}/steps`)
  t.strictSame(steps.body.data.map(({ status, cancelled_at: at }: any) => [status, at]), [['cancelled', run.cancelled_at]])
})

test('a cancelled run frees its thread, and what it had said is part of the conversation', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', gate, ' upon']), text('Sorry.'))
  const stream = await streamRun(t, server)
  await stream.until('thread.message.delta')
  await cancel(server, stream)
  await stream.all()
  const { assistant_id: assistant } = stream.frames[0]!.data
  const { status, body } = await server.post(`/threads/${stream.threadId}/runs`, { assistant_id: assistant, additional_messages: [{ role: 'user', content: 'Go on' }] })
  t.equal(status, 200)
  t.equal((await server.rest(body)).status, 'completed')
  t.strictSame(server.upstream.chats[1]!.body.messages.slice(1), [
    { role: 'user', content: 'Hello?' }, { role: 'assistant', content: 'Once' }, { role: 'user', content: 'Go on' }
  ])
})
