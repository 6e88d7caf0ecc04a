import { test } from 'tap'
import type { Clock } from '../../lib/shared/clock.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { activeEntries } from './helpers/active-entries.js'
import { eventsOf, names, restingRun, startCore, startRun, told, until } from './helpers/core.js'
import { GatedStore, movesRunTo } from './helpers/gated-store.js'
import { outputsFor } from './helpers/server.js'

const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

test('a thread that is deleted takes its run along: the vendor is let go, readers end, nothing is logged', async t => {
  const clock = new ManualClock()
  const store = new MemoryRecordStore()
  const core = await startCore(t, { clock, storage: store })
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate, ' upon']))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  const reader = eventsOf(log, 0)
  await core.runs.deleteThread(run.thread_id)
  await core.upstream.chats[0]!.aborted
  t.equal(names(await reader).at(-1), 'message.delta')
  await t.rejects(core.runs.get(run.thread_id, run.id), { message: `No thread found with id '${run.thread_id}'.` })
  for (let i = 0; i < 6; i++) await clock.advance(15_000)
  t.strictSame(core.logged, [])
  t.strictSame(await activeEntries(store), [], 'the index forgets it')
  const left = await store.page({ project: 'default', partition: run.thread_id, kind: 'message', order: 'asc', limit: 10 })
  t.strictSame(left.records, [], 'nothing is written behind the deletion')
})

test('a thread that is deleted while its run waits for outputs is gone for good', async t => {
  const clock = new ManualClock()
  const core = await startCore(t, { clock, script: [toolCalls([{ name: 'ask', arguments: {} }])] })
  const { run } = await startRun(core, { tools: [ask] })
  const asking = await restingRun(core, run)
  await core.runs.deleteThread(run.thread_id)
  await t.rejects(core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) }), { message: `No thread found with id '${run.thread_id}'.` })
  await clock.advance(700_000)
  t.strictSame(core.logged, [])
})

test('a message that is deleted while it is said: the run ends well without it', async t => {
  const core = await startCore(t)
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate, ' upon']))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  const { data: [message] } = await core.messages.list(run.thread_id, {})
  await core.messages.delete(run.thread_id, message!.id)
  gate.open()
  t.ok(names(await eventsOf(log, 0)).includes('run.completed'))
  t.equal((await core.messages.list(run.thread_id, {})).data.length, 1)
  t.strictSame((await core.runs.listSteps(run.thread_id, run.id, {})).data.map(({ status }) => status), ['completed'])
})

test('metadata that a message is given while it is said stays', async t => {
  const core = await startCore(t)
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate, ' upon']))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  const { data: [message] } = await core.messages.list(run.thread_id, {})
  await core.messages.update(run.thread_id, message!.id, { metadata: { seen: 'yes' } })
  gate.open()
  await restingRun(core, run)
  t.match(await core.messages.get(run.thread_id, message!.id), { status: 'completed', metadata: { seen: 'yes' }, content: [{ text: { value: 'Once upon' } }] })
})

test('an assistant that is deleted does not take its run along', async t => {
  const core = await startCore(t, { script: [toolCalls([{ name: 'ask', arguments: {} }]), text('Noon')] })
  const { run } = await startRun(core, { tools: [ask] })
  const asking = await restingRun(core, run)
  await core.assistants.delete(run.assistant_id)
  await core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) })
  t.equal((await restingRun(core, run)).status, 'completed')
})

for (const moment of ['the event comes', 'the write is made'] as const) {
  test(`a run that is cancelled the moment ${moment} that it waits for outputs does not get stuck`, async t => {
    const store = new GatedStore()
    const clock = new ManualClock()
    const core = await startCore(t, { clock, storage: store, script: [toolCalls([{ name: 'ask', arguments: {} }])] })
    const asking = store.hold(movesRunTo('requires_action'))
    const { run, log } = await startRun(core, { tools: [ask] })
    await asking.reached()
    const cancelled = new Promise(resolve => {
      const cancel = (): void => { resolve(core.runs.cancel(run.thread_id, run.id)) }
      if (moment === 'the write is made') {
        setImmediate(cancel)
      } else {
        const off = log.onChange(() => {
          off()
          cancel()
        })
      }
    })
    asking.open()
    await cancelled
    // Without the clock having moved.
    await until(async () => (await core.runs.get(run.thread_id, run.id)).status === 'cancelled')
  })
}

test('outputs that are submitted the moment they are asked for are taken', async t => {
  const clock = new ManualClock()
  const core = await startCore(t, { clock })
  const gate = new Gate()
  core.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }]), text(['No', gate, 'on']))
  const { run, log } = await startRun(core, { tools: [ask] })
  const submitted = new Promise(resolve => {
    const off = log.onChange(() => {
      core.runs.get(run.thread_id, run.id).then(({ status }) => {
        if (status !== 'requires_action') return
        off()
        resolve(core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] }))
      }, () => {})
    })
  })
  await submitted
  await gate.reached()
  // The run is this instance's own for as long as it takes: its lease is renewed, its events stay.
  for (let i = 0; i < 8; i++) await clock.advance(15_000)
  gate.open()
  t.equal((await restingRun(core, run)).status, 'completed')
  t.equal(core.upstream.chats.length, 2)
  t.ok(names(await eventsOf(log)).includes('run.completed'))
})

test('a run does not expire before its time when the clock knows no timers so long', async t => {
  const manual = new ManualClock()
  // As Node's, whose longest timer fires after 24 days.
  const clock: Clock = { now: () => manual.now(), after: (ms, callback) => manual.after(Math.min(ms, 20_000), callback) }
  const core = await startCore(t, { clock, script: [toolCalls([{ name: 'ask', arguments: {} }])] })
  const { run } = await startRun(core, { tools: [ask] })
  await restingRun(core, run)
  await manual.advance(599_000)
  t.equal((await core.runs.get(run.thread_id, run.id)).status, 'requires_action')
  await manual.advance(1_000)
  t.equal((await core.runs.get(run.thread_id, run.id)).status, 'expired')
})

test('cancelling twice is as good as once', async t => {
  const core = await startCore(t)
  const gate = new Gate()
  core.upstream.enqueue(text(['Once', gate]))
  const { run, log } = await startRun(core)
  await gate.reached()
  const answers = await Promise.all([1, 2, 3].map(async () => await core.runs.cancel(run.thread_id, run.id)))
  t.strictSame(answers.map(({ status }) => status), ['cancelling', 'cancelling', 'cancelling'])
  t.equal(names(await eventsOf(log, 0)).filter(name => name === 'run.cancelled').length, 1)
})

test('a run whose model nobody serves fails with a sentence that says so', async t => {
  const core = await startCore(t)
  core.upstream.respond(() => ({ kind: 'http', status: 404, headers: {}, body: { error: { message: 'The model `gpt-9` does not exist.', type: 'invalid_request_error', param: 'model', code: 'model_not_found' } } }))
  const { run } = await startRun(core, { model: 'gpt-9' })
  const failed = await restingRun(core, run)
  t.equal(failed.status, 'failed')
  t.match(failed.last_error, { code: 'server_error', message: /gpt-9/ })
})
