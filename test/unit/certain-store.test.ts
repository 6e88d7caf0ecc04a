import { Readable } from 'node:stream'
import { test, type Test } from 'tap'
import { certain, isUncertain } from '../../lib/shared/certain-store.js'
import { writeAfter } from '../../lib/shared/write-after.js'
import { watchWrites } from '../../lib/shared/write-watch.js'
import { ManualClock } from '../helpers/clock.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { StorageUnavailableError, type PartitionKey, type RecordStore, type WriteItem } from '../../storage/record-store.js'

const place = { project: 'p', partition: 'a' }
const at = (id: string) => ({ ...place, kind: 'k', id })
const put = (id: string, body: unknown, expect?: number | 'absent'): WriteItem => ({ op: 'put', kind: 'k', id, body, ...expect === undefined ? {} : { expect } })

/** What becomes of a write: carried out without an answer, not carried out at all, or as it should. `then` comes before the answer is lost. */
type Fate = 'lost after' | 'lost before' | 'failed' | 'answered'

/** A store whose next writes have these fates. */
async function world (t: Test, fates: Fate[], then: (records: RecordStore) => Promise<unknown> = async () => {}) {
  const records = new MemoryRecordStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const writes: number[] = []
  const inner: RecordStore = {
    supports: records.supports,
    connect: async () => {},
    disconnect: async () => {},
    get: async key => await records.get(key),
    page: async query => await records.page(query),
    async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      writes.push(items.length)
      const fate = fates.shift() ?? 'answered'
      if (fate === 'failed') throw new TypeError('a bad write')
      if (fate === 'lost before') throw new StorageUnavailableError('the answer was lost')
      const done = await records.write(key, items)
      if (fate === 'answered') return done
      await then(records)
      throw new StorageUnavailableError('the answer was lost')
    }
  }
  return { records, store: certain(inner), writes, inner, clock: new ManualClock() }
}

test('a write that was carried out without an answer has succeeded, and is not made twice', async t => {
  const { store, records, writes } = await world(t, ['lost after'])
  t.equal(await store.write(place, [put('1', { a: undefined, b: [1] }, 'absent')]), true)
  t.match(await records.get(at('1')), { version: 1, body: { b: [1] } })
  t.equal(writes.length, 1)
})

test('a record that was replaced without an answer has been, and is not replaced twice', async t => {
  const { store, records, writes } = await world(t, ['lost after'])
  await records.write(place, [put('1', 'before')])
  t.equal(await store.write(place, [put('1', 'mine', 1)]), true)
  t.match(await records.get(at('1')), { version: 2, body: 'mine' })
  t.equal(writes.length, 1)
})

test('a write that was not carried out is made once more', async t => {
  const { store, records, writes } = await world(t, ['lost before'])
  t.equal(await store.write(place, [put('1', 'mine', 'absent')]), true)
  t.match(await records.get(at('1')), { version: 1, body: 'mine' })
  t.equal(writes.length, 2)
})

test('a write behind others has a verdict as well, and is made again as a whole', async t => {
  const elsewhere = { project: 'p', partition: 'index' }
  const before = [{ key: elsewhere, items: [put('1', 'entry')] }]
  for (const fate of ['lost after', 'lost before'] as const) {
    const { records, inner } = await world(t, [])
    const fates = [fate]
    let tries = 0
    const store = certain({
      ...inner,
      async writeAfter (first, key, items) {
        tries++
        const lost = fates.shift()
        if (lost === 'lost before') throw new StorageUnavailableError('the answer was lost')
        for (const { key, items } of first) await records.write(key, items)
        const done = await records.write(key, items)
        if (lost === undefined) return done
        throw new StorageUnavailableError('the answer was lost')
      }
    })
    t.equal(await store.writeAfter?.(before, place, [put('1', 'mine', 'absent')]), true)
    t.match(await records.get(at('1')), { version: 1, body: 'mine' })
    t.match(await records.get({ ...elsewhere, kind: 'k', id: '1' }), { version: 1, body: 'entry' })
    t.equal(tries, fate === 'lost after' ? 1 : 2)
  }
})

test('a write behind others is two writes with a store that knows no such writes', async t => {
  const { inner, records, writes } = await world(t, [])
  const store = certain(inner)
  t.equal(store.writeAfter, undefined)
  t.equal(await writeAfter(store, [{ key: { ...place, partition: 'index' }, items: [put('1', 'entry')] }], place, [put('1', 'mine', 'absent'), put('2', 'more')]), true)
  t.strictSame(writes, [1, 2], 'the one in front comes first')
  t.match(await records.get(at('1')), { body: 'mine' })
})

