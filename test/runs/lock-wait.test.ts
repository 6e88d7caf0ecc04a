import { test, type Test } from 'tap'
import type { Run } from '../../schemas/runs.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, text } from '../helpers/upstream.js'
import { activeEntries } from './helpers/active-entries.js'
import { restingRun, settle, startCore, startRun, told, type TestCore, type TestCoreOptions } from './helpers/core.js'
import { GatedStore } from './helpers/gated-store.js'

interface Scene {
  core: TestCore
  store: GatedStore
  clock: ManualClock
  /** The run that is in the way, in the middle of its answer. */
  run: Run
  /** Lets it finish. */
  finish: () => Promise<void>
  say: (content: string) => Promise<unknown>
  runAgain: (content: string) => Promise<Run>
  /** The conversation, oldest first, as texts. */
  thread: () => Promise<string[]>
}

async function scene (t: Test, options: TestCoreOptions = {}): Promise<Scene> {
  const clock = new ManualClock()
  const store = new GatedStore()
  const core = await startCore(t, { clock, storage: store, lockMode: 'wait', ...options })
  const gate = new Gate()
  core.upstream.enqueue(text(['First', gate, ' answer']))
  core.upstream.respond(({ body }) => text(`Answer to ${body.messages.at(-1).content}`))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  return {
    core,
    store,
    clock,
    run,
    async finish () {
      gate.open()
      await restingRun(core, run)
    },
    say: async content => await core.messages.create(run.thread_id, { role: 'user', content }),
    runAgain: async content => (await core.runs.create(run.thread_id, { assistant_id: run.assistant_id, additional_messages: [{ role: 'user', content }] })).run,
    async thread () {
      const { data } = await core.messages.list(run.thread_id, { order: 'asc', limit: 100 })
      return data.map(({ content: [part] }) => part?.type === 'text' ? part.text.value : '')
    }
  }
}

const messageError = (run: Run) => ({ status: 400, message: `Can't add messages to ${run.thread_id} while a run ${run.id} is active.` })
const runError = (run: Run) => ({ status: 400, message: `Thread ${run.thread_id} already has an active run ${run.id}.` })

test('a message waits until the run has ended, and comes behind its answer', async t => {
  const { say, finish, thread } = await scene(t)
  const waiting = say('And now?')
  await settle()
  t.strictSame(await thread(), ['Hello?', ''], 'nothing is written meanwhile')
  await finish()
  await waiting
  t.strictSame(await thread(), ['Hello?', 'First answer', 'And now?'])
})

test('a run waits until the run before it has ended, then sees its answer', async t => {
  const { core, runAgain, finish, thread, run } = await scene(t)
  const waiting = runAgain('two')
  await settle()
  t.strictSame((await core.runs.list(run.thread_id, {})).data.map(({ id }) => id), [run.id], 'it does not exist yet')
  await finish()
  const second = await waiting
  t.equal((await restingRun(core, second)).status, 'completed')
  t.strictSame(await thread(), ['Hello?', 'First answer', 'two', 'Answer to two'])
  t.strictSame(core.upstream.chats[1]!.body.messages.at(-2), { role: 'assistant', content: 'First answer' })
})

test('messages and runs pass in the order in which they came', async t => {
  const { core, say, runAgain, finish, thread } = await scene(t)
  const waiting: Promise<unknown>[] = []
  const next = async (request: Promise<unknown>): Promise<void> => {
    waiting.push(request)
    await settle()
  }
  await next(say('one'))
  await next(say('two'))
  await next(runAgain('three'))
  await next(say('four'))
  await next(runAgain('five'))
  await next(say('six'))
  await finish()
  const [,, , , last] = await Promise.all(waiting)
  await restingRun(core, last as Run)
  t.strictSame(await thread(), [
    'Hello?', 'First answer', 'one', 'two', 'three', 'Answer to three', 'four', 'five', 'Answer to five', 'six'
  ])
})

