import { test, type Test } from 'tap'
import { eachPage, eachRecord } from '../../storage/each-record.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { DamagedRecordError, type Page, type PageQuery, type RecordStore } from '../../storage/record-store.js'

const source = { project: 'p', partition: 'a', kind: 'k', parent: 'of' }

/** Records 1 to `count` of a parent, among others; those at some positions cannot be read. */
async function records (t: Test, count: number, damaged: number[] = []) {
  const store = new MemoryRecordStore()
  await store.connect()
  t.teardown(async () => await store.disconnect())
  for (let i = 1; i <= count; i++) await store.write(source, [{ op: 'put', kind: 'k', id: `${i}`, parent: 'of', body: i }])
  await store.write(source, [{ op: 'put', kind: 'k', id: 'other', body: 0 }])
  const limits: number[] = []
  const reader: Pick<RecordStore, 'page'> = {
    async page<Body> (query: PageQuery): Promise<Page<Body>> {
      limits.push(query.limit)
      const page = await store.page<Body>(query)
      for (const { id, position } of page.records) {
        if (!damaged.includes(position)) continue
        const error = new DamagedRecordError({ ...source, id }, position, new Error('broken'))
        if (query.onDamaged === undefined) throw error
        query.onDamaged(error)
      }
      return { ...page, records: page.records.filter(({ position }) => !damaged.includes(position)) }
    }
  }
  return { store: reader as RecordStore, limits }
}

async function all<T> (from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of from) found.push(item)
  return found
}

test('each record is read once and in order, whatever fits on a page', async t => {
  for (const count of [0, 1, 2, 3, 4, 5, 6]) {
    const { store } = await records(t, count)
    const expected = Array.from({ length: count }, (_, i) => i + 1)
    t.strictSame((await all(eachRecord(store, source, { pageLength: 2 }))).map(({ body }) => body), expected, `${count}`)
    const pages = await all(eachPage(store, source, { pageLength: 2 }))
    t.strictSame(pages.map(page => page.length), Array.from({ length: Math.ceil(count / 2) }, (_, i) => Math.min(2, count - 2 * i)), `${count}: no page is empty`)
  }
})

test('a page of three goes on behind its last record', async t => {
  const { store } = await records(t, 8)
  t.strictSame((await all(eachRecord(store, source, { pageLength: 3 }))).map(({ body }) => body), [1, 2, 3, 4, 5, 6, 7, 8])
})

test('reading begins behind a position, and 500 records are read at once', async t => {
  const { store, limits } = await records(t, 5)
  t.strictSame((await all(eachRecord(store, source, { after: 3 }))).map(({ body }) => body), [4, 5])
  t.strictSame(limits, [500])
})

test('damaged records are told of and left out, a page of nothing else included; without a listener they end the reading', async t => {
  const { store } = await records(t, 8, [2, 3, 4, 8])
  const found: string[] = []
  const read = await all(eachRecord(store, source, { pageLength: 2, onDamaged: error => found.push(error.key.id) }))
  t.strictSame(read.map(({ body }) => body), [1, 5, 6, 7])
  t.strictSame(found, ['2', '3', '4', '8'])
  await t.rejects(all(eachRecord(store, source, { pageLength: 2 })), DamagedRecordError)
})
