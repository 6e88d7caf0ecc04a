import { test, type Test } from 'tap'
import { notFound } from '../../lib/shared/errors.js'
import { listRecords, listSelected, type ListParams, type SelectOptions } from '../../lib/shared/pagination.js'
import type { ListResponse } from '../../schemas/common.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { systemClock } from '../../lib/shared/clock.js'

interface Item {
  id: string
  text?: string
}

const source = { partition: 'list', kind: 'item' }
const missing = (id: string) => notFound('message', id)
const name = (number: number): string => String(number).padStart(4, '0')

/** Names of items as a page has them, and its envelope. */
const shown = ({ data, first_id: first, last_id: last, has_more: hasMore }: ListResponse<Item>): unknown => [data.map(({ id }) => id), first, last, hasMore]
const page = (numbers: number[], hasMore: boolean): unknown => {
  const ids = numbers.map(name)
  return [ids, ids[0] ?? null, ids.at(-1) ?? null, hasMore]
}

/** Numbers from one to another, up or down. */
const range = (from: number, to: number): number[] => Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from < to ? from + i : from - i)

/** A list of items 1 to `count`. */
async function items (t: Test, count: number, text: string | ((number: number) => string) = '') {
  const records = new MemoryRecordStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const ids = range(1, count).map(name)
  await records.write({ project: 'p', partition: 'list' }, ids.map((id, i) => ({ op: 'put', kind: 'item', id, body: { id, ...text === '' ? {} : { text: typeof text === 'string' ? text : text(i + 1) } } })))
  const scope = { records, project: 'p', clock: systemClock } as unknown as Parameters<typeof listRecords>[0]
  return {
    records,
    scope,
    all: async (params: ListParams) => await listRecords<Item>(scope, source, params, missing),
    /** Of the items that a number names. */
    some: async (keep: (number: number) => boolean, params: ListParams, options?: SelectOptions) =>
      await listSelected<Item, Item>(scope, source, params, missing, ({ body }) => keep(Number(body.id)) ? body : undefined, options)
  }
}

test('a page of more records than are read at once is whole and in order, from either end', async t => {
  const { all } = await items(t, 60)
  t.strictSame(shown(await all({ limit: 50, order: 'asc' })), page(range(1, 50), true))
  t.strictSame(shown(await all({ limit: 50 })), page(range(60, 11), true))
  t.strictSame(shown(await all({ limit: 50, order: 'asc', before: name(56) })), page(range(6, 55), true))
  t.strictSame(shown(await all({ limit: 50, before: name(5) })), page(range(55, 6), true))
  t.strictSame(shown(await all({ limit: 50, order: 'asc', before: name(51) })), page(range(1, 50), false))
  t.strictSame(shown(await all({ limit: 50, order: 'asc', after: name(2), before: name(50) })), page(range(3, 49), false))
  t.strictSame(shown(await all({ limit: 40, order: 'asc', after: name(2), before: name(50) })), page(range(3, 42), true))
})

test('a page has as many as are asked for, 20 where nothing is said, and is an object of its own', async t => {
  const { all } = await items(t, 60)
  t.strictSame(shown(await all({ limit: 5, order: 'asc' })), page(range(1, 5), true))
  t.strictSame(shown(await all({ limit: 5, before: name(10) })), page(range(15, 11), true))
  t.strictSame(shown(await all({})), page(range(60, 41), true))
  t.equal((await all({ limit: 1 })).object, 'list')
})

test('a cursor is the id of an object of the list, also of one that is deleted, and any other is an error', async t => {
  const { all, records, scope } = await items(t, 5)
  const place = { project: 'p', partition: 'list' }
  await records.write(place, [{ op: 'put', kind: 'item', id: 'elsewhere', parent: 'other', body: { id: 'elsewhere' } }, { op: 'put', kind: 'object', id: 'left out', body: {} }])
  await records.write(place, [{ op: 'put', kind: 'item', id: name(6), body: { id: name(6) } }])
  const deleted = (await records.get({ ...place, kind: 'item', id: name(3) }))!
  await records.write(place, [{ op: 'delete', kind: 'item', id: name(3) }, ...await rememberPlace(records, deleted)])
  t.strictSame(shown(await all({ order: 'asc', after: name(3) })), page([4, 5, 6], false))
  t.strictSame(shown(await all({ order: 'asc', before: name(3) })), page([1, 2], false))
  for (const id of ['unknown', 'elsewhere', 'left out']) {
    await t.rejects(all({ after: id }), { status: 404, message: new RegExp(`'${id}'`) })
    await t.rejects(all({ before: id }), { status: 404, message: new RegExp(`'${id}'`) })
  }
  const withObjects = async (params: ListParams) => await listRecords<Item>(scope, { ...source, objects: 'object' }, params, missing)
  t.strictSame(shown(await withObjects({ order: 'asc', after: 'left out' })), page([6], false), 'an object that the list leaves out has its place')
  t.strictSame(shown(await withObjects({ order: 'asc', after: name(5) })), page([6], false))
  await t.rejects(withObjects({ after: 'unknown' }), { status: 404, message: /'unknown'/ })
})

test('a page ends before it has too many bytes, at the end away from its cursor, and says that there is more', async t => {
  // Each counts as about 10 MB, and a page has 32.
  const { all } = await items(t, 6, 'x'.repeat(5 * 1024 * 1024))
  t.strictSame(shown(await all({ limit: 6, order: 'asc' })), page([1, 2, 3], true))
  t.strictSame(shown(await all({ limit: 6, order: 'asc', after: name(3) })), page([4, 5, 6], false))
  t.strictSame(shown(await all({ limit: 6, order: 'asc', before: name(6) })), page([3, 4, 5], true))
  t.strictSame(shown(await all({ limit: 6, before: name(1) })), page([4, 3, 2], true))
})

