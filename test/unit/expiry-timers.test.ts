import { test } from 'tap'
import { ExpiryTimers } from '../../lib/runs/expiry-timers.js'
import type { Clock } from '../../lib/shared/clock.js'
import { ManualClock } from '../helpers/clock.js'

/** Timers on a clock whose longest one is 20 seconds, as Node's is 24 days, and the times at which each run expired. */
function timers () {
  const manual = new ManualClock(1_000_000)
  const clock: Clock = { now: () => manual.now(), after: (ms, callback) => manual.after(Math.min(ms, 20_000), callback) }
  const expiry = new ExpiryTimers(clock)
  const expired: [string, number][] = []
  return { manual, expiry, expired, set: (id: string, at: number | null) => expiry.set(id, at, () => expired.push([id, manual.now() / 1000])) }
}

test('a run expires in its second, however much longer than a timer it has, and once', async t => {
  const { manual, expiry, expired, set } = timers()
  set('short', 1010)
  set('long', 1100)
  set('never', null)
  t.strictSame(['short', 'long', 'never'].map(id => expiry.has(id)), [true, true, false])
  await manual.advance(500_000)
  t.strictSame(expired, [['short', 1010], ['long', 1100]])
  t.strictSame(['short', 'long'].map(id => expiry.has(id)), [false, false])
  t.equal(manual.pending, 0)
})

test('a run that was over in time does not expire, nor does one that was given another time expire twice', async t => {
  const { manual, expiry, expired, set } = timers()
  set('ended', 1050)
  set('moved', 1050)
  await manual.advance(30_000)
  expiry.clear('ended')
  set('moved', 1060)
  t.equal(expiry.has('ended'), false)
  await manual.advance(100_000)
  t.strictSame(expired, [['moved', 1060]])
  set('a', 1200)
  set('b', 1300)
  expiry.clearAll()
  t.equal(manual.pending, 0)
  t.equal(expiry.has('a'), false)
})
