import { test, type Test } from 'tap'
import { KIND } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'
import { restingRun, startCore, startRun, told, type TestCore } from './helpers/core.js'
import { DamagedStore } from './helpers/damaged-store.js'
import { ProcessView } from './helpers/process-view.js'
import type { Run } from '../../schemas/runs.js'

/** Three runs, each in the midst of its answer, whose process has died; and what starts the next one. */
async function leftBehind (t: Test): Promise<{ store: DamagedStore, runs: Run[], stepOf: (run: Run) => Promise<string>, start: () => Promise<TestCore> }> {
  const clock = new ManualClock()
  const store = new DamagedStore()
  const upstream = await startUpstream(t)
  const gate = new Gate()
  upstream.respond(() => text(['Once', gate, ' upon']))
  const open = async (storage: RecordStore): Promise<TestCore> => await startCore(t, { clock, storage, upstream })
  const view = new ProcessView(store)
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
  return { store, runs, stepOf: async run => steps.get(run.id)!, start: async () => await open(store) }
}

for (const kind of ['run', 'lease', 'activeRun'] as const) {
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
