import { test } from 'tap'
import { EventLog } from '../../lib/runs/events/event-log.js'
import { fieldsOf } from '../../lib/runs/events/bus.js'
import { KIND } from '../../storage/layout.js'
import { Gate } from '../helpers/upstream-gate.js'
import { engineWorld, LEASE_MS, overhear, pass, settle, tell, theirs } from '../runs/helpers/engine-world.js'
import { ASK, heard, keyOf, NOW, PLACE, task, told } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

test('a run that is cancelled on another instance ends at once where it is executed', async t => {
  const { instance, change, ...world } = await engineWorld(t)
  const { create, model, engine, dialect } = await instance()
  const [other, third] = [await instance(), await instance()]
  model.enqueue(says('Once', new Gate()), says('Twice', new Gate()))
  const [log, untouched] = [await create(), await create({ id: 'job_2' })]
  await Promise.all([heard(log, 'note.text'), heard(untouched, 'note.text')])
  await change({ phase: 'cancelling' })
  other.engine.cancelSoon(keyOf())
  await settle()
  t.match([await world.task(), await world.task('job_2')], [{ result: 'cancelled' }, { phase: 'running' }])
  t.strictSame([dialect.stopped.map(({ id }) => id), other.dialect.stopped, engine.activeCount], [['job_1'], [], 1])
  t.match(await world.lease('job_2'), { expiresAt: NOW * 1000 + LEASE_MS })
  t.strictSame([...other.logged, ...third.logged], [])
})

test('a run that another instance has handed over goes on here at once, and what this server does not know is left alone', async t => {
  const { instance, write, store, ...world } = await engineWorld(t)
  const { model, logged, view } = await instance()
  await write(task())
  await write(task({ id: 'job_2' }), theirs())
  const { get } = view.calls
  await tell(store, { type: 'released', ...fieldsOf({ ...keyOf(), dialect: 'unknown' }) })
  await settle()
  t.equal(view.calls.get, get)
  for (const id of ['job_1', 'job_2', 'job_3']) await tell(store, { type: 'released', ...fieldsOf(keyOf(id)) })
  await settle()
  t.match([await world.task(), await world.task('job_2')], [{ result: 'completed' }, { phase: 'running' }])
  t.strictSame([model.requests.length, logged], [1, []])
})

test('a run that is said to be handed over, and is gone, leaves the index', async t => {
  const { instance, write, store, ...world } = await engineWorld(t)
  await instance()
  await write(task())
  await store.write(PLACE, [{ op: 'clear' }])
  await tell(store, { type: 'released', ...fieldsOf(keyOf()) })
  await settle()
  t.equal(await world.isIndexed(), false)
})

test('what a message asks for and the store refuses is logged, and made up for', async t => {
  const { instance, write, store, clock, ...world } = await engineWorld(t)
  const { view, logged } = await instance()
  await write(task())
  view.failRead(({ kind }) => kind === 'task')
  await tell(store, { type: 'released', ...fieldsOf(keyOf()) })
  await settle()
  t.match(await world.task(), { phase: 'running' })
  t.strictSame(logged, ['a message of another instance could not be handled'])
  await pass(clock, LEASE_MS / 2)
  t.match(await world.task(), { result: 'completed' })
})

test('an instance lets go of the events of a run that goes on, or has ended, elsewhere, and of the time at which it would expire', async t => {
  for (const type of ['continuedElsewhere', 'ended'] as const) {
    const { instance, store, clock } = await engineWorld(t)
    const { engine, create, model, dialect } = await instance()
    model.enqueue(calls('ask'), says('Once', new Gate()))
    const pending = clock.pending
    const log = await create({ tools: [ASK], expiresAt: NOW + 1000 })
    await settle()
    // It expires, and its events are dropped some time after that.
    t.equal(clock.pending, pending + 2)
    const here = await create({ id: 'job_2' })
    await heard(here, 'note.text')
    for (const id of ['job_1', 'job_2']) await tell(store, type === 'ended' ? { type, ...fieldsOf(keyOf(id)) } : { type, job_id: id })
    await settle()
    t.strictSame([log.isClosed, here.isClosed, engine.activeCount], [true, false, 1], type)
    t.strictSame([clock.pending - pending, dialect.endedElsewhere], type === 'ended' ? [0, [keyOf(), keyOf('job_2')]] : [1, []])
  }
})

test('a dialect need not hear of what ends, here or elsewhere, and one that this server does not know cannot', async t => {
  const { instance, store, ...world } = await engineWorld(t)
  const { create, dialect, logged, engine } = await instance()
  Object.assign(dialect, { onEndedElsewhere: undefined, onStopped: undefined })
  await create()
  for (const name of ['tasks', 'unknown']) await tell(store, { type: 'ended', ...fieldsOf({ ...keyOf('job_2'), dialect: name }) })
  await settle()
  t.strictSame([engine.activeCount, logged, await world.isIndexed()], [0, [], false])
  await t.rejects(engine.expire({ ...keyOf(), dialect: 'unknown' }), { message: 'there is no dialect "unknown"' })
})

