import { test, type Test } from 'tap'
import { EventLog, type LoggedEvent } from '../../lib/runs/events/event-log.js'
import { exportLog, forgetExport, mirrorLog } from '../../lib/runs/events/mirror.js'
import type { JobKey } from '../../lib/runs/job.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { settle } from '../runs/helpers/core.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { polls, POLL_MS } from '../runs/helpers/polls.js'

const key: JobKey = { dialect: 'test', project: 'p', partition: 'thread_1', jobId: 'run_1' }
const place = { project: 'p', partition: 'thread_1', kind: KIND.events, parent: 'run_1' }
const format = { serialise: ({ data }: { data: unknown }) => String(data), endsStretch: (event: string) => event === 'done' }

/** Two instances on one store. Without `notifies` they know of each other by looking only. */
async function world (t: Test, { notifies = true } = {}) {
  const records = new GatedStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  let listening = 0
  const listen = records.listen.bind(records)
  records.listen = async (...what) => {
    const end = await listen(...what)
    listening++
    return async () => {
      listening--
      await end()
    }
  }
  if (!notifies) Object.assign(records, { notify: undefined, listen: undefined })
  const clock = new ManualClock()
  const ending = new AbortController()
  t.teardown(() => ending.abort())
  let isActive: boolean | Error = true
  let asked = 0
  const services = {
    records,
    clock,
    formatOf: () => format,
    isActive: async () => {
      if (isActive instanceof Error) throw isActive
      return isActive
    }
  }
  const newLog = (maxBytes = 1_000_000): EventLog => new EventLog(format, maxBytes)
  return {
    records,
    clock,
    newLog,
    services,
    ending,
    say: (log: EventLog, ...words: string[]) => log.append(words.map(data => ({ event: 'word', data }))),
    export: (log: EventLog, signal = ending.signal) => exportLog(services, key, log, signal),
    mirror: (maxBytes = 1_000_000) => mirrorLog(services, key, maxBytes, () => { asked++ }, ending.signal),
    stored: async () => (await records.page<any>({ ...place, order: 'asc', limit: 100 })).records.map(({ body }) => body),
    end: (how: false | Error = false) => { isActive = how },
    /** Copies that hear of new chunks. */
    listening: () => listening,
    asked: () => asked
  }
}

/** A log that is exported, with what it says first. */
async function exportedLog (w: Awaited<ReturnType<typeof world>>, ...words: string[]): Promise<EventLog> {
  const log = w.newLog()
  w.say(log, ...words)
  w.export(log).catch(() => {})
  await settle()
  return log
}

/** A log of two chunks, of which the `second` has yet to be written, and a copy that is made of it. */
async function halfExported (t: Test) {
  const w = await world(t)
  const log = w.newLog()
  w.say(log, 'x'.repeat(200_000), 'y'.repeat(200_000))
  const second = w.records.hold(items => items.some(item => item.op === 'put' && item.id === `${log.tag}-1`))
  w.export(log).catch(() => {})
  await second.reached()
  let copy: EventLog | undefined
  w.mirror().then(log => { copy = log }, () => {})
  await settle()
  return { ...w, second, copied: () => copy }
}

/** What a log says to its end, or to `count` events. */
async function read (log: EventLog, count = Infinity): Promise<[number, string][]> {
  const events: LoggedEvent[] = []
  for await (const batch of log.follow(log.firstId, new AbortController().signal)) {
    events.push(...batch)
    if (events.length >= count) break
  }
  return events.map(({ id, data }) => [id, data])
}

test('a copy has the events of the original with their ids, from the oldest that is kept, and ends with it', async t => {
  const w = await world(t)
  const log = w.newLog()
  w.say(log, 'a', 'b')
  const exported = w.export(log)
  await settle()
  const copy = (await w.mirror())!
  t.equal(copy.tag, log.tag)
  t.strictSame([w.asked(), w.listening(), w.stored.length], [1, 1, 0], 'its executor is asked once')
  w.say(log, 'c')
  log.append([{ event: 'done', data: '[DONE]' }])
  const reading = read(copy)
  await polls(w.clock, 1)
  log.close()
  await polls(w.clock, 1)
  await exported
  t.strictSame(await reading, [[0, 'a'], [1, 'b'], [2, 'c'], [3, '[DONE]']])
  t.strictSame([copy.isClosed, w.listening(), log.hasReaders], [true, 0, false])
  t.equal((await w.stored()).at(-1).last, true)
  await forgetExport(w.services, key)
  t.strictSame(await w.stored(), [])
})

