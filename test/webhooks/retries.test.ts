import { test, type Test } from 'tap'
import { Webhooks } from '../../lib/dialects/assistants/webhooks.js'
import type { Run } from '../../schemas/runs.js'
import { ManualClock } from '../helpers/clock.js'
import { settle } from '../runs/helpers/core.js'
import { secret, signatureProblem, startReceiver, type Reaction, type Receiver } from './receiver.js'

const run = { id: 'run_1', object: 'thread.run', status: 'completed', metadata: {} } as unknown as Run

interface Scene {
  webhooks: Webhooks
  clock: ManualClock
  receiver: Receiver
  /** What was logged. */
  logged: string[]
}

/** A run that has been reported to a receiver that reacts so. */
async function scene (t: Test, reactions: Reaction[], options: { maxAttempts?: number, timeoutMs?: number, url?: string } = {}): Promise<Scene> {
  const clock = new ManualClock()
  const receiver = await startReceiver(t, ...reactions)
  const logged: string[] = []
  const note = (_details: object, message: string): void => { logged.push(message) }
  const webhooks = new Webhooks({ secret, url: receiver.url, ...options }, clock, { debug: note, info: note, warn: note, error: note })
  t.teardown(async () => await webhooks.close())
  webhooks.report('default', run)
  return { webhooks, clock, receiver, logged }
}

async function givenUp ({ logged }: Scene): Promise<void> {
  while (!logged.includes('a webhook delivery was abandoned')) await settle()
}

/** Lets a pause of exactly this length pass. */
async function pause (clock: ManualClock, ms: number): Promise<void> {
  await clock.armed(delay => delay === ms)
  await clock.advance(ms)
}

test('a delivery is tried five times, after longer and longer pauses, then given up and logged', async t => {
  const told = await scene(t, Array(10).fill(500))
  const { clock, receiver } = told
  await receiver.next()
  for (const ms of [5_000, 30_000, 120_000, 600_000]) {
    await pause(clock, ms)
    await receiver.next()
  }
  await givenUp(told)
  await clock.advance(3_600_000)
  t.equal(receiver.deliveries.length, 5)
})

test('every attempt has the id of the first, a time of its own, and a signature that fits it', async t => {
  const { clock, receiver } = await scene(t, [503, 503])
  const first = await receiver.next()
  await pause(clock, 5_000)
  const second = await receiver.next()
  await pause(clock, 30_000)
  const third = await receiver.next()
  const all = [first, second, third]
  t.equal(new Set(all.map(({ headers }) => headers['webhook-id'])).size, 1)
  t.equal(new Set(all.map(({ raw }) => raw)).size, 1)
  t.strictSame(all.map(({ headers }) => Number(headers['webhook-timestamp']) - 1_700_000_000), [0, 5, 35])
  for (const delivery of all) t.equal(signatureProblem(delivery), undefined)
})

for (const [what, reaction] of [
  ['answers 400', 400], ['answers 404', 404], ['answers 429', 429], ['answers 500', 500],
  ['cuts the connection', response => { response.destroy() }]
] as [string, Reaction][]) {
  test(`a receiver that ${what} is tried again, and no more once it has taken it`, async t => {
    const { clock, receiver } = await scene(t, [reaction, 200])
    await receiver.next()
    await pause(clock, 5_000)
    await receiver.next()
    await settle()
    await clock.advance(3_600_000)
    t.equal(receiver.deliveries.length, 2)
  })
}

test('a receiver that does not answer in time is tried again', async t => {
  const { clock, receiver } = await scene(t, [() => {}], { timeoutMs: 50 })
  await receiver.next()
  await pause(clock, 5_000)
  t.equal(signatureProblem(await receiver.next()), undefined)
})

test('a receiver that nobody listens at is tried again', async t => {
  const told = await scene(t, [], { url: 'http://127.0.0.1:9/', maxAttempts: 2 })
  await pause(told.clock, 5_000)
  await givenUp(told)
  t.equal(told.clock.pending, 0)
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) is not followed: it could lead anywhere`, async t => {
    const elsewhere = await startReceiver(t)
    const { clock, receiver } = await scene(t, [response => { response.writeHead(status, { location: elsewhere.url }).end() }])
    await receiver.next()
    await pause(clock, 5_000)
    await receiver.next()
    t.equal(elsewhere.deliveries.length, 0)
  })
}

test('the number of attempts is an option', async t => {
  const told = await scene(t, [500, 500], { maxAttempts: 1 })
  await told.receiver.next()
  await givenUp(told)
  await told.clock.advance(3_600_000)
  t.equal(told.receiver.deliveries.length, 1)
})

test('closing ends deliveries that wait for their next attempt', async t => {
  const { webhooks, clock, receiver, logged } = await scene(t, [500])
  await receiver.next()
  await clock.armed()
  await webhooks.close()
  await settle()
  t.equal(clock.pending, 0, 'no timer is left')
  await clock.advance(3_600_000)
  t.equal(receiver.deliveries.length, 1)
  t.strictSame(logged, [])
})

test('closing does not wait for a receiver that takes its time', async t => {
  const { webhooks, receiver, logged } = await scene(t, [() => {}])
  await receiver.next()
  await webhooks.close()
  t.strictSame(logged, [], 'and does not complain about it')
})

test('what is reported after closing is dropped', async t => {
  const { webhooks, receiver } = await scene(t, [204])
  await receiver.next()
  await webhooks.close()
  webhooks.report('default', run)
  await settle()
  t.equal(receiver.deliveries.length, 1)
})

test('nothing is kept of a delivery once it is over', async t => {
  const { clock, receiver } = await scene(t, [204])
  await receiver.next()
  await settle()
  t.equal(clock.pending, 0)
})
