import { test, type Test } from 'tap'
import type { Run } from '../../schemas/runs.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { Clock } from '../../lib/shared/clock.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, startUpstream, text, toolCalls, type Upstream } from '../helpers/upstream.js'
import { eventsOf, names, restingRun, settle, startCore, startRun, told, type TestCore } from './helpers/core.js'
import { ProcessView } from './helpers/process-view.js'
import { outputsFor } from './helpers/server.js'

const LEASE_MS = 15_000
const HOUR_MS = 3600_000
const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

interface Cluster {
  clock: ManualClock
  upstream: Upstream
  /** @param aheadMs how far its clock is ahead of the true time. */
  instance: (aheadMs?: number) => Promise<TestCore>
  /** Keeps an instance from renewing, as a long pause of its process would. */
  paralyse: (instance: TestCore) => void
  recover: (instance: TestCore) => void
  /** The store as the instance sees it. */
  view: (instance: TestCore) => ProcessView
}

/** Instances on one store. With `deaf` they cannot tell each other anything but through records; with `isSkewed` runs outlive the skew of their clocks. */
async function cluster (t: Test, { deaf = false, isSkewed = false, limits = {} }: { deaf?: boolean, isSkewed?: boolean, limits?: { drainMs?: number } } = {}): Promise<Cluster> {
  const clock = new ManualClock()
  const upstream = await startUpstream(t)
  const store = new MemoryRecordStore()
  const views = new Map<TestCore, ProcessView>()
  return {
    clock,
    upstream,
    async instance (aheadMs = 0) {
      const view = new ProcessView(store, { shared: true, deaf })
      const own: Clock = { now: () => clock.now() + aheadMs, monotonic: () => clock.now(), after: (delayMs, callback) => clock.after(delayMs, callback) }
      const core = await startCore(t, { clock: own, storage: view, upstream, limits: { ...limits, ...isSkewed ? { runExpiresS: 6 * 3600 } : {} } })
      views.set(core, view)
      return core
    },
    paralyse: instance => views.get(instance)!.refuse(items => items.some(item => item.op === 'put' && item.kind === 'lease')),
    recover: instance => views.get(instance)!.refuse(() => false),
    view: instance => views.get(instance)!
  }
}

/** A run that is stuck behind its first word. */
async function stuckRun (core: TestCore): Promise<{ run: Run, gate: Gate }> {
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate, ' upon']))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  return { run, gate }
}

async function answers (core: TestCore, run: Run): Promise<string[]> {
  const { data } = await core.messages.list(run.thread_id, { order: 'asc' })
  return data.filter(({ role }) => role === 'assistant').map(({ content: [part] }) => part?.type === 'text' ? part.text.value : '')
}

test('a run whose instance renews its lease is left alone, however long it takes', async t => {
  const { clock, upstream, instance } = await cluster(t)
  const here = await instance()
  const there = await instance()
  const { run, gate } = await stuckRun(here)
  for (let i = 0; i < 20; i++) await clock.advance(LEASE_MS)
  gate.open()
  t.equal((await restingRun(here, run)).status, 'completed')
  t.equal(upstream.chats.length, 1)
  t.strictSame(await answers(there, run), ['Once upon'])
})

test('a run is taken over when its lease has lapsed, and not before', async t => {
  const { clock, upstream, instance, paralyse } = await cluster(t)
  const here = await instance()
  const there = await instance()
  const { run } = await stuckRun(here)
  paralyse(here)
  await clock.advance(LEASE_MS - 1)
  t.equal(upstream.chats.length, 1)
  upstream.enqueue(text('Said anew'))
  await clock.advance(LEASE_MS + 1)
  t.equal((await restingRun(there, run)).status, 'completed')
  t.equal(upstream.chats.length, 2)
  t.strictSame(await answers(there, run), ['Said anew'])
})

for (const [clockOfDead, clockOfHeir] of [[2 * HOUR_MS, 0], [0, 2 * HOUR_MS], [-2 * HOUR_MS, 0], [0, -2 * HOUR_MS]] as const) {
  const skew = (ms: number): string => ms === 0 ? 'right' : `two hours ${ms > 0 ? 'fast' : 'slow'}`
  test(`a run is taken over within two leases where the dead instance's clock was ${skew(clockOfDead)} and the other's is ${skew(clockOfHeir)}, and not from one that lives`, async t => {
    const { clock, upstream, instance, view } = await cluster(t, { deaf: true, isSkewed: true })
    const there = await instance(clockOfHeir)
    const here = await instance(clockOfDead)
    const { run } = await stuckRun(here)
    for (let i = 0; i < 10; i++) await clock.advance(LEASE_MS)
    t.equal(upstream.chats.length, 1)
    view(here).die()
    upstream.enqueue(text('Said anew'))
    await clock.advance(2 * LEASE_MS)
    t.equal((await restingRun(there, run)).status, 'completed')
    t.equal(upstream.chats.length, 2)
  })
}

