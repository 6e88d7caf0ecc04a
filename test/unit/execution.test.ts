import { test } from 'tap'
import { ModelError } from '../../lib/models/provider.js'
import type { ObservedRun } from '../../lib/runs/observer.js'
import { RunStopped } from '../../lib/runs/stop.js'
import type { AnyBuiltInTool } from '../../lib/tools/built-in-tool.js'
import { BuiltInTools } from '../../lib/tools/built-in-tools.js'
import { KIND } from '../../storage/layout.js'
import { Gate } from '../helpers/upstream-gate.js'
import { executionWorld, LEASE_MS } from '../runs/helpers/execution-world.js'
import { ASK, heard, moves, NOW, PLACE, puts } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

const USED = { promptTokens: 5, completionTokens: 2, cachedTokens: 0, reasoningTokens: 0 }

/** An observer that keeps what it is told. */
function observer () {
  const seen: { described: object[], failed: unknown[], ended: unknown[][] } = { described: [], failed: [], ended: [] }
  const step = { within: <T>(work: () => T): T => work(), end () {}, failed () {} }
  const observed: ObservedRun = {
    trace: { own: 'trace' },
    describe: run => { seen.described.push(run) },
    modelCall: () => step,
    toolCall: () => step,
    failed: error => { seen.failed.push(error) },
    end: (...args) => { seen.ended.push(args) }
  }
  return { seen, observed }
}

test('a queued job is executed from its first move to its end, by writes alone, and nothing of it stays behind', async t => {
  const { execution, view, stopped, told, ...world } = await executionWorld(t, { task: { phase: 'queued' }, lease: { payer: { keyName: 'key' }, takeovers: 2 } })
  const running = await execution()
  t.match([running.payer, running.takeovers, running.state], [{ keyName: 'key', project: 'p' }, 2, { phase: 'queued', expiresAt: null }])
  const read = view.calls.get
  await world.clock.advance(1999)
  await running.execute()
  await running.finished
  t.equal(view.calls.get, read, 'what is known is not read')
  t.strictSame(told(), ['task.running running', 'note.item item_1 message', 'note.text item_1 Hi', 'note.item_done item_1 Hi', 'task.ended completed'])
  t.match(await world.task(), { phase: 'ended', result: 'completed', usage: USED, at: NOW + 1 })
  t.strictSame(running.body, await world.task())
  t.strictSame([await world.lease(), await world.isLocked(), await world.isIndexed()], [undefined, false, false])
  t.equal(running.wasHandedOver, false)
  t.match(stopped, [{ body: { result: 'completed' }, report: { keyName: 'key', takeovers: 2, modelTurns: 1, provider: 'test' } }])
  t.strictSame(stopped[0]!.told, told(), 'readers have been told before')
  t.equal(running.log.isClosed, false)
})

test('a job that was begun is not begun again', async t => {
  const { execution, told } = await executionWorld(t)
  await (await execution()).execute()
  t.equal(told()[0], 'note.item item_1 message')
})

test('readers are told of what is written, once it is written', async t => {
  const { execution, view, told, stopped } = await executionWorld(t)
  const end = view.hold(moves('ended'))
  const running = await execution()
  const executed = running.execute()
  await end.reached()
  t.strictSame([told().at(-1), stopped, running.state.phase], ['note.text item_1 Hi', [], 'running'])
  end.open()
  await executed
  t.strictSame([told().at(-1), stopped.length, running.state.phase], ['task.ended completed', 1, 'ended'])
})

test('a job that waits for its client gives its lease up, and keeps its lock and its place in the index', async t => {
  const { execution, stopped, told, model, ...world } = await executionWorld(t, { task: { tools: [ASK] } })
  model.enqueue(calls('ask'))
  await (await execution()).execute()
  t.match(await world.task(), { phase: 'waiting' })
  t.strictSame([await world.lease(), await world.isLocked(), await world.isIndexed()], [undefined, true, true])
  t.equal(told().at(-1), 'task.waiting waiting')
  t.match(stopped, [{ body: { phase: 'waiting' }, report: { toolCalls: 1 } }])
})

