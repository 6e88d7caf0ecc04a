import { test } from 'tap'
import type { JobTrace, ObservedRun } from '../../lib/runs/observer.js'
import { fieldsOf } from '../../lib/runs/events/bus.js'
import { indexJob } from '../../lib/runs/lease.js'
import { activeRunsOf, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { DamagedRecordError, StorageUnavailableError } from '../../storage/record-store.js'
import { Gate } from '../helpers/upstream-gate.js'
import { DamagedStore } from '../runs/helpers/damaged-store.js'
import { engineWorld, LEASE_MS, pass, settle, tell, theirs } from '../runs/helpers/engine-world.js'
import { ASK, heard, keyOf, NOW, PLACE, task } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

/** The index of versions that had one partition for all of it. */
const OLD_INDEX = { project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }

test('an instance that is alone takes every run over when it starts, whoever had it, and goes on where it was', async t => {
  const { instance, write, halfWritten, ...world } = await engineWorld(t)
  await write(task(), theirs({ takeovers: 1, payer: { keyName: 'key' } }))
  await halfWritten()
  const { engine, dialect, model } = await instance({ start: 'alone' })
  await settle()
  t.match(await world.task(), { result: 'completed' })
  t.match(await world.items(), [{ id: 'item_1', isOpen: false }])
  t.match(dialect.stopped, [{ result: 'completed', report: { takeovers: 2, keyName: 'key' } }])
  t.strictSame([model.requests.length, engine.activeCount, await world.lease(), await world.isIndexed()], [1, 0, undefined, false])
})

test('an instance among others takes a run over once its lease has lapsed, and no sooner', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await write(task(), theirs())
  const { engine } = await instance()
  await pass(clock, LEASE_MS - 1)
  t.match([await world.lease(), engine.activeCount], [{ owner: 'another' }, 0])
  await pass(clock, 1)
  t.match(await world.task(), { result: 'completed' })
})

test('a run without a lease is taken over when an instance looks, every half lease', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await instance()
  await write(task())
  await pass(clock, LEASE_MS / 2 - 1)
  t.match(await world.task(), { phase: 'running' })
  await pass(clock, 1)
  t.match(await world.task(), { result: 'completed' })
})

test('an instance looks for runs at once when it is asked to', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  const { engine } = await instance()
  await write(task())
  engine.recoverSoon()
  await settle()
  t.match(await world.task(), { result: 'completed' })
})

test('an execution that goes on with another\'s is traced as such', async t => {
  const { instance, write } = await engineWorld(t)
  const begun: (JobTrace | undefined)[] = []
  const described: object[] = []
  const observed: ObservedRun = { trace: { own: 'second' }, describe: run => { described.push(run) }, modelCall: () => ({ within: work => work(), end () {}, failed () {} }), toolCall: () => { throw new Error('none') }, failed () {}, end () {} }
  await write(task(), theirs({ trace: { own: 'first', parent: 'request' } }))
  await instance({ start: 'alone', observer: { begin: taken => { begun.push(taken); return observed } } })
  await settle()
  t.strictSame(begun, [{ own: 'first', parent: 'request' }])
  t.match(described, [{ takeovers: 1 }])
})

test('a run that was taken over too often fails, and one that was not goes on', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  await write(task(), theirs({ takeovers: 2 }))
  await write(task({ id: 'job_2' }), theirs({ takeovers: 1 }))
  const { model } = await instance({ start: 'alone', limits: { maxTakeovers: 2 } })
  await settle()
  t.match(await world.task(), { result: 'failed', error: { code: 'server_error', message: 'The run was interrupted 3 times and was given up.' } })
  t.match(await world.task('job_2'), { result: 'completed' })
  t.equal(model.requests.length, 1)
})

test('a run that was being cancelled is cancelled by who finds it, however often it was taken over', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  await write(task({ phase: 'cancelling' }), theirs({ takeovers: 9 }))
  const { model } = await instance({ start: 'alone' })
  await settle()
  t.match(await world.task(), { result: 'cancelled' })
  t.equal(model.requests.length, 0)
})

