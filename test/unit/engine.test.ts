import { test } from 'tap'
import type { JobTrace, ObservedRun } from '../../lib/runs/observer.js'
import { KIND } from '../../storage/layout.js'
import { Gate } from '../helpers/upstream-gate.js'
import { engineWorld, LEASE_MS, pass, settle, theirs } from '../runs/helpers/engine-world.js'
import { ASK, heard, keyOf, moves, NOW, PLACE, task, told } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

test('a run is executed where it was created, and known there while it is and after it has ended', async t => {
  const { instance, ...world } = await engineWorld(t)
  const { engine, create, model, dialect, limits } = await instance()
  const gate = new Gate()
  model.enqueue(says('Once', gate))
  t.strictSame([engine.activeCount, engine.heldBytes, engine.limits], [0, 0, limits])
  const log = await create({ phase: 'queued' })
  await heard(log, 'note.text')
  t.strictSame([engine.activeCount, engine.heldBytes], [1, 0])
  t.match(engine.recent(keyOf()), { phase: 'running' })
  gate.open()
  await settle()
  t.strictSame([engine.activeCount, log.isClosed, engine.heldBytes > 0], [0, true, true])
  t.match(engine.recent(keyOf()), { phase: 'ended', result: 'completed' })
  t.equal(engine.recent({ ...keyOf(), partition: 'other' }), undefined)
  t.match(dialect.stopped, [{ id: 'job_1', result: 'completed' }])
  t.match(await world.task(), { result: 'completed' })
})

test('what is held for readers is bounded', async t => {
  const { instance } = await engineWorld(t)
  const { engine, create, model } = await instance({ limits: { maxHeldBytes: 1 } })
  model.enqueue(says('Once'))
  await create()
  await settle()
  t.strictSame([engine.heldBytes, engine.recent(keyOf()), engine.activeCount], [0, undefined, 0])
})

test('runs that have ended keep a quarter of what may be held: their events are in the records', async t => {
  const { instance } = await engineWorld(t)
  const { engine, create, model } = await instance({ limits: { maxHeldBytes: 200_000 } })
  for (let i = 1; i <= 20; i++) {
    model.enqueue(says('Once'))
    await create({ id: `job_${i}` })
    await settle()
  }
  t.ok(engine.heldBytes > 30_000 && engine.heldBytes <= 50_000, `${engine.heldBytes} bytes`)
  t.equal(engine.recent(keyOf('job_1')), undefined)
  t.match(engine.recent(keyOf('job_20')), { phase: 'ended' })
})

test('the lease of a new run names its instance, the claim and who pays, and where it is traced', async t => {
  const { instance } = await engineWorld(t)
  const taken: (JobTrace | undefined)[] = []
  const described: object[] = []
  const observed: ObservedRun = { trace: { own: 'trace' }, describe: run => { described.push(run) }, modelCall: () => ({ within: work => work(), end () {}, failed () {} }), toolCall: () => { throw new Error('none') }, failed () {}, end () {} }
  const plain = await instance()
  const lease = plain.engine.newLease()
  t.match(lease, { owner: String, token: String, takeovers: 0, expiresAt: NOW * 1000 + LEASE_MS })
  t.strictSame([Object.hasOwn(lease, 'payer'), Object.hasOwn(lease, 'trace')], [false, false])
  t.not(plain.engine.newLease().token, lease.token)
  t.equal(plain.engine.newLease().owner, lease.owner)
  const watched = await instance({ observer: { begin: trace => { taken.push(trace); return observed } } })
  t.match(watched.engine.newLease({ keyName: 'key' }), { payer: { keyName: 'key' }, trace: { own: 'trace' } })
  await watched.create()
  await settle()
  t.strictSame(taken, [undefined, undefined])
  t.match(described, [{ runId: 'job_1', takeovers: 0 }])
})

test('leases are renewed every third of their length while runs go on', async t => {
  const { instance, clock, lease } = await engineWorld(t)
  const { create, model, logged } = await instance()
  model.enqueue(says('Once', new Gate()))
  await heard(await create(), 'note.text')
  await pass(clock, LEASE_MS / 3 - 1)
  t.equal((await lease())?.expiresAt, NOW * 1000 + LEASE_MS)
  await pass(clock, 1)
  t.equal((await lease())?.expiresAt, clock.now() + LEASE_MS)
  await pass(clock, 10 * LEASE_MS)
  t.ok((await lease())!.expiresAt > clock.now() + LEASE_MS / 2)
  t.match(await lease(), { takeovers: 0 })
  t.strictSame(logged, [])
})