test('an observer is told what is executed, and how it ended', async t => {
  for (const status of ['in_progress', undefined]) {
    const { seen, observed } = observer()
    const { execution } = await executionWorld(t, { observed, lease: { takeovers: 1, payer: { keyName: 'key' } }, task: status === undefined ? {} : { status } })
    await (await execution()).execute()
    t.match(seen.described, [{ runId: 'job_1', threadId: 'place', agentId: 'assistant', model: 'm', takeovers: 1 }])
    t.match(seen.ended, [[status ?? 'ended', { keyName: 'key', takeovers: 1, modelTurns: 1 }]])
    t.strictSame(seen.failed, [])
  }
})

test('a cancelled job ends at once, though the model is still at it, and its end is told with what led to it', async t => {
  const { execution, model, change, told, log, stopped, ...world } = await executionWorld(t)
  model.enqueue(says('Once', new Gate(), ' upon'))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  await change({ phase: 'cancelling' })
  t.equal(running.signal.aborted, false)
  running.stop('cancelled')
  await executed
  t.match(running.signal.reason, { name: 'RunStopped', reason: 'cancelled' })
  t.strictSame(told().slice(-3), ['task.state cancelling', 'note.cut item_1 cancelled', 'task.ended cancelled'])
  t.match(await world.task(), { phase: 'ended', result: 'cancelled', at: NOW, error: null })
  t.strictSame([await world.lease(), await world.isLocked(), await world.isIndexed()], [undefined, false, false])
  t.match((await world.items()).map(({ isOpen }) => isOpen), [false])
  t.match(stopped, [{ body: { result: 'cancelled' } }])
})

test('a job whose time is over expires, cancelled or not, with the tokens that it has used', async t => {
  for (const phase of ['running', 'cancelling'] as const) {
    const { execution, model, change, told, log, ...world } = await executionWorld(t)
    model.enqueue(calls('add'), says('Once', new Gate()))
    const running = await execution()
    const executed = running.execute()
    await heard(log, 'note.text')
    await change({ phase })
    running.stop('expired')
    await executed
    t.strictSame(told().slice(-2), ['note.cut item_2 expired', 'task.ended expired'])
    t.match(await world.task(), { result: 'expired', usage: USED, at: NOW, error: null })
    t.equal(await world.isIndexed(), false)
  }
})

test('a failure of the model is the job\'s, in its own words; any other is neutral, and both are told to who looks', async t => {
  const { seen, observed } = observer()
  const neutral = { code: 'server_error', message: 'Sorry, something went wrong.' }
  for (const [thrown, error] of [[new ModelError('rate_limit_exceeded', 'Slower.'), { code: 'rate_limit_exceeded', message: 'Slower.' }], [new Error('secret'), neutral]] as const) {
    const { execution, model, told, stopped, ...world } = await executionWorld(t, { observed })
    model.enqueue(says('Once', thrown))
    await (await execution()).execute()
    t.strictSame(told().slice(-2), ['note.cut item_1 failed', 'task.ended failed'])
    t.match(await world.task(), { phase: 'ended', result: 'failed', error, at: NOW })
    t.match(stopped, [{ body: { result: 'failed' } }])
    t.equal(seen.failed.pop(), thrown)
  }
})

test('a failure after the client has cancelled is not reported', async t => {
  const { execution, model, change, log, told, ...world } = await executionWorld(t)
  const gate = new Gate()
  model.enqueue(says('Once', gate, new ModelError('server_error', 'Broken.')))
  const executed = (await execution()).execute()
  await heard(log, 'note.text')
  await change({ phase: 'cancelling' })
  gate.open()
  await executed
  t.match(await world.task(), { result: 'cancelled', error: null })
  t.equal(told().filter(event => event.startsWith('task.ended')).length, 1)
})

