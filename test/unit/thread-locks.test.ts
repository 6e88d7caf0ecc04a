import { test } from 'tap'
import { FreeingLocks, Locked, rejectingLocks, WaitingLocks, type WaitingLocksOptions } from '../../lib/shared/thread-locks.js'
import { ManualClock } from '../helpers/clock.js'
import { settle } from '../runs/helpers/core.js'

/** Requests for one thread, which is locked as long as a run has it. */
function world (options: Partial<WaitingLocksOptions> = {}) {
  const clock = new ManualClock()
  const freed: string[] = []
  let isFree = false
  const locks = new FreeingLocks(new WaitingLocks({ clock, waitMs: 5000, maxWaiters: 2, ...options }), async (project, thread, id) => {
    freed.push(`${project} ${thread} ${id}`)
    if (isFree) run = undefined
    return isFree
  })
  let run: string | undefined = 'run_1'
  const attempts: string[] = []
  const outcomes: string[] = []
  return {
    clock,
    locks,
    attempts,
    outcomes,
    freed,
    free: () => { isFree = true },
    lock: (id: string | undefined) => { run = id },
    /** What a request comes to is among the outcomes. */
    request: async (name: string, thread = 'thread_1') => {
      locks.runWhenUnlocked('p', thread, async () => {
        attempts.push(name)
        return run === undefined ? name : new Locked(run)
      }).then(result => outcomes.push(result instanceof Locked ? `${name}: ${result.runId}` : result), () => {})
      await settle()
    }
  }
}

test('a thread that is not locked is not waited for, and nothing is left to be told when it is unlocked', async t => {
  const { locks, clock, request, outcomes, attempts, lock } = world()
  lock(undefined)
  await request('one')
  locks.released('p', 'thread_1')
  t.strictSame([outcomes, attempts, clock.pending], [['one'], ['one'], 0])
})

test('the first that waits is told when its thread is unlocked, and then the next', async t => {
  const { locks, request, outcomes, attempts, lock, clock } = world()
  await request('one')
  await request('two')
  t.strictSame(attempts, ['one', 'one'], 'the lock may have gone before it waited')
  lock(undefined)
  locks.released('p', 'thread_2')
  locks.released('q', 'thread_1')
  await settle()
  t.strictSame(outcomes, [])
  locks.released('p', 'thread_1')
  await settle()
  t.strictSame([outcomes, attempts, clock.pending], [['one', 'two'], ['one', 'one', 'one', 'two'], 0])
})

test('what it was not told of the first finds by looking every second, and those behind it do not look', async t => {
  const { clock, request, attempts, outcomes, lock } = world()
  await request('one')
  await request('two')
  await clock.advance(999)
  t.equal(attempts.length, 2)
  await clock.advance(1)
  t.strictSame(attempts, ['one', 'one', 'one'])
  lock(undefined)
  await clock.advance(1000)
  await settle()
  t.strictSame([attempts.slice(3), outcomes], [['one', 'two'], ['one', 'two']])
})

test('a request waits no longer than it may, to the millisecond, and learns which run holds the lock by then', async t => {
  const { clock, request, attempts, outcomes, lock } = world({ waitMs: 2500 })
  await request('one')
  await clock.advance(1000)
  await request('two')
  lock('run_2')
  await clock.advance(1499)
  t.strictSame(outcomes, [])
  await clock.advance(1)
  await settle()
  t.strictSame(outcomes, ['one: run_2'])
  t.equal(attempts.filter(name => name === 'one').length, 5)
  await clock.advance(999)
  t.equal(outcomes.length, 1)
  await clock.advance(1)
  t.strictSame([outcomes, clock.pending], [['one: run_2', 'two: run_2'], 0])
})

test('a request that has waited for too long leaves those behind it in their line', async t => {
  const { locks, clock, request, outcomes, lock } = world({ waitMs: 2500 })
  await request('one')
  await clock.advance(1000)
  await request('two')
  await clock.advance(1500)
  await settle()
  await request('three')
  t.strictSame(outcomes, ['one: run_1'])
  lock(undefined)
  locks.released('p', 'thread_1')
  await settle()
  t.strictSame(outcomes, ['one: run_1', 'two', 'three'])
})

test('more than may wait are refused without an attempt of their own, for each thread by itself', async t => {
  const { request, attempts, outcomes } = world()
  for (const name of ['one', 'two', 'three']) await request(name)
  await request('other', 'thread_2')
  t.strictSame([attempts, outcomes], [['one', 'one', 'other', 'other'], ['three: run_1']])
  const none = world({ maxWaiters: 0 })
  await none.request('one')
  t.strictSame([none.attempts, none.outcomes], [['one'], ['one: run_1']])
  none.lock(undefined)
  await none.request('two')
  t.strictSame(none.outcomes.at(-1), 'two', 'nothing is remembered of the lock')
})

test('a server that closes ends all waits without another attempt, and lets none begin', async t => {
  const { locks, request, attempts, outcomes, clock, lock } = world()
  await request('one')
  await request('two')
  locks.close()
  await settle()
  t.strictSame([attempts, outcomes, clock.pending], [['one', 'one'], ['one: run_1', 'two: run_1'], 0])
  await request('three')
  t.strictSame([attempts.slice(2), outcomes.slice(2), clock.pending], [['three'], ['three: run_1'], 0])
  lock(undefined)
  await request('four')
  t.equal(outcomes.at(-1), 'four')
})

test('two requests that find a thread locked at the same time wait in one line', async t => {
  const { locks, request, outcomes, lock } = world({ maxWaiters: 3 })
  await Promise.all(['one', 'two', 'three'].map(async name => await request(name)))
  lock(undefined)
  locks.released('p', 'thread_1')
  await settle()
  t.strictSame(outcomes, ['one', 'two', 'three'])
})

test('a request whose attempt fails gives its place to the next', async t => {
  const { locks, request, outcomes, lock } = world()
  let isBroken = false
  const failing = t.rejects(locks.runWhenUnlocked('p', 'thread_1', async () => {
    if (isBroken) throw new Error('broken')
    return new Locked('run_1')
  }), { message: 'broken' })
  await settle()
  await request('two')
  isBroken = true
  lock(undefined)
  locks.released('p', 'thread_1')
  await failing
  await settle()
  t.strictSame(outcomes, ['two'])
})

test('a lock for which there is no reason is freed by the request that meets it, which then tries again', async t => {
  const { clock, request, attempts, outcomes, freed, free } = world()
  await request('one')
  t.strictSame([attempts, freed], [['one', 'one'], ['p thread_1 run_1', 'p thread_1 run_1']])
  free()
  await clock.advance(1000)
  await settle()
  t.strictSame([attempts, outcomes], [['one', 'one', 'one', 'one'], ['one']])
  await request('two')
  t.equal(freed.length, 3, 'a thread that is not locked is not to be freed')
})

test('where requests do not wait, what an attempt comes to is all there is', async t => {
  t.equal(await rejectingLocks.runWhenUnlocked('p', 'thread_1', async () => 'done'), 'done')
  const locked = new Locked('run_1')
  t.equal(await rejectingLocks.runWhenUnlocked('p', 'thread_1', async () => locked), locked)
})