test('a write that was not carried out, and came too late the second time, has lost', async t => {
  const { store, records } = await world(t, ['lost before'])
  await records.write(place, [put('1', 'theirs', 'absent')])
  t.equal(await store.write(place, [put('1', 'mine', 'absent')]), false)
  t.match(await records.get(at('1')), { version: 1, body: 'theirs' })
})

test('another instance\'s write of the same version is not taken for one\'s own', async t => {
  const { store, records } = await world(t, ['lost before'])
  await records.write(place, [put('1', 'before')])
  const write = store.write(place, [put('1', 'mine', 1)])
  await records.write(place, [put('1', 'theirs', 1)])
  t.equal(await write, false)
  t.match(await records.get(at('1')), { version: 2, body: 'theirs' })
})

test('of a batch all must be there: one record that was like this before proves nothing', async t => {
  const { store, records } = await world(t, ['lost before'])
  await records.write(place, [put('1', 'same', 'absent')])
  t.equal(await store.write(place, [put('1', 'same', 'absent'), put('2', 'mine', 'absent')]), false)
  t.equal(await records.get(at('2')), undefined)
})

test('a second write that is refused because the first was carried out meanwhile has succeeded', async t => {
  const { records, inner } = await world(t, [])
  let late: (() => Promise<boolean>) | undefined
  const store = certain({
    ...inner,
    async write (key, items) {
      if (late === undefined) {
        late = async () => await records.write(key, items)
        throw new StorageUnavailableError('the answer was lost')
      }
      await late()
      return await records.write(key, items)
    }
  })
  t.equal(await store.write(place, [put('1', 'mine', 'absent')]), true)
  t.match(await records.get(at('1')), { version: 1 })
})

test('a deletion of a known version that was carried out without an answer has succeeded; one without a version is repeated', async t => {
  for (const [expect, times] of [[1, 1], [undefined, 2]] as const) {
    const { store, records, writes } = await world(t, ['lost after'])
    await records.write(place, [put('1', 'old')])
    t.equal(await store.write(place, [{ op: 'delete', kind: 'k', id: '1', ...expect === undefined ? {} : { expect } }]), true)
    t.equal(await records.get(at('1')), undefined)
    t.equal(writes.length, times)
  }
})

test('a deletion of a version that another instance replaced has lost', async t => {
  const { store, records } = await world(t, ['lost before'])
  await records.write(place, [put('1', 'old')])
  await records.write(place, [put('1', 'new')])
  t.equal(await store.write(place, [{ op: 'delete', kind: 'k', id: '1', expect: 1 }]), false)
  t.match(await records.get(at('1')), { body: 'new' })
})

test('a deletion proves itself beside what the same write checks and puts unconditionally', async t => {
  for (const other of [{ op: 'check', kind: 'k', id: '2', expect: 1 }, put('2', 'mine')] satisfies WriteItem[]) {
    const { store, records, writes } = await world(t, ['lost after'])
    await records.write(place, [put('1', 'old'), put('2', 'there')])
    t.equal(await store.write(place, [other, { op: 'delete', kind: 'k', id: '1', expect: 1 }]), true, other.op)
    t.equal(await records.get(at('1')), undefined)
    t.ok(await records.get(at('2')))
    t.equal(writes.length, 1)
  }
})

test('of several deletions all must be gone: one that another instance deleted proves nothing', async t => {
  const { store, records } = await world(t, ['lost before'])
  await records.write(place, [put('2', 'there')])
  const remove = (id: string): WriteItem => ({ op: 'delete', kind: 'k', id, expect: 1 })
  t.equal(await store.write(place, [remove('1'), remove('2')]), false)
  t.match(await records.get(at('2')), { body: 'there' })
})

test('what a write puts beside the clearing of its partition proves nothing: put before, it is gone too; put after, it is there', async t => {
  const check: WriteItem = { op: 'check', kind: 'k', id: '1', expect: 1 }
  for (const items of [[check, put('2', 'short-lived', 'absent'), { op: 'clear' }], [check, { op: 'clear' }, put('3', 'new', 1)]] satisfies WriteItem[][]) {
    const { store, records, writes } = await world(t, ['lost after'])
    await records.write(place, [put('1', 'old'), put('3', 'old')])
    t.equal(await store.write(place, items), true)
    t.equal(writes.length, 1)
    t.equal(await records.get(at('1')), undefined)
  }
})