test('a failure stands that the client\'s cancelling comes behind', async t => {
  const { execution, model, view, change, told, ...world } = await executionWorld(t)
  model.enqueue(says('Once', new ModelError('server_error', 'Broken.')))
  const end = view.hold(moves('ended'))
  const executed = (await execution()).execute()
  await end.reached()
  await change({ phase: 'cancelling' })
  end.open()
  await executed
  t.match(await world.task(), { result: 'failed', error: { message: 'Broken.' } })
  t.strictSame(told().slice(-2), ['note.cut item_1 failed', 'task.ended failed'])
})

test('a job without an executor is ended: what was half written is cut off', async t => {
  const { write, execution, store, told, ...world } = await executionWorld(t, { task: { phase: 'cancelling' } })
  await store.write(PLACE, [{ op: 'put', kind: 'note_item', id: 'item_1', parent: 'job_1', body: { kind: 'message', id: 'item_1', isOpen: true, usage: null, parts: [] } }])
  const running = await execution()
  await running.end(new RunStopped('cancelled'))
  await running.finished
  t.strictSame(told(), ['task.state cancelling', 'note.cut item_1 cancelled', 'task.ended cancelled'])
  t.match(await world.items(), [{ isOpen: false }])
  t.match(await world.task(), { result: 'cancelled' })
  t.equal(await world.isIndexed(), false)
})

test('a job whose calls wait for their outputs is ended without asking for them again', async t => {
  const { execution, store, told, model, ...world } = await executionWorld(t, { task: { phase: 'waiting', expiresAt: NOW } })
  const call = { id: 'call_1', name: 'ask', arguments: '', output: null }
  await store.write(PLACE, [{ op: 'put', kind: 'note_item', id: 'item_1', parent: 'job_1', body: { kind: 'calls', id: 'item_1', isOpen: true, isComplete: true, usage: USED, calls: [call] } }])
  await (await execution()).end(new RunStopped('expired'))
  t.strictSame(told(), ['note.cut item_1 expired', 'task.ended expired'])
  t.match(await world.items(), [{ isOpen: false, calls: [call] }])
  t.match(await world.task(), { result: 'expired', usage: USED })
})

test('a job is handed over by giving its lease up, and by nothing else', async t => {
  const { seen, observed } = observer()
  const { execution, model, told, log, stopped, version, ...world } = await executionWorld(t, { observed })
  model.enqueue(says('Once', new Gate()))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  running.stop('shutdown')
  await executed
  t.equal(running.wasHandedOver, true)
  t.match(seen.ended, [['handed_over', { provider: 'test', modelTurns: 1 }]])
  t.strictSame([await world.lease(), await world.isLocked(), await world.isIndexed(), await version()], [undefined, true, true, 1])
  t.match(await world.items(), [{ isOpen: true }])
  t.strictSame([told().at(-1), stopped, log.isClosed], ['note.text item_1 Once', [], true])
})

test('an execution that has lost its job hands nothing over', async t => {
  const { seen, observed } = observer()
  const { execution, takeOver, model, log, ...world } = await executionWorld(t, { observed })
  model.enqueue(says('Once', new Gate()))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  await takeOver()
  running.stop('shutdown')
  await executed
  t.equal(running.wasHandedOver, false)
  t.match(seen.ended, [['running', { provider: 'test', modelTurns: 1 }]])
  t.match(await world.lease(), { owner: 'another' })
})

test('an execution that has lost its job to a lease of the same version hands nothing over', async t => {
  const { execution, model, log, store, change, ...world } = await executionWorld(t)
  model.enqueue(says('Once', new Gate()))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  // Another instance took it over, and let it wait for its client, whose answer a third one took.
  await store.write(PLACE, [{ op: 'delete', kind: KIND.lease, id: 'job_1' }])
  await change({ phase: 'waiting' })
  await change({ phase: 'running' })
  await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: 'job_1', body: { owner: 'third', token: 'third', takeovers: 0, expiresAt: NOW * 1000 + LEASE_MS } }])
  running.stop('shutdown')
  await executed
  t.match(await world.lease(), { token: 'third' })
  t.strictSame([running.wasHandedOver, log.isClosed], [false, true])
})