test('events that come together are one chunk, and no chunk is longer than 256 KB, but for one event that is', async t => {
  const w = await world(t)
  const log = w.newLog(100_000_000)
  const exported = w.export(log)
  w.say(log, 'a')
  await settle()
  w.say(log, 'b')
  w.say(log, 'c')
  await settle()
  t.equal((await w.stored()).length, 1, 'they are gathered')
  await w.clock.advance(50)
  await settle()
  w.say(log, 'x'.repeat(150_000), 'y'.repeat(112_144), 'z', 'w'.repeat(300_000), 'v')
  await w.clock.advance(50)
  await settle()
  t.strictSame((await w.stored()).map(({ first, events, last, more }) => [first, events.map(([, data]: string[]) => data!.length), last, more]),
    [[0, [1], false, undefined], [1, [1, 1], false, undefined], [3, [150_000, 112_144], false, true], [5, [1], false, true], [6, [300_000], false, true], [7, [1], false, undefined]])
  log.close()
  await w.clock.advance(50)
  await settle()
  await exported
  const { first, events, last } = (await w.stored()).at(-1)
  t.strictSame([first, events, last], [8, [], true])
})

test('a log that begins late is copied from where it begins', async t => {
  const w = await world(t)
  const log = w.newLog(20)
  for (let i = 0; i < 10; i++) w.say(log, 'x'.repeat(5))
  const from = log.firstId
  t.ok(from > 0)
  w.export(log).catch(() => {})
  await settle()
  const copy = (await w.mirror())!
  t.equal(copy.firstId, from)
  t.equal(copy.nextId, 10)
})

test('an export that is taken back does not say that the log has ended', async t => {
  const w = await world(t)
  const log = w.newLog()
  w.say(log, 'a')
  const taken = new AbortController()
  const exported = w.export(log, taken.signal)
  await settle()
  taken.abort()
  await polls(w.clock, 1)
  await exported
  t.strictSame((await w.stored()).map(({ last }) => last), [false])
  t.equal(log.hasReaders, false)
})

test('what was exported is forgotten to the last chunk', async t => {
  const w = await world(t)
  await w.records.write({ project: 'p', partition: 'thread_1' }, Array.from({ length: 250 }, (_, i) => ({ op: 'put', kind: KIND.events, id: `t-${i}`, parent: 'run_1', body: {} })))
  await w.records.write({ project: 'p', partition: 'thread_1' }, [{ op: 'put', kind: KIND.events, id: 'other', parent: 'run_2', body: {} }])
  await forgetExport(w.services, key)
  t.strictSame(await w.stored(), [])
  t.ok(await w.records.get({ project: 'p', partition: 'thread_1', kind: KIND.events, id: 'other' }), 'those of another run stay')
})

for (const notifies of [true, false]) {
  test(`a copy ends where another instance goes on with a log of its own: ids there mean other events (${notifies ? 'told' : 'found by looking'})`, async t => {
    const w = await world(t, { notifies })
    const log = w.newLog()
    w.say(log, 'a', 'b')
    const dying = new AbortController()
    w.export(log, dying.signal).catch(() => {})
    await settle()
    const copy = (await w.mirror())!
    const reading = read(copy)
    dying.abort()
    const next = w.newLog()
    w.say(next, 'other')
    await forgetExport(w.services, key)
    w.export(next).catch(() => {})
    await polls(w.clock, 3)
    t.strictSame(await reading, [[0, 'a'], [1, 'b']])
    t.equal(copy.isClosed, true)
  })
}

test('a copy waits for the executor to export, and asks it again each time that nothing came for a second', async t => {
  const w = await world(t)
  const mirrored = w.mirror()
  await polls(w.clock, 3)
  t.ok(w.asked() >= 3, `${w.asked()}`)
  await exportedLog(w, 'a')
  const copy = (await mirrored)!
  t.strictSame(await read(copy, 1), [[0, 'a']])
  const before = w.asked()
  await polls(w.clock, 2)
  t.equal(w.asked(), before + 2, 'the executor may have changed')
})

test('there is no copy of a run that has ended without events, nor for a server that closes', async t => {
  const w = await world(t)
  w.end()
  t.equal(await w.mirror(), undefined)
  t.equal(w.listening(), 0)
  w.end(new Error('out of reach'))
  await t.rejects(w.mirror(), { message: 'out of reach' })
  t.equal(w.listening(), 0)
  const other = await world(t)
  const mirrored = other.mirror()
  await settle()
  other.ending.abort()
  t.equal(await mirrored, undefined)
  t.equal(other.listening(), 0)
})

test('an export goes on where nothing can be told of', async t => {
  const w = await world(t, { notifies: false })
  const log = w.newLog()
  w.say(log, 'a')
  const exported = w.export(log)
  await settle()
  w.say(log, 'b')
  log.close()
  await polls(w.clock, 1)
  await exported
  t.strictSame((await w.stored()).map(({ first, last }) => [first, last]), [[0, false], [1, false], [2, true]])
})

