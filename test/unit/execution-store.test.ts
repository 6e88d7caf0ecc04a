import { test } from 'tap'
import { NO_USAGE } from '../../lib/runs/job.js'
import { RunStopped } from '../../lib/runs/stop.js'
import type { WriteItem } from '../../storage/record-store.js'
import { Gate } from '../helpers/upstream-gate.js'
import { executionWorld, type ExecutionWorld } from '../runs/helpers/execution-world.js'
import { ASK, heard, moves, NOW, PLACE, puts } from '../runs/helpers/job-world.js'
import { calls, says } from '../runs/helpers/test-model.js'

const mine = (body: unknown): { items: WriteItem[] } => ({ items: [{ op: 'put', kind: 'mine', id: 'a', body }] })

/** Lets time pass until the execution looks at the store again, and says how long it waited. */
async function nextTry ({ clock }: ExecutionWorld, waits: Promise<number>): Promise<number> {
  const delayMs = await waits
  await clock.advance(delayMs)
  return delayMs
}

test('a job waits for a store that is away, ever longer up to two seconds, and nothing of it is lost', async t => {
  const world = await executionWorld(t)
  for (let i = 0; i < 7; i++) world.failWrite(moves('ended'))
  let waits = world.clock.next()
  const executed = (await world.execution()).execute()
  const pauses = []
  for (let i = 0; i < 7; i++) {
    const delayMs = await waits
    t.equal(world.told().at(-1), 'note.text item_1 Hi')
    pauses.push(delayMs)
    waits = world.clock.next()
    await world.clock.advance(delayMs)
  }
  await executed
  t.strictSame(pauses, [100, 200, 400, 800, 1600, 2000, 2000])
  t.match(await world.task(), { result: 'completed' })
  t.equal(world.stopped.length, 1)
})

test('what a write is made of is read again once the store is back', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  world.view.failRead(({ kind }) => kind === 'read')
  const waits = world.clock.next()
  const builds: boolean[] = []
  const committed = running.commit(async retry => {
    builds.push(retry)
    await world.view.get({ ...PLACE, kind: 'read', id: 'a' })
    return mine(1)
  })
  t.equal(await nextTry(world, waits), 100)
  await committed
  t.strictSame(builds, [false, false])
  t.ok(await world.store.get({ ...PLACE, kind: 'mine', id: 'a' }))
})

test('a job that finds out who came first waits for the store, too', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  await world.change({ ask: 'What?' })
  world.view.failRead(({ kind }) => kind === 'task')
  const waits = world.clock.next()
  const committed = running.commit(retry => mine(retry))
  await nextTry(world, waits)
  await committed
  t.equal((await world.store.get({ ...PLACE, kind: 'mine', id: 'a' }))?.body, true)
})

test('any other failure of the store is not waited out', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  world.view.refuse(puts('mine'))
  await t.rejects(running.commit(() => mine(1)), { message: 'out of reach' })
  t.equal(world.clock.pending, 0)
})

test('a store that is away is waited for until the time of the job is over, and no longer', async t => {
  const world = await executionWorld(t, { task: { expiresAt: NOW + 1 } })
  for (let i = 0; i < 9; i++) world.failWrite(puts('mine'))
  const running = await world.execution()
  // So that the third pause ends when the time does, to the millisecond.
  await world.clock.advance(300)
  let waits = world.clock.next()
  const committed = t.rejects(running.commit(() => mine(1)), { name: 'StorageUnavailableError' })
  for (const pause of [100, 200, 400]) {
    t.equal(await waits, pause)
    waits = world.clock.next()
    await world.clock.advance(pause)
  }
  await committed
  t.equal(world.clock.now(), (NOW + 1) * 1000)
  t.equal(world.clock.pending, 0)
})

test('a server that shuts down does not wait for a store that is away, though a job was stopped for another reason before', async t => {
  for (const before of [undefined, 'lost'] as const) {
    const world = await executionWorld(t)
    world.failWrite(puts('note_item'))
    world.failWrite(puts('note_item'))
    const waits = world.clock.next()
    const running = await world.execution()
    const executed = running.execute()
    await waits
    if (before !== undefined) running.stop(before)
    running.stop('shutdown')
    await world.clock.advance(100)
    await executed
    t.match(await world.task(), { phase: 'running' }, before ?? 'not stopped before')
    t.equal(world.clock.pending, 0)
  }
})

