import { test } from 'tap'
import { fieldsOf } from '../../lib/runs/events/bus.js'
import { KIND } from '../../storage/layout.js'
import type { WriteItem } from '../../storage/record-store.js'
import { Gate } from '../helpers/upstream-gate.js'
import { engineWorld, LEASE_MS, pass, settle, tell } from '../runs/helpers/engine-world.js'
import { ASK, heard, keyOf, NOW, puts, task } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

const RUN = { phase: 'running' } as const
const claims = puts(KIND.lease)
const removesLease = (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'delete' && item.kind === KIND.lease)

/** Whether work has come to its end, with or without success. */
function watch (work: Promise<unknown>): { isOver: boolean } {
  const watched = { isOver: false }
  const over = (): void => { watched.isOver = true }
  work.then(over, over)
  return watched
}

test('a server that shuts down lets its runs finish for a while, holds them meanwhile, and hands over what is left to an instance that goes on at once', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  // Not when the other one looks for runs anyway.
  const drainMs = LEASE_MS - 1000
  const { engine, create, model, dialect, logged } = await instance({ limits: { drainMs } })
  const other = await instance()
  const gate = new Gate()
  model.enqueue(says('Once', gate), says('Twice', new Gate()))
  const [log, left] = [await create(), await create({ id: 'job_2' })]
  await Promise.all([heard(log, 'note.text'), heard(left, 'note.text')])
  const handedOver = engine.handOver()
  const first = watch(handedOver)
  await settle()
  t.throws(() => engine.newLease(), { status: 503, code: 'shutting_down' })
  t.strictSame([engine.activeCount, log.isClosed, left.isClosed], [2, false, false])
  gate.open()
  await settle()
  t.match(await world.task(), { result: 'completed' })
  t.equal(first.isOver, false)
  await pass(clock, drainMs - 1)
  t.match([await world.task('job_2'), engine.activeCount, left.isClosed, first.isOver], [RUN, 1, false, false])
  t.ok((await world.lease('job_2'))!.expiresAt > NOW * 1000 + LEASE_MS, 'it was renewed')
  await pass(clock, 1)
  await handedOver
  await settle()
  t.strictSame([engine.activeCount, left.isClosed], [0, true])
  t.match([await world.task('job_2'), await world.lease('job_2')], [{ result: 'completed' }, undefined], 'by the other one')
  t.strictSame([dialect.stopped.map(({ id }) => id), other.dialect.stopped.map(({ id }) => id), other.model.requests.length, logged], [['job_1'], ['job_2'], 1, []])
})

test('without time to finish runs are handed over at once, and without runs there is nothing to wait for', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { engine, create, model } = await instance()
  model.enqueue(says('Once', new Gate()))
  await heard(await create(), 'note.text')
  await engine.handOver()
  t.match([await world.task(), await world.lease(), engine.activeCount], [RUN, undefined, 0])
  const idle = await instance({ limits: { drainMs: LEASE_MS } })
  await settle()
  t.equal(idle.engine.activeCount, 0)
  const drains = watch(clock.next(ms => ms === LEASE_MS))
  await idle.engine.handOver()
  t.strictSame([drains.isOver, clock.pending], [false, 0], 'no timer is left, either')
})

test('runs that have finished in time are not waited for any longer', async t => {
  const { instance } = await engineWorld(t)
  const { engine, create, model } = await instance({ limits: { drainMs: LEASE_MS, logRetentionMs: 0 } })
  const gate = new Gate()
  model.enqueue(says('Once', gate))
  await heard(await create(), 'note.text')
  const handedOver = engine.handOver()
  gate.open()
  await handedOver
  t.equal(engine.activeCount, 0)
})