test('a job that was cancelled elsewhere a moment ago is handed over as any other', async t => {
  const { execution, model, log, change, ...world } = await executionWorld(t)
  model.enqueue(says('Once', new Gate()))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  await change({ phase: 'cancelling' })
  running.stop('shutdown')
  await executed
  t.match([await world.lease(), await world.task()], [undefined, { phase: 'cancelling' }])
  t.strictSame([running.wasHandedOver, log.isClosed], [true, true])
})

test('a lease is extended while its job goes on, between writes', async t => {
  const { execution, view, clock, lease, log } = await executionWorld(t, { task: { phase: 'queued' } })
  const running = await execution()
  const read = view.calls.get
  await running.renewLease()
  await clock.advance(1000)
  const begin = view.hold(moves('running'))
  const begun = running.commit(() => running.moved({ to: 'running', at: 0 }))
  await begin.reached()
  const renewed = running.renewLease()
  begin.open()
  await Promise.all([begun, renewed])
  await running.commit(() => ({ items: [{ op: 'put', kind: 'mine', id: 'a', body: 1 }] }))
  await running.renewLease()
  t.equal(view.calls.get, read, 'job and lease are as they are known')
  t.equal(log.nextId, 1, 'of a write without events readers hear nothing')
  t.match(await lease(), { expiresAt: NOW * 1000 + 1000 + LEASE_MS, token: 'token' })
})

test('with the renewal of its lease an execution finds out that its job was cancelled, changed or lost', async t => {
  const lost = { name: 'RunStopped', reason: 'lost' }
  const cancelled = await executionWorld(t)
  const running = await cancelled.execution()
  await cancelled.change({ phase: 'cancelling' })
  await t.rejects(running.renewLease(), { name: 'RunStopped', reason: 'cancelled' })

  const changed = await executionWorld(t)
  const going = await changed.execution()
  await changed.change({ ask: 'What?' })
  await going.renewLease()
  t.match(going.body, { ask: 'What?' })
  await going.commit(retry => ({ items: [{ op: 'put', kind: 'mine', id: 'a', body: retry }] }))
  t.equal((await changed.store.get({ ...PLACE, kind: 'mine', id: 'a' }))?.body, false, 'the write that follows needs no second try')

  const taken = await executionWorld(t)
  const late = await taken.execution()
  await taken.takeOver()
  await t.rejects(late.renewLease(), lost)

  const ended = await executionWorld(t)
  const behind = await ended.execution()
  await ended.change({ phase: 'ended' })
  await t.rejects(behind.renewLease(), lost)

  const gone = await executionWorld(t)
  const left = await gone.execution()
  await gone.store.write(PLACE, [{ op: 'delete', kind: 'task', id: 'job_1' }])
  await t.rejects(left.renewLease(), lost)
})

for (const [how, lose] of [
  ['was taken over', async world => { await world.takeOver() }],
  ['has ended elsewhere', async world => { await world.change({ phase: 'ended', result: 'theirs' }) }],
  ['is gone', async world => { await world.store.write(PLACE, [{ op: 'clear' }]) }]
] satisfies [string, (world: Awaited<ReturnType<typeof executionWorld>>) => Promise<void>][]) {
  test(`an execution whose job ${how} writes nothing any more, and its readers end`, async t => {
    const world = await executionWorld(t)
    const gate = new Gate()
    world.model.enqueue(says('Once', gate))
    const running = await world.execution()
    const executed = running.execute()
    await heard(world.log, 'note.text')
    await lose(world)
    const before = [await world.task(), await world.lease(), await world.items(), await world.isIndexed()]
    gate.open()
    await executed
    await running.finished
    t.strictSame([await world.task(), await world.lease(), await world.items(), await world.isIndexed()], before)
    t.strictSame([world.told().at(-1), world.log.isClosed, world.stopped], ['note.text item_1 Once', true, []])
    t.strictSame(world.logged, [])
  })
}