test('a lease that cannot be renewed once is renewed the next time', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { create, model, view } = await instance()
  const gate = new Gate()
  model.enqueue(says('Once', gate))
  await heard(await create(), 'note.text')
  view.loseAnswer(items => items.some(({ op }) => op === 'put'), new Gate())
  await pass(clock, LEASE_MS / 3)
  t.equal((await world.lease())?.expiresAt, NOW * 1000 + LEASE_MS)
  await pass(clock, LEASE_MS / 3)
  t.equal((await world.lease())?.expiresAt, clock.now() + LEASE_MS)
  gate.open()
  await settle()
  t.match(await world.task(), { result: 'completed' })
})

test('a run that was cancelled or lost where its executor did not hear of it stops with the next renewal of its lease', async t => {
  const { instance, clock, store, change, ...world } = await engineWorld(t)
  const { create, model, engine } = await instance()
  model.enqueue(says('Once', new Gate()), says('Twice', new Gate()))
  const log = await create()
  const other = await create({ id: 'job_2' })
  await Promise.all([heard(log, 'note.text'), heard(other, 'note.text')])
  await change({ phase: 'cancelling' })
  await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: 'job_2', body: theirs() }])
  await pass(clock, LEASE_MS / 3)
  t.match(await world.task(), { result: 'cancelled' })
  t.match([await world.task('job_2'), await world.lease('job_2')], [{ phase: 'running' }, { owner: 'another' }])
  t.strictSame([other.isClosed, engine.activeCount], [true, 0])
})

test('cancelling ends a run at once where it is executed', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const { engine, create, model, dialect, view } = await instance()
  model.enqueue(says('Once', new Gate()))
  const log = await create({ expiresAt: NOW + 60 })
  await heard(log, 'note.text')
  await change({ phase: 'cancelling' })
  const { get } = view.calls
  engine.cancelSoon(keyOf())
  await settle()
  t.match(await world.task(), { result: 'cancelled' })
  t.equal(view.calls.get, get + 2, 'the run and its lease are looked at, once')
  t.match(dialect.stopped, [{ result: 'cancelled' }])
  t.equal(told(log).filter(event => event.startsWith('task.ended')).length, 1)
})

test('cancelling ends a run at once that waits for its client', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const { engine, create, model, dialect } = await instance()
  model.enqueue(calls('ask'))
  const log = await create({ tools: [ASK] })
  await settle()
  t.match(await world.task(), { phase: 'waiting' })
  await change({ phase: 'cancelling' })
  engine.cancelSoon(keyOf())
  await settle()
  t.match(await world.task(), { result: 'cancelled' })
  t.strictSame(dialect.stopped.map(({ result }) => result), ['waiting', 'cancelled'])
  t.strictSame(told(log).slice(-3), ['task.state cancelling', 'note.cut item_1 cancelled', 'task.ended cancelled'])
  t.equal(log.isClosed, true)
})

test('cancelling a run in the moment in which it comes to wait for its client ends it', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const { engine, create, model, view, dialect } = await instance()
  model.enqueue(calls('ask'))
  const unanswered = view.hold(moves('waiting'))
  await create({ tools: [ASK] })
  await unanswered.reached()
  engine.cancelSoon(keyOf())
  unanswered.open()
  // Between the run's last write and the end of its execution.
  dialect.onEnd = () => { change({ phase: 'cancelling' }).catch(() => {}) }
  await settle()
  t.match(await world.task(), { result: 'cancelled' })
})

test('a run that has ended, or is gone, is left as it is by those who would end it', async t => {
  const { instance, write, store, ...world } = await engineWorld(t)
  const { engine, logged, dialect } = await instance()
  await write(task({ phase: 'ended', result: 'completed' }))
  await engine.expire(keyOf())
  await engine.expire(keyOf('job_gone'))
  t.match([await world.task(), await world.version(), await world.lease()], [{ result: 'completed' }, 1, undefined])
  t.strictSame([logged, dialect.stopped, await world.lease('job_gone')], [[], [], undefined])
})

