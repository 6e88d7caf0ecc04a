import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type Test } from 'tap'
import { outline, payloads } from '../helpers/events.js'
import { startCli, type CliProcess } from '../helpers/process.js'
import { connectTo, type ApiClient } from '../helpers/server.js'
import { Gate, gated, startUpstream, text, toolCalls, type Upstream } from '../helpers/upstream.js'
import { outputsFor } from '../runs/helpers/server.js'
import { messagesOf, onSharedStores, reaches, runnable, startInstances, stepsOf, textOf } from './helpers/instances.js'

/** No test waits for as long as this: what happens in spite of it does not wait for a lease. */
const LEASE_MS = 3_600_000

interface Process extends ApiClient {
  cli: CliProcess
}

/** Two servers as an operator starts them, on one store and in front of one model. */
async function startTwo (t: Test, storage: string, config: object = {}): Promise<{ upstream: Upstream, a: Process, b: Process }> {
  const upstream = await startUpstream(t)
  const cwd = t.testdir({ 'openai-compat.config.json': JSON.stringify(config) })
  const [a, b] = await Promise.all([0, 1].map(async () => {
    const cli = startCli(t, { cwd, args: ['--port', '0', '--storage', storage, '--base-url', upstream.url, '--upstream-key', 'sk-test'], env: { RUN_LEASE_MS: String(LEASE_MS) } })
    return { cli, ...connectTo(t, await cli.ready) }
  }))
  return { upstream, a: a!, b: b! }
}

/** What a request to a server that closes, or has closed, comes to: an answer, or undefined when the connection is refused. */
async function attempt (request: Promise<{ status: number }>): Promise<number | undefined> {
  return await request.then(({ status }) => status, () => undefined)
}

await onSharedStores((t, store) => {
  t.test('an instance that stops right after another has handed over to it goes in peace', async t => {
    for (let round = 0; round < 5; round++) {
      const { upstream, servers: [a, b] } = await startInstances(t, store, 2)
      const gate = new Gate()
      upstream.respond(() => gated(text('Hello'), gate))
      const { assistant, thread } = await runnable(a!)
      await a!.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
      await upstream.next()
      // What is logged as an error fails the test.
      await a!.close()
      await b!.close()
      gate.open(Infinity)
    }
  })

  t.test('a server that gets SIGTERM hands its run to another at once, and its reader goes on there', async t => {
    const { upstream, a, b } = await startTwo(t, store.url(t))
    const never = new Gate()
    const again = new Gate()
    upstream.enqueue(text(['Once', never, ' never told']), text(['Once', again, ' upon a time']))
    const { assistant, thread, create } = await runnable(a)
    const stream = await a.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    const run = (await stream.next())!.data
    await stream.until('thread.message.delta')
    const joined = await a.follow(`/threads/${thread.id}/runs/${run.id}/stream`)
    await joined.until('thread.message.delta')
    await never.reached()
    const asked = await upstream.next()

    a.cli.child.kill('SIGTERM')
    const told = await stream.all()
    t.strictSame(outline(told).slice(-3), ['message.delta', 'error', 'done'], 'the stream says that it was interrupted')
    await asked.aborted
    await again.reached()
    t.match(await a.cli.exited, { code: 0, signal: null })
    t.equal(await attempt(create(a)), undefined, 'nobody listens any more')

    const rest = await b.follow(`/threads/${thread.id}/runs/${run.id}/stream`, { 'last-event-id': (await joined.all()).at(-1)!.id ?? '' })
    await rest.until('thread.message.delta')
    again.open()
    const frames = await rest.all()
    const [message] = payloads(frames, 'thread.message.completed')
    t.equal(textOf(message), 'Once upon a time')
    t.equal(message.id, payloads(told, 'thread.message.created')[0].id, 'the message that the reader knows')
    t.strictSame(outline(frames).slice(-4), ['message.completed', 'run.step.completed', 'run.completed', 'done'])
    t.strictSame(await reaches(b, run, 'completed'), frames.at(-2)!.data)
    t.strictSame(await messagesOf(b, thread.id), [(await messagesOf(b, thread.id))[0], message])
    t.strictSame((await stepsOf(b, run)).map(step => [step.type, step.status]), [['message_creation', 'completed']])
    t.equal(upstream.chats.length, 2)
    t.equal((await b.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Again' })).status, 200, 'the thread is free')
  })

  t.test('steps that were finished before SIGTERM are not made again', async t => {
    const { upstream, a, b } = await startTwo(t, store.url(t))
    const gate = new Gate()
    upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text([gate, 'never told']), text('Noon'))
    const { create } = await runnable(a, { tools: [{ type: 'function', function: { name: 'ask' } }] })
    const run = await create(a)
    const outputs = outputsFor(await reaches(a, run, 'requires_action'))
    await a.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputs })
    await gate.reached()

    a.cli.child.kill('SIGTERM')
    await reaches(b, run, 'completed')
    t.match(await a.cli.exited, { code: 0 })
    t.strictSame((await stepsOf(b, run)).map(step => [step.type, step.status]), [['tool_calls', 'completed'], ['message_creation', 'completed']])
    t.strictSame((await messagesOf(b, run.thread_id)).map(textOf), ['Hello?', 'Noon'])
    t.equal(upstream.chats.length, 3)
    t.match(upstream.chats[2]!.body.messages.at(-1), { role: 'tool', content: outputs[0]!.output })
  })

  t.test('a client that is slow to send its request does not hold the runs up', async t => {
    const { upstream, a, b } = await startTwo(t, store.url(t), { closeGraceMs: LEASE_MS })
    const gate = new Gate()
    upstream.enqueue(text([gate, 'never told']), text('Hi.'))
    const { create } = await runnable(a)
    const run = await create(a)
    await gate.reached()
    const { hostname, port } = new URL(a.baseURL)
    const slow = connect(Number(port), hostname)
    t.teardown(() => slow.destroy())
    slow.write('POST /v1/threads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n')
    await once(slow, 'data')

    a.cli.child.kill('SIGTERM')
    await reaches(b, run, 'completed')
    const answered = once(slow, 'data')
    slow.write('{}')
    t.match(String((await answered)[0]), /^HTTP\/1\.1 200 OK/, 'and is answered still')
    t.match(await a.cli.exited, { code: 0 })
    t.strictSame((await messagesOf(b, run.thread_id)).map(textOf), ['Hello?', 'Hi.'])
  })

  t.test('with a time to drain, runs under way are finished first, and no new one begins', async t => {
    const { upstream, a, b } = await startTwo(t, store.url(t), { limits: { drainMs: LEASE_MS } })
    const gate = new Gate()
    upstream.enqueue(text([gate, 'Hi.']))
    const { create } = await runnable(a)
    const run = await create(a)
    await gate.reached()

    a.cli.child.kill('SIGTERM')
    await a.cli.logged('SIGTERM: closing')
    t.ok([undefined, 503].includes(await attempt(a.post('/threads/runs', { assistant_id: run.assistant_id }))))
    gate.open()
    await reaches(b, run, 'completed')
    t.match(await a.cli.exited, { code: 0 })
    t.strictSame((await messagesOf(b, run.thread_id)).map(textOf), ['Hello?', 'Hi.'])
    t.equal(upstream.chats.length, 1)
  })
}, test)