test('a reader that asks for a run of a dead instance gets its events from the one that takes it over, be it the very one that was asked', async t => {
  const { clock, upstream, instance, view } = await cluster(t)
  const here = await instance()
  const there = await instance()
  const { run } = await stuckRun(here)
  view(here).die()
  const joined = there.runs.join(run.thread_id, run.id)
  await settle()
  const gate = new Gate()
  upstream.enqueue(text(['Said', gate, ' anew']))
  await clock.advance(2 * LEASE_MS)
  await gate.reached()
  const log = await joined
  await told(log, 'thread.message.delta')
  gate.open()
  t.strictSame(names(await eventsOf(log)).slice(-3), ['run.step.completed', 'run.completed', 'done'])
})

test('who lost its lease cannot write any more, and its readers are let go', async t => {
  const { clock, upstream, instance, paralyse } = await cluster(t)
  const here = await instance()
  const { run, gate } = await stuckRun(here)
  const log = await here.runs.join(run.thread_id, run.id)
  const reader = eventsOf(log, 0)
  const there = await instance()
  paralyse(here)
  const second = new Gate()
  upstream.enqueue(text(['Said', second, ' anew']))
  await clock.advance(2 * LEASE_MS)
  await second.reached()
  // Back from its pause, the first one goes on with what it had.
  gate.open()
  t.strictSame(names(await reader).slice(-1), ['message.delta'], 'no end is told that is not true')
  second.open()
  t.equal((await restingRun(there, run)).status, 'completed')
  t.strictSame(await answers(there, run), ['Said anew'])
  const { data: steps } = await there.runs.listSteps(run.thread_id, run.id, {})
  t.strictSame(steps.map(({ status }) => status), ['completed'])
})

for (const what of ['a first word', 'calls'] as const) {
  test(`who lost its lease writes nothing at all, not even what contradicts no other write: ${what}`, async t => {
    const { clock, upstream, instance, paralyse } = await cluster(t)
    const here = await instance()
    const there = await instance()
    const gate = new Gate()
    const second = new Gate()
    const calls = toolCalls([{ name: 'ask', arguments: {} }])
    upstream.enqueue(what === 'calls' ? { ...calls, steps: [...calls.steps, gate] } : text([gate, 'Once upon']), text([second, 'Said anew']))
    const { run, log } = await startRun(here, { tools: [ask] })
    const reader = eventsOf(log, 0)
    await gate.reached()
    paralyse(here)
    await clock.advance(2 * LEASE_MS)
    await second.reached()
    const stepsNow = async (): Promise<unknown> => (await there.runs.listSteps(run.thread_id, run.id, {})).data
    const before = await stepsNow()
    gate.open()
    await reader
    t.strictSame(await stepsNow(), before)
    t.strictSame(await answers(there, run), [])
    second.open()
    t.equal((await restingRun(there, run)).status, 'completed')
    t.strictSame(await answers(there, run), ['Said anew'])
  })
}

for (const noticed of [true, false]) {
  test(`a run may come back to the instance that once lost it, ${noticed ? 'and knows' : 'and does not know yet'}`, async t => {
    const { clock, upstream, instance, paralyse, recover } = await cluster(t)
    const here = await instance()
    const { run, gate } = await stuckRun(here)
    const first = eventsOf(await here.runs.join(run.thread_id, run.id), 0)
    const there = await instance()
    paralyse(here)
    const second = new Gate()
    const third = new Gate()
    upstream.enqueue(text(['Said', second, ' anew']), text(['At', third, ' last']))
    await clock.advance(2 * LEASE_MS)
    await second.reached()
    if (noticed) {
      gate.open()
      await first
    }
    recover(here)
    await settle()
    await there.core.stop()
    await third.reached()
    if (!noticed) {
      gate.open()
      await first
    }
    const reader = eventsOf(await here.runs.join(run.thread_id, run.id))
    // It is this instance's own again, for as long as it takes.
    for (let i = 0; i < 8; i++) await clock.advance(LEASE_MS)
    third.open()
    t.strictSame(names(await reader), [
      'run.step.created', 'run.step.in_progress', 'message.created', 'message.in_progress', 'message.delta', 'message.completed', 'run.step.completed', 'run.completed', 'done'
    ])
    t.strictSame(await answers(here, run), ['At last'])
    t.equal(upstream.chats.length, 3)
  })
}

for (const [what, moved] of [['asks for outputs', 'requires_action'], ['is cancelled', 'cancelled']] as const) {
  test(`a run that ${what} while another instance looks after it is left alone`, async t => {
    const { clock, upstream, instance, view } = await cluster(t)
    const here = await instance()
    const there = await instance()
    const gate = new Gate()
    upstream.respond(async () => {
      await gate.pass()
      return toolCalls([{ name: 'ask', arguments: {} }])
    })
    const { run } = await startRun(here, { tools: [ask] })
    await gate.reached()
    const read = view(there).holdRead(({ kind }) => kind === 'run')
    await clock.advance(LEASE_MS)
    await read.reached()
    // The instance that looks after the runs knows it as one in progress from here on.
    if (moved === 'cancelled') await here.runs.cancel(run.thread_id, run.id)
    gate.open()
    t.equal((await restingRun(here, run)).status, moved)
    read.open()
    await settle()
    await there.core.stop()
    t.equal((await here.runs.get(run.thread_id, run.id)).status, moved)
    t.equal(upstream.chats.length, 1)
    t.strictSame([...here.logged, ...there.logged], [])
  })
}

