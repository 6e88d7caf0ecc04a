import { setImmediate } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { Begun, daysOfAnswers, IdempotentAnswers, type KeptAnswer } from '../../lib/shared/idempotent-answers.js'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type PartitionKey, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** A whole day, so that the borders of days are known. */
const TODAY = 19_000
const answer: KeptAnswer = { status: 200, payload: '{"id":"thread_1"}' }
const isPut = (items: readonly WriteItem[]): boolean => items[0]?.op === 'put'
const isDelete = (items: readonly WriteItem[]): boolean => items[0]?.op === 'delete'

const inUse = {
  status: 409,
  message: 'A request with this Idempotency-Key is being carried out. Please retry your request.',
  code: 'idempotency_key_in_use',
  headers: { 'retry-after': '1', 'x-should-retry': 'true' }
}
const outcomeUnknown = {
  status: 409,
  message: 'A request with this Idempotency-Key was interrupted or has failed, and may have been carried out. Check its effect before you send it with a new key.',
  code: 'idempotency_outcome_unknown',
  headers: { 'x-should-retry': 'false' }
}

/** Two instances with one store, whose next writes end as `fates` say. */
async function world (t: Test) {
  const clock = new ManualClock(TODAY * DAY_MS)
  const cleared: string[] = []
  /** Each is used once, by the first write that it matches. `write` stands for the write itself. */
  const fates: { matches: (items: readonly WriteItem[]) => boolean, end: (write: () => Promise<boolean>) => Promise<boolean> }[] = []
  class Records extends MemoryRecordStore {
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      if (items[0]?.op === 'clear') cleared.push(`${key.project} ${key.partition}`)
      const at = fates.findIndex(({ matches }) => matches(items))
      const write = async (): Promise<boolean> => await super.write(key, items)
      return at === -1 ? await write() : await fates.splice(at, 1)[0]!.end(write)
    }
  }
  const records = new Records()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const begun = async (key: string, { of = a, project = 'p', fingerprint = 'POST /threads' } = {}): Promise<Begun> => {
    const found = await of.begin(project, key, fingerprint)
    if (!(found instanceof Begun)) throw new Error(`${key} was answered: ${JSON.stringify(found)}`)
    return found
  }
  const a = new IdempotentAnswers(records, clock)
  const b = new IdempotentAnswers(records, clock)
  return {
    a,
    b,
    clock,
    records,
    cleared,
    fates,
    begun,
    repeat: async (key: string, of = b): Promise<Begun | KeptAnswer | Error> => await of.begin('p', key, 'POST /threads').catch((error: Error) => error),
    stored: async (day = TODAY, project = 'p') => (await records.page<any>({ project, partition: `idempotent-answers ${day}`, kind: KIND.idempotentAnswer, order: 'asc', limit: 10 })).records
  }
}

test('the first request with a key is carried out, and each repetition gets its answer, on every instance', async t => {
  const { a, b, clock, begun, repeat, stored } = await world(t)
  const first = await begun('key')
  t.equal(first.isSettled, false)
  t.match(await stored(), [{ version: 1, id: /^[0-9a-f]{64}$/, body: { fingerprint: 'POST /threads', at: clock.now(), request: /^[0-9a-f-]{36}$/ } }])
  await first.keep(answer)
  t.equal(first.isSettled, true)
  for (const of of [a, b]) t.strictSame(await repeat('key', of), answer)
  const streamed = await begun('stream')
  const stream = { stream: { thread_id: 'thread_1', run_id: 'run_1', tag: 'x', from: 3, isWhole: false } }
  await streamed.keep(stream)
  t.strictSame(await repeat('stream'), stream)
  t.equal(clock.pending, 0)
})

test('a key is of one project, and may have any characters', async t => {
  const { begun, stored } = await world(t)
  for (const key of ['key', 'kez', 'ä\0', 'x'.repeat(600)]) await begun(key)
  await begun('key', { project: 'q' })
  t.equal(new Set((await stored()).map(({ id }) => id)).size, 4)
  t.equal((await stored(TODAY, 'q')).length, 1)
})

test('another request with a key that was used is a 400, before and after there is an answer', async t => {
  const { b, begun } = await world(t)
  const other = async (): Promise<unknown> => await b.begin('p', 'key', 'POST /assistants').catch((error: unknown) => error)
  const reused = { status: 400, message: 'This Idempotency-Key was used with another request. Use a new key for each request.', code: 'idempotency_key_reused' }
  const first = await begun('key')
  t.match(await other(), reused)
  await first.keep(answer)
  t.match(await other(), reused)
})