test('a partition that was cleared without an answer is not cleared again: there may be something new in it', async t => {
  const { store, records, writes } = await world(t, ['lost after'], async records => { await records.write(place, [put('2', 'new')]) })
  await records.write(place, [put('1', 'old')])
  t.equal(await store.write(place, [{ op: 'check', kind: 'k', id: '1', expect: 1 }, { op: 'clear' }]), true)
  t.equal(writes.length, 1)
  t.match(await records.get(at('2')), { body: 'new' })
})

test('a check alone proves nothing: the write is made again', async t => {
  const { store, records, writes } = await world(t, ['lost before'])
  await records.write(place, [put('1', 'there')])
  t.equal(await store.write(place, [{ op: 'check', kind: 'k', id: '1', expect: 1 }, put('2', 'mine')]), true)
  t.equal(writes.length, 2)
  t.match(await records.get(at('2')), { version: 1 })
})

test('a write of which nothing can be found out is uncertain, and an error that is certain is passed on', async t => {
  const away = await world(t, ['lost before', 'lost before'])
  const error: unknown = await away.store.write(place, [put('1', 'mine', 'absent')]).catch((error: unknown) => error)
  t.equal(isUncertain(error), true)
  t.match(error, { message: 'the answer was lost' })
  const bad = await world(t, ['failed'])
  await t.rejects(bad.store.write(place, [put('1', 'mine', 'absent')]), TypeError)
  t.equal(bad.writes.length, 1)
  t.equal(isUncertain(new TypeError('x')), false)
})

test('a verdict is no write of another: what is refused is refused', async t => {
  const { store, records, writes } = await world(t, [])
  await records.write(place, [put('1', 'theirs')])
  t.equal(await store.write(place, [put('1', 'mine', 'absent')]), false)
  t.equal(writes.length, 1)
})

for (const [takes, hangs] of [[1000, false], [1001, true]] as const) {
  test(`a write that fails after ${takes} ms is ${hangs ? 'not made again: it may yet be carried out' : 'made again'}`, async t => {
    const { records, inner, clock, writes } = await world(t, ['lost before', 'answered'])
    const store = certain({
      ...inner,
      async write (key, items) {
        if (writes.length === 0) await clock.advance(takes)
        return await inner.write(key, items)
      }
    }, clock)
    const result = await store.write(place, [put('1', 'mine', 'absent')]).catch((error: unknown) => error)
    t.equal(isUncertain(result), hangs)
    t.equal(writes.length, hangs ? 1 : 2)
    t.equal(await records.get(at('1')) === undefined, hangs)
  })
}

test('a write that hung and was carried out has succeeded, when the store says so within a second', async t => {
  for (const answersIn of [999, 1001]) {
    const { records, inner, clock } = await world(t, ['lost after'])
    const store = certain({
      ...inner,
      async get (key) {
        await new Promise<void>(resolve => { clock.after(answersIn, resolve) })
        return await records.get(key)
      },
      async write (key, items) {
        await clock.advance(2000)
        return await inner.write(key, items)
      }
    }, clock)
    const armed = clock.next(ms => ms === answersIn)
    const result = store.write(place, [put('1', 'mine', 'absent')]).catch((error: unknown) => error)
    await armed
    await clock.advance(1001)
    if (answersIn < 1000) t.equal(await result, true)
    else t.equal(isUncertain(await result), true)
  }
})

test('a request is told of a write that was carried out or may have been, and of none that was not, or of an index alone', async t => {
  const mayHaveWritten = async (fates: Fate[], of: PartitionKey = place, items = [put('1', 'mine', 'absent')]): Promise<boolean> => {
    const { store, records } = await world(t, fates)
    await records.write(place, [put('2', 'theirs')])
    const watch = { mayHaveWritten: false }
    await new Promise<void>(resolve => watchWrites(watch, () => { store.write(of, items).catch(() => {}).finally(resolve) }))
    return watch.mayHaveWritten
  }
  const index = { project: SYSTEM_PROJECT, partition: PARTITION.fileProjects }
  t.equal(await mayHaveWritten(['answered']), true)
  t.equal(await mayHaveWritten(['answered'], place, [put('2', 'mine', 'absent')]), false, 'a write that lost')
  t.equal(await mayHaveWritten(['lost before', 'lost before']), true)
  t.equal(await mayHaveWritten(['failed']), false)
  t.equal(await mayHaveWritten(['answered'], index), false)
  t.equal(await mayHaveWritten(['lost before', 'lost before'], index), false)
})

