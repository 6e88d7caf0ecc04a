import { test, type Test } from 'tap'
import { sdks, type Client, type Sdk } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer } from '../helpers/server.js'
import { drop, Gate, gated, refusal, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'

const tools = ['a', 'b'].map(name => ({ type: 'function' as const, function: { name } }))
const twoCalls = (): UpstreamReply => toolCalls([{ name: 'a', arguments: { city: 'Rome' }, id: 'call_a' }, { name: 'b', arguments: { city: 'Oslo' }, id: 'call_b' }], { fragments: 3, interleaved: true })
const outputs = [{ tool_call_id: 'call_a', output: 'warm' }, { tool_call_id: 'call_b', output: 'cold' }]
const soon = { pollIntervalMs: 1 }

async function begin (t: Test, sdk: Sdk, ...script: UpstreamReply[]) {
  const server = await startServer(t, { script })
  const [assistant, thread] = [await newAssistant(server, { tools }), await newThread(server, 'Hello')]
  return { server, assistant, thread, threads: server.client(sdk).beta.threads }
}

type AssistantStream = ReturnType<Client['beta']['threads']['runs']['stream']>

/** What the helper's events say, in order; each delta once. */
function told (stream: AssistantStream): string[] {
  const told: string[] = []
  const tell = (line: string): void => { if (told.at(-1) !== line) told.push(line) }
  stream
    .on('runStepCreated', step => tell(`runStepCreated ${step.type}`))
    .on('runStepDelta', () => tell('runStepDelta'))
    .on('runStepDone', step => tell(`runStepDone ${step.status}`))
    .on('messageCreated', () => tell('messageCreated'))
    .on('messageDelta', () => tell('messageDelta'))
    .on('messageDone', message => tell(`messageDone ${message.status}`))
    .on('textCreated', () => tell('textCreated'))
    .on('textDelta', () => tell('textDelta'))
    .on('textDone', content => tell(`textDone ${content.value}`))
    .on('toolCallCreated', call => tell(`toolCallCreated ${call.type === 'function' && call.function.name}`))
    .on('toolCallDelta', () => tell('toolCallDelta'))
    .on('toolCallDone', call => tell(`toolCallDone ${call.type === 'function' && call.function.arguments}`))
    .on('end', () => tell('end'))
  return told
}

for (const sdk of sdks) {
  test(`${sdk.name}: a streamed text arrives through the helper's events`, async t => {
    covers(t, 'createRun', 'thread.message.delta')
    const { assistant, thread, threads } = await begin(t, sdk, text('Hi there.'))
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id })
    const events = told(stream)
    let words = ''
    stream.on('textDelta', delta => { words += delta.value })
    const run = await stream.finalRun()
    t.match(run, { status: 'completed', usage: Object })
    t.equal(words, 'Hi there.')
    const [message] = await stream.finalMessages()
    t.match(message, { content: [{ type: 'text', text: { value: 'Hi there.', annotations: { length: 0 } } }] })
    t.match(await stream.finalRunSteps(), [{ status: 'completed', type: 'message_creation' }])
    t.strictSame(events.filter(event => !/delta/i.test(event)),
      ['runStepCreated message_creation', 'messageCreated', 'textCreated', 'textDone Hi there.', 'messageDone completed', 'runStepDone completed', 'end'])
  })

  test(`${sdk.name}: streamed function calls are answered in a second stream`, async t => {
    covers(t, 'submitToolOutputsToRun', 'thread.run.requires_action', 'thread.run.step.delta')
    const { assistant, thread, threads } = await begin(t, sdk, twoCalls(), text('Both fine.'))
    const first = threads.runs.stream(thread.id, { assistant_id: assistant.id })
    const events = told(first)
    const waiting = await first.finalRun()
    t.equal(waiting.status, 'requires_action')
    t.strictSame(waiting.required_action?.submit_tool_outputs.tool_calls.map(call => [call.id, call.function.name, call.function.arguments]),
      [['call_a', 'a', '{"city":"Rome"}'], ['call_b', 'b', '{"city":"Oslo"}']])
    t.ok(events.includes('toolCallCreated a') && events.includes('toolCallCreated b'))
    const second = threads.runs.submitToolOutputsStream(waiting.id, { thread_id: thread.id, tool_outputs: outputs })
    const run = await second.finalRun()
    t.equal(run.status, 'completed')
    t.match((await second.finalMessages())[0]?.content, [{ text: { value: 'Both fine.' } }])
    const steps = (await threads.runs.steps.list(run.id, { thread_id: thread.id, order: 'asc' })).data
    t.strictSame(steps.map(step => step.step_details.type === 'tool_calls' && step.step_details.tool_calls.map(call => call.type === 'function' && call.function.output)),
      [['warm', 'cold'], false])
  })

  test(`${sdk.name}: calls with text before them, step by step`, async t => {
    const { assistant, thread, threads } = await begin(t, sdk, toolCalls([{ name: 'a', arguments: { x: 1 }, id: 'call_a' }], { textBefore: 'One moment.' }))
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id })
    const events = told(stream)
    t.equal((await stream.finalRun()).status, 'requires_action')
    t.strictSame(events.filter(event => !/delta|done [{]/i.test(event)), [
      'runStepCreated message_creation', 'messageCreated', 'textCreated', 'textDone One moment.', 'messageDone completed', 'runStepDone completed',
      'runStepCreated tool_calls', 'toolCallCreated a', 'end'
    ])
  })

  test(`${sdk.name}: a thread and its run, streamed`, async t => {
    covers(t, 'createThreadAndRun', 'thread.created')
    const { assistant, threads } = await begin(t, sdk, text('Hi.'))
    const stream = threads.createAndRunStream({ assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } })
    const run = await stream.finalRun()
    t.equal(run.status, 'completed')
    t.equal((await threads.messages.list(run.thread_id)).data.length, 2)
  })

  test(`${sdk.name}: a stream without the helper, as events`, async t => {
    const { assistant, thread, threads } = await begin(t, sdk, text('Hi.'))
    const names = []
    for await (const { event } of await threads.runs.create(thread.id, { assistant_id: assistant.id, stream: true })) names.push(event)
    t.match(names, ['thread.run.created', 'thread.run.queued', 'thread.run.in_progress'])
    t.equal(names.at(-1), 'thread.run.completed')
  })

  test(`${sdk.name}: a run is polled to its end, through its function calls`, async t => {
    covers(t, 'getRun')
    const { assistant, thread, threads } = await begin(t, sdk, twoCalls(), text('Both fine.'), text('Polled.'))
    const waiting = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, soon)
    t.equal(waiting.status, 'requires_action')
    const run = await threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id: thread.id, tool_outputs: outputs }, soon)
    t.match(run, { status: 'completed', usage: Object })
    const created = await threads.runs.create(thread.id, { assistant_id: assistant.id })
    t.equal((await threads.runs.poll(created.id, { thread_id: thread.id }, soon)).status, 'completed')
  })

  test(`${sdk.name}: a thread and its run, polled`, async t => {
    const { assistant, threads } = await begin(t, sdk, text('Hi.'), text('Hi.'))
    const run = await threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } }, soon)
    t.equal(run.status, 'completed')
    const bare = await threads.createAndRun({ assistant_id: assistant.id })
    t.match(bare.status, 'queued')
    await threads.runs.poll(bare.id, { thread_id: bare.thread_id }, soon)
  })

  test(`${sdk.name}: runs are listed, modified and cancelled`, async t => {
    covers(t, 'listRuns', 'modifyRun', 'cancelRun')
    const gate = new Gate()
    const { assistant, thread, threads } = await begin(t, sdk, gated(text('Hi.'), gate))
    const { id } = await threads.runs.create(thread.id, { assistant_id: assistant.id })
    t.equal((await threads.runs.cancel(id, { thread_id: thread.id })).status, 'cancelling')
    const run = await threads.runs.poll(id, { thread_id: thread.id }, soon)
    t.equal(run.status, 'cancelled')
    const modified = await threads.runs.update(id, { thread_id: thread.id, metadata: { a: 'b' } })
    t.strictSame(modified, { ...run, metadata: { a: 'b' } })
    t.strictSame((await threads.runs.list(thread.id)).data, [modified])
    t.strictSame(await threads.runs.retrieve(id, { thread_id: thread.id }), modified)
  })

  test(`${sdk.name}: a stream that ends badly ends well for the helper`, async t => {
    covers(t, 'thread.run.failed', 'thread.run.cancelled')
    const { server, assistant, thread, threads } = await begin(t, sdk, drop(text('one two'), 1), refusal('I will not.'), text([]))
    const next = () => threads.runs.stream(thread.id, { assistant_id: assistant.id })
    t.match(await next().finalRun(), { status: 'failed', last_error: { code: 'server_error' } })
    const refused = next()
    t.equal((await refused.finalRun()).status, 'completed')
    t.match((await refused.finalMessages())[0]?.content, [{ type: 'refusal', refusal: 'I will not.' }])
    t.equal((await next().finalRun()).status, 'completed', 'not a word')
    const gate = new Gate()
    server.upstream.enqueue(gated(text('one two'), gate))
    const cancelled = next()
    cancelled.on('textDelta', () => { gate.reached().then(async () => await threads.runs.cancel(cancelled.currentRun()!.id, { thread_id: thread.id })).catch(t.threw) })
    gate.open()
    t.equal((await cancelled.finalRun()).status, 'cancelled')
  })

  test(`${sdk.name}: an incomplete run is told from a complete one`, async t => {
    covers(t, 'thread.run.incomplete')
    const { assistant, thread, threads } = await begin(t, sdk, text('Half', { finish: 'length' }))
    // The helper of major 4 knows no incomplete run: there the plain events are what an application has.
    const events = []
    for await (const { event, data } of await threads.runs.create(thread.id, { assistant_id: assistant.id, stream: true })) events.push([event, (data as any).status])
    t.strictSame(events.at(-1), ['thread.run.incomplete', 'incomplete'])
  })
}