test('a server that shuts down looks for no runs any more, and expires none', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  const { engine, create, model } = await instance({ limits: { drainMs: 10 * LEASE_MS } })
  model.enqueue(calls('ask'), says('Once', new Gate()))
  await create({ id: 'job_2', tools: [ASK], expiresAt: NOW + LEASE_MS / 1000 })
  await settle()
  const log = await create()
  await heard(log, 'note.text')
  const handedOver = engine.handOver()
  await write(task({ id: 'job_3' }))
  await tell(world.store, { type: 'released', ...fieldsOf(keyOf('job_3')) })
  engine.recoverSoon()
  await pass(clock, 4 * LEASE_MS)
  t.match([await world.task('job_2'), await world.task('job_3'), await world.lease('job_3')], [{ phase: 'waiting' }, RUN, undefined])
  await pass(clock, 6 * LEASE_MS)
  await handedOver
  t.match([await world.task(), await world.lease()], [RUN, undefined])
})

test('a hand-over is one, however often it is asked for, and the end comes after it', async t => {
  const { instance, clock } = await engineWorld(t)
  const { engine, create, model, view } = await instance({ limits: { drainMs: LEASE_MS } })
  model.enqueue(says('Once', new Gate()))
  await heard(await create(), 'note.text')
  const removal = view.hold(removesLease)
  const ends = [watch(engine.handOver()), watch(engine.handOver()), watch(engine.stop())]
  await pass(clock, LEASE_MS)
  await removal.reached()
  t.strictSame(ends.map(({ isOver }) => isOver), [false, false, false])
  const writes = view.calls.write
  removal.open()
  await settle()
  t.strictSame(ends.map(({ isOver }) => isOver), [true, true, true])
  t.equal(view.calls.write, writes)
})

test('readers of all runs end when runs are handed over, those of runs that wait for their clients too', async t => {
  const { instance } = await engineWorld(t)
  const { engine, create, model } = await instance()
  model.enqueue(calls('ask'))
  const log = await create({ tools: [ASK] })
  await settle()
  t.equal(log.isClosed, false)
  await engine.handOver()
  t.equal(log.isClosed, true)
})

test('an end waits for what is under way in the background, and a run whose lease was taken then is handed over unchanged', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine, view, logged } = await instance()
  await write(task({ phase: 'cancelling' }))
  const claim = view.hold(claims)
  engine.cancelSoon(keyOf())
  await claim.reached()
  const stopped = engine.stop()
  const end = watch(stopped)
  await settle()
  t.equal(end.isOver, false)
  claim.open()
  await stopped
  t.match([await world.task(), await world.lease(), engine.activeCount], [{ phase: 'cancelling' }, undefined, 0])
  t.strictSame(logged, [])
  await instance()
  await settle()
  t.match(await world.task(), { result: 'cancelled' }, 'by another instance')
})

test('a run that was found before the shutdown, and claimed after it, is handed over without a word of the model', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine, view, model, dialect } = await instance()
  await write(task())
  const claim = view.hold(claims)
  engine.recoverSoon()
  await claim.reached()
  const stopped = engine.stop()
  await settle()
  claim.open()
  await stopped
  t.match([await world.task(), await world.lease()], [RUN, undefined])
  t.strictSame(await world.items(), [])
  t.strictSame([model.requests.length, dialect.stopped, engine.activeCount], [0, [], 0])
})

test('no lease is taken once a server shuts down, even of a run that was read before', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine, view, logged } = await instance()
  await write(task({ phase: 'cancelling' }))
  await write(task({ id: 'job_2' }))
  const reads = [view.holdRead(({ kind, id }) => kind === KIND.lease && id === 'job_1'), view.holdRead(({ kind, id }) => kind === KIND.lease && id === 'job_2')]
  engine.cancelSoon(keyOf())
  await tell(world.store, { type: 'released', ...fieldsOf(keyOf('job_2')) })
  await Promise.all(reads.map(async read => await read.reached()))
  const writes = view.calls.write
  const stopped = engine.stop()
  for (const read of reads) read.open()
  await stopped
  t.match([await world.task(), await world.lease(), await world.task('job_2'), await world.lease('job_2')], [{ phase: 'cancelling' }, undefined, RUN, undefined])
  t.equal(view.calls.write, writes)
  t.strictSame(logged.sort(), ['a message of another instance could not be handled', 'a run could not be cancelled yet; recovery will cancel it'])
})

