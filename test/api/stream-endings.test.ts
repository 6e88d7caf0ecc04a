import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, payloads, type EventReader } from '../helpers/events.js'
import { covers, newAssistant, newThread, startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { drop, error, Gate, gated, refusal, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'

const HEAD = ['run.created', 'run.queued', 'run.in_progress']
const STEP = ['run.step.created', 'run.step.in_progress']
const MESSAGE = ['message.created', 'message.in_progress', 'message.delta']

async function begin (t: Test, script: UpstreamReply[], options: TestServerOptions = {}, fields: object = {}): Promise<{ server: TestServer, path: string, stream: EventReader }> {
  const server = await startServer(t, { script, ...options })
  const assistant = await newAssistant(server, { tools: [{ type: 'function', function: { name: 'f' } }] })
  const thread = await newThread(server, 'Hello')
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
  const { id } = await stream.until('thread.run.created')
  return { server, path: `/threads/${thread.id}/runs/${id}`, stream }
}

/** The last objects of each kind in the stream are the ones that the store has. */
async function agrees (t: Test, { server, path, stream }: { server: TestServer, path: string, stream: EventReader }): Promise<void> {
  const ended = (kind: RegExp) => stream.frames.filter(frame => kind.test(frame.event)).map(frame => frame.data)
  const last = ended(/^thread\.run\.(?!step)/).at(-1)
  t.strictSame((await server.get(path)).body, last)
  t.strictSame((await server.get(`${path}/steps?order=asc`)).body.data, ended(/^thread\.run\.step\.(completed|failed|cancelled|expired)$/))
  t.strictSame((await server.get(`/threads/${last.thread_id}/messages?order=asc&run_id=${last.id}`)).body.data, ended(/^thread\.message\.(completed|incomplete)$/))
}

test('an answer cut off by the token limit is incomplete', async t => {
  covers(t, 'thread.message.incomplete', 'thread.run.incomplete')
  const run = await begin(t, [text('Half an', { finish: 'length' })], {}, { max_completion_tokens: 16 })
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'])
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'max_tokens' }, incomplete_at: Number, completed_at: null, content: [{ text: { value: 'Half an' } }] })
  t.match(payloads(frames, 'thread.run.incomplete')[0], { incomplete_details: { reason: 'max_completion_tokens' }, completed_at: Number, expires_at: null, usage: Object, last_error: null })
  await agrees(t, run)
})

test('an answer that the vendor filtered is incomplete for that reason', async t => {
  const run = await begin(t, [text('Well,', { finish: 'content_filter' })])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'message.incomplete', 'run.step.completed', 'run.incomplete', 'done'])
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'content_filter' } })
  t.match(payloads(frames, 'thread.run.incomplete')[0], { incomplete_details: { reason: 'content_filter' } })
  await agrees(t, run)
})

test('a refusal is a part of the message, and the run is completed', async t => {
  const run = await begin(t, [refusal('I will not.')])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'message.completed', 'run.step.completed', 'run.completed', 'done'])
  t.strictSame(payloads(frames, 'thread.message.delta').map(({ delta }) => delta.content), [
    [{ index: 0, type: 'refusal', refusal: 'I' }], [{ index: 0, type: 'refusal', refusal: ' will' }], [{ index: 0, type: 'refusal', refusal: ' not.' }]
  ])
  t.strictSame(payloads(frames, 'thread.message.completed')[0].content, [{ type: 'refusal', refusal: 'I will not.' }])
  await agrees(t, run)
})

test('an answer without a word is a message with one empty text', async t => {
  const run = await begin(t, [text([])])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, 'message.created', 'message.in_progress', 'message.completed', 'run.step.completed', 'run.completed', 'done'])
  t.strictSame(payloads(frames, 'thread.message.completed')[0].content, [{ type: 'text', text: { value: '', annotations: [] } }])
  await agrees(t, run)
})

test('a model that fails before its first word fails the run, and nothing else', async t => {
  covers(t, 'thread.run.failed')
  const run = await begin(t, [error(429, 'Slow down.')])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, 'run.failed', 'done'])
  t.match(payloads(frames, 'thread.run.failed')[0], { failed_at: Number, last_error: { code: 'rate_limit_exceeded', message: /Slow down/ }, completed_at: null, expires_at: null })
  await agrees(t, run)
})

test('a model that fails in the middle of a text fails step and message too, and what it said is kept', async t => {
  covers(t, 'thread.run.step.failed', 'thread.message.incomplete', 'thread.run.failed')
  const run = await begin(t, [drop(text('one two three'), 2)])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'run.step.failed', 'message.incomplete', 'run.failed', 'done'])
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'run_failed' }, incomplete_at: Number, content: [{ text: { value: 'one two' } }] })
  t.match(payloads(frames, 'thread.run.step.failed')[0], { failed_at: Number, completed_at: null, last_error: { code: 'server_error', message: /.+/ } })
  await agrees(t, run)
})

