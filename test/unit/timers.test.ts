import { getEventListeners } from 'node:events'
import t from 'tap'
import { IdleTimer, Notifier, pause, PeriodicTask, settlesWithin, Timer } from '../../lib/shared/timers.js'
import { ManualClock } from '../helpers/clock.js'

/** A promise, and what settles it. */
function deferred () {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((_resolve, _reject) => {
    resolve = _resolve
    reject = _reject
  })
  return { promise, resolve, reject }
}

/** Whether the promise has settled after a turn of the event loop. */
async function hasSettled (promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(() => { settled = true }, () => { settled = true })
  await new Promise(resolve => setImmediate(resolve))
  return settled
}

t.test('pause', async t => {
  t.test('lasts as long as it is told', async t => {
    const clock = new ManualClock()
    const paused = pause(clock, 1000)
    await clock.advance(999)
    t.equal(await hasSettled(paused), false)
    await clock.advance(1)
    await paused
    t.equal(clock.pending, 0)
  })

  t.test('ends when its signal is aborted, and leaves neither timer nor listener', async t => {
    const clock = new ManualClock()
    const stop = new AbortController()
    const paused = pause(clock, 1000, stop.signal)
    stop.abort()
    await paused
    t.equal(clock.pending, 0)
    t.equal(getEventListeners(stop.signal, 'abort').length, 0)
    await pause(clock, 1000, stop.signal)
    t.equal(clock.pending, 0, 'after the abort there is no pause')
  })
})

t.test('settlesWithin', async t => {
  t.test('tells whether the work settled in time, however it did', async t => {
    const clock = new ManualClock()
    for (const end of ['resolve', 'reject'] as const) {
      const work = deferred()
      const inTime = settlesWithin(clock, 1000, work.promise)
      work.promise.catch(() => {})
      work[end](new Error('failed'))
      t.equal(await inTime, true, end)
    }
    const late = settlesWithin(clock, 1000, new Promise(() => {}))
    await clock.advance(1000)
    t.equal(await late, false)
    t.equal(clock.pending, 0)
  })

  t.test('does not outlast its signal', async t => {
    const stop = new AbortController()
    const waiting = settlesWithin(new ManualClock(), 1000, new Promise(() => {}), stop.signal)
    stop.abort()
    t.equal(await waiting, false)
  })
})

t.test('a notifier', async t => {
  t.test('wakes the one who waits', async t => {
    const clock = new ManualClock()
    const notifier = new Notifier()
    const waiting = notifier.wait(clock, 1000)
    notifier.notify()
    t.equal(await waiting, true)
    t.equal(clock.pending, 0)
  })

  t.test('remembers what came before the wait, once', async t => {
    const clock = new ManualClock()
    const notifier = new Notifier()
    notifier.notify()
    notifier.notify()
    t.equal(await notifier.wait(clock, 1000), true)
    const waiting = notifier.wait(clock, 1000)
    t.equal(await hasSettled(waiting), false)
    await clock.advance(1000)
    t.equal(await waiting, false)
  })

  t.test('keeps a notification that comes after the time was up', async t => {
    const clock = new ManualClock()
    const notifier = new Notifier()
    const waiting = notifier.wait(clock, 1000)
    await clock.advance(1000)
    t.equal(await waiting, false)
    notifier.notify()
    t.equal(await notifier.wait(clock, 1000), true)
  })

  t.test('ends the wait when the signal is aborted', async t => {
    const clock = new ManualClock()
    const stop = new AbortController()
    const waiting = new Notifier().wait(clock, Infinity, stop.signal)
    t.equal(clock.pending, 0, 'without a limit there is no timer')
    stop.abort()
    t.equal(await waiting, false)
  })
})

t.test('a timer is replaced by the next one and can be cleared', async t => {
  const clock = new ManualClock()
  const timer = new Timer(clock)
  const fired: string[] = []
  timer.set(100, () => fired.push('first'))
  timer.set(200, () => fired.push('second'))
  await clock.advance(200)
  t.strictSame(fired, ['second'])
  timer.set(100, () => fired.push('third'))
  timer.clear()
  timer.set(Infinity, () => fired.push('never'))
  t.equal(clock.pending, 0)
})

