import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { startServer } from '../helpers/server.js'
import { startUpstream, toolCalls } from '../helpers/upstream.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { reaches, runnable } from './helpers/instances.js'

test('whoever reads a run while it is being expired is shown that it has', async t => {
  const upstream = await startUpstream(t, { script: [toolCalls([{ name: 'ask', arguments: {} }])] })
  const storage = new GatedStore({ shared: true })
  const clock = new ManualClock()
  const server = await startServer(t, { upstream, storage, clock })
  t.teardown(() => storage.openAll())
  const run = await (await runnable(server, { tools: [{ type: 'function', function: { name: 'ask' } }] })).create(server)
  await reaches(server, run, 'requires_action')
  // The run is claimed, and its steps are being read.
  const claimed = storage.holdRead(({ kind }) => kind === 'turn')
  await clock.advance(600_000)
  await claimed.reached()
  const reading = server.get(`/threads/${run.thread_id}/runs/${run.id}`)
  // Another request goes all its way meanwhile.
  await server.get(`/threads/${run.thread_id}`)
  claimed.open()
  t.equal((await reading).body.status, 'expired')
})

test('an instance whose clock is two hours off lets nothing expire too early or too late: it goes by the clock of the store', async t => {
  const upstream = await startUpstream(t, { script: [toolCalls([{ name: 'ask', arguments: {} }])] })
  const storage = new GatedStore({ shared: true })
  const right = new ManualClock()
  const server = await startServer(t, { upstream, storage, clock: right })
  const run = await (await runnable(server, { tools: [{ type: 'function', function: { name: 'ask' } }] })).create(server)
  await reaches(server, run, 'requires_action')
  for (const skewMs of [7_200_000, -7_200_000]) {
    const clock = new ManualClock(right.now() + skewMs)
    const seen = new Proxy(storage, {
      get (store, name) {
        if (name === 'clockSkewMs') return skewMs
        const value = Reflect.get(store, name) as unknown
        return typeof value === 'function' ? value.bind(store) : value
      }
    })
    const other = await startServer(t, { upstream, storage: seen, clock })
    t.equal((await other.get(`/threads/${run.thread_id}/runs/${run.id}`)).body.status, 'requires_action')
    const { body: thread } = await other.post('/threads', {})
    t.ok(Math.abs(thread.created_at - right.now() / 1000) < 5, 'what it stamps has the time of the store')
  }
})