test('requests that end one run at the same time end it once', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine, dialect, view } = await instance()
  await write(task({ phase: 'waiting' }))
  const claim = view.hold(items => items.some(item => item.op === 'put' && item.kind === KIND.lease))
  const first = engine.expire(keyOf())
  await claim.reached()
  const second = engine.expire(keyOf())
  await settle()
  claim.open()
  await Promise.all([first, second])
  t.match(await world.task(), { result: 'expired' })
  t.equal(dialect.stopped.length, 1)
  await write(task({ phase: 'waiting', ask: 'Again?' }))
  await engine.expire(keyOf())
  t.equal(dialect.stopped.length, 2, 'what has ended is not waited for any more')
})

test('a run expires when its time has come, wherever it is in its life', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { create, model, dialect, engine } = await instance()
  model.enqueue(says('Once', new Gate()), calls('ask'))
  await create({ expiresAt: NOW + 10 })
  await create({ id: 'job_2', expiresAt: NOW + 20, tools: [ASK] })
  await pass(clock, 9999)
  t.match([await world.task(), await world.task('job_2')], [{ phase: 'running' }, { phase: 'waiting' }])
  await pass(clock, 1)
  t.match(await world.task(), { result: 'expired', at: NOW + 10 })
  await pass(clock, 9999)
  t.match(await world.task('job_2'), { phase: 'waiting' })
  await pass(clock, 1)
  t.match(await world.task('job_2'), { result: 'expired', at: NOW + 20 })
  t.equal(engine.activeCount, 0)
  t.strictSame(dialect.stopped.map(({ id, result }) => `${id} ${result}`), ['job_2 waiting', 'job_1 expired', 'job_2 expired'])
})

test('a run that has ended in time leaves no timer for its expiry', async t => {
  const { instance, clock } = await engineWorld(t)
  const { create } = await instance({ limits: { logRetentionMs: 60_000 } })
  const expiry = clock.next(ms => ms === 1_000_000)
  const before = clock.pending
  await create({ expiresAt: NOW + 1000 })
  t.equal(await expiry, 1_000_000)
  await settle()
  // That which drops its events is left.
  t.equal(clock.pending, before + 1)
})

test('whether a run is past its time is seen to the millisecond', async t => {
  const { instance, clock } = await engineWorld(t)
  const { engine } = await instance()
  await clock.advance(999)
  t.equal(engine.isOverdue({ phase: 'running', expiresAt: NOW + 1 }), false)
  await clock.advance(1)
  t.strictSame((['queued', 'running', 'waiting', 'cancelling', 'ended'] as const).map(phase => engine.isOverdue({ phase, expiresAt: NOW + 1 })), [true, true, true, true, false])
  t.equal(engine.isOverdue({ phase: 'running', expiresAt: null }), false)
})

test('runs of a partition that is gone stop, and no others', async t => {
  const { instance, store, ...world } = await engineWorld(t)
  const { engine, create, model, view } = await instance()
  const gate = new Gate()
  model.enqueue(says('Once', gate))
  const log = await create()
  await heard(log, 'note.text')
  engine.abandon('elsewhere')
  await settle()
  t.equal(engine.activeCount, 1)
  await store.write(PLACE, [{ op: 'clear' }])
  const calls = { ...view.calls }
  engine.abandon(PLACE.partition)
  await settle()
  t.strictSame(view.calls, calls, 'without a look at the store')
  t.strictSame([engine.activeCount, log.isClosed, await world.task(), await world.lease()], [0, true, undefined, undefined])
})

test('an observer that fails at the end of a run keeps nothing from ending', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const observed: ObservedRun = { trace: { own: 'trace' }, describe () {}, modelCall: () => ({ within: work => work(), end () {}, failed () {} }), toolCall: () => { throw new Error('no tool is called') }, failed () {}, end () { throw new Error('it is full') } }
  const { engine, create, model, logged } = await instance({ observer: { begin: () => observed } })
  model.enqueue(says('Once', new Gate()))
  const log = await create()
  await heard(log, 'note.text')
  await change({ phase: 'cancelling' })
  await engine.expire(keyOf())
  t.match(await world.task(), { result: 'expired' })
  await settle()
  t.strictSame([engine.activeCount, log.isClosed, logged], [0, true, ['a run execution broke down']])
})
