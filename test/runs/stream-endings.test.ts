import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, payloads } from '../helpers/events.js'
import { drop, error, Gate, malformed, text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor, pathOf, startGatedServer } from './helpers/server.js'
import { CALLED, consumedBySdks, HEAD, MESSAGE, SAID, streamOutputs, streamRun } from './helpers/streams.js'

const EXPIRY_MS = 600_000
const ask = toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])

test('a run that expires before the first token', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  const gate = new Gate()
  server.upstream.enqueue(text([gate, 'Hi']))
  const stream = await streamRun(t, server)
  await stream.until('thread.run.in_progress')
  await gate.reached()
  await clock.advance(EXPIRY_MS)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, 'run.expired', 'done'])
  await server.upstream.chats[0]!.aborted
  await consumedBySdks(t, stream)
})

test('a run that expires in the middle of a message', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', gate, ' upon']))
  const stream = await streamRun(t, server)
  await stream.until('thread.message.delta')
  await clock.advance(EXPIRY_MS)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...MESSAGE, 'run.step.expired', 'message.incomplete', 'run.expired', 'done'])
  const [run] = payloads(frames, 'thread.run.expired')
  t.match(payloads(frames, 'thread.run.step.expired')[0], { status: 'expired', expired_at: run.expires_at, last_error: null })
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'run_expired' }, incomplete_at: run.expires_at })
  t.match(run, { last_error: null, completed_at: null, failed_at: null, cancelled_at: null })
  await consumedBySdks(t, stream)
})

test('a run that expires while a server tool runs', async t => {
  const clock = new ManualClock()
  const working = new Gate()
  const slow = { name: 'slow', parameters: { type: 'object' }, timeout: 2 * EXPIRY_MS, execute: async () => await working.pass() }
  const server = await startGatedServer(t, { clock, tools: [slow] })
  server.upstream.enqueue(toolCalls([{ name: 'slow', arguments: {} }]))
  const stream = await streamRun(t, server)
  await working.reached()
  await stream.until('thread.run.step.delta')
  await clock.advance(EXPIRY_MS)
  t.strictSame(outline(await stream.all()), [...HEAD, ...CALLED, 'run.step.expired', 'run.expired', 'done'])
  working.open()
  await consumedBySdks(t, stream)
})

test('outputs that come too late are refused, and the run is told to have expired', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  server.upstream.enqueue(ask)
  const run = await server.rest(await server.run({ tools: [clientTool('ask')] }))
  await clock.advance(EXPIRY_MS)
  const { status, body } = await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(run) })
  t.equal(status, 400)
  t.equal(body.error.message, 'Runs in status "expired" do not accept tool outputs.')
})

test('a run does not get more time by asking for outputs', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  const gate = new Gate()
  server.upstream.enqueue(ask, text(['Once', gate, ' upon']))
  const run = await server.rest(await server.run({ tools: [clientTool('ask')] }))
  await clock.advance(EXPIRY_MS - 1000)
  const stream = await streamOutputs(t, server, run, outputsFor(run))
  await stream.until('thread.message.delta')
  await clock.advance(1000)
  t.strictSame(outline(await stream.all()),
    ['run.step.completed', 'run.queued', 'run.in_progress', ...MESSAGE, 'run.step.expired', 'message.incomplete', 'run.expired', 'done'])
  await consumedBySdks(t, stream)
})

test('a vendor that fails before the first token', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(error(429, 'Slow down.'))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, 'run.failed', 'done'])
  t.strictSame(payloads(frames, 'thread.run.failed')[0].last_error, { code: 'rate_limit_exceeded', message: 'Slow down.' })
  await consumedBySdks(t, stream)
})

for (const [what, reply] of Object.entries({ 'loses the connection': drop(text('Once upon a time'), 2), 'talks nonsense': malformed(text('Once upon a time'), 2) })) {
  test(`a vendor that ${what} in the middle of a message`, async t => {
    const server = await startGatedServer(t)
    server.upstream.enqueue(reply)
    const stream = await streamRun(t, server)
    const frames = await stream.all()
    t.strictSame(outline(frames), [...HEAD, ...MESSAGE, 'run.step.failed', 'message.incomplete', 'run.failed', 'done'])
    const [run] = payloads(frames, 'thread.run.failed')
    const [step] = payloads(frames, 'thread.run.step.failed')
    t.equal(run.last_error.code, 'server_error')
    t.strictSame(step.last_error, run.last_error)
    t.equal(step.failed_at, run.failed_at)
    t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'run_failed' }, content: [{ text: { value: 'Once upon' } }] })
    await consumedBySdks(t, stream)
  })
}

test('a vendor that loses the connection in the middle of a tool call', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(drop(toolCalls([{ name: 'ask', arguments: { a: 1 } }]), 2))
  const stream = await streamRun(t, server, { tools: [clientTool('ask')] })
  t.strictSame(outline(await stream.all()), [...HEAD, ...CALLED, 'run.step.failed', 'run.failed', 'done'])
  await consumedBySdks(t, stream)
})

test('a vendor that fails in a later turn: the steps before it stay completed', async t => {
  const server = await startGatedServer(t, { tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => 3 }] })
  server.upstream.enqueue(toolCalls([{ name: 'add', arguments: {} }]), error(500, 'No more.'))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLED, 'run.step.completed', 'run.failed', 'done'])
  t.strictSame(payloads(frames, 'thread.run.failed')[0].usage, payloads(frames, 'thread.run.step.completed')[0].usage)
  await consumedBySdks(t, stream)
})

test('a failed run frees its thread', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(error(500), text('Hi'))
  const stream = await streamRun(t, server)
  const frames = await stream.all()
  const { assistant_id: assistant } = frames[0]!.data
  const again = await server.stream(`/threads/${stream.threadId}/runs`, { assistant_id: assistant })
  t.strictSame(outline(await again.all()), [...HEAD, ...SAID, 'run.completed', 'done'])
})
