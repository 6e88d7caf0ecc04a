import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { payloads } from '../helpers/events.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { Gate, startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { messagesOf, onSharedStores, reaches, runnable, startInstances, stepsOf, textOf } from './helpers/instances.js'

const LEASE_MS = 15_000
const EXPIRES_MS = 600_000

/** Instances whose time stands still until the test moves it: one whose time does not move is one that hangs. */
async function withClocks (t: Test, store: Parameters<typeof startInstances>[1], count: number, options: TestServerOptions = {}) {
  const clocks = Array.from({ length: count }, () => new ManualClock())
  return { clocks, ...await startInstances(t, store, count, index => ({ ...options, limits: { runExpiresS: 86_400 }, clock: clocks[index]! })) }
}

/**
 * Moves the time of an instance past the leases of another, and on until what comes of it is there: a look for dead leases
 * that was under way while the time moved may have been too early, and the next one comes with time alone.
 */
async function outlive<T> ({ clocks, servers }: { clocks: ManualClock[], servers: TestServer[] }, [dead, heir]: [dead: number, heir: number], outcome: Promise<T>): Promise<T> {
  const [clock, server] = [clocks[heir]!, servers[heir]!]
  let there = false
  const settled = outcome.finally(() => { there = true })
  await clock.advance(clocks[dead]!.now() - clock.now() + 2 * LEASE_MS)
  // eslint-disable-next-line no-unmodified-loop-condition -- by the promise
  while (!there) {
    await server.get('/ready')
    await clock.advance(LEASE_MS)
  }
  return await settled
}

await onSharedStores((t, store) => {
  t.test('a run whose instance has gone silent is taken over once its lease lapses, and not before', async t => {
    const instances = await withClocks(t, store, 2)
    const { upstream, servers: [a, b], clocks } = instances
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate, ' never told']), text('Once upon a time'))
    const { create } = await runnable(a!)
    const run = await create(a!)
    await gate.reached()
    await clocks[1]!.advance(LEASE_MS - 1000)
    await b!.get('/ready')
    t.equal(upstream.chats.length, 1)
    await outlive(instances, [0, 1], reaches(b!, run, 'completed'))

    // The old owner comes back, and cannot write any more.
    gate.open(Infinity)
    t.strictSame((await messagesOf(a!, run.thread_id)).map(textOf), ['Hello?', 'Once upon a time'])
    t.strictSame((await stepsOf(a!, run)).map(step => step.status), ['completed'])
    t.equal(upstream.chats.length, 2)
  })

  t.test('an instance that lost its run tells its readers nothing that did not happen', async t => {
    const instances = await withClocks(t, store, 2)
    const { upstream, servers: [a, b] } = instances
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate, ' never told']), text('Once upon a time'))
    const { assistant, thread } = await runnable(a!)
    const stream = await a!.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    const run = (await stream.next())!.data
    await stream.until('thread.message.delta')
    await gate.reached()
    const done = await outlive(instances, [0, 1], reaches(b!, run, 'completed'))
    gate.open(Infinity)
    const frames = await stream.all()
    const ends = payloads(frames, 'thread.run.completed')
    t.ok(ends.length === 0 || JSON.stringify(ends) === JSON.stringify([done]), 'an end that is told is the one that is stored')
    t.strictSame(payloads(frames, 'thread.message.completed'), [])
  })

  t.test('finished calls are not made again by the instance that takes over', async t => {
    const calls: string[] = []
    const tool = { name: 'count', description: '', parameters: { type: 'object' }, execute: async () => { calls.push('called'); return 'one' } }
    const instances = await withClocks(t, store, 2, { tools: [tool as never] })
    const { upstream, servers: [a, b] } = instances
    const gate = new Gate()
    upstream.enqueue(toolCalls([{ name: 'count', arguments: {} }]), text([gate, 'never told']), text('It is one.'))
    const { create } = await runnable(a!)
    const run = await create(a!)
    await gate.reached()
    await outlive(instances, [0, 1], reaches(b!, run, 'completed'))
    gate.open(Infinity)
    t.equal(calls.length, 1)
    t.strictSame((await stepsOf(b!, run)).map(step => [step.type, step.status]), [['tool_calls', 'completed'], ['message_creation', 'completed']])
    t.strictSame((await messagesOf(b!, run.thread_id)).map(textOf), ['Hello?', 'It is one.'])
  })

  t.test('a run that was taken over three times fails with the fourth, and its thread is free', async t => {
    const instances = await withClocks(t, store, 5)
    const { upstream, servers } = instances
    const gate = new Gate()
    upstream.respond(() => text([gate, 'never told']))
    t.teardown(() => gate.open(Infinity))
    const { create, thread } = await runnable(servers[0]!)
    const run = await create(servers[0]!)
    await upstream.next()
    for (const next of [1, 2, 3]) await outlive(instances, [next - 1, next], upstream.next())
    const failed = await outlive(instances, [3, 4], reaches(servers[4]!, run, 'failed'))
    t.match(failed.last_error, { code: 'server_error', message: /interrupted 4 times/ })
    t.equal(upstream.chats.length, 4)
    t.equal((await servers[1]!.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Again' })).status, 200)
  })

  t.test('a server that closes hands its runs to another at once', async t => {
    const { upstream, servers: [a, b] } = await withClocks(t, store, 2)
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate]), text('Once upon a time'))
    const { create } = await runnable(a!)
    const run = await create(a!)
    await gate.reached()
    await a!.close()
    // No clock has moved: the word of the one that left was enough.
    await reaches(b!, run, 'completed')
    t.strictSame((await messagesOf(b!, run.thread_id)).map(textOf), ['Hello?', 'Once upon a time'])
  })
}, test)

for (const store of persistentStores) {
  test(`${store.name}: a run that waits for outputs survives a restart, and expires on time`, { skip: await store.skip() }, async t => {
    const upstream = await startUpstream(t, { script: [toolCalls([{ name: 'ask', arguments: {} }])] })
    const storage = store.url(t)
    const first = await startServer(t, { upstream, storage, clock: new ManualClock() })
    const { create } = await runnable(first, { tools: [{ type: 'function', function: { name: 'ask' } }] })
    const run = await create(first)
    const waiting = await reaches(first, run, 'requires_action')
    await first.close()

    const clock = new ManualClock()
    const second = await startServer(t, { upstream, storage, clock })
    await clock.advance(EXPIRES_MS - 1000)
    t.strictSame(await reaches(second, run, 'requires_action'), waiting)
    await clock.advance(1000)
    const expired = await reaches(second, run, 'expired')
    t.equal(expired.expires_at, run.expires_at)
    t.strictSame((await stepsOf(second, run)).map(step => step.status), ['expired'])
    t.equal((await second.post(`/threads/${run.thread_id}/messages`, { role: 'user', content: 'Again' })).status, 200)
  })

  test(`${store.name}: a run that waits for outputs is answered after a restart`, { skip: await store.skip() }, async t => {
    const upstream = await startUpstream(t, { script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }]), text('Noon')] })
    const storage = store.url(t)
    const first = await startServer(t, { upstream, storage })
    const { create } = await runnable(first, { tools: [{ type: 'function', function: { name: 'ask' } }] })
    const run = await create(first)
    await reaches(first, run, 'requires_action')
    await first.close()
    const second = await startServer(t, { upstream, storage })
    const answered = await second.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
    t.equal(answered.status, 200)
    await reaches(second, run, 'completed')
    t.match(upstream.chats[1]!.body.messages.at(-1), { role: 'tool', content: '12' })
  })
}
