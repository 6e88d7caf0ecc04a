import { test } from 'tap'
import { indexJob, unindexJob, visitActiveJobs } from '../../lib/runs/lease.js'
import { RedisRecordStore } from '../../storage/redis/store.js'
import { ManualClock } from '../helpers/clock.js'
import { skipOwnRedis, startCluster } from '../helpers/redis-server.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { Gate, startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { messagesOf, reaches, runnable, textOf } from './helpers/instances.js'

const LEASE_MS = 15_000
const ask = { type: 'function', function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

test('three instances on a Redis Cluster of three masters', { skip: skipOwnRedis }, async t => {
  const { url, nodes } = await startCluster(t, { replica: false })
  const storage = `${url}?keyPrefix=three:`
  const upstream = await startUpstream(t)
  const instance = async (options: TestServerOptions = {}): Promise<TestServer> => await startServer(t, { upstream, storage, ...options })
  const [a, b, c] = [await instance(), await instance(), await instance()]
  const index = new RedisRecordStore({ url, keyPrefix: 'three:' })
  await index.connect()
  t.teardown(async () => await index.disconnect())
  const active = async (): Promise<string[]> => {
    const found: string[] = []
    await visitActiveJobs(index, error => { throw error }, async ({ id }) => found.push(id) > 0)
    return found.sort()
  }

  await t.test('each instance reads and goes on with what another has begun: a message, a run, its outputs', async t => {
    upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Blue'))
    const { create, thread } = await runnable(a, { tools: [ask] })
    const run = await reaches(b, await create(b), 'requires_action')
    const outputs = run.required_action.submit_tool_outputs.tool_calls.map(({ id }: any) => ({ tool_call_id: id, output: 'blue' }))
    t.equal((await c.post(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputs })).status, 200)
    await reaches(a, run, 'completed')
    t.strictSame((await messagesOf(b, thread.id)).map(textOf), ['Hello?', 'Blue'])
  })

  await t.test('a run is followed and cancelled by way of instances that do not execute it', async t => {
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate, ' never told']))
    const { create, thread } = await runnable(a)
    const run = await create(a)
    await gate.reached()
    const joined = await b.follow(`/threads/${thread.id}/runs/${run.id}/stream`)
    await joined.until('thread.message.delta')
    t.equal((await c.post(`/threads/${thread.id}/runs/${run.id}/cancel`)).status, 200)
    t.equal((await joined.all()).at(-2)!.event, 'thread.run.cancelled')
    t.match(await reaches(c, run, 'cancelled'), { status: 'cancelled' })
    gate.open()
  })

  await t.test('the index of active runs has parts on every master', async t => {
    const ids = Array.from({ length: 200 }, (_, n) => `run_${n}`)
    for (const jobId of ids) await indexJob(index, { dialect: 'another', project: 'p', partition: 'x', jobId }, Date.now())
    const keys = await Promise.all(nodes.map(async ({ admin }) => (await admin.keys('three:*active-runs*:records')).length))
    t.equal(keys.reduce((sum, count) => sum + count), 16)
    t.ok(keys.every(count => count > 0), `parts of the index on each master: ${keys.join(', ')}`)
    t.strictSame(await active(), ids.toSorted())
    for (const jobId of ids) await unindexJob(index, jobId)
    t.strictSame(await active(), [])
  })

  await t.test('the runs of an instance that has gone silent are taken over, wherever they lie', async t => {
    for (const server of [a, b, c]) await server.close()
    // Their time stands still until it is moved: an instance whose time does not move is one that hangs.
    const [lost, heir] = [new ManualClock(), new ManualClock()]
    const [d, e] = [await instance({ clock: lost }), await instance({ clock: heir })]
    const gate = new Gate()
    upstream.respond(() => text(['Once', gate, ' upon a time']))
    const asked = upstream.chats.length
    const runs: any[] = []
    for (let n = 0; n < 12; n++) {
      runs.push(await (await runnable(d)).create(d))
      while (upstream.chats.length < asked + runs.length) await upstream.next()
    }
    t.strictSame(await active(), runs.map(({ id }) => id).sort())
    upstream.respond(() => text('Told by another'))
    await heir.advance(2 * LEASE_MS)
    const ended = Promise.all(runs.map(async run => await reaches(e, run, 'completed')))
    let there = false
    ended.finally(() => { there = true }).catch(() => {})
    // eslint-disable-next-line no-unmodified-loop-condition -- by the promise
    while (!there) {
      await e.get('/ready')
      await heir.advance(LEASE_MS)
    }
    await ended
    gate.open(Infinity)
    for (const run of runs) t.strictSame((await messagesOf(e, run.thread_id)).map(textOf), ['Hello?', 'Told by another'])
    t.strictSame(await active(), [])
  })
})