test('of several instances that see a lapsed lease one takes the run over', async t => {
  const { clock, upstream, instance, paralyse } = await cluster(t)
  const here = await instance()
  const others = [await instance(), await instance(), await instance()]
  const { run } = await stuckRun(here)
  paralyse(here)
  upstream.respond(() => text('Said anew'))
  for (let i = 0; i < 4; i++) await clock.advance(LEASE_MS)
  t.equal((await restingRun(others[0]!, run)).status, 'completed')
  t.equal(upstream.chats.length, 2)
})

for (const deaf of [false, true]) {
  const how = deaf ? 'by looking' : 'at once'

  test(`a run that is executed elsewhere is cancelled: its instance finds out ${how}`, async t => {
    const { clock, upstream, instance } = await cluster(t, { deaf })
    const here = await instance()
    const there = await instance()
    const { run } = await stuckRun(here)
    t.equal((await there.runs.cancel(run.thread_id, run.id)).status, 'cancelling')
    if (deaf) await clock.advance(LEASE_MS / 3)
    await upstream.chats[0]!.aborted
    t.equal((await restingRun(here, run)).status, 'cancelled')
    t.strictSame(await answers(there, run), ['Once'])
  })

  test(`a run that is handed over is taken up ${how}`, async t => {
    const { clock, upstream, instance } = await cluster(t, { deaf })
    const here = await instance()
    const there = await instance()
    const { run } = await stuckRun(here)
    upstream.enqueue(text('Said anew'))
    await here.core.stop()
    if (deaf) await clock.advance(LEASE_MS)
    t.equal((await restingRun(there, run)).status, 'completed')
    t.equal(upstream.chats.length, 2)
  })
}

test('outputs are taken by any instance, which then executes the run', async t => {
  const { upstream, instance } = await cluster(t)
  const here = await instance()
  const there = await instance()
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Noon'))
  const { run } = await startRun(here, { tools: [ask] })
  const asking = await restingRun(here, run)
  const { log, from } = await there.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) })
  t.ok(names(await eventsOf(log, from)).includes('run.completed'))
  t.equal((await here.runs.get(run.thread_id, run.id)).status, 'completed')
})

test('of two answers to one question the first counts', async t => {
  const { upstream, instance } = await cluster(t)
  const here = await instance()
  const there = await instance()
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Noon'))
  const { run } = await startRun(here, { tools: [ask] })
  const asking = await restingRun(here, run)
  const submit = async (core: TestCore, output: string): Promise<unknown> =>
    await core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking, output) })
  const results = await Promise.allSettled([submit(here, 'a'), submit(there, 'b')])
  t.strictSame(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const refused = results.find(result => result.status === 'rejected')
  t.match(refused, { reason: { status: 400, message: /^Runs in status "(queued|in_progress|completed)" do not accept tool outputs\.$/ } })
  await restingRun(results[0]?.status === 'fulfilled' ? here : there, run)
  t.equal(upstream.chats.length, 2)
})

test('a run that waits for outputs expires once, though every instance watches it', async t => {
  const { clock, upstream, instance } = await cluster(t)
  const cores = [await instance(), await instance(), await instance()]
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(cores[0]!, { tools: [ask] })
  await restingRun(cores[0]!, run)
  await clock.advance(600_000)
  for (const core of cores) t.equal((await core.runs.get(run.thread_id, run.id)).status, 'expired')
  t.strictSame((await cores[1]!.runs.listSteps(run.thread_id, run.id, {})).data.map(({ status }) => status), ['expired'])
})

test('of two runs that are created on one thread at once, on two instances, one is refused', async t => {
  const { upstream, instance } = await cluster(t)
  const cores = [await instance(), await instance()]
  upstream.respond(() => text('Hi'))
  const { run } = await startRun(cores[0]!)
  await restingRun(cores[0]!, run)
  const results = await Promise.allSettled(cores.map(async core => await core.runs.create(run.thread_id, { assistant_id: run.assistant_id })))
  t.strictSame(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

test('the leases of runs are renewed while a server that stops lets them finish', async t => {
  const { clock, upstream, instance } = await cluster(t, { limits: { drainMs: 10 * LEASE_MS } })
  const here = await instance()
  const there = await instance()
  const { run, gate } = await stuckRun(here)
  const handedOver = here.core.handOver()
  for (let i = 0; i < 12; i++) await clock.advance(LEASE_MS / 3)
  t.equal(upstream.chats.length, 1, 'the other instance has left it alone')
  gate.open()
  await handedOver
  t.equal((await there.runs.get(run.thread_id, run.id)).status, 'completed')
  t.strictSame(await answers(there, run), ['Once upon'])
})
