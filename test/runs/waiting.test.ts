import { test, type Test } from 'tap'
import type { Run } from '../../schemas/runs.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, startUpstream, text, toolCalls, type Upstream } from '../helpers/upstream.js'
import { restingRun, settle, startCore, startRun, until, type TestCore } from './helpers/core.js'
import { ProcessView } from './helpers/process-view.js'
import { outputsFor } from './helpers/server.js'

const LEASE_MS = 15_000
const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

interface Instance extends TestCore { view: ProcessView }

interface Scene {
  clock: ManualClock
  upstream: Upstream
  here: Instance
  there: Instance
  /** Runs that wait for outputs, seen so by both instances in two rounds of recovery. */
  waiting: (count: number) => Promise<Run[]>
}

/** Two instances that can tell each other nothing but through records. */
async function scene (t: Test): Promise<Scene> {
  const clock = new ManualClock()
  const upstream = await startUpstream(t)
  const store = new MemoryRecordStore()
  const instance = async (): Promise<Instance> => {
    const view = new ProcessView(store, { shared: true, deaf: true })
    return { ...await startCore(t, { clock, storage: view, upstream }), view }
  }
  const here = await instance()
  const there = await instance()
  return {
    clock,
    upstream,
    here,
    there,
    async waiting (count) {
      const runs: Run[] = []
      for (let i = 0; i < count; i++) {
        upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
        runs.push(await restingRun(here, (await startRun(here, { tools: [ask] })).run))
      }
      for (let i = 0; i < 3; i++) await rounds(clock)
      return runs
    }
  }
}

async function rounds (clock: ManualClock): Promise<void> {
  await clock.advance(LEASE_MS)
  await settle(20)
}

/** What the instances do to the store in ten rounds of recovery. */
async function callsOf (clock: ManualClock, ...instances: Instance[]): Promise<{ get: number, page: number, write: number }> {
  const sum = (verb: 'get' | 'page' | 'write'): number => instances.reduce((total, { view }) => total + view.calls[verb], 0)
  const before = { get: sum('get'), page: sum('page'), write: sum('write') }
  for (let i = 0; i < 10; i++) await rounds(clock)
  return { get: sum('get') - before.get, page: sum('page') - before.page, write: sum('write') - before.write }
}

test('runs that wait for their clients cost the store nothing while they wait, however many they are', async t => {
  const { clock, here, there, waiting } = await scene(t)
  const none = await callsOf(clock, here, there)
  await waiting(40)
  t.strictSame(await callsOf(clock, here, there), none)
})

test('a waiting run expires on time, and its thread is free', async t => {
  const { clock, here, there, waiting } = await scene(t)
  const [run] = await waiting(1)
  await here.core.stop()
  await clock.advance(run!.expires_at! * 1000 - clock.now())
  await until(async () => (await there.runs.get(run!.thread_id, run!.id)).status === 'expired')
  await there.messages.create(run!.thread_id, { role: 'user', content: 'Again?' })
  t.pass()
})

for (const [what, goOn, expected] of [
  ['gets its outputs', async ({ runs }: Instance, run: Run) => { await runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(run) }) }, 'completed'],
  ['is cancelled', async ({ runs }: Instance, run: Run) => { await runs.cancel(run.thread_id, run.id) }, 'cancelled']
] as const) {
  test(`a run that ${what} after a long wait is finished by another instance when its own dies`, async t => {
    const { clock, upstream, here, there, waiting } = await scene(t)
    const [run] = await waiting(1)
    const gate = new Gate()
    upstream.enqueue(text(['Never', gate, ' told']), text('Done'))
    // Dies with the run on its way.
    const dying = here.view.hold(items => items.some(item => item.op === 'put' && item.kind === 'lease' && item.expect === 1))
    if (expected === 'completed') {
      await goOn(here, run!)
      await gate.reached()
    } else {
      here.view.refuse(items => items.some(item => item.op === 'put' && item.kind === 'run' && (item.body as Run).status === 'cancelled'))
      await goOn(here, run!)
      await settle(20)
    }
    here.view.die()
    dying.open()
    for (let i = 0; i < 3; i++) await rounds(clock)
    t.equal((await restingRun(there, run!)).status, expected)
  })
}

test('an instance that looks at a run in the very moment in which it goes on does not put it aside', async t => {
  const { clock, upstream, here, there } = await scene(t)
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const run = await restingRun(here, (await startRun(here, { tools: [ask] })).run)
  await clock.advance(LEASE_MS / 2)
  await settle(20)
  // The next look finds the run waiting still, and is held up behind that.
  const looks = [here, there].map(({ view }) => view.hold(items => items.some(item => item.op === 'put' && item.kind === 'active_run')))
  await clock.advance(LEASE_MS / 2)
  await Promise.all(looks.map(async look => await look.reached()))
  const gate = new Gate()
  upstream.enqueue(text(['Never', gate, ' told']), text('Done'))
  const outputs = here.view.hold(items => items.some(item => item.op === 'put' && item.kind === 'run'))
  const submitted = here.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(run) })
  await outputs.reached()
  for (const look of looks) look.open()
  await settle(20)
  outputs.open()
  await submitted
  await gate.reached()
  here.view.die()
  for (let i = 0; i < 3; i++) await rounds(clock)
  t.equal((await restingRun(there, run)).status, 'completed')
})

for (const [what, resume, expected] of [
  ['outputs', async ({ runs }: TestCore, run: Run) => { await runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(run) }) }, 'completed'],
  ['a cancellation', async ({ runs }: TestCore, run: Run) => { await runs.cancel(run.thread_id, run.id) }, 'cancelled']
] as const) {
  test(`a run is not left lying when the store takes ${what} after they were given up, and after recovery has put the run aside`, async t => {
    const { clock, upstream, here, there, waiting } = await scene(t)
    const [run] = await waiting(1)
    const late = new Gate()
    for (let tries = 0; tries < 2; tries++) here.view.loseAnswer(items => items.some(item => item.op === 'put' && item.kind === 'run'), late)
    await t.rejects(resume(here, run!), StorageUnavailableError)
    for (let i = 0; i < 3; i++) await rounds(clock)
    upstream.enqueue(text('Done'))
    late.open(Infinity)
    await settle(20)
    for (let i = 0; i < 4; i++) await rounds(clock)
    t.equal((await there.runs.get(run!.thread_id, run!.id)).status, expected)
  })
}
