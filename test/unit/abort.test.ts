import { getEventListeners } from 'node:events'
import t from 'tap'
import { unlessAborted, withTimeLimit } from '../../lib/shared/abort.js'
import { ManualClock } from '../helpers/clock.js'

/** Rejections that nothing handled, during `work`. */
async function unhandledDuring (work: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = []
  const listener = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', listener)
  await work()
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', listener)
  return unhandled
}

t.test('work that outlasts its signal is given up with the signal\'s reason', async t => {
  const stop = new AbortController()
  const waiting = unlessAborted(new Promise(() => {}), stop.signal)
  stop.abort(new Error('stopped'))
  await t.rejects(waiting, { message: 'stopped' })
  t.equal(getEventListeners(stop.signal, 'abort').length, 0)
  t.equal(await unlessAborted(Promise.resolve('done'), new AbortController().signal), 'done')
})

t.test('the failure of work that was given up is no unhandled rejection', async t => {
  for (const abortsFirst of [true, false]) {
    const stop = new AbortController()
    if (abortsFirst) stop.abort(new Error('stopped'))
    t.strictSame(await unhandledDuring(async () => {
      const failing = (async () => {
        await new Promise(resolve => setImmediate(resolve))
        throw new Error('failed late')
      })()
      const waiting = unlessAborted(failing, stop.signal)
      stop.abort(new Error('stopped'))
      await t.rejects(waiting, { message: 'stopped' })
    }), [], `abortsFirst: ${abortsFirst}`)
  }
})

t.test('work has as much time as its limit', async t => {
  const clock = new ManualClock()
  const tooLate = (): Error => new Error('too late')
  t.equal(await withTimeLimit(clock, 1000, async () => 'done', tooLate), 'done')
  await t.rejects(withTimeLimit(clock, 1000, async () => { throw new Error('failed') }, tooLate), { message: 'failed' })
  t.equal(clock.pending, 0)

  let seen: unknown
  const limited = withTimeLimit(clock, 1000, async signal => {
    signal.addEventListener('abort', () => { seen = signal.reason })
    await new Promise(() => {})
  }, tooLate)
  limited.catch(() => {})
  await clock.advance(1000)
  await t.rejects(limited, { message: 'too late' }, 'even when it ignores its signal')
  t.match(seen, { message: 'too late' })
})

t.test('the time limit goes with another signal', async t => {
  const clock = new ManualClock()
  const stop = new AbortController()
  const limited = withTimeLimit(clock, 1000, async () => await new Promise(() => {}), () => new Error('too late'), stop.signal)
  stop.abort(new Error('stopped'))
  await t.rejects(limited, { message: 'stopped' })
  t.equal(clock.pending, 0)
})