test('a run of which a part cannot be read fails, and one that was being cancelled is cancelled all the same', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  await write(task(), theirs())
  await write(task({ id: 'job_2', phase: 'cancelling' }), theirs())
  const { dialect, engine, model } = await instance({ start: false })
  dialect.onLoad = async () => { throw new DamagedRecordError({ ...PLACE, kind: 'note_item', id: 'item_1' }, 1, new Error('cut off')) }
  await engine.start(true)
  await settle()
  t.match(await world.task(), { result: 'failed', error: { code: 'server_error', message: 'A part of the run was lost.' }, usage: { promptTokens: 0, completionTokens: 0 } })
  t.match(await world.task('job_2'), { result: 'cancelled' })
  t.equal(model.requests.length, 0)
})

test('a run whose records cannot be read for another reason is left alone until the next start, and others are not', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await write(task())
  await write(task({ id: 'job_2' }))
  const first = await instance({ start: false })
  let loads = 0
  first.dialect.onLoad = async id => {
    loads++
    if (id === 'job_1') throw new Error('not understood')
  }
  await first.engine.start(true)
  await settle()
  t.match([await world.task(), await world.task('job_2')], [{ phase: 'running' }, { result: 'completed' }])
  await pass(clock, 4 * LEASE_MS)
  t.match(await world.task(), { phase: 'running' })
  t.strictSame([loads, first.logged], [2, ['a run cannot be recovered; it is left alone until the next start']])
  await first.engine.stop()
  await instance({ start: 'alone' })
  await settle()
  t.match(await world.task(), { result: 'completed' })
})

test('a store that goes away while runs are looked for puts none of them aside', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await write(task())
  const { engine, dialect, logged, limits } = await instance({ start: false })
  dialect.onLoad = async () => {
    dialect.onLoad = undefined
    throw new StorageUnavailableError('away')
  }
  await t.rejects(engine.start(true), { name: 'StorageUnavailableError' })
  t.match(await world.lease(), { takeovers: 0 }, 'it has claimed the run')
  await engine.start(false)
  await pass(clock, limits.leaseMs / 2)
  t.match(await world.task(), { phase: 'running' }, 'its own lease is one like any other\'s')
  await pass(clock, limits.leaseMs / 2)
  t.match(await world.task(), { result: 'completed' })
  t.strictSame(logged, [])
})

test('a look for runs that fails is repeated', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  const { view, logged } = await instance()
  await write(task())
  view.failRead(({ kind }) => kind === 'task')
  await pass(clock, LEASE_MS / 2)
  t.match(await world.task(), { phase: 'running' })
  t.strictSame(logged, ['the recovery of runs failed; it will be retried'])
  await pass(clock, LEASE_MS / 2)
  t.match(await world.task(), { result: 'completed' })
})

test('the place in the index of a run that has ended is given up, and that of one that is not there once it cannot be on its way any more', async t => {
  const { instance, write, clock, store, ...world } = await engineWorld(t)
  await write(task({ phase: 'ended' }))
  await write(task({ id: 'job_2', phase: 'ended' }), theirs())
  await indexJob(store, keyOf('job_3'), NOW * 1000)
  await instance()
  t.strictSame([await world.isIndexed(), await world.isIndexed('job_2'), await world.isIndexed('job_3')], [false, false, true])
  await pass(clock, 60_000)
  t.equal(await world.isIndexed('job_3'), true)
  await pass(clock, LEASE_MS / 2)
  t.equal(await world.isIndexed('job_3'), false)
  t.match(await world.task('job_2'), { phase: 'ended' })
})

for (const [what, body, result] of [
  ['goes on', task(), 'completed'],
  ['has ended', task({ phase: 'ended', result: 'theirs' }), 'theirs'],
  ['was being cancelled', task({ phase: 'cancelling' }), 'cancelled'],
  ['is past its time', task({ phase: 'waiting', expiresAt: NOW }), 'expired']
] as const) {
  test(`a run that an older version has left, where one partition has the whole index, is found there: it ${what}, and its entry is removed`, async t => {
    const { instance, write, store, clock, ...world } = await engineWorld(t)
    await write(body)
    const entry = await world.entry()
    await store.write(activeRunsOf('job_1'), [{ op: 'delete', kind: KIND.activeRun, id: 'job_1' }])
    await store.write(OLD_INDEX, [{ op: 'put', kind: KIND.activeRun, id: 'job_1', body: entry }])
    await instance({ start: 'alone' })
    await pass(clock, LEASE_MS / 2)
    t.match(await world.task(), { phase: 'ended', result })
    t.equal(await store.get({ ...OLD_INDEX, kind: KIND.activeRun, id: 'job_1' }), undefined)
  })
}