test('an instance hears that a run has ended elsewhere, and nothing when it comes to wait there', async t => {
  const { instance, change } = await engineWorld(t)
  const { engine, create, model } = await instance()
  const other = await instance()
  model.enqueue(calls('ask'))
  await create({ tools: [ASK] })
  await settle()
  t.strictSame(other.dialect.endedElsewhere, [])
  await change({ phase: 'cancelling' })
  engine.cancelSoon(keyOf())
  await settle()
  t.strictSame(other.dialect.endedElsewhere, [keyOf()])
})

test('a run that goes on with its client\'s answer ends what others keep of it, and one that is new does not', async t => {
  const { instance, answered, store, ...world } = await engineWorld(t)
  const { create, model } = await instance()
  const other = await instance()
  const said = await overhear(t, store)
  model.enqueue(calls('ask'))
  const log = await create({ tools: [ASK] })
  await settle()
  const kept = other.engine.adoptLog(keyOf(), (await world.task())!, new EventLog(other.dialect.format, 1000))
  await other.create({ id: 'job_2' })
  await settle()
  t.strictSame([log.isClosed, kept.isClosed, said], [false, false, ['ended']])
  // As its dialect goes on with it.
  const lease = other.engine.newLease()
  await answered(lease)
  const body = (await world.task())!
  const scribe = other.dialect.scribe({ records: other.view, key: keyOf(), body, tools: other.tools })
  const items = await scribe.load()
  other.engine.launch({ key: keyOf(), held: { body, version: (await world.version())! }, lease, log: other.engine.openLog(keyOf()), scribe, items })
  await settle()
  t.strictSame([log.isClosed, other.engine.activeCount, told(kept).at(-1)], [true, 0, 'task.ended completed'])
  t.strictSame(said, ['ended', 'continuedElsewhere', 'ended'])
})

test('a reader that joins has the very log of the run where it is executed, and later as long as it is kept', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { engine, create, model, view } = await instance({ limits: { logRetentionMs: 60_000 } })
  const gate = new Gate()
  model.enqueue(says('Once', gate))
  const log = await create()
  await heard(log, 'note.text')
  const { get } = view.calls
  t.equal(await engine.joinLog(keyOf(), (await world.task())!), log)
  t.equal(view.calls.get, get, 'without a look at the store')
  gate.open()
  await settle()
  await pass(clock, 59_999)
  t.equal(await engine.joinLog(keyOf(), (await world.task())!), log)
  await pass(clock, 1)
  t.equal(await engine.joinLog(keyOf(), (await world.task())!), undefined)
})

test('a reader that joins where a run is not executed has a copy of what its executor has', async t => {
  const { instance, clock, ...world } = await engineWorld(t)
  const { create, model } = await instance()
  const other = await instance()
  const gate = new Gate()
  model.enqueue(says('Once', gate, ' more'))
  const log = await create()
  await heard(log, 'note.text')
  const copy = (await other.engine.joinLog(keyOf(), (await world.task())!))!
  t.not(copy, log)
  t.strictSame([copy.tag, told(copy)], [log.tag, told(log)])
  gate.open()
  await pass(clock, 1000)
  t.strictSame([told(copy), copy.isClosed], [told(log), true])
})

test('a reader that joins a run which no instance has waits for one that takes it over', async t => {
  const { instance, write, clock, ...world } = await engineWorld(t)
  const { engine } = await instance({ start: false })
  await write(task())
  const joining = engine.joinLog(keyOf(), (await world.task())!)
  await settle()
  const other = await instance({ start: false })
  other.model.enqueue(says('Once', new Gate()))
  await other.engine.start(false)
  await pass(clock, 2000)
  t.strictSame(told((await joining)!), told((await other.engine.joinLog(keyOf(), task()))!))
})

test('a reader that joins a run which is gone has nothing to wait for', async t => {
  const { instance } = await engineWorld(t)
  const { engine } = await instance()
  t.equal(await engine.joinLog(keyOf(), task()), undefined)
})

