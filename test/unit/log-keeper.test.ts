import { test, type Test } from 'tap'
import { LogKeeper } from '../../lib/runs/events/log-keeper.js'
import type { EventLog } from '../../lib/runs/events/event-log.js'
import type { JobKey } from '../../lib/runs/job.js'
import { ByteBudget } from '../../lib/shared/byte-budget.js'
import { silentLogger } from '../../lib/shared/log.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { settle } from '../runs/helpers/core.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { puts } from '../runs/helpers/job-world.js'
import { polls } from '../runs/helpers/polls.js'

const key: JobKey = { dialect: 'test', project: 'p', partition: 'thread_1', jobId: 'run_1' }
const format = { serialise: ({ data }: { data: unknown }) => String(data), endsStretch: (event: string) => event === 'done' }
/** Not of a store that is away: what that does not take is written until it does. */
const refused = new Error('refused')

/** Two instances on one store: what the first keeps, the second has a copy of when it asks. */
async function world (t: Test, { maxLogBytes = 1_000_000 } = {}) {
  const records = new GatedStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const clock = new ManualClock()
  const logged: string[] = []
  const log = { ...silentLogger, warn: (_details: object, message: string) => { logged.push(message) } }
  const keeper = (): LogKeeper => {
    const made = new LogKeeper({ records, clock, log, formatOf: () => format, isActive: async () => true, budget: new ByteBudget(), pastBudget: new ByteBudget(), limits: { maxLogBytes, logRetentionMs: 60_000 } })
    t.teardown(() => made.close())
    return made
  }
  const [here, there] = [keeper(), keeper()]
  const stored = async (): Promise<number> => (await records.page({ project: 'p', partition: 'thread_1', kind: KIND.events, parent: 'run_1', order: 'asc', limit: 100 })).records.length
  return { records, clock, logged, here, stored, join: async () => await there.mirror(key, () => here.export(key.jobId)) }
}

const say = (log: EventLog, ...words: string[]): void => log.append(words.map(data => ({ event: 'word', data })))

/** What a copy says, as it comes. */
function listen (log: EventLog): { heard: string[], ended: Promise<void> } {
  const heard: string[] = []
  const ended = (async () => {
    for await (const batch of log.follow(log.firstId, new AbortController().signal)) heard.push(...batch.map(({ id, data }) => `${id} ${data}`))
  })()
  return { heard, ended }
}

test('events that could not be written for another instance come once its readers ask again, each once', async t => {
  const { records, clock, logged, here, join } = await world(t)
  const log = here.open(key)
  say(log, 'a', 'b')
  const copy = (await join())!
  const { heard } = listen(copy)
  await polls(clock, 1)
  t.strictSame(heard, ['0 a', '1 b'])
  records.fail(puts(KIND.events), refused)
  say(log, 'c')
  await polls(clock, 1)
  t.strictSame(logged, ['events could not be shared with other instances'])
  say(log, 'd')
  await polls(clock, 3)
  t.strictSame(heard, ['0 a', '1 b', '2 c', '3 d'])
  t.equal(copy.isClosed, false)
})

test('a reader that comes after events could not be written has all of them', async t => {
  const { records, clock, here, join } = await world(t)
  const log = here.open(key)
  say(log, 'a')
  records.fail(puts(KIND.events), refused)
  const joined = join()
  await polls(clock, 3)
  const { heard } = listen((await joined)!)
  say(log, 'b')
  await polls(clock, 3)
  t.strictSame(heard, ['0 a', '1 b'])
})

test('a copy ends where events are missing between it and what is written anew', async t => {
  const { records, clock, here, join } = await world(t, { maxLogBytes: 200 })
  const log = here.open(key)
  say(log, 'a')
  const copy = (await join())!
  const { heard, ended } = listen(copy)
  await polls(clock, 1)
  records.fail(puts(KIND.events), refused)
  say(log, 'b')
  await settle()
  for (let i = 0; i < 50; i++) say(log, 'x'.repeat(20))
  await polls(clock, 3)
  await ended
  t.strictSame(heard, ['0 a'])
})

test('what was written before events could not be is removed with the log', async t => {
  const { records, clock, here, stored } = await world(t)
  const log = here.open(key)
  say(log, 'a')
  here.export(key.jobId)
  await settle()
  records.fail(puts(KIND.events), new StorageUnavailableError('away'))
  say(log, 'b')
  log.close()
  await settle()
  await clock.advance(50)
  await settle()
  t.equal(await stored(), 1)
  here.retire(key.jobId, 0)
  await clock.advance(60_000)
  await settle()
  t.equal(await stored(), 0)
})

test('an export that waits for the store ends with its log, and writes no more', async t => {
  const { records, clock, here, stored } = await world(t)
  const log = here.open(key)
  say(log, 'a')
  records.fail(puts(KIND.events), new StorageUnavailableError('away'))
  here.export(key.jobId)
  await settle()
  t.equal(await stored(), 0)
  here.drop(key.jobId)
  await settle()
  await clock.advance(5000)
  await settle()
  t.equal(await stored(), 0)
})
