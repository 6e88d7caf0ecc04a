import { test, type Test } from 'tap'
import { sandboxError, ScriptedSandbox } from './helpers/scripted-sandbox.js'
import { ManualClock } from '../helpers/clock.js'
import { Sessions, type Place, type SessionLimits } from '../../lib/tools/code-interpreter/sessions.js'
import { DEFAULT_SANDBOX_LIMITS, type SandboxSession } from '../../lib/sandbox/sandbox.js'

const HOUR_MS = 3_600_000
const never = (): AbortSignal => new AbortController().signal

interface Pool {
  sandbox: ScriptedSandbox
  clock: ManualClock
  sessions: Sessions
  /** A thread's call, until `leave`. */
  use (project: string, thread: string, signal?: AbortSignal): Promise<{ session: SandboxSession, place: Place, isNew: boolean, leave: () => void }>
}

function pool (t: Test, limits: Partial<SessionLimits> = {}): Pool {
  const sandbox = new ScriptedSandbox()
  const clock = new ManualClock()
  const sessions = new Sessions({ sandbox, clock, sandboxLimits: DEFAULT_SANDBOX_LIMITS, limits: { sessions: 4, idleMs: HOUR_MS, ageMs: 24 * HOUR_MS, waitMs: 60_000, warm: 0, ...limits } })
  t.teardown(async () => await sessions.close())
  return {
    sandbox,
    clock,
    sessions,
    async use (project, thread, signal = never()) {
      const { place, leave } = await sessions.enter(project, thread, signal)
      try {
        return { ...await sessions.session(place, signal), place, leave }
      } catch (error) {
        leave()
        throw error
      }
    }
  }
}

test('a thread keeps its session from call to call, and no other thread has it', async t => {
  const { use, sandbox } = pool(t)
  const first = await use('a', 'thread-1')
  first.leave()
  const again = await use('a', 'thread-1')
  t.equal(again.session, first.session)
  t.strictSame([first.isNew, again.isNew], [true, false])
  const same = await use('b', 'thread-1')
  t.not(same.session, first.session, 'nor has a thread of another project with the same id')
  t.equal(sandbox.started.length, 2)
})

test('sessions are kept warm once one was needed, and the pool is filled again', async t => {
  const { use, sandbox } = pool(t, { warm: 2 })
  t.equal(sandbox.started.length, 0, 'none before')
  const first = await use('a', '1')
  t.equal(sandbox.started.length, 3)
  const [, warm] = sandbox.started
  const second = await use('a', '2')
  t.equal(second.session, warm, 'the next thread finds one that has started')
  t.equal(sandbox.started.length, 4)
  first.leave()
  second.leave()
})

test('a warm session that has ended is not given to a thread', async t => {
  const { use, sandbox } = pool(t, { warm: 1 })
  await use('a', '1')
  await sandbox.started[1]!.stop()
  t.notOk((await use('a', '2')).session.hasEnded)
})

test('a session ends after an hour without a call, and one that is used does not', async t => {
  const { use, clock } = pool(t)
  const { session, leave } = await use('a', '1')
  const busy = await use('a', '2')
  leave()
  await clock.advance(HOUR_MS - 1)
  t.notOk(session.hasEnded)
  await clock.advance(1)
  t.ok(session.hasEnded)
  t.notOk(busy.session.hasEnded)
  const next = await use('a', '1')
  t.ok(next.isNew, 'the next call has a new one')
})

test('a session that is too old ends before its next call', async t => {
  const { use, clock } = pool(t, { ageMs: 2 * HOUR_MS, idleMs: 10 * HOUR_MS })
  const first = await use('a', '1')
  first.leave()
  await clock.advance(2 * HOUR_MS)
  const next = await use('a', '1')
  t.ok(next.isNew)
  t.ok(first.session.hasEnded)
})

test('there are no more sessions than the bound: the one that has idled longest makes room', async t => {
  const { use, clock, sandbox } = pool(t, { sessions: 2 })
  const [first, second] = [await use('a', '1'), await use('a', '2')]
  first.leave()
  await clock.advance(10)
  second.leave()
  const third = await use('a', '3')
  t.ok(first.session.hasEnded)
  t.notOk(second.session.hasEnded)
  t.notOk(third.session.hasEnded)
  t.equal(sandbox.most, 2)
})

test('the project that has most sessions gives one up, not the one that has idled longest of all', async t => {
  const { use, clock } = pool(t, { sessions: 3 })
  const small = await use('small', '1')
  small.leave()
  await clock.advance(10)
  const large = [await use('large', '1'), await use('large', '2')]
  for (const { leave } of large) leave()
  await use('other', '1')
  t.notOk(small.session.hasEnded)
  t.strictSame(large.map(({ session }) => session.hasEnded), [true, false])
})

test('when all are busy a call waits for a place, and of those that wait the project with fewest is next', async t => {
  const { use } = pool(t, { sessions: 2 })
  const [first, second] = [await use('large', '1'), await use('large', '2')]
  const order: string[] = []
  const third = use('large', '3').then(used => { order.push('large'); return used })
  const fourth = use('small', '1').then(used => { order.push('small'); return used })
  // Both have asked when the queues of their threads have turned.
  await new Promise(resolve => setImmediate(resolve))
  first.leave()
  const small = await fourth
  t.strictSame(order, ['small'], 'though it has asked later')
  second.leave()
  await third
  small.leave()
})

test('a call that has waited for a minute is told that all are busy', async t => {
  const { use, clock } = pool(t, { sessions: 1 })
  const first = await use('a', '1')
  const waiting = use('a', '2')
  waiting.catch(() => {})
  await clock.armed(ms => ms === 60_000)
  await clock.advance(60_000)
  await t.rejects(waiting, { name: 'SessionsBusy' })
  first.leave()
  t.ok((await use('a', '2')).isNew, 'and the place is free for the next')
})

test('a call that is given up while it waits does not take the place', async t => {
  const { use } = pool(t, { sessions: 1 })
  const first = await use('a', '1')
  const controller = new AbortController()
  const reason = new Error('cancelled')
  const waiting = use('a', '2', controller.signal)
  waiting.catch(() => {})
  await new Promise(resolve => setImmediate(resolve))
  controller.abort(reason)
  await t.rejects(waiting, reason)
  const third = use('a', '3')
  await new Promise(resolve => setImmediate(resolve))
  first.leave()
  t.notOk((await third).session.hasEnded)
})

test('a session that does not start leaves its place free', async t => {
  const { use, sandbox } = pool(t, { sessions: 1 })
  sandbox.fails = true
  await t.rejects(use('a', '1'), sandboxError)
  sandbox.fails = false
  t.ok((await use('a', '2')).isNew)
})

test('calls of one thread wait for one another', async t => {
  const { use, sessions } = pool(t)
  const first = await use('a', '1')
  let hasEntered = false
  const second = sessions.enter('a', '1', never()).then(entered => { hasEntered = true; return entered })
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(hasEntered)
  first.leave()
  const { place, leave } = await second
  t.equal(place.session, first.session)
  leave()
})

test('closing ends all sessions, warm ones as well, and those that wait', async t => {
  const { use, sandbox, sessions } = pool(t, { sessions: 1, warm: 1 })
  await use('a', '1')
  const waiting = use('a', '2')
  waiting.catch(() => {})
  await new Promise(resolve => setImmediate(resolve))
  await sessions.close()
  await t.rejects(waiting)
  t.ok(sandbox.started.length > 0 && sandbox.started.every(({ hasEnded }) => hasEnded))
})
