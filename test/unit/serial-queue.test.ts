import t from 'tap'
import { SerialQueue } from '../../lib/shared/serial-queue.js'

t.test('work is done one piece at a time, in order, and each result reaches its own caller', async t => {
  const queue = new SerialQueue()
  const events: string[] = []
  const work = (name: string) => async (): Promise<string> => {
    events.push(`${name} begins`)
    await new Promise(resolve => setImmediate(resolve))
    events.push(`${name} ends`)
    return name
  }
  t.strictSame(await Promise.all([queue.run(work('a')), queue.run(work('b')), queue.run(() => 'c')]), ['a', 'b', 'c'])
  t.strictSame(events, ['a begins', 'a ends', 'b begins', 'b ends'])
})

t.test('a failure is the caller\'s alone: what comes after it is done', async t => {
  const queue = new SerialQueue()
  const failing = queue.run(async () => { throw new Error('first') })
  const next = queue.run(() => 'second')
  await t.rejects(failing, { message: 'first' })
  t.equal(await next, 'second')
  await t.rejects(queue.run(() => { throw new Error('thrown') }), { message: 'thrown' })
})

t.test('settled waits for what was handed in, and does not fail with it', async t => {
  const queue = new SerialQueue()
  let isDone = false
  queue.run(async () => {
    await new Promise(resolve => setImmediate(resolve))
    isDone = true
    throw new Error('failed')
  }).catch(() => {})
  await queue.settled()
  t.equal(isDone, true)
})