test('of several requests at a time one is carried out, and the others get its answer', async t => {
  const { a, b, clock, repeat, stored } = await world(t)
  const settled: unknown[] = []
  const requests = [a, b, a, b].map(async of => { settled.push(await repeat('key', of)) })
  while (clock.pending < 3) await clock.next()
  await clock.advance(500)
  t.equal(settled.length, 1)
  t.equal((await stored()).length, 1)
  await (settled[0] as Begun).keep(answer)
  await clock.advance(500)
  await Promise.all(requests)
  t.strictSame(settled.slice(1), [answer, answer, answer])
  t.equal(clock.pending, 0)
})

test('a repetition looks for the answer ever less often', async t => {
  const { clock, begun, repeat } = await world(t)
  const first = await begun('key')
  const repetition = repeat('key')
  const looks: number[] = []
  for (let i = 0; i < 7; i++) {
    const look = await clock.armed()
    looks.push(look)
    await clock.advance(look)
  }
  t.strictSame(looks, [25, 50, 100, 200, 400, 500, 500])
  await first.keep(answer)
  await clock.advance(500)
  t.strictSame(await repetition, answer)
})

test('a repetition waits for ten seconds, and may be sent again then', async t => {
  for (const [ms, isOver] of [[9999, false], [10_000, true]] as const) {
    const { clock, begun, repeat } = await world(t)
    await begun('key')
    let answered: unknown
    const repetition = repeat('key').then(found => { answered = found })
    await clock.armed()
    await clock.leap(ms)
    t.equal(answered !== undefined, isOver, `${ms} ms`)
    await clock.leap(10_000)
    await repetition
    t.match(answered, inUse)
  }
})

test('a request that has been at work for more than ten minutes was interrupted: no repetition waits for it or is carried out', async t => {
  const { clock, begun, repeat } = await world(t)
  await begun('key')
  await clock.leap(10 * 60_000)
  let early: unknown
  const repetition = repeat('key').then(found => { early = found })
  await clock.armed()
  t.equal(early, undefined)
  await clock.leap(1)
  t.match(await repeat('key'), outcomeUnknown)
  await clock.leap(24)
  await repetition
  t.match(early, outcomeUnknown)
})

test('a request that failed and may have been carried out is not carried out again', async t => {
  const { clock, begun, repeat, stored } = await world(t)
  const first = await begun('key')
  await first.keepUnknown()
  t.equal(first.isSettled, true)
  t.match(await repeat('key'), outcomeUnknown)
  t.equal(clock.pending, 0)
  t.match(await stored(), [{ version: 2, body: { fingerprint: 'POST /threads', at: clock.now(), isUnknown: true } }])
})

test('a request that has done nothing lets its repetition be carried out, also one that waits', async t => {
  const { clock, begun, repeat, stored } = await world(t)
  const first = await begun('key')
  const repetition = repeat('key')
  await clock.armed()
  await first.release()
  t.equal(first.isSettled, true)
  t.strictSame(await stored(), [])
  await clock.advance(25)
  const second = await repetition
  t.equal(second instanceof Begun, true)
  await (second as Begun).keep(answer)
  t.strictSame(await repeat('key'), answer)
})

test('a request that was given up changes nothing of the one that has its key now', async t => {
  const { records, begun, stored } = await world(t)
  const first = await begun('key')
  const [{ id, partition, project, kind }] = await stored() as [any]
  await records.write({ project, partition }, [{ op: 'put', kind, id, body: { fingerprint: 'theirs', at: 1 } }])
  for (const end of [async () => await first.keep(answer), async () => await first.keepUnknown(), async () => await first.release()]) {
    await end()
    t.strictSame((await stored()).map(({ body }) => body), [{ fingerprint: 'theirs', at: 1 }])
  }
})

test('an answer is there for the day in which it was given and the next one', async t => {
  const { clock, begun, repeat, stored } = await world(t)
  await (await begun('early')).keep(answer)
  await clock.leap(DAY_MS - 1)
  await (await begun('late')).keep(answer)
  await clock.leap(DAY_MS)
  for (const key of ['early', 'late']) t.strictSame(await repeat(key), answer)
  await clock.leap(1)
  const anew = await repeat('early')
  t.equal(anew instanceof Begun, true)
  t.strictSame(await stored(), [])
  t.equal((await stored(TODAY + 2)).length, 1)
})