test('a page that is read in pieces ends before it has too many bytes, too', async t => {
  // Each counts as about 1.6 MB: 20 are read at once and fit, a 21st does not.
  const { all } = await items(t, 25, 'x'.repeat(800_000))
  t.strictSame(shown(await all({ limit: 25, order: 'asc' })), page(range(1, 20), true))
  t.strictSame(shown(await all({ limit: 25, order: 'asc', before: name(25) })), page(range(5, 24), true))
})

test('what does not fit on a page before its cursor is what is furthest from it', async t => {
  const { all } = await items(t, 4, number => 'x'.repeat(number === 1 ? 17 * 1024 * 1024 : 1))
  t.strictSame(shown(await all({ order: 'asc', before: name(4) })), page([2, 3], true))
  t.strictSame(shown(await all({ before: name(1) })), page([4, 3, 2], false))
})

test('a record that is larger than a page is a page', async t => {
  const { all } = await items(t, 3, 'x'.repeat(17 * 1024 * 1024))
  t.strictSame(shown(await all({ order: 'asc' })), page([1], true))
  t.strictSame(shown(await all({ order: 'asc', before: name(3) })), page([2], true))
})

const isEven = (number: number): boolean => number % 2 === 0

test('a page of a filtered list is filled from as many records as it takes', async t => {
  const { some } = await items(t, 450)
  const isRare = (number: number): boolean => number % 90 === 0
  t.strictSame(shown(await some(isRare, { limit: 3, order: 'asc' })), page([90, 180, 270], true))
  t.strictSame(shown(await some(isRare, { limit: 3 })), page([450, 360, 270], true))
  t.strictSame(shown(await some(isRare, { limit: 3, order: 'asc', after: name(90) })), page([180, 270, 360], true))
  t.strictSame(shown(await some(isRare, { limit: 3, order: 'asc', before: name(450) })), page([180, 270, 360], true))
  t.strictSame(shown(await some(isRare, { limit: 3, before: name(90) })), page([360, 270, 180], true))
  t.strictSame(shown(await some(isEven, { limit: 100, order: 'asc', before: name(450) })), page(range(125, 224).map(n => n * 2), true))
  t.strictSame(shown(await some(isEven, { limit: 2, order: 'asc', after: name(2), before: name(50) })), page([4, 6], true))
})

test('a filtered list has more exactly when something that it shows follows', async t => {
  const { some } = await items(t, 250)
  for (const order of ['asc', 'desc'] as const) {
    const [first, second, third] = order === 'asc' ? [1, 2, 3] : [250, 249, 248]
    const keep = (number: number): boolean => [first, second, third].includes(number)
    t.strictSame(shown(await some(keep, { limit: 3, order })), page([first, second, third], false), `${order}: as many as fit`)
    t.strictSame(shown(await some(keep, { limit: 2, order })), page([first, second], true), `${order}: one more`)
    t.strictSame(shown(await some(keep, { limit: 4, order })), page([first, second, third], false), `${order}: fewer`)
    t.strictSame(shown(await some(keep, { limit: 3, order, after: name(first) })), page([second, third], false), `${order}: behind the first`)
    t.strictSame(shown(await some(keep, { limit: 2, order, before: name(third) })), page([first, second], false), `${order}: before the last`)
    t.strictSame(shown(await some(keep, { limit: 1, order, before: name(third) })), page([second], true), `${order}: before the last, one`)
  }
  t.strictSame(shown(await some(() => false, { limit: 1 })), page([], false), 'nothing')
  t.strictSame(shown(await some(number => number === 1, { limit: 1 })), page([1], false), 'one at the far end')
})

test('a filtered list that may look at so many records goes on where it stopped', async t => {
  const { some } = await items(t, 450)
  const isRare = (number: number): boolean => number === 50 || number === 350
  const first = await some(isRare, { limit: 5, order: 'asc' }, { maxScan: 200 })
  t.strictSame(shown(first), [[name(50)], name(50), name(200), true])
  const second = await some(isRare, { limit: 5, order: 'asc', after: first.last_id! }, { maxScan: 200 })
  t.strictSame(shown(second), [[name(350)], name(350), name(400), true])
  t.strictSame(shown(await some(isRare, { limit: 5, order: 'asc', after: second.last_id! }, { maxScan: 200 })), page([], false))
  const back = await some(isRare, { limit: 5, order: 'asc', before: name(450) }, { maxScan: 200 })
  t.strictSame(shown(back), [[name(350)], name(250), name(350), true])
  t.strictSame(shown(await some(isRare, { limit: 1, order: 'asc' }, { maxScan: 400 })), page([50], true), 'a page that is full is as any')
  t.strictSame(shown(await some(isRare, { limit: 1, order: 'asc' }, { maxScan: 100 })), [[name(50)], name(50), name(100), true], 'a full page of which it is not known whether it has more')
  t.strictSame(shown(await some(isRare, { limit: 5, order: 'asc', after: name(350) }, { maxScan: 100 })), page([], false), 'the end of the records is no stop')
})

test('a filtered list that is not waited for any more reads nothing', async t => {
  const { some } = await items(t, 250)
  const leaving = new AbortController()
  let looked = 0
  const listing = some(() => {
    looked++
    leaving.abort()
    return false
  }, { limit: 5 }, { signal: leaving.signal })
  t.strictSame(shown(await listing), page([], false))
  t.equal(looked, 100, 'what was read by then')
})
