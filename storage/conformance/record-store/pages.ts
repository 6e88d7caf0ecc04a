import type { SuiteTest } from '../runner.js'
import type { Page, PageQuery, RecordStore } from '../../record-store.js'
import { emptyStore, fill, home, ids, put, type Suite } from './suite.js'

type Cursors = Partial<Pick<PageQuery, 'after' | 'before' | 'parent'>>

/** What a page holds, in one line: "m1 m2 +" with the plus for `hasMore`. */
async function shown (store: RecordStore, order: 'asc' | 'desc', limit: number, cursors: Cursors = {}): Promise<string> {
  const { records, hasMore } = await store.page({ ...home, kind: 'message', order, limit, ...cursors })
  return [...ids(records), ...(hasMore ? ['+'] : [])].join(' ')
}

export function pageTests ({ test, factory }: Suite): void {
  test('records made in the same moment come in the order of insertion', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    // Neither alphabetical nor numerical order would do.
    await store.write(home, [put('m2'), put('m10'), put('m1')])
    await store.write(home, [put('a')])
    t.equal(await shown(store, 'asc', 10), 'm2 m10 m1 a')
    t.equal(await shown(store, 'desc', 10), 'a m1 m10 m2')
  })

  test('hasMore tells whether the page was cut', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 3)
    t.equal(await shown(store, 'asc', 2), 'm1 m2 +')
    t.equal(await shown(store, 'asc', 3), 'm1 m2 m3')
    t.equal(await shown(store, 'desc', 1), 'm3 +')
    t.equal(await shown(store, 'desc', 4), 'm3 m2 m1')
  })

  test('after continues in the given order', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 5)
    t.equal(await shown(store, 'asc', 2, { after: 1 }), 'm2 m3 +')
    t.equal(await shown(store, 'asc', 2, { after: 3 }), 'm4 m5')
    t.equal(await shown(store, 'asc', 2, { after: 5 }), '')
    t.equal(await shown(store, 'desc', 2, { after: 5 }), 'm4 m3 +')
    t.equal(await shown(store, 'desc', 2, { after: 3 }), 'm2 m1')
    t.equal(await shown(store, 'desc', 2, { after: 1 }), '')
  })

  test('before alone is the page next to the cursor, in the given order', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 5)
    t.equal(await shown(store, 'asc', 2, { before: 5 }), 'm3 m4 +')
    t.equal(await shown(store, 'asc', 2, { before: 3 }), 'm1 m2')
    t.equal(await shown(store, 'asc', 2, { before: 1 }), '')
    t.equal(await shown(store, 'desc', 2, { before: 1 }), 'm3 m2 +')
    t.equal(await shown(store, 'desc', 2, { before: 3 }), 'm5 m4')
    t.equal(await shown(store, 'desc', 2, { before: 5 }), '')
  })

  test('both cursors bound the page, which starts after the first', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 6)
    t.equal(await shown(store, 'asc', 2, { after: 1, before: 5 }), 'm2 m3 +')
    t.equal(await shown(store, 'asc', 3, { after: 1, before: 5 }), 'm2 m3 m4')
    t.equal(await shown(store, 'desc', 2, { after: 6, before: 2 }), 'm5 m4 +')
    t.equal(await shown(store, 'desc', 3, { after: 6, before: 2 }), 'm5 m4 m3')
    t.equal(await shown(store, 'asc', 3, { after: 5, before: 2 }), '')
    t.equal(await shown(store, 'desc', 3, { after: 2, before: 5 }), '')
  })

  test('a cursor need not name a record that still exists', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 5)
    await store.write(home, [{ op: 'delete', kind: 'message', id: 'm3' }])
    t.equal(await shown(store, 'asc', 10, { after: 3 }), 'm4 m5')
    t.equal(await shown(store, 'asc', 10, { before: 3 }), 'm1 m2')
    t.equal(await shown(store, 'asc', 10, { after: 0 }), 'm1 m2 m4 m5')
    t.equal(await shown(store, 'asc', 10, { after: Number.MAX_SAFE_INTEGER }), '')
    t.equal(await shown(store, 'desc', 10, { after: Number.MAX_SAFE_INTEGER }), 'm5 m4 m2 m1')
  })

  test('a page holds the records of one parent', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('a1', { parent: 'a' }), put('b1', { parent: 'b' }), put('m1'), put('a2', { parent: 'a' })])
    t.equal(await shown(store, 'asc', 10), 'm1')
    t.equal(await shown(store, 'asc', 10, { parent: 'a' }), 'a1 a2')
    t.equal(await shown(store, 'desc', 10, { parent: 'a', after: 4 }), 'a1')
    t.equal(await shown(store, 'desc', 10, { parent: 'b' }), 'b1')
    t.equal(await shown(store, 'desc', 10, { parent: 'c' }), '')
  })

  for (const order of ['asc', 'desc'] as const) {
    test(`walking 1,000 records page by page, ${order}, meets each once and can be walked back`, async (t: SuiteTest) => {
      const store = await emptyStore(t, factory)
      await fill(store, 1000)
      const expected = Array.from({ length: 1000 }, (_, index) => `m${order === 'asc' ? index + 1 : 1000 - index}`)

      const forth: string[] = []
      for (let after: number | undefined, more = true; more;) {
        const page = await store.page({ ...home, kind: 'message', order, limit: 77, after })
        forth.push(...ids(page.records))
        after = page.records.at(-1)?.position
        more = page.hasMore
      }
      t.strictSame(forth, expected)

      const back: string[] = []
      for (let before: number | undefined = order === 'asc' ? 1001 : 0, more = true; more;) {
        const page: Page = await store.page({ ...home, kind: 'message', order, limit: 77, before })
        back.unshift(...ids(page.records))
        before = page.records[0]?.position
        more = page.hasMore
      }
      t.strictSame(back, expected)
    })
  }

  test('a page may be as long as the partition', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 10_000)
    const { records, hasMore } = await store.page({ ...home, kind: 'message', order: 'desc', limit: 20_000 })
    t.equal(records.length, 10_000)
    t.equal(records[0]?.id, 'm10000')
    t.equal(hasMore, false)
  })

  test('a limit that is no positive integer is a TypeError', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    for (const limit of [0, -1, 1.5, NaN, Infinity]) {
      await t.rejects(store.page({ ...home, kind: 'message', order: 'asc', limit }), TypeError)
    }
  })
}
