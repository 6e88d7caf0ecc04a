import OpenAI from 'openai'
import { test, type Test } from 'tap'
import { ApiError, createOpenAIAdapter, createOpenAIServer, OpenAIAdapter, ThreadManager, type OpenAIAdapterOptions, type Run, type StreamEvent } from '../../lib/index.js'
import { FakeAiSdkModel, textParts } from '../helpers/ai-sdk.js'
import { built } from '../helpers/paths.js'
import { FakeCogitator, textChunks } from '../helpers/cogitator.js'
import { MapStorage } from '../helpers/map-storage.js'
import { startProcess } from '../helpers/process.js'
import { Gate, startUpstream, text, toolCalls, type Upstream, type UpstreamReply } from '../helpers/upstream.js'

const weather = { type: 'function' as const, function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }

/** An adapter in front of a scripted model, with an assistant and a thread. */
async function start (t: Test, { script = [], ...options }: OpenAIAdapterOptions & { script?: UpstreamReply[] } = {}) {
  const upstream = await startUpstream(t, { script })
  const adapter = createOpenAIAdapter({ baseURL: upstream.url, maxRetries: 0 }, options)
  t.teardown(async () => await adapter.close())
  const assistant = await adapter.createAssistant({ model: 'test-model', instructions: 'Be brief.', tools: [weather] })
  const thread = await adapter.createThread({ topic: 'tests' })
  await adapter.addMessage(thread.id, { role: 'user', content: 'Hello' })
  return { upstream, adapter, assistant, thread, request: { assistant_id: assistant.id } }
}