test('a job that was cancelled while the store is away is left to recovery when the server shuts down', async t => {
  const world = await executionWorld(t)
  world.model.enqueue(says('Once', new Gate()))
  const running = await world.execution()
  const executed = running.execute()
  await heard(world.log, 'note.text')
  await world.change({ phase: 'cancelling' })
  world.failWrite(moves('ended'))
  world.failWrite(moves('ended'))
  const waits = world.clock.next()
  running.stop('cancelled')
  await waits
  running.stop('shutdown')
  await world.clock.advance(100)
  await executed
  await running.finished
  t.match(await world.task(), { phase: 'cancelling' })
  t.strictSame([await world.isIndexed(), world.stopped], [true, []])
  t.strictSame(world.logged.at(-1), 'a run could not be ended; recovery will end it')
})

test('a job that cannot be ended for another reason is left to recovery', async t => {
  const world = await executionWorld(t)
  world.model.enqueue(says('Once', new Error('broken')))
  world.view.refuse(moves('ended'))
  const running = await world.execution()
  await running.execute()
  await running.finished
  t.match(await world.task(), { phase: 'running' })
  t.strictSame([await world.isIndexed(), await world.isLocked(), world.stopped, world.log.isClosed], [true, true, [], false])
  t.equal(world.logged.at(-1), 'a run could not be ended; recovery will end it')
})

test('a job has ended though its place in the index could not be given up', async t => {
  const world = await executionWorld(t)
  world.view.refuse(items => items.some(item => item.op === 'delete' && item.kind === 'active_run'))
  const running = await world.execution()
  await running.execute()
  t.match(await world.task(), { result: 'completed' })
  t.strictSame([await world.isIndexed(), world.stopped.length, running.wasHandedOver], [true, 1, false])
  t.equal(world.told().filter(event => event.startsWith('task.ended')).length, 1)
})

for (const [phase, tools] of [['ended', []], ['waiting', [ASK]]] as const) {
  test(`a job is ${phase} where the answer of the write that made it so was lost, and told so once`, async t => {
    const world = await executionWorld(t, { task: { tools: [...tools] } })
    if (phase === 'waiting') world.model.enqueue(calls('ask'))
    world.view.loseAnswer(moves(phase))
    const waits = world.clock.next()
    const executed = (await world.execution()).execute()
    await waits
    t.not(world.told().at(-1)?.startsWith(`task.${phase}`), true)
    const { write } = world.view.calls
    await world.clock.advance(100)
    await executed
    t.equal(world.view.calls.write, phase === 'ended' ? write + 1 : write, 'what was carried out is not written again')
    t.strictSame([world.told().filter(event => event.startsWith(`task.${phase}`)).length, world.stopped.length, await world.version()], [1, 1, 2])
    t.equal(await world.isIndexed(), phase === 'waiting')
  })
}

test('a write whose answer was lost is known by what the store keeps of it, which is no field without a value', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  world.view.loseAnswer(moves('ended'))
  const waits = world.clock.next()
  const committed = running.commit(() => {
    const { body, ...change } = running.moved({ to: 'completed', at: NOW, usage: NO_USAGE })
    return { ...change, body: { ...body, status: undefined } }
  })
  t.equal(await nextTry(world, waits), 100)
  await committed
  t.match([await world.version(), world.stopped, world.told()], [2, { length: 1 }, ['task.ended completed']])
})

test('a write that is carried out while the one that repeats it is on its way counts', async t => {
  const world = await executionWorld(t)
  const late = new Gate()
  world.view.loseAnswer(moves('ended'), late)
  const waits = world.clock.next()
  const executed = (await world.execution()).execute()
  await waits
  const repeated = world.view.hold(moves('ended'))
  await world.clock.advance(100)
  await repeated.reached()
  late.open()
  while ((await world.task())?.phase !== 'ended') await new Promise(resolve => setImmediate(resolve))
  repeated.open()
  await executed
  t.match(await world.task(), { result: 'completed' })
  t.strictSame([world.told().at(-1), world.stopped.length, world.logged.length], ['task.ended completed', 1, 1])
})