test('an entry of an older version for a run that was never written is forgotten once it cannot be on its way any more', async t => {
  const { instance, store, clock } = await engineWorld(t)
  const { project, partition, dialect } = keyOf()
  await store.write(OLD_INDEX, [{ op: 'put', kind: KIND.activeRun, id: 'job_1', body: { project, thread_id: partition, dialect, created: NOW * 1000 } }])
  await instance()
  const isThere = async (): Promise<boolean> => await store.get({ ...OLD_INDEX, kind: KIND.activeRun, id: 'job_1' }) !== undefined
  await pass(clock, 60_000)
  t.equal(await isThere(), true)
  await pass(clock, LEASE_MS / 2)
  t.equal(await isThere(), false)
})

test('a run that is past its time expires when an instance finds it, held or not', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await write(task({ expiresAt: NOW }))
  await write(task({ id: 'job_2', phase: 'waiting', expiresAt: NOW }))
  await write(task({ id: 'job_3', expiresAt: NOW }), theirs())
  const { model } = await instance()
  t.match([await world.task(), await world.task('job_2')], [{ result: 'expired' }, { result: 'expired' }])
  t.match(await world.task('job_3'), { phase: 'running' }, 'who holds it will see to it')
  await pass(clock, LEASE_MS)
  t.match(await world.task('job_3'), { result: 'expired' })
  t.equal(model.requests.length, 0)
})

test('a run that waits is looked at twice, put aside until it is due, and expires then', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  const due = 2 * LEASE_MS + 1000
  await write(task({ phase: 'waiting', expiresAt: NOW + due / 1000 }))
  const { view } = await instance()
  t.strictSame((await world.entry())?.due, undefined)
  await pass(clock, LEASE_MS / 2)
  t.equal((await world.entry())?.due, NOW * 1000 + due)
  const { get } = view.calls
  await pass(clock, LEASE_MS)
  t.equal(view.calls.get, get, 'it is not looked at any more')
  await pass(clock, due - 1.5 * LEASE_MS - 1)
  t.match(await world.task(), { phase: 'waiting' })
  await pass(clock, 1)
  t.match(await world.task(), { result: 'expired' })
})

test('a run that waits, and of which another instance says that it was released, is put aside by the next look at the index alone', async t => {
  const { instance, write, clock, store, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW + 10 * LEASE_MS / 1000 }))
  const { logged } = await instance()
  await tell(store, { type: 'released', ...fieldsOf(keyOf()) })
  await settle()
  t.strictSame([(await world.entry())?.due, logged], [undefined, []])
  await pass(clock, LEASE_MS / 2)
  t.equal((await world.entry())?.due, NOW * 1000 + 10 * LEASE_MS)
})

test('a run that is put aside expires on time also where it was found so', async t => {
  const { instance, write, store, clock, ...world } = await engineWorld(t)
  const due = (NOW + 10) * 1000
  await write(task({ phase: 'waiting', expiresAt: NOW + 10 }))
  await store.write(activeRunsOf('job_1'), [{ op: 'put', kind: KIND.activeRun, id: 'job_1', body: { ...await world.entry(), due } }])
  const { view } = await instance()
  t.equal(view.calls.get, 0)
  await pass(clock, 10_000 - 1)
  t.match(await world.task(), { phase: 'waiting' })
  await pass(clock, 1)
  t.match(await world.task(), { result: 'expired' })
})

test('a run that is due is looked at, though its timer is lost', async t => {
  const { instance, write, store, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW }))
  await store.write(activeRunsOf('job_1'), [{ op: 'put', kind: KIND.activeRun, id: 'job_1', body: { ...await world.entry(), due: NOW * 1000 } }])
  await instance()
  t.match(await world.task(), { result: 'expired' })
})

test('a run that waits without an end is never put aside', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting' }))
  await instance()
  await pass(clock, 3 * LEASE_MS)
  t.match([await world.entry(), await world.version()], [{ due: undefined }, 1])
})

test('a run that has gone on between two looks and waits again is looked at once more before it is put aside', async t => {
  const { instance, write, change, clock, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW + 1000 }))
  await instance()
  await change({ ask: 'Now?' })
  await pass(clock, LEASE_MS / 2)
  t.equal((await world.entry())?.due, undefined)
  await pass(clock, LEASE_MS / 2)
  t.equal((await world.entry())?.due, (NOW + 1000) * 1000)
})