test('a look for runs that is under way when a server shuts down ends with the run that it is at', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine, view, logged } = await instance()
  await write(task())
  await write(task({ id: 'job_2' }))
  const read = view.holdRead(({ kind }) => kind === KIND.lease)
  engine.recoverSoon()
  await read.reached()
  const { get } = view.calls
  const stopped = engine.stop()
  const end = watch(stopped)
  await settle()
  t.equal(end.isOver, false)
  read.open()
  await stopped
  t.match([await world.task(), await world.lease(), await world.task('job_2')], [RUN, undefined, RUN])
  t.strictSame([view.calls.get, logged], [get, []])
})

test('a look for runs that the time has come for is waited for, with the run that it has claimed by then', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  const { engine, view } = await instance()
  await write(task())
  const claim = view.hold(claims)
  await clock.advance(LEASE_MS / 2)
  await claim.reached()
  const ends = [watch(engine.handOver()), watch(engine.stop())]
  await settle()
  t.strictSame(ends.map(({ isOver }) => isOver), [false, false])
  const release = view.hold(removesLease)
  claim.open()
  await release.reached()
  await settle()
  t.strictSame(ends.map(({ isOver }) => isOver), [true, false])
  release.open()
  await settle()
  t.match([await world.task(), await world.lease(), ends[1]!.isOver], [RUN, undefined, true])
})

test('a look for runs ends with a shutdown, also at a run that has nothing to be claimed for', async t => {
  const { instance, write } = await engineWorld(t)
  const { engine, view } = await instance()
  await write(task({ phase: 'ended' }))
  await write(task({ id: 'job_2', phase: 'ended' }))
  const read = view.holdRead(({ kind, id }) => kind === 'task' && id === 'job_1')
  engine.recoverSoon()
  await read.reached()
  const { get } = view.calls
  const stopped = engine.stop()
  read.open()
  await stopped
  t.equal(view.calls.get, get)
})

test('a renewal under way is waited for', async t => {
  const { instance, clock } = await engineWorld(t)
  const { engine, create, model, view } = await instance()
  model.enqueue(says('Once', new Gate()))
  await heard(await create(), 'note.text')
  const renewal = view.hold(claims)
  await clock.advance(LEASE_MS / 3)
  await renewal.reached()
  const end = watch(engine.stop())
  await settle()
  t.equal(end.isOver, false)
  renewal.open()
  await settle()
  t.equal(end.isOver, true)
})

test('a run that waits for its client and is cancelled where its execution is just ending is left to others by a server that shuts down', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const { engine, create, model, view, dialect, logged } = await instance()
  model.enqueue(calls('ask'))
  const unanswered = view.hold(items => items.some(item => item.op === 'put' && item.kind === 'task'))
  await create({ tools: [ASK] })
  await unanswered.reached()
  dialect.onEnd = () => { change({ phase: 'cancelling' }).catch(() => {}) }
  engine.cancelSoon(keyOf())
  const stopped = engine.stop()
  unanswered.open()
  await stopped
  t.match([await world.task(), await world.lease()], [{ phase: 'cancelling' }, undefined])
  t.strictSame(logged, [])
})

test('a server that has stopped hears nothing of others', async t => {
  const { instance, store } = await engineWorld(t)
  const { engine, dialect } = await instance()
  await tell(store, { type: 'ended', ...fieldsOf(keyOf()) })
  await settle()
  t.strictSame(dialect.endedElsewhere, [keyOf()])
  await engine.stop()
  await tell(store, { type: 'ended', ...fieldsOf(keyOf('job_2')) })
  await settle()
  t.strictSame(dialect.endedElsewhere, [keyOf()])
})