test('one that watches the store is told of each verb, how long it took and whether it failed', async t => {
  const { store, inner } = await world(t, ['answered', 'failed'])
  const query = { ...place, kind: 'k', order: 'asc', limit: 1 } as const
  const told: [string, boolean][] = []
  let longest = 0
  const onVerb = (verb: string, seconds: number, failed: boolean): void => {
    told.push([verb, failed])
    longest = Math.max(longest, seconds)
  }
  const from = performance.now()
  store.onVerb = onVerb
  await store.write(place, [put('1', 'mine')])
  t.match(await store.get(at('1')), { body: 'mine' })
  t.match(await store.page(query), { records: [{ body: 'mine' }] })
  await t.rejects(store.write(place, [put('1', 'mine')]), TypeError)
  const gone = async (): Promise<never> => { throw new StorageUnavailableError('gone') }
  const away = certain({ ...inner, get: gone, page: gone })
  away.onVerb = onVerb
  await t.rejects(away.get(at('1')), StorageUnavailableError)
  await t.rejects(away.page(query), StorageUnavailableError)
  t.strictSame(told, [['write', false], ['get', false], ['page', false], ['write', true], ['get', true], ['page', true]])
  t.ok(longest > 0 && longest <= (performance.now() - from) / 1000, `${longest} s`)
})

test('it is the same store otherwise, and made once', async t => {
  const records = new MemoryRecordStore()
  const store = certain(records)
  t.equal(certain(store), store)
  t.equal(store.supports, records.supports)
  t.strictSame(store.warnings, [])
  t.equal(store.clockSkewMs, 0)
  await store.connect()
  const heard: string[] = []
  const unlisten = await store.listen!('topic', payload => heard.push(payload))
  await store.notify!('topic', 'hello')
  await new Promise(setImmediate)
  t.strictSame(heard, ['hello'])
  await unlisten()
  await store.write(place, [put('1', 'a')])
  t.match(await store.get(at('1')), { body: 'a' })
  t.match(await store.page({ ...place, kind: 'k', order: 'asc', limit: 1 }), { records: [{ body: 'a' }] })
  t.ok(store.blobs?.())
  await store.disconnect()
  await t.rejects(records.get(at('1')))
  const bare = certain({ supports: records.supports, connect: async () => {}, disconnect: async () => {}, get: async () => undefined, page: async () => ({ records: [], hasMore: false }), write: async () => true })
  t.strictSame([bare.notify, bare.listen, bare.blobs, bare.snapshot, 'path' in bare && bare.path], [undefined, undefined, undefined, undefined, undefined])
  const copy = Readable.from([])
  const placed = Object.assign(new MemoryRecordStore(), { path: '/x', postgres: { a: 1 }, warnings: ['full'], clockSkewMs: 7, snapshot: async () => copy })
  t.match(certain(placed), { path: '/x', postgres: { a: 1 }, warnings: ['full'], clockSkewMs: 7 })
  t.equal(await certain(placed).snapshot?.(), copy)
})

for (const [what, theirs, mine] of [
  ['put another record', put('2', 'theirs'), put('3', 'mine')],
  ['put something else into a record', put('2', 'theirs'), put('2', 'mine')],
  ['removed another record', { op: 'delete', kind: 'k', id: 'old2' }, { op: 'delete', kind: 'k', id: 'old3' }]
] as const satisfies readonly (readonly [string, WriteItem, WriteItem])[]) {
  // Two instances attach a file each to one vector store within a second: its record has the same counts either way.
  test(`a write that differs only in what has no conditions is not taken for one's own: it ${what}`, async t => {
    const { store, records } = await world(t, ['lost before'])
    await records.write(place, [put('1', 'before'), put('old2', 'o'), put('old3', 'o')])
    const write = store.write(place, [put('1', 'same', 1), mine])
    await records.write(place, [put('1', 'same', 1), theirs])
    t.equal(await write, false)
  })
}

test('a write that was carried out without an answer has succeeded, with all that it put and removed', async t => {
  const { store, records, writes } = await world(t, ['lost after'])
  await records.write(place, [put('1', 'before'), put('old', 'o')])
  t.equal(await store.write(place, [put('1', 'mine', 1), put('2', { a: [1] }), { op: 'delete', kind: 'k', id: 'old' }, { op: 'check', kind: 'k', id: '3', expect: 'absent' }]), true)
  t.equal(writes.length, 1)
})