test('a project\'s answers of a week are removed once a day, when they are too old to be asked for', async t => {
  const { a, clock, begun, cleared } = await world(t)
  const week = (project: string, day: number): string[] => [2, 3, 4, 5, 6, 7, 8].map(age => `${project} idempotent-answers ${day - age}`)
  for (const key of ['one', 'two']) await begun(key)
  t.strictSame(cleared.splice(0), week('p', TODAY))
  await begun('one', { project: 'q' })
  t.strictSame(cleared.splice(0), week('q', TODAY))
  await clock.leap(DAY_MS)
  for (const key of ['three', 'four']) await begun(key, { of: a })
  t.strictSame(cleared, week('p', TODAY + 1))
})

test('the partitions that may hold answers are those of tomorrow, by another clock, to the oldest that is looked back upon', t => {
  t.strictSame(daysOfAnswers(TODAY * DAY_MS), Array.from({ length: 10 }, (_, age) => `idempotent-answers ${TODAY + 1 - age}`))
  t.strictSame(daysOfAnswers((TODAY + 1) * DAY_MS - 1)[0], `idempotent-answers ${TODAY + 1}`)
  t.end()
})

test('a key that may have been taken for a request that was refused is given back, also when it is taken late', async t => {
  const gone = new StorageUnavailableError('gone')
  for (const late of [0, 1000, 3000, 7000, 15_000, 31_000, 61_000]) {
    const { clock, repeat, stored, fates } = await world(t)
    let write = async (): Promise<boolean> => false
    fates.push({ matches: isPut, end: async lost => { write = lost; throw gone } })
    t.equal(await repeat('key'), gone)
    await clock.advance(late)
    t.equal(await write(), true)
    t.equal((await stored()).length, 1)
    const isTriedAgain = late < 61_000
    t.equal(clock.pending, isTriedAgain ? 1 : 0, `taken after ${late} ms`)
    await clock.advance(late === 0 ? 999 : late === 31_000 ? 29_999 : late)
    t.equal((await stored()).length, 1)
    await clock.advance(1)
    if (late === 0 || late === 31_000) t.strictSame(await stored(), [])
    await clock.advance(100_000)
    t.equal((await stored()).length, isTriedAgain ? 0 : 1)
    t.equal(clock.pending, 0)
  }
})

test('a key is not given back when its write failed for certain, or when another request has it', async t => {
  const { clock, records, repeat, stored, fates, begun } = await world(t)
  const broken = new TypeError('no JSON')
  fates.push({ matches: isPut, end: async () => { throw broken } })
  t.equal(await repeat('key'), broken)
  t.equal(clock.pending, 0)
  const gone = new StorageUnavailableError('gone')
  fates.push({ matches: isPut, end: async () => { throw gone } })
  t.equal(await repeat('key'), gone)
  await begun('key')
  await clock.advance(1000)
  t.equal((await stored()).length, 1)
  t.equal(clock.pending, 0, 'it is known that the key is another one\'s')
  t.ok(records)
})

test('giving a key back is tried again when the store is away, or when the record was changed meanwhile', async t => {
  const gone = new StorageUnavailableError('gone')
  for (const fault of [async () => { throw gone }, async () => false]) {
    const { clock, repeat, stored, fates } = await world(t)
    fates.push({ matches: isPut, end: async write => { await write(); throw gone } }, { matches: isDelete, end: fault })
    t.equal(await repeat('key'), gone)
    await clock.advance(1000)
    t.equal((await stored()).length, 1)
    await clock.advance(1999)
    t.equal((await stored()).length, 1)
    await clock.advance(1)
    t.strictSame(await stored(), [])
    t.equal(clock.pending, 0)
  }
})

/** Two instances, one of which is in yesterday still. */
async function midnight (t: Test) {
  const { a: today, clock, records, fates, repeat, stored } = await world(t)
  const late = new ManualClock(TODAY * DAY_MS - 1)
  const yesterday = new IdempotentAnswers(records, late)
  const begin = async (of: IdempotentAnswers): Promise<Begun | KeptAnswer> => await of.begin('p', 'key', 'POST /threads')
  return { today, yesterday, clock, late, fates, repeat, stored, begin, all: async () => [...await stored(TODAY - 1), ...await stored(TODAY)] }
}