test('a run that was looked at, was gone, and is there again is one that was never looked at', async t => {
  const { instance, write, store, clock, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW + 1000 }))
  await instance()
  await store.write(PLACE, [{ op: 'clear' }])
  await store.write(activeRunsOf('job_1'), [{ op: 'delete', kind: KIND.activeRun, id: 'job_1' }])
  await pass(clock, LEASE_MS / 2)
  await write(task({ phase: 'waiting', expiresAt: NOW + 1000 }))
  await pass(clock, LEASE_MS / 2)
  t.equal((await world.entry())?.due, undefined)
})

test('a run that goes on with its client\'s answer is woken before and after, and found when who took the answer has died', async t => {
  const { instance, write, answered, clock, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW + 1000 }))
  const { engine } = await instance()
  await pass(clock, LEASE_MS / 2)
  t.ok((await world.entry())?.due)
  t.equal(await engine.wake(keyOf(), async () => {
    t.equal((await world.entry())?.due, undefined)
    await answered(theirs({ expiresAt: clock.now() + LEASE_MS }))
    return 'answered'
  }), 'answered')
  t.equal((await world.entry())?.due, undefined)
  await pass(clock, 2 * LEASE_MS)
  t.match(await world.task(), { result: 'completed' })
})

test('a run of which it is unknown whether it goes on is looked at, though it is put aside', async t => {
  const { instance, write, answered, clock, ...world } = await engineWorld(t)
  await write(task({ phase: 'waiting', expiresAt: NOW + 1000 }))
  const { engine } = await instance()
  await pass(clock, LEASE_MS / 2)
  await t.rejects(engine.wake(keyOf(), async () => { throw new StorageUnavailableError('no answer') }))
  await pass(clock, LEASE_MS)
  t.equal((await world.entry())?.due, undefined, 'by this instance it is not put aside')
  const other = await instance({ deaf: true })
  await pass(clock, LEASE_MS)
  t.ok((await world.entry())?.due, 'by another it is')
  await answered(theirs({ expiresAt: clock.now() }))
  await other.engine.stop()
  await pass(clock, 2 * LEASE_MS)
  t.match(await world.task(), { result: 'completed' })
})

test('a run of a dialect that this server does not know stays where it is, and keeps no other from being found', async t => {
  const { instance, write, clock, store, ...world } = await engineWorld(t)
  await indexJob(store, { ...keyOf('job_0'), dialect: 'unknown' }, 0)
  await write(task())
  const { logged } = await instance()
  await pass(clock, 2 * LEASE_MS)
  t.match([await world.isIndexed('job_0'), await world.task()], [true, { result: 'completed' }])
  t.strictSame(logged, [])
})

test('what an instance leaves alone keeps no run behind it in the same part of the index from being found', async t => {
  const [ahead, behind] = ['job_1', ...Array.from({ length: 200 }, (_, n) => `job_${n + 2}`).filter(id => activeRunsOf(id).partition === activeRunsOf('job_1').partition)] as [string, string]
  const ways = {
    'a run that it executes': async ({ write }, { model }) => {
      await write(task({ id: ahead }))
      model.enqueue(says('Once', new Gate()))
    },
    'a run that cannot be recovered': async ({ write }, { dialect }) => {
      await write(task({ id: ahead }))
      dialect.onLoad = async id => { if (id === ahead) throw new Error('not understood') }
    },
    'a run of an unknown dialect': async ({ store }) => await indexJob(store, { ...keyOf(ahead), dialect: 'unknown' }, 0)
  } satisfies Record<string, (world: Awaited<ReturnType<typeof engineWorld>>, instance: Awaited<ReturnType<Awaited<ReturnType<typeof engineWorld>>['instance']>>) => Promise<void>>
  for (const [way, lead] of Object.entries(ways)) {
    await t.test(way, async t => {
      const world = await engineWorld(t)
      const first = await world.instance({ start: false })
      await lead(world, first)
      await first.engine.start(true)
      await settle()
      await world.write(task({ id: behind }))
      await pass(world.clock, LEASE_MS)
      t.match(await world.task(behind), { result: 'completed' })
      t.match(await world.task(ahead), way === 'a run of an unknown dialect' ? undefined : { phase: 'running' })
    })
  }
})

