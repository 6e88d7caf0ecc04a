import { test, type Test } from 'tap'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'
import { restingRun, startCore, startRun, told, type TestCore } from './helpers/core.js'
import { DamagedStore } from './helpers/damaged-store.js'
import { ProcessView } from './helpers/process-view.js'
import type { Run } from '../../schemas/runs.js'

const LEASE_MS = 15_000

/**
 * Three runs, each in the midst of its answer, whose process has died; and what starts the next one.
 *
 * @param shared whether other instances may be at work on the store.
 */
async function leftBehind (t: Test, shared = false): Promise<{ clock: ManualClock, store: DamagedStore, runs: Run[], stepOf: (run: Run) => Promise<string>, start: () => Promise<TestCore> }> {
  const clock = new ManualClock()
  const store = new DamagedStore()
  Object.assign(store, { supports: { shared, persistent: false } })
  const upstream = await startUpstream(t)
  const gate = new Gate()
  upstream.respond(() => text(['Once', gate, ' upon']))
  const open = async (storage: RecordStore): Promise<TestCore> => await startCore(t, { clock, storage, upstream })
  const view = new ProcessView(store, { shared })
  const first = await open(view)
  const runs: Run[] = []
  const steps = new Map<string, string>()
  for (let i = 0; i < 3; i++) {
    const { run, log } = await startRun(first)
    await told(log, 'thread.message.delta')
    steps.set(run.id, (await first.runs.listSteps(run.thread_id, run.id, {})).data[0]!.id)
    runs.push(run)
  }
  view.die()
  await first.core.stop()
  gate.open(Infinity)
  return { clock, store, runs, stepOf: async run => steps.get(run.id)!, start: async () => await open(store) }
}

for (const kind of ['run', 'activeRun'] as const) {
  test(`a damaged ${kind} record stops neither the server's start nor the runs behind it`, async t => {
    const { store, runs: [damaged, ...others], start } = await leftBehind(t)
    store.damage(KIND[kind], damaged!.id)
    const core = await start()
    for (const run of others) t.equal((await restingRun(core, run)).status, 'completed')
    t.strictSame(core.logged.filter(({ level }) => level === 'error').map(({ message }) => message), ['a run cannot be recovered; it is left alone until the next start'])
  })
}

test('a run of which a step is damaged fails, and its thread is free', async t => {
  const { store, runs: [damaged, ...others], stepOf, start } = await leftBehind(t)
  store.damage(KIND.step, await stepOf(damaged!))
  const core = await start()
  for (const run of others) t.equal((await restingRun(core, run)).status, 'completed')
  while ((await core.runs.get(damaged!.thread_id, damaged!.id)).status === 'in_progress');
  t.match(await core.runs.get(damaged!.thread_id, damaged!.id), { status: 'failed', last_error: { code: 'server_error', message: 'A part of the run was lost.' } })
  t.ok(await core.messages.create(damaged!.thread_id, { role: 'user', content: 'Free?' }))
})

test('the lock of a damaged run is freed by the message that meets it', async t => {
  const { store, runs: [damaged], start } = await leftBehind(t)
  store.damage(KIND.run, damaged!.id)
  const core = await start()
  t.ok(await core.messages.create(damaged!.thread_id, { role: 'user', content: 'Free?' }))
})

for (const { shared } of [{ shared: false }, { shared: true }]) {
  test(`a run whose lease is damaged goes on, ${shared ? 'once no instance has renewed it' : 'at the start'}`, async t => {
    const { store, runs, start, clock } = await leftBehind(t, shared)
    store.damage(KIND.lease, runs[0]!.id)
    const core = await start()
    if (shared) await clock.advance(2 * LEASE_MS)
    for (const run of runs) {
      t.equal((await restingRun(core, run)).status, 'completed')
      t.ok(await core.messages.create(run.thread_id, { role: 'user', content: 'Free?' }))
    }
    t.strictSame(core.logged, [])
  })
}

test('a lease that is damaged while its run is executed is renewed, and the run is left alone', async t => {
  const clock = new ManualClock()
  const store = new DamagedStore()
  Object.assign(store, { supports: { shared: true, persistent: false } })
  const upstream = await startUpstream(t)
  const here = await startCore(t, { clock, storage: store, upstream })
  await startCore(t, { clock, storage: store, upstream })
  const gate = new Gate()
  upstream.enqueue(text(['Once', gate, ' upon']))
  const { run, log } = await startRun(here)
  await told(log, 'thread.message.delta')
  store.damage(KIND.lease, run.id)
  for (let i = 0; i < 12; i++) await clock.advance(LEASE_MS / 3)
  t.equal(upstream.chats.length, 1)
  gate.open()
  t.equal((await restingRun(here, run)).status, 'completed')
})

test('a run whose lease is damaged can be cancelled, and is told of to its readers', async t => {
  const { store, runs: [run], start } = await leftBehind(t, true)
  store.damage(KIND.lease, run!.id)
  const core = await start()
  await core.runs.cancel(run!.thread_id, run!.id)
  t.equal((await restingRun(core, run!)).status, 'cancelled')
})

test('a thread whose lock is damaged is free when no run is active, and locked by the one that is', async t => {
  const store = new DamagedStore()
  const core = await startCore(t, { storage: store })
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate, ' upon']))
  const { run } = await startRun(core)
  await gate.reached()
  store.damage(KIND.lock, RUN_LOCK_ID)
  const message = `Can't add messages to ${run.thread_id} while a run ${run.id} is active.`
  await t.rejects(core.messages.create(run.thread_id, { role: 'user', content: 'Free?' }), { message })
  store.damage(KIND.lock, RUN_LOCK_ID)
  await t.rejects(core.runs.create(run.thread_id, { assistant_id: run.assistant_id }), { message: `Thread ${run.thread_id} already has an active run ${run.id}.` })
  gate.open()
  t.equal((await restingRun(core, run)).status, 'completed')
  await store.write({ project: 'default', partition: run.thread_id }, [{ op: 'put', kind: KIND.lock, id: RUN_LOCK_ID, body: { run_id: 'run_gone' } }])
  store.damage(KIND.lock, RUN_LOCK_ID)
  t.ok(await core.messages.create(run.thread_id, { role: 'user', content: 'Free?' }))
})