t.test('a periodic task', async t => {
  function task (run: (signal: AbortSignal) => Promise<void>) {
    const clock = new ManualClock()
    const errors: unknown[] = []
    return { clock, errors, periodic: new PeriodicTask({ clock, intervalMs: 1000, run, onError: error => errors.push(error) }) }
  }

  t.test('runs after each interval until it is stopped', async t => {
    let runs = 0
    const { clock, periodic } = task(async () => { runs++ })
    periodic.start()
    t.equal(runs, 0)
    await clock.advance(3000)
    t.equal(runs, 3)
    await periodic.stop()
    t.equal(clock.pending, 0)
    await periodic.runNow()
    t.equal(periodic.start(), periodic)
    await clock.advance(3000)
    t.equal(runs, 3, 'a stopped task cannot be started again')
  })

  t.test('reports a failure and goes on', async t => {
    let runs = 0
    const { clock, errors, periodic } = task(() => { throw new Error(`run ${++runs}`) })
    periodic.start()
    await clock.advance(2000)
    t.match(errors, [{ message: 'run 1' }, { message: 'run 2' }])
  })

  t.test('has one run at a time, and waits for its end before it counts the interval', async t => {
    let runs = 0
    let work = deferred()
    const { clock, periodic } = task(async () => {
      runs++
      await work.promise
    })
    const first = periodic.runNow()
    const second = periodic.runNow()
    await clock.advance(5000)
    t.equal(runs, 1)
    t.equal(clock.pending, 0)
    work.resolve()
    await Promise.all([first, second])
    work = deferred()
    await clock.advance(1000)
    t.equal(runs, 2)
    work.resolve()
  })

  t.test('can be run at once; the interval counts from there', async t => {
    let runs = 0
    const { clock, periodic } = task(async () => { runs++ })
    periodic.start()
    await clock.advance(900)
    await periodic.runNow()
    t.equal(runs, 1)
    await clock.advance(900)
    t.equal(runs, 1)
    await clock.advance(100)
    t.equal(runs, 2)
  })

  t.test('tells the run under way that it stops, awaits its end and hides its failure', async t => {
    const work = deferred()
    let isAborted = false
    const { clock, errors, periodic } = task(async signal => {
      signal.addEventListener('abort', () => { isAborted = true })
      await work.promise
    })
    periodic.start()
    await clock.advance(1000)
    const stopped = periodic.stop()
    t.equal(isAborted, true)
    t.equal(await hasSettled(stopped), false)
    work.reject(new Error('the store is closed'))
    await stopped
    t.strictSame(errors, [])
    t.equal(clock.pending, 0)
  })
})

t.test('IdleTimer', async t => {
  const idle = (idleMs = 1000) => {
    const clock = new ManualClock()
    let calls = 0
    return { clock, timer: new IdleTimer(clock, idleMs, () => { calls++ }), calls: () => calls }
  }

  t.test('calls back once when its time has passed since it last began', async t => {
    const { clock, timer, calls } = idle()
    timer.begin()
    for (let i = 0; i < 5; i++) {
      await clock.advance(900)
      timer.begin()
    }
    await clock.advance(999)
    t.equal(calls(), 0)
    await clock.advance(1)
    t.equal(calls(), 1)
    await clock.advance(10_000)
    t.equal(calls(), 1)
    timer.begin()
    await clock.advance(1000)
    t.equal(calls(), 2)
  })

  t.test('does not count while it is paused, and keeps one timer at most', async t => {
    const { clock, timer, calls } = idle()
    for (let i = 0; i < 10; i++) {
      timer.begin()
      timer.pause()
    }
    t.equal(clock.pending, 1)
    await clock.advance(10_000)
    t.equal(calls(), 0)
    t.equal(clock.pending, 0)
    timer.begin()
    timer.clear()
    await clock.advance(10_000)
    t.equal(calls(), 0)
  })

  t.test('never calls back without a limit', async t => {
    const { clock, timer } = idle(Infinity)
    timer.begin()
    t.equal(clock.pending, 0)
  })
})