for (const [what, body] of [['that is damaged', undefined], ['that says nothing', null]] as const) {
  test(`a place in the index ${what} is left alone, and said so once`, async t => {
    const damaged = new DamagedStore()
    const { instance, write, store, clock, ...world } = await engineWorld(t, damaged)
    await store.write(activeRunsOf('job_0'), [{ op: 'put', kind: KIND.activeRun, id: 'job_0', body: body ?? null }])
    if (body === undefined) damaged.damage(KIND.activeRun, 'job_0')
    await write(task())
    const { logged } = await instance()
    await pass(clock, 2 * LEASE_MS)
    t.match(await world.task(), { result: 'completed' })
    t.strictSame(logged, ['a run cannot be recovered; it is left alone until the next start'])
  })
}

test('what was decided on a state of a run that has moved on since is not done', async t => {
  const { instance, write, change, ...world } = await engineWorld(t)
  await write(task({ phase: 'cancelling' }))
  const { engine, view, model } = await instance({ start: false })
  const read = view.holdRead(({ kind }) => kind === KIND.lease)
  const started = engine.start(true)
  await read.reached()
  await change({ phase: 'ended', result: 'theirs' })
  read.open()
  await started
  t.match([await world.task(), await world.lease(), engine.activeCount], [{ result: 'theirs' }, undefined, 0])
  t.equal(model.requests.length, 0)
})

test('of two instances that find a run at the same time one goes on with it', async t => {
  const { instance, write, ...world } = await engineWorld(t)
  await write(task())
  const [a, b] = [await instance({ start: false }), await instance({ start: false })]
  await Promise.all([a.engine.start(false), b.engine.start(false)])
  await settle()
  t.match(await world.task(), { result: 'completed' })
  t.equal(a.model.requests.length + b.model.requests.length, 1)
  t.strictSame([...a.logged, ...b.logged], [])
})

test('an instance that has lost a run without noticing, and takes it over again, gives its earlier execution up first', async t => {
  const { instance, store, ...world } = await engineWorld(t)
  const { engine, create, model, dialect } = await instance()
  model.enqueue(says('Once', new Gate()), says('Twice'))
  const log = await create()
  await heard(log, 'note.text')
  await store.write(PLACE, [{ op: 'delete', kind: KIND.lease, id: 'job_1' }])
  // Another instance had it meanwhile, and has handed it over again.
  await tell(store, { type: 'released', ...fieldsOf(keyOf()) })
  await settle()
  t.match([await world.task(), await world.lease()], [{ result: 'completed' }, undefined])
  t.match(dialect.stopped, [{ result: 'completed', report: { takeovers: 0 } }])
  t.strictSame([engine.activeCount, dialect.stopped.length, model.requests.length, log.isClosed], [0, 1, 2, true])
})

test('runs that are executed here are not looked at', async t => {
  const { instance, clock } = await engineWorld(t)
  const { create, model, view } = await instance()
  model.enqueue(says('Once', new Gate()))
  await heard(await create(), 'note.text')
  const { get } = view.calls
  await pass(clock, 4 * LEASE_MS)
  t.equal(view.calls.get, get)
})

test('a run whose client does not answer is ended once, by its timer or by who looks for runs', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { create, model, dialect } = await instance()
  model.enqueue(calls('ask'))
  await create({ tools: [ASK], expiresAt: NOW + LEASE_MS / 1000 })
  await pass(clock, 2 * LEASE_MS)
  t.match(await world.task(), { result: 'expired' })
  t.strictSame(dialect.stopped.map(({ result }) => result), ['waiting', 'expired'])
})

test('an expiry that the store does not let through is made up for', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { create, model, view, logged } = await instance()
  model.enqueue(calls('ask'))
  await create({ tools: [ASK], expiresAt: NOW + LEASE_MS / 1000 - 1 })
  await settle()
  view.failRead(({ kind }) => kind === 'task')
  view.failRead(({ kind }) => kind === 'task')
  await pass(clock, LEASE_MS - 1000)
  t.match(await world.task(), { phase: 'waiting' })
  await pass(clock, LEASE_MS)
  t.match(await world.task(), { result: 'expired' })
  t.strictSame(logged, ['the recovery of runs failed; it will be retried', 'a run could not be expired; recovery will expire it'])
})