async function collect (events: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const all: StreamEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

/** The run once it rests. Asks until it does. */
async function rested (adapter: OpenAIAdapter, { id, thread_id: threadId }: Run): Promise<Run> {
  for (;;) {
    const run = await adapter.retrieveRun(threadId, id)
    if (run !== undefined && !['queued', 'in_progress', 'cancelling'].includes(run.status)) return run
  }
}

const kinds: Record<string, (t: Test) => NonNullable<OpenAIAdapterOptions['storage']>> = {
  memory: () => 'memory:',
  sqlite: t => `sqlite:${t.testdir()}/data.db`,
  'a storage of twelve methods': () => new MapStorage()
}

for (const [kind, storage] of Object.entries(kinds)) {
  test(`on ${kind}: assistants, threads and messages`, async t => {
    const { adapter, assistant, thread } = await start(t, { storage: storage(t) })
    t.strictSame(await adapter.getAssistant(assistant.id), assistant)
    t.match(await adapter.updateAssistant(assistant.id, { name: 'Ada' }), { id: assistant.id, name: 'Ada' })
    t.equal((await adapter.listAssistants()).length, 1)
    t.equal(await adapter.deleteAssistant(assistant.id), true)
    t.equal(await adapter.deleteAssistant(assistant.id), false)
    t.equal(await adapter.getAssistant(assistant.id), undefined)

    t.strictSame(thread.metadata, { topic: 'tests' })
    t.match(await adapter.updateThread(thread.id, { metadata: { topic: 'more' } }), { metadata: { topic: 'more' } })
    const second = await adapter.addMessage(thread.id, { role: 'user', content: [{ type: 'text', text: 'Again' }], metadata: { source: 'web' } })
    t.strictSame(await adapter.getMessage(thread.id, second!.id), second)
    const [newest, oldest] = await adapter.listMessages(thread.id)
    t.strictSame(newest, second)
    t.strictSame(await adapter.listMessages(thread.id, { limit: 1, order: 'asc' }), [oldest])
    t.strictSame(await adapter.listMessages(thread.id, { order: 'asc', after: oldest!.id }), [second])
    t.strictSame(await adapter.listMessages(thread.id, { order: 'asc', before: second!.id }), [oldest])
    t.strictSame(await adapter.listMessages(thread.id, { run_id: 'run_none' }), [])
    t.equal(await adapter.deleteThread(thread.id), true)
    t.equal(await adapter.deleteThread(thread.id), false)
    t.equal(await adapter.getThread(thread.id), undefined)
    t.equal(await adapter.addMessage(thread.id, { role: 'user', content: 'Gone' }), undefined)
  })

  test(`on ${kind}: a run goes from the model's words to a message, a step and its usage`, async t => {
    const { adapter, thread, request, upstream } = await start(t, { storage: storage(t), script: [text('Hello world')] })
    const run = await adapter.createRun(thread.id, { ...request, additional_instructions: 'Please.' })
    t.match(run, { status: 'queued', thread_id: thread.id })
    t.match(await rested(adapter, run), { status: 'completed', usage: { total_tokens: Number } })
    t.match(adapter.getRun(thread.id, run.id), { status: 'completed' })
    t.match((await upstream.next()).body.messages, [{ role: 'system', content: /^Be brief\.\s+Please\.$/ }, { role: 'user', content: 'Hello' }])
    t.match(await adapter.listMessages(thread.id, { run_id: run.id }), [{ role: 'assistant', run_id: run.id, content: [{ type: 'text', text: { value: 'Hello world' } }] }])
    t.match(await adapter.listRunSteps(thread.id, run.id), [{ type: 'message_creation', status: 'completed' }])
  })

  test(`on ${kind}: a run waits for the client's tools and goes on with their outputs`, async t => {
    const { adapter, thread, request } = await start(t, { storage: storage(t), script: [toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' } }]), text('Sunny in Rome.')] })
    const waiting = await rested(adapter, await adapter.createRun(thread.id, request))
    t.equal(waiting.status, 'requires_action')
    const [call] = waiting.required_action!.submit_tool_outputs.tool_calls
    t.match(call, { type: 'function', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } })
    const resumed = await adapter.submitToolOutputs(thread.id, waiting.id, { tool_outputs: [{ tool_call_id: call!.id, output: 'sunny' }] })
    t.match(resumed, { id: waiting.id, status: 'queued' })
    t.match(await rested(adapter, waiting), { status: 'completed' })
    t.match((await adapter.listRunSteps(thread.id, waiting.id, { order: 'asc' })).map(step => step.type), ['tool_calls', 'message_creation'])
  })
}

test('streamRun tells a run by typed events, up to done', async t => {
  const { adapter, thread, request } = await start(t, { script: [text('Hello world')] })
  let words = ''
  const names: string[] = []
  for await (const event of adapter.streamRun(thread.id, request)) {
    names.push(event.event)
    // The event's name decides on the type of its data.
    if (event.event === 'thread.message.delta' && event.data.delta.content?.[0]?.type === 'text') words += event.data.delta.content[0].text?.value ?? ''
  }
  t.equal(words, 'Hello world')
  t.strictSame(names.slice(0, 3), ['thread.run.created', 'thread.run.queued', 'thread.run.in_progress'])
  t.strictSame(names.slice(-2), ['thread.run.completed', 'done'])
})

test('the events after tool outputs are told too', async t => {
  const { adapter, thread, request } = await start(t, { script: [toolCalls([{ name: 'get_weather', arguments: {} }]), text('Sunny.')] })
  const before = await collect(adapter.streamRun(thread.id, request))
  const waiting = before.find(({ event }) => event === 'thread.run.requires_action')?.data as Run
  const after = await collect(adapter.streamToolOutputs(thread.id, waiting.id, {
    tool_outputs: waiting.required_action!.submit_tool_outputs.tool_calls.map(call => ({ tool_call_id: call.id, output: 'sunny' }))
  }))
  t.equal(after[0]?.event, 'thread.run.step.completed')
  t.strictSame(after.slice(-2).map(({ event }) => event), ['thread.run.completed', 'done'])
})

test('leaving the loop does not stop the run', async t => {
  const { adapter, thread, request } = await start(t, { script: [text('Hello world')] })
  const events = adapter.streamRun(thread.id, request)
  const { value: first } = await events.next()
  await events.return()
  t.match(await rested(adapter, first?.data as Run), { status: 'completed' })
})

test('getRun and cancelRun answer at once, and the model is let go', async t => {
  const gate = new Gate()
  const { adapter, thread, request, upstream } = await start(t, { script: [text([gate, 'never'])] })
  const run = await adapter.createRun(thread.id, request)
  t.match(adapter.getRun(thread.id, run.id), { id: run.id, thread_id: thread.id })
  const call = await upstream.next()
  t.match(adapter.cancelRun(thread.id, run.id), { id: run.id, status: 'cancelling' })
  await call.aborted
  t.match(await rested(adapter, run), { status: 'cancelled', cancelled_at: Number })
  t.match(adapter.cancelRun(thread.id, run.id), { status: 'cancelled' }, 'what has ended stays as it is')
  t.equal(adapter.getRun(thread.id, 'run_none'), undefined)
  t.equal(adapter.cancelRun(thread.id, 'run_none'), undefined)
  t.equal(await adapter.retrieveRun(thread.id, 'run_none'), undefined)
  t.equal(await adapter.submitToolOutputs(thread.id, 'run_none', { tool_outputs: [] }), undefined)
  t.strictSame(await adapter.listRunSteps(thread.id, 'run_none'), [])
})

test('after a restart retrieveRun finds the run that getRun does not know', async t => {
  const storage = `sqlite:${t.testdir()}/data.db`
  const { adapter, thread, request } = await start(t, { storage, script: [text('Hello')] })
  const run = await rested(adapter, await adapter.createRun(thread.id, request))
  await adapter.close()
  const second = createOpenAIAdapter(undefined, { storage })
  t.teardown(async () => await second.close())
  t.equal(second.getRun(thread.id, run.id), undefined)
  t.strictSame(await second.retrieveRun(thread.id, run.id), run)
})

test('server tools run here, and are steps of the run', async t => {
  const add = { name: 'add', description: 'Adds', parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } }, execute: ({ a, b }: { a: number, b: number }) => a + b }
  const { adapter, thread, request } = await start(t, { tools: [add as never], script: [toolCalls([{ name: 'add', arguments: { a: 2, b: 2 } }]), text('Four.')] })
  const run = await rested(adapter, await adapter.createRun(thread.id, request))
  t.equal(run.status, 'completed')
  const [step] = await adapter.listRunSteps(thread.id, run.id, { order: 'asc' })
  t.match(step, { type: 'tool_calls', step_details: { tool_calls: [{ function: { name: 'add', output: '4' } }] } })
})

test('what the API refuses is refused here, with the same errors', async t => {
  const { adapter, thread, request, upstream } = await start(t)
  const refusal = async (action: Promise<unknown>): Promise<unknown> => await action.then(() => undefined, (error: unknown) => error)
  t.match(await refusal(adapter.createAssistant({} as never)), new ApiError(400, "Missing required parameter: 'model'.", { param: 'model', code: 'missing_required_parameter' }))
  t.match(await refusal(adapter.createRun(thread.id, { assistant_id: 'asst_none' })), { status: 404 })
  t.match(await refusal(adapter.createRun('thread_none', request)), { status: 404 })
  const gate = new Gate()
  upstream.enqueue(text([gate, 'Hello']))
  const run = await adapter.createRun(thread.id, request)
  t.match(await refusal(adapter.addMessage(thread.id, { role: 'user', content: 'too early' })), { status: 400, message: /while a run .* is active/ })
  t.match(await refusal(adapter.createRun(thread.id, request)), { status: 400, message: /already has an active run/ })
  gate.open(Infinity)
  await rested(adapter, run)
  t.throws(() => createOpenAIAdapter(undefined, { threadManager: new ThreadManager(), storage: 'memory:' }), { name: 'TypeError', message: /"threadManager" or options "storage"/ })
  t.throws(() => createOpenAIAdapter({ baseUrl: 'x' } as never), { name: 'TypeError', message: /^The runtime must be/ })
})

test('a thread manager can be shared: what it makes, the adapter runs', async t => {
  for (const threadManager of [new ThreadManager(), new ThreadManager(new MapStorage()), new ThreadManager(`sqlite:${t.testdir()}/data.db`)]) {
    const thread = await threadManager.createThread()
    const { adapter, request, upstream } = await start(t, { threadManager })
    t.equal(adapter.getThreadManager(), threadManager)
    await threadManager.addMessage(thread.id, { role: 'user', content: 'From the manager' })
    upstream.enqueue(text('Heard.'))
    await rested(adapter, await adapter.createRun(thread.id, request))
    t.strictSame(await threadManager.getMessagesForLLM(thread.id), [{ role: 'user', content: 'From the manager' }, { role: 'assistant', content: 'Heard.' }])
    const file = await threadManager.addFile(Buffer.from('notes'), 'notes.txt')
    t.ok(await adapter.addMessage(thread.id, { role: 'user', content: 'Read this', attachments: [{ file_id: file.id, tools: [{ type: 'file_search' }] }] }))
    await adapter.close()
    t.ok(await threadManager.getThread(thread.id), 'its storage stays open')
    await threadManager.close()
  }
})

test('a Cogitator instance and an AI SDK model answer as an endpoint does', async t => {
  const cogitator = new FakeCogitator()
  cogitator.enqueue(textChunks(['Hello ', 'from Cogitator']))
  const sdkModel = new FakeAiSdkModel()
  sdkModel.enqueue(textParts(['Hello ', 'from the SDK'], 'v4'))
  for (const [runtime, words] of [[cogitator, 'Hello from Cogitator'], [sdkModel, 'Hello from the SDK']] as const) {
    const adapter = new OpenAIAdapter(runtime)
    t.teardown(async () => await adapter.close())
    const { id } = await adapter.createAssistant({ model: 'llama3.2' })
    const thread = await adapter.createThread()
    await adapter.addMessage(thread.id, { role: 'user', content: 'Hello' })
    const run = await rested(adapter, await adapter.createRun(thread.id, { assistant_id: id }))
    t.match(run, { status: 'completed', last_error: null })
    t.equal((await adapter.getThreadManager().getMessagesForLLM(thread.id)).at(-1)?.content, words)
  }
})

for (const storage of ['memory:', 'sqlite']) {
  test(`the adapter of a server and its routes share everything, on ${storage}`, async t => {
    const upstream: Upstream = await startUpstream(t, { script: [text('One.'), text('Two.')] })
    const server = createOpenAIServer({ baseURL: upstream.url }, { port: 0, host: '127.0.0.1', storage: storage === 'sqlite' ? `sqlite:${t.testdir()}/data.db` : storage })
    t.throws(() => server.getAdapter(), { message: /^The server is not started/ })
    await server.start()
    t.teardown(async () => await server.stop())
    const adapter = server.getAdapter()
    t.equal(server.getAdapter(), adapter)
    const client = new OpenAI({ baseURL: server.getBaseUrl(), apiKey: 'any' })

    const assistant = await adapter.createAssistant({ model: 'test-model' })
    t.match(await client.beta.assistants.retrieve(assistant.id), { id: assistant.id })
    const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Hello' }] })
    const mine = await adapter.createRun(thread.id, { assistant_id: assistant.id })
    t.match(await client.beta.threads.runs.poll(mine.id, { thread_id: thread.id }), { status: 'completed' })
    const theirs = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
    t.match(adapter.getRun(thread.id, theirs.id), { status: 'completed' }, 'known at once, since it ran in this process')
    t.strictSame((await adapter.listMessages(thread.id)).map(({ id }) => id), (await client.beta.threads.messages.list(thread.id)).data.map(({ id }) => id))

    const file = await client.files.create({ file: new File(['shared'], 'a.txt'), purpose: 'assistants' })
    t.equal((await adapter.getThreadManager().getFile(file.id))?.content.toString(), 'shared')
    const made = await adapter.getThreadManager().addFile(Buffer.from('made here'), 'b.txt')
    t.equal(await (await client.files.content(made.id)).text(), 'made here')
    await adapter.close()
    t.equal((await fetch(`${server.getUrl()}/health`)).status, 200, 'closing the adapter leaves the server alone')
  })
}

test('a process that has closed its adapter ends by itself', async t => {
  const script = `
    import { createOpenAIAdapter } from ${JSON.stringify(`${built}/lib/index.js`)}
    const adapter = createOpenAIAdapter(undefined, { storage: 'sqlite:data.db' })
    const { id } = await adapter.createAssistant({ model: 'echo' })
    const thread = await adapter.createThread()
    await adapter.addMessage(thread.id, { role: 'user', content: 'Hello' })
    for await (const { event } of adapter.streamRun(thread.id, { assistant_id: id })) if (event === 'thread.run.completed') console.log(event)
    await adapter.close()
  `
  const { exited } = startProcess(t, process.execPath, { args: ['script.mjs'], cwd: t.testdir({ 'script.mjs': script }) })
  t.match(await exited, { code: 0, stdout: 'thread.run.completed\n', stderr: '' })
})