for (const [first, second] of [['today', 'yesterday'], ['yesterday', 'today']] as const) {
  test(`a repetition gets the answer where clocks differ: first ${first}, then ${second}`, async t => {
    const { repeat, begin, ...instances } = await midnight(t)
    const begun = await begin(instances[first]) as Begun
    await begun.keep(answer)
    t.strictSame(await repeat('key', instances[second]), answer)
  })

  test(`of two requests at midnight one is carried out, though each has looked before the other took the key: first ${first}, then ${second}`, async t => {
    const { fates, begin, clock, late, all, ...instances } = await midnight(t)
    let begun: Begun | KeptAnswer | undefined
    fates.push({
      matches: isPut,
      async end (write) {
        begun = await begin(instances[first])
        return await write()
      }
    })
    const state = { isSettled: false }
    const other = begin(instances[second]).finally(() => { state.isSettled = true })
    while (clock.pending + late.pending === 0 && !state.isSettled) await setImmediate()
    t.ok(begun instanceof Begun)
    t.equal(state.isSettled, false, 'it waits')
    await (begun as Begun).keep(answer)
    for (const each of [clock, late]) await each.advance(1000)
    t.strictSame(await other, answer)
    t.equal((await all()).length, 1)
  })
}

/** The instance of the day before takes a key that the other one has taken since it looked, and waits. */
async function earlierWaits (t: Test) {
  const { today, yesterday, fates, begin, late, ...rest } = await midnight(t)
  let begun: Begun | KeptAnswer | undefined
  fates.push({
    matches: isPut,
    async end (write) {
      begun = await begin(today)
      return await write()
    }
  })
  const earlier = begin(yesterday).catch((error: Error) => error)
  await late.armed()
  return { ...rest, today, yesterday, late, earlier, begun: begun as Begun }
}

test('a request of the day before that waits for one of today looks ever less often, for ten seconds, and may be sent again then', async t => {
  const { late, earlier, all, begun } = await earlierWaits(t)
  const looks: number[] = []
  let waitedMs = 0
  while (waitedMs < 10_000) {
    const look = await late.armed()
    looks.push(look)
    waitedMs += look
    await late.advance(look)
  }
  t.strictSame(looks.slice(0, 7), [25, 50, 100, 200, 400, 500, 500])
  t.match(await earlier, inUse)
  t.strictSame((await all()).map(({ body }) => body.answer), [undefined], 'its own record is gone')
  await begun.keep(answer)
})

test('a request of the day before has what came of the one of today at its next look, and who asks meanwhile has it at once', async t => {
  for (const [end, expected] of [[async (begun: Begun) => await begun.keep(answer), answer], [async (begun: Begun) => await begun.keepUnknown(), outcomeUnknown]] as const) {
    const { late, earlier, yesterday, repeat, all, begun } = await earlierWaits(t)
    await end(begun)
    t.equal((await all()).length, 2)
    t.match(await repeat('key', yesterday), expected)
    await late.advance(25)
    t.match(await earlier, expected)
    t.equal((await all()).length, 1)
  }
})

test('of two requests at midnight that see each other the one of the day before is carried out', async t => {
  const { today, yesterday, fates, begin, clock, late, all } = await midnight(t)
  const both: (() => void)[] = []
  const whenBothAreWritten = async (write: () => Promise<boolean>): Promise<boolean> => {
    const written = await write()
    await new Promise<void>(resolve => { if (both.push(resolve) === 2) for (const go of both) go() })
    return written
  }
  fates.push({ matches: isPut, end: whenBothAreWritten }, { matches: isPut, end: whenBothAreWritten })
  const [later, earlier] = [begin(today), begin(yesterday)]
  while (clock.pending === 0) await setImmediate()
  await late.advance(1000)
  const begun = await earlier
  t.ok(begun instanceof Begun)
  await (begun as Begun).keep(answer)
  await clock.advance(1000)
  t.strictSame(await later, answer)
  t.equal((await all()).length, 1)
})

test('a key that was taken is given back when it cannot be learned whether another instance has it', async t => {
  const { today, yesterday, fates, begin, clock, all } = await midnight(t)
  const error = new StorageUnavailableError('The store is away.')
  fates.push({
    matches: isPut,
    async end (write) {
      await begin(yesterday)
      fates.push({ matches: isDelete, end: async () => { throw error } })
      return await write()
    }
  })
  await t.rejects(begin(today), error)
  t.equal((await all()).length, 2)
  await clock.advance(1000)
  t.equal((await all()).length, 1)
})