test('an execution that is told so stops without looking', async t => {
  const { execution, model, log, view, version } = await executionWorld(t)
  model.enqueue(says('Once', new Gate()))
  const running = await execution()
  const executed = running.execute()
  await heard(log, 'note.text')
  const { get, write } = view.calls
  running.stop('lost')
  await executed
  t.strictSame([view.calls.get, view.calls.write, await version(), log.isClosed], [get, write, 1, true])
})

test('a write that another came before is built again, of what that one has left', async t => {
  const { execution, change, store, told, task } = await executionWorld(t, { task: { phase: 'queued' } })
  const running = await execution()
  await change({ ask: 'What?' })
  const builds: boolean[] = []
  await running.commit(retry => {
    builds.push(retry)
    return running.moved({ to: 'running', at: 0 })
  })
  t.strictSame(builds, [false, true])
  t.match(await task(), { ask: 'What?', phase: 'running' })
  t.strictSame(told(), ['task.running running'])
  await change({ phase: 'cancelling' })
  await t.rejects(running.commit(() => ({ items: [{ op: 'put', kind: 'mine', id: 'a', body: 1 }], events: [{ event: 'told', data: {} }] })), Object.assign(new Error('the run was stopped: cancelled'), { name: 'RunStopped', reason: 'cancelled' }))
  t.equal(await store.get({ ...PLACE, kind: 'mine', id: 'a' }), undefined)
  t.strictSame(told(), ['task.running running'])
})

test('a write goes through while the lease alone has moved on: an earlier renewal was carried out without an answer', async t => {
  const { execution, view, store } = await executionWorld(t)
  const running = await execution()
  view.loseAnswer(puts(KIND.lease))
  await t.rejects(running.renewLease(), { name: 'StorageUnavailableError' })
  await running.commit(() => ({ items: [{ op: 'put', kind: 'mine', id: 'a', body: 1 }] }))
  await running.renewLease()
  t.ok(await store.get({ ...PLACE, kind: 'mine', id: 'a' }))
})

test('a job that has nothing open ends with its own end alone', async t => {
  const { execution, told, ...world } = await executionWorld(t)
  await (await execution()).end(new ModelError('server_error', 'Broken.'))
  t.strictSame(told(), ['task.ended failed'])
  t.match(await world.task(), { result: 'failed', usage: { promptTokens: 0 } })
  t.strictSame(await world.items(), [])
})

test('offsets of annotations count UTF-16 units, or code points where that is asked for', async t => {
  const tool: AnyBuiltInTool = {
    type: 'mark',
    declare: param => param,
    offer: () => ({ name: 'mark' }),
    begin: ({ id }) => ({ id, type: 'mark' }),
    async * run ({ id }) { return { call: { id, type: 'mark' }, kept: null } },
    output: () => 'done',
    replay: () => [],
    annotator: () => ({
      push: value => [{ value, annotations: [{ type: 'file_citation', text: value, start_index: 0, end_index: value.length, file_citation: { file_id: 'file_1' } }] }],
      end: () => []
    })
  }
  for (const [offsetUnit, end] of [[undefined, 2], ['utf16', 2], ['code_points', 1]] as const) {
    const { execution, model, ...world } = await executionWorld(t, { task: { tools: [{ type: 'mark' }] }, services: { tools: new BuiltInTools([tool]), ...offsetUnit === undefined ? {} : { offsetUnit } } })
    model.enqueue(calls('mark'), says('😀'))
    await (await execution()).execute()
    t.match((await world.items()).at(-1), { parts: [{ text: '😀', annotations: [{ start_index: 0, end_index: end }] }] })
  }
})