test('another\'s write is not taken for one that had no answer, though it left the same version', async t => {
  const world = await executionWorld(t)
  world.failWrite(moves('ended'))
  const waits = world.clock.next()
  const executed = (await world.execution()).execute()
  await waits
  await world.change({ phase: 'cancelling' })
  await world.clock.advance(100)
  await executed
  t.match(await world.task(), { result: 'cancelled' })
  t.strictSame(world.told().slice(-3), ['task.state cancelling', 'note.cut item_1 cancelled', 'task.ended cancelled'])
})

test('another\'s write is not taken for one that had no answer, though it left the same body', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  world.failWrite(puts('task'))
  const waits = world.clock.next()
  const committed = running.commit(() => ({ body: running.body, ...mine(1) }))
  await waits
  await world.change({})
  await world.change({})
  await world.clock.advance(100)
  await committed
  t.equal(await world.version(), 4)
  t.ok(await world.store.get({ ...PLACE, kind: 'mine', id: 'a' }))
})

test('a write is known to have been refused without another look where it had an answer', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  await world.change({})
  const { get } = world.view.calls
  await running.commit(() => ({ body: running.body, ...mine(1) }))
  t.equal(world.view.calls.get, get + 2, 'the job and its lease')
  t.equal(await world.version(), 3)
  t.ok(await world.store.get({ ...PLACE, kind: 'mine', id: 'a' }))
})

test('a write that does not move the job is repeated where its answer was lost, without a look', async t => {
  const world = await executionWorld(t)
  const running = await world.execution()
  world.view.loseAnswer(puts('mine'))
  const waits = world.clock.next()
  const { get } = world.view.calls
  const committed = running.commit(() => mine(1))
  await nextTry(world, waits)
  await committed
  t.equal(world.view.calls.get, get)
  t.equal((await world.store.get({ ...PLACE, kind: 'mine', id: 'a' }))?.version, 2)
})

test('a job that is gone was not ended by the write that had no answer', async t => {
  const world = await executionWorld(t)
  world.failWrite(moves('ended'))
  const waits = world.clock.next()
  const executed = (await world.execution()).execute()
  await waits
  await world.store.write(PLACE, [{ op: 'clear' }])
  await world.clock.advance(100)
  await executed
  t.strictSame([await world.task(), world.stopped, world.log.isClosed], [undefined, [], true])
})

test('a lease that cannot be given up is left to lapse', async t => {
  const world = await executionWorld(t)
  world.model.enqueue(says('Once', new Gate()))
  const running = await world.execution()
  const executed = running.execute()
  await heard(world.log, 'note.text')
  world.failWrite(() => true)
  running.stop('shutdown')
  await executed
  t.equal(running.wasHandedOver, false)
  t.match(await world.lease(), { token: 'token' })
})

test('a job that is lost while it is being ended is left to who has it', async t => {
  const world = await executionWorld(t, { task: { phase: 'cancelling' } })
  const end = world.view.hold(moves('ended'))
  const running = await world.execution()
  const ended = running.end(new RunStopped('cancelled'))
  await end.reached()
  await world.takeOver()
  end.open()
  await ended
  t.match(await world.task(), { phase: 'cancelling' })
  t.match(await world.lease(), { owner: 'another' })
  t.strictSame([world.log.isClosed, world.stopped, world.logged, await world.isIndexed()], [true, [], [], true])
})

test('a job that is gone before the answer of the write that ends it was lost is no failure', async t => {
  const world = await executionWorld(t, { task: { phase: 'cancelling' } })
  world.failWrite(moves('ended'))
  const waits = world.clock.next()
  const ended = (await world.execution()).end(new RunStopped('cancelled'))
  await waits
  await world.store.write(PLACE, [{ op: 'clear' }])
  await world.clock.advance(100)
  await ended
  t.strictSame([world.log.isClosed, world.logged], [true, ['the store is unavailable; the run waits for it']])
})