test('an instance that goes on with a run which it has lost without noticing gives its earlier execution up, and readers of the new one hear nothing of it', async t => {
  const { instance, answered, change, store, ...world } = await engineWorld(t)
  const { engine, create, model, dialect, view, tools } = await instance()
  const [gate, next] = [new Gate(), new Gate()]
  model.enqueue(says('Once', gate, ' upon'), says('Twice', next))
  const log = await create()
  await heard(log, 'note.text')
  // Another instance has had it meanwhile, until it came to wait for its client, whose answer comes to this one.
  await store.write(PLACE, [{ op: 'delete', kind: KIND.lease, id: 'job_1' }])
  await change({ phase: 'waiting' })
  const lease = engine.newLease()
  await answered(lease)
  const body = (await world.task())!
  const scribe = dialect.scribe({ records: view, key: keyOf(), body, tools })
  const items = await scribe.load()
  const own = engine.openLog(keyOf())
  engine.launch({ key: keyOf(), held: { body, version: (await world.version())! }, lease, log: own, scribe, items })
  await heard(own, 'note.text')
  gate.open()
  await settle()
  t.strictSame([log.isClosed, own.isClosed, engine.activeCount], [true, false, 1])
  next.open()
  await settle()
  t.match(await world.task(), { result: 'completed' })
  t.strictSame([own.isClosed, engine.activeCount, told(own).filter(event => event.includes('upon'))], [true, 0, []])
})

test('a run that comes to wait for its client and goes on at once goes on in its log', async t => {
  const { instance, ...world } = await engineWorld(t)
  const { engine, create, model, dialect } = await instance()
  model.enqueue(calls('ask'))
  let opened: EventLog | undefined
  dialect.onEnd = () => { opened = engine.openLog(keyOf()) }
  const log = await create({ tools: [ASK] })
  await settle()
  t.match(await world.task(), { phase: 'waiting' })
  t.strictSame([opened === log, log.isClosed], [true, false])
})

test('what an instance keeps of a run is out of date while another one has its lease', async t => {
  const { instance, store, ...world } = await engineWorld(t)
  const { engine, create, model, view } = await instance()
  model.enqueue(calls('ask'))
  const log = await create({ tools: [ASK] })
  await settle()
  const waiting = (await world.task())!
  t.equal(await engine.joinLog(keyOf(), waiting), log)
  const other = await instance()
  t.equal(await other.engine.joinLog(keyOf(), waiting), undefined, 'its records say as much')
  await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: 'job_1', body: theirs({ expiresAt: NOW * 1000 }) }])
  t.equal(await engine.joinLog(keyOf(), waiting), log, 'of a lease that has run out none is the executor')
  await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: 'job_1', body: theirs() }])
  const asked = view.calls.page
  const joining = engine.joinLog(keyOf(), waiting)
  await settle()
  t.ok(view.calls.page > asked, 'it looks for what the other one has')
  await engine.stop()
  t.equal(await joining, undefined)
})

test('a reader that looks for a run while this instance takes it over has its own log', async t => {
  const { instance, write, store, ...world } = await engineWorld(t)
  const { engine, model, view } = await instance()
  model.enqueue(says('Once', new Gate()))
  await write(task())
  const read = view.holdRead(({ kind }) => kind === KIND.lease)
  const joining = engine.joinLog(keyOf(), (await world.task())!)
  await read.reached()
  await tell(store, { type: 'released', ...fieldsOf(keyOf()) })
  await settle()
  t.equal(engine.activeCount, 1)
  read.open()
  t.equal(await joining, await engine.joinLog(keyOf(), task()))
})

test('a log that is made of the records of a run that waits is kept as long as it may go on, and not beside one that is there', async t => {
  const { instance, write, clock } = await engineWorld(t)
  const { engine, dialect, limits } = await instance({ start: false })
  const made = (): EventLog => new EventLog(dialect.format, 1000)
  const bodies = [task({ phase: 'waiting', expiresAt: NOW + 100 }), task({ id: 'job_2', phase: 'waiting' }), task({ id: 'job_3', phase: 'ended', expiresAt: NOW + 100 }), task({ id: 'job_4', phase: 'waiting', expiresAt: NOW - 100 })]
  const logs: EventLog[] = []
  for (const body of bodies) {
    await write(body)
    const log = made()
    t.equal(engine.adoptLog(keyOf(body.id), body, log), log)
    t.equal(engine.adoptLog(keyOf(body.id), body, made()), log)
    logs.push(log)
  }
  const closed = (): boolean[] => logs.map(({ isClosed }) => isClosed)
  await pass(clock, limits.logRetentionMs - 1, 60_000)
  t.strictSame(closed(), [false, false, false, false])
  await pass(clock, 1)
  t.strictSame(closed(), [false, true, true, true])
})

test('the log of a run that waits is kept until it expires, and for a while after that', async t => {
  const { instance, change, clock, store } = await engineWorld(t)
  const { create, model, limits } = await instance({ start: false })
  model.enqueue(calls('ask'))
  const log = await create({ tools: [ASK], expiresAt: NOW + 100 })
  await settle()
  // It has gone on elsewhere, and this instance has not heard of it.
  await change({ phase: 'running' })
  await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: 'job_1', body: theirs({ expiresAt: NOW * 2000 }) }])
  await pass(clock, 100_000 + limits.logRetentionMs - 1, 50_000)
  t.equal(log.isClosed, false)
  await pass(clock, 1)
  t.equal(log.isClosed, true)
})
