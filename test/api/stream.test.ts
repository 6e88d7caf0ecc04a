import { test, type Test } from 'tap'
import { outline, payloads, withoutIds, type EventReader, type Frame } from '../helpers/events.js'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { Gate, gated, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'

const HEAD = ['run.created', 'run.queued', 'run.in_progress']
const STEP = ['run.step.created', 'run.step.in_progress']
const MESSAGE = ['message.created', 'message.in_progress', 'message.delta', 'message.completed']
const TEXT = [...STEP, ...MESSAGE, 'run.step.completed']
const CALLS = [...STEP, 'run.step.delta']

const tools = ['a', 'b'].map(name => ({ type: 'function', function: { name } }))
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }

async function begin (t: Test, ...script: UpstreamReply[]): Promise<{ server: TestServer, thread: any, stream: EventReader }> {
  const server = await startServer(t, { script })
  const [assistant, thread] = [await newAssistant(server, { tools }), await newThread(server, 'Hello')]
  return { server, thread, stream: await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }) }
}

/** The run goes on with these outputs; its next events. */
async function submit (server: TestServer, run: any, outputs: Record<string, string>): Promise<Frame[]> {
  const stream = await server.stream(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`,
    { tool_outputs: Object.entries(outputs).map(([id, output]) => ({ tool_call_id: id, output })) })
  return await stream.all()
}

const deltas = (frames: Frame[], what: 'message' | 'run.step'): any[] => payloads(frames, `thread.${what}.delta`).map(({ delta }) => delta)

test('a text comes in this order and in these shapes', async t => {
  covers(t, 'createRun', 'thread.run.created', 'thread.run.queued', 'thread.run.in_progress', 'thread.run.completed', 'thread.run.step.created',
    'thread.run.step.in_progress', 'thread.run.step.completed', 'thread.message.created', 'thread.message.in_progress', 'thread.message.delta',
    'thread.message.completed', 'done')
  const { server, thread, stream } = await begin(t, text(['Hi', ' there', '!'], { usage }))
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...TEXT, 'run.completed', 'done'])
  t.strictSame(deltas(frames, 'message'), [
    { content: [{ index: 0, type: 'text', text: { value: 'Hi', annotations: [] } }] },
    { content: [{ index: 0, type: 'text', text: { value: ' there' } }] },
    { content: [{ index: 0, type: 'text', text: { value: '!' } }] }
  ])
  const of = (event: string): any => payloads(frames, event)[0]
  const path = `/threads/${thread.id}/runs/${of('thread.run.created').id}`
  t.strictSame(of('thread.run.created'), of('thread.run.queued'))
  t.match(of('thread.run.in_progress'), { status: 'in_progress', started_at: Number, usage: null })
  const message = of('thread.message.created')
  t.match(message, { status: 'in_progress', content: { length: 0 }, completed_at: null, incomplete_at: null, role: 'assistant', run_id: of('thread.run.created').id })
  t.strictSame(of('thread.message.in_progress'), message)
  t.match(of('thread.run.step.created'), { type: 'message_creation', status: 'in_progress', step_details: { type: 'message_creation', message_creation: { message_id: message.id } }, usage: null })
  t.match(payloads(frames, 'thread.message.delta')[0], { id: message.id, object: 'thread.message.delta' })
  t.match(of('thread.run.step.completed'), { status: 'completed', completed_at: Number, usage })
  t.strictSame((await server.get(path)).body, of('thread.run.completed'), 'the last event shows what a poller sees')
  t.strictSame((await server.get(`/threads/${thread.id}/messages/${message.id}`)).body, of('thread.message.completed'))
  t.strictSame((await server.get(`${path}/steps`)).body.data, [of('thread.run.step.completed')])
})

test('a function call comes in fragments and ends the stream; the next one begins with its step completed', async t => {
  covers(t, 'submitToolOutputsToRun', 'thread.run.requires_action', 'thread.run.step.delta', 'thread.run.step.completed')
  const { server, thread, stream } = await begin(t, toolCalls([{ name: 'a', arguments: '{"x":1}', id: 'call_a' }], { fragments: 2, usage }), text('Done.', { usage }))
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...CALLS, 'run.requires_action', 'done'])
  const [step] = payloads(frames, 'thread.run.step.created')
  t.match(step, { type: 'tool_calls', step_details: { type: 'tool_calls', tool_calls: { length: 0 } } })
  t.strictSame(deltas(frames, 'run.step').map(({ step_details: details }) => details), [
    { type: 'tool_calls', tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'a', arguments: '', output: null } }] },
    { type: 'tool_calls', tool_calls: [{ index: 0, type: 'function', function: { arguments: '{"x"' } }] },
    { type: 'tool_calls', tool_calls: [{ index: 0, type: 'function', function: { arguments: ':1}' } }] }
  ])
  t.match(payloads(frames, 'thread.run.step.delta')[0], { id: step.id, object: 'thread.run.step.delta' })
  const [waiting] = payloads(frames, 'thread.run.requires_action')
  t.strictSame(waiting.required_action, { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'a', arguments: '{"x":1}' } }] } })
  t.equal(waiting.usage, null)

  const rest = await submit(server, waiting, { call_a: '42' })
  t.strictSame(outline(rest), ['run.step.completed', 'run.queued', 'run.in_progress', ...TEXT, 'run.completed', 'done'])
  t.match(rest[0]?.data, { id: step.id, status: 'completed', usage, step_details: { tool_calls: [{ id: 'call_a', function: { name: 'a', arguments: '{"x":1}', output: '42' } }] } })
  const [again] = payloads(rest, 'thread.run.in_progress')
  t.ok(again.started_at >= waiting.started_at)
  t.match(payloads(rest, 'thread.run.completed')[0], { usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 } })
  t.equal((await server.get(`/threads/${thread.id}/runs/${waiting.id}/steps`)).body.data.length, 2)
})

test('parallel calls share a step, each with its own index, however their fragments are mixed', async t => {
  for (const interleaved of [false, true]) {
    const calls = [{ name: 'a', arguments: '{"city":"Rome"}', id: 'call_a' }, { name: 'b', arguments: '{"city":"Oslo"}', id: 'call_b' }]
    const { server, stream } = await begin(t, toolCalls(calls, { fragments: 3, interleaved }), text('Done.'))
    const frames = await stream.all()
    t.strictSame(outline(frames), [...HEAD, ...CALLS, 'run.requires_action', 'done'])
    const parts = deltas(frames, 'run.step').map(delta => delta.step_details.tool_calls[0])
    t.strictSame(parts.filter(part => part.id !== undefined).map(({ index, id }) => [index, id]), [[0, 'call_a'], [1, 'call_b']])
    t.strictSame([0, 1].map(index => parts.filter(part => part.index === index).map(part => part.function.arguments).join('')), calls.map(call => call.arguments))
    const [run] = payloads(frames, 'thread.run.requires_action')
    t.strictSame(run.required_action.submit_tool_outputs.tool_calls.map((call: any) => call.id), ['call_a', 'call_b'])
    const rest = await submit(server, run, { call_b: 'cold', call_a: 'warm' })
    t.strictSame(rest[0]?.data.step_details.tool_calls.map((call: any) => call.function.output), ['warm', 'cold'])
  }
})

test('text before the calls is a message and a step of its own', async t => {
  const { server, stream } = await begin(t, toolCalls([{ name: 'a', arguments: {}, id: 'call_a' }], { textBefore: 'One moment.' }), text('Done.'))
  const frames = await stream.all()
  t.strictSame(outline(frames), [...HEAD, ...TEXT, ...CALLS, 'run.requires_action', 'done'])
  t.match(payloads(frames, 'thread.message.completed')[0].content, [{ text: { value: 'One moment.' } }])
  const rest = await submit(server, payloads(frames, 'thread.run.requires_action')[0], { call_a: '1' })
  t.strictSame(outline(rest), ['run.step.completed', 'run.queued', 'run.in_progress', ...TEXT, 'run.completed', 'done'])
  t.match(server.upstream.chats[1]?.body.messages, [{ role: 'system' }, { role: 'user' }, { role: 'assistant', content: 'One moment.', tool_calls: [{ id: 'call_a' }] }, { role: 'tool' }])
})

test('a run may call functions several times', async t => {
  const { server, stream } = await begin(t, ...['call_1', 'call_2'].map(id => toolCalls([{ name: 'a', arguments: {}, id }])), text('Done.'))
  const [run] = payloads(await stream.all(), 'thread.run.requires_action')
  const second = await submit(server, run, { call_1: '1' })
  t.strictSame(outline(second), ['run.step.completed', 'run.queued', 'run.in_progress', ...CALLS, 'run.requires_action', 'done'])
  t.strictSame(outline(await submit(server, run, { call_2: '2' })), ['run.step.completed', 'run.queued', 'run.in_progress', ...TEXT, 'run.completed', 'done'])
})

test('a run begun without a stream may go on with one, and the other way round', async t => {
  const script = (): UpstreamReply[] => [toolCalls([{ name: 'a', arguments: {}, id: 'call_a' }]), text('Done.')]
  const { server, stream } = await begin(t, ...script(), ...script())
  const [run] = payloads(await stream.all(), 'thread.run.requires_action')
  const { body } = await server.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_a', output: '1' }], stream: false })
  t.equal(body.status, 'queued')
  t.equal((await stopped(server, run)).status, 'completed')
  const { body: second } = await server.post(`/threads/${run.thread_id}/runs`, { assistant_id: run.assistant_id })
  await stopped(server, second)
  t.strictSame(outline(await submit(server, second, { call_a: '1' })), ['run.step.completed', 'run.queued', 'run.in_progress', ...TEXT, 'run.completed', 'done'])
})

test('a new thread is the first event of its run', async t => {
  covers(t, 'createThreadAndRun', 'thread.created')
  const server = await startServer(t, { script: [text('Hi.')] })
  const assistant = await newAssistant(server)
  const frames = await (await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }], metadata: { a: 'b' } } })).all()
  t.strictSame(outline(frames), ['created', ...HEAD, ...TEXT, 'run.completed', 'done'])
  const [thread] = payloads(frames, 'thread.created')
  t.match(thread, { object: 'thread', metadata: { a: 'b' } })
  t.strictSame((await server.get(`/threads/${thread.id}`)).body, thread)
})

test('a run may be joined from its beginning, or from any event of it', async t => {
  covers(t, 'streamRun')
  const gate = new Gate()
  const { server, thread, stream } = await begin(t, gated(text('one two'), gate))
  gate.open()
  await stream.until('thread.message.delta')
  const path = `/threads/${thread.id}/runs/${stream.frames[0]!.data.id}/stream`
  const joined = await server.follow(path)
  await joined.until('thread.message.delta')
  gate.open(Infinity)
  const frames = await stream.all()
  const told = await joined.all()
  t.strictSame(withoutIds(told), frames, 'while it is under way')
  t.strictSame(await (await server.follow(path)).all(), told, 'when it is over')
  t.strictSame(await (await server.follow(path, { 'last-event-id': told[5]!.id ?? '' })).all(), told.slice(6))
  t.match(await server.get(`/threads/${thread.id}/runs/run_none/stream`), { status: 404, body: { error: { message: "No run found with id 'run_none'." } } })
})

test('words keep every character, however the model cuts them', async t => {
  const odd = ['\u0000', '\n\ndata: x\n\n', '🐸', '\u0085', '\u2028', '\u2029', '"\\', ' ', '字', 'a\r\nb']
  const { stream } = await begin(t, text(odd))
  const frames = await stream.all()
  t.equal(deltas(frames, 'message').map(delta => delta.content[0].text.value).join(''), odd.join(''))
  t.equal(payloads(frames, 'thread.message.completed')[0].content[0].text.value, odd.join(''))
})