test('many messages that wait all get through, each once', async t => {
  const { say, finish, thread } = await scene(t)
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`)
  const waiting = texts.map(async content => await say(content))
  await settle()
  await finish()
  await Promise.all(waiting)
  t.strictSame((await thread()).slice(2), texts)
})

test('who waits for too long gets the error that names the run in the way, and nothing was written', async t => {
  const { core, store, clock, say, runAgain, thread, run } = await scene(t, { limits: { lockWaitMs: 30_000 } })
  const message = t.rejects(say('late'), messageError(run))
  await settle()
  const other = t.rejects(runAgain('later'), runError(run))
  await settle()
  await clock.advance(29_999)
  t.strictSame(await thread(), ['Hello?', ''])
  await clock.advance(1)
  await Promise.all([message, other])
  t.strictSame(await thread(), ['Hello?', ''])
  t.strictSame((await core.runs.list(run.thread_id, {})).data.map(({ id }) => id), [run.id])
  t.strictSame(await activeEntries(store), [run.id], 'nothing of the refused run is left')
})

test('no more than the bound may wait; the next is refused at once', async t => {
  const { say, runAgain, finish, thread, run } = await scene(t, { limits: { lockMaxWaiters: 2 } })
  const waiting = [say('one'), say('two')]
  await settle()
  await t.rejects(say('three'), messageError(run))
  await t.rejects(runAgain('four'), runError(run))
  await finish()
  await Promise.all(waiting)
  t.strictSame(await thread(), ['Hello?', 'First answer', 'one', 'two'])
})

test('with room for nobody, everybody is refused as long as the thread is locked, and no longer', async t => {
  const { say, finish, thread, run } = await scene(t, { limits: { lockMaxWaiters: 0 } })
  await t.rejects(say('one'), messageError(run))
  await finish()
  await say('two')
  t.strictSame(await thread(), ['Hello?', 'First answer', 'two'])
})

test('other threads are not held up', async t => {
  const { core, say } = await scene(t)
  const waiting = t.rejects(say('one'))
  const { run } = await startRun(core)
  t.equal((await restingRun(core, run)).status, 'completed')
  await core.core.stop()
  await waiting
})

test('a message that waits behind a run that asks for outputs passes once that is cancelled', async t => {
  const clock = new ManualClock()
  const core = await startCore(t, { clock, lockMode: 'wait' })
  core.upstream.enqueue({ kind: 'stream', finish: 'tool_calls', steps: [{ delta: { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'ask', arguments: '{}' } }] } }] })
  const { run } = await startRun(core, { tools: [{ type: 'function', function: { name: 'ask' } }] })
  t.equal((await restingRun(core, run)).status, 'requires_action')
  const waiting = core.messages.create(run.thread_id, { role: 'user', content: 'Never mind' })
  await settle()
  await core.runs.cancel(run.thread_id, run.id)
  t.equal((await waiting).object, 'thread.message')
})

test('a waiting request is told when its thread is deleted', async t => {
  const { core, clock, say, run } = await scene(t)
  const waiting = t.rejects(say('one'), { status: 404, message: `No thread found with id '${run.thread_id}'.` })
  await settle()
  await core.runs.deleteThread(run.thread_id)
  await clock.advance(1000)
  await waiting
})

test('what cannot succeed does not wait', async t => {
  const { core, run } = await scene(t)
  await t.rejects(core.runs.create(run.thread_id, { assistant_id: 'asst_unknown' }), { name: 'ApiError', status: 404 })
  await t.rejects(core.messages.create('thread_unknown', { role: 'user', content: 'Hi' }), { name: 'ApiError', status: 404 })
})

test('a release that comes while the first in the queue looks is not lost', async t => {
  const { store, say, finish, thread } = await scene(t)
  const first = store.holdRead(({ kind }) => kind === 'lock')
  const waiting = say('one')
  await first.reached()
  const second = store.holdRead(({ kind }) => kind === 'lock')
  first.open()
  await second.reached()
  // It has read that the thread is locked, and does not know it yet.
  await finish()
  second.open()
  await waiting
  t.strictSame(await thread(), ['Hello?', 'First answer', 'one'], 'without the clock having moved')
})

test('nobody overtakes those who wait, though the thread is free before they know', async t => {
  const clock = new ManualClock()
  // Two instances that cannot tell each other anything: the queue learns of the end by looking.
  const store = new GatedStore({ shared: true })
  Object.assign(store, { notify: undefined, listen: undefined })
  const here = await startCore(t, { clock, storage: store, lockMode: 'wait', limits: { lockMaxWaiters: 1 } })
  const gate = new Gate()
  const there = await startCore(t, { clock, storage: store, script: [text(['First', gate, ' answer'])] })
  const { run } = await startRun(there)
  await gate.reached()
  const first = here.messages.create(run.thread_id, { role: 'user', content: 'first' })
  await settle()
  gate.open()
  await restingRun(there, run)
  await t.rejects(here.messages.create(run.thread_id, { role: 'user', content: 'second' }), messageError(run))
  await clock.advance(1000)
  await first
  const { data } = await here.messages.list(run.thread_id, { order: 'asc', limit: 100 })
  t.strictSame(data.map(({ content: [part] }) => part?.type === 'text' ? part.text.value : ''), ['Hello?', 'First answer', 'first'])
})

test('a run on another instance is waited for', async t => {
  const clock = new ManualClock()
  const store = new GatedStore({ shared: true })
  const here = await startCore(t, { clock, storage: store, lockMode: 'wait' })
  const gate = new Gate()
  const there = await startCore(t, { clock, storage: store, script: [text(['First', gate, ' answer'])] })
  const { run } = await startRun(there)
  await gate.reached()
  const waiting = here.messages.create(run.thread_id, { role: 'user', content: 'first' })
  await settle()
  gate.open()
  await waiting
  t.pass('as soon as that says that it has ended')
})

test('nobody waits for a server that stops', async t => {
  const { core, say, runAgain, run } = await scene(t)
  const waiting = [t.rejects(say('one'), messageError(run))]
  await settle()
  waiting.push(t.rejects(runAgain('two'), runError(run)))
  await settle()
  await core.core.stop()
  await Promise.all(waiting)
})

test('without waiting, a locked thread is an error at once', async t => {
  const { say, runAgain, run } = await scene(t, { lockMode: 'reject' })
  await t.rejects(say('one'), messageError(run))
  await t.rejects(runAgain('two'), runError(run))
})