test('a copy is there once it has all that there was when it was asked for, though it comes in several chunks', async t => {
  const { second, copied, asked } = await halfExported(t)
  t.equal(copied(), undefined)
  second.open()
  await settle()
  t.strictSame([copied()?.firstId, copied()?.nextId, asked()], [0, 2, 1])
})

test('a copy whose executor has died in the midst of writing has what came for a second', async t => {
  const { clock, copied } = await halfExported(t)
  await clock.advance(POLL_MS - 1)
  t.equal(copied(), undefined)
  await clock.advance(1)
  await settle()
  t.strictSame([copied()?.firstId, copied()?.nextId, copied()?.isClosed], [0, 1, false])
})

test('of chunks of two executors those of the later one are copied', async t => {
  const w = await world(t)
  const [earlier, log] = [w.newLog(), w.newLog()]
  w.say(earlier, 'a', 'b', 'c')
  w.export(earlier).catch(() => {})
  await settle()
  w.say(log, 'd')
  w.export(log).catch(() => {})
  await settle()
  const copy = (await w.mirror())!
  t.strictSame([copy.tag, copy.isClosed, await read(copy, 1)], [log.tag, false, [[0, 'd']]])
})

test('a copy that has fallen behind catches up at once', async t => {
  const w = await world(t, { notifies: false })
  const log = w.newLog()
  w.say(log, 'a')
  w.export(log, AbortSignal.abort()).catch(() => {})
  const chunk = (first: number) => ({ op: 'put' as const, kind: KIND.events, id: `${log.tag}-${first}`, parent: 'run_1', body: { tag: log.tag, first, events: [['word', 'a']], last: false } })
  await w.records.write({ project: 'p', partition: 'thread_1' }, [chunk(0)])
  const copy = (await w.mirror())!
  await w.records.write({ project: 'p', partition: 'thread_1' }, Array.from({ length: 250 }, (_, i) => chunk(i + 1)))
  await polls(w.clock, 1)
  t.equal(copy.nextId, 251)
})

test('a copy ends with its server, though it is read', async t => {
  const w = await world(t)
  await exportedLog(w, 'a')
  const copy = (await w.mirror())!
  const reading = read(copy)
  w.ending.abort()
  await settle()
  t.strictSame([copy.isClosed, w.listening(), await reading], [true, 0, [[0, 'a']]])
})

test('a copy that is read stays as long as its run, and one that is not goes after half a minute', async t => {
  const w = await world(t)
  const log = await exportedLog(w, 'a')
  const copy = (await w.mirror())!
  const reader = copy.follow(0, w.ending.signal)
  await reader.next()
  const more = reader.next()
  await polls(w.clock, 120)
  t.equal(copy.isClosed, false, 'it has a reader')
  w.say(log, 'b')
  await polls(w.clock, 1)
  t.match((await more).value, [{ id: 1, data: 'b' }])
  await reader.return()
  await polls(w.clock, 29)
  t.equal(copy.isClosed, false)
  await polls(w.clock, 4)
  t.equal(copy.isClosed, true)
  const unread = (await w.mirror())!
  await polls(w.clock, 29)
  t.equal(unread.isClosed, false)
  await polls(w.clock, 1)
  t.equal(unread.isClosed, true)
})

test('a copy of a run that has ended waits a few seconds for the last events, and not for ever', async t => {
  const w = await world(t)
  const log = await exportedLog(w, 'a')
  const copy = (await w.mirror())!
  const reading = read(copy)
  w.end()
  await polls(w.clock, 3)
  t.equal(copy.isClosed, false)
  w.say(log, 'b')
  await polls(w.clock, 10)
  t.strictSame(await reading, [[0, 'a'], [1, 'b']])
})

test('a copy of a run that has ended without a word is looked at for five seconds', async t => {
  const w = await world(t)
  await exportedLog(w, 'a')
  const copy = (await w.mirror())!
  w.end()
  await polls(w.clock, 4)
  t.equal(copy.isClosed, false)
  await polls(w.clock, 1)
  t.equal(copy.isClosed, true)
})

test('what the store does not take is written once it takes it again, so that readers elsewhere need not wait for the end of the run', async t => {
  const { records, clock, newLog, export: exported, mirror, say } = await world(t)
  const log = newLog()
  say(log, 'a', 'b')
  records.fail(([item]) => item?.op === 'put' && item.kind === KIND.events, new StorageUnavailableError('away'))
  const exporting = exported(log)
  await Promise.race([exporting, clock.armed(ms => ms === POLL_MS)])
  records.forgive()
  await clock.advance(POLL_MS)
  t.strictSame(await read((await mirror())!, 2), [[0, 'a'], [1, 'b']])
  log.close()
  await clock.advance(POLL_MS)
  await exporting
})