test('a model that fails in the middle of a call fails its step', async t => {
  const run = await begin(t, [drop(toolCalls([{ name: 'f', arguments: { long: 'argument' } }], { fragments: 2 }), 2)])
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, 'run.step.delta', 'run.step.failed', 'run.failed', 'done'])
  await agrees(t, run)
})

test('a run cancelled in the middle of a text ends what is open', async t => {
  covers(t, 'cancelRun', 'thread.run.cancelling', 'thread.run.cancelled', 'thread.run.step.cancelled', 'thread.message.incomplete')
  const gate = new Gate()
  const run = await begin(t, [gated(text('one two three'), gate)])
  gate.open(2)
  await run.stream.until('thread.message.delta')
  await gate.reached()
  await run.server.post(`${run.path}/cancel`)
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'run.cancelling', 'run.step.cancelled', 'message.incomplete', 'run.cancelled', 'done'])
  t.match(payloads(frames, 'thread.run.cancelling')[0], { status: 'cancelling', cancelled_at: null })
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'run_cancelled' }, content: [{ text: { value: 'one two' } }] })
  t.match(payloads(frames, 'thread.run.step.cancelled')[0], { cancelled_at: Number, completed_at: null, last_error: null })
  t.match(payloads(frames, 'thread.run.cancelled')[0], { cancelled_at: Number, expires_at: null, usage: Object })
  await agrees(t, run)
})

test('a run cancelled before the model says a word ends alone', async t => {
  const gate = new Gate()
  const run = await begin(t, [gated(text('one'), gate)])
  await gate.reached()
  await run.server.post(`${run.path}/cancel`)
  t.strictSame(outline(await run.stream.all()), [...HEAD, 'run.cancelling', 'run.cancelled', 'done'])
  await agrees(t, run)
})

test('a run cancelled in the middle of a call cancels its step', async t => {
  const gate = new Gate()
  const run = await begin(t, [gated(toolCalls([{ name: 'f', arguments: { long: 'argument' } }], { fragments: 3 }), gate)])
  gate.open(2)
  await run.stream.until('thread.run.step.delta')
  await gate.reached()
  await run.server.post(`${run.path}/cancel`)
  t.strictSame(outline(await run.stream.all()), [...HEAD, ...STEP, 'run.step.delta', 'run.cancelling', 'run.step.cancelled', 'run.cancelled', 'done'])
})

test('a run past its time ends what is open', async t => {
  covers(t, 'thread.run.expired', 'thread.run.step.expired', 'thread.message.incomplete')
  const [gate, clock] = [new Gate(), new ManualClock()]
  const run = await begin(t, [gated(text('one two three'), gate)], { clock })
  gate.open(2)
  await run.stream.until('thread.message.delta')
  await gate.reached()
  await clock.advance(600_000)
  const frames = await run.stream.all()
  t.strictSame(outline(frames), [...HEAD, ...STEP, ...MESSAGE, 'run.step.expired', 'message.incomplete', 'run.expired', 'done'])
  const [created] = payloads(frames, 'thread.run.created')
  t.match(payloads(frames, 'thread.run.expired')[0], { expires_at: created.created_at + 600, completed_at: null, failed_at: null, cancelled_at: null, usage: Object })
  t.match(payloads(frames, 'thread.run.step.expired')[0], { expired_at: created.created_at + 600, completed_at: null })
  t.match(payloads(frames, 'thread.message.incomplete')[0], { incomplete_details: { reason: 'run_expired' } })
  await agrees(t, run)
})

test('a run whose outputs never come expires, and its thread is free', async t => {
  const clock = new ManualClock()
  const run = await begin(t, [toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }]), text('Next.')], { clock })
  const waiting = await run.stream.until('thread.run.requires_action')
  await clock.advance(599_000)
  t.equal((await run.server.get(run.path)).body.status, 'requires_action')
  await clock.advance(1000)
  t.match((await run.server.get(run.path)).body, { status: 'expired', required_action: null, expires_at: waiting.expires_at })
  t.match((await run.server.get(`${run.path}/steps`)).body.data, [{ status: 'expired', expired_at: waiting.expires_at }])
  t.match(await run.server.post(`${run.path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '' }] }),
    { status: 400, body: { error: { message: 'Runs in status "expired" do not accept tool outputs.' } } })
  t.equal((await run.server.post(`/threads/${waiting.thread_id}/messages`, { role: 'user', content: 'Still there?' })).status, 200)
})

test('silence is filled with comments', async t => {
  const [gate, clock] = [new Gate(), new ManualClock()]
  const run = await begin(t, [gated(text('one two'), gate)], { clock })
  await gate.reached()
  gate.open()
  await run.stream.until('thread.message.delta')
  await clock.advance(15_000)
  await clock.advance(15_000)
  gate.open(Infinity)
  t.equal((await run.stream.all()).at(-1)?.event, 'done')
  t.equal(run.stream.pings, 2)
})
