import { test, type Test } from 'tap'
import { AbstractRecordStore, type Row, type Scan } from '../../storage/base/abstract-record-store.js'
import type { PreparedItem } from '../../storage/base/batch.js'
import type { BlobStore } from '../../storage/blob-store.js'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { DamagedRecordError, StorageClosedError, type PageQuery, type PartitionKey, type RecordKey, type StorageSupport } from '../../storage/record-store.js'

const place = { project: 'p', partition: 'a' }
const key = { ...place, kind: 'k', id: '1' }
const list: PageQuery = { ...place, kind: 'k', order: 'asc', limit: 2 }
const rowOf = (position: number, json = `{"n":${position}}`): Row => ({ id: `r${position}`, parent: 'up', position, version: 3, json })
const recordOf = (position: number) => ({ ...place, kind: 'k', id: `r${position}`, parent: 'up', position, version: 3, body: { n: position } })
const LONG = 'x'.repeat(513)

/** A backend that keeps what it was asked, and answers with `rows` once `until` lets it. */
class Backend extends AbstractRecordStore {
  readonly supports: StorageSupport = { shared: false, persistent: false }
  readonly calls: [name: string, ...rest: unknown[]][] = []
  rows: Row[] = []
  isCommitted = true
  /** Undefined: answers are there at once. */
  until: Promise<void> | undefined

  override closedWithThis<T extends BlobStore> (blobs: T): T {
    return super.closedWithThis(blobs)
  }

  protected open (): void {}
  protected close (): void {
    this.calls.push(['close'])
  }

  protected read (key: RecordKey): Row | undefined | Promise<Row | undefined> {
    return this.#answer(['read', key], this.rows[0])
  }

  protected scan (scan: Scan): Row[] | Promise<Row[]> {
    return this.#answer(['scan', scan], [...this.rows])
  }

  protected commit (key: PartitionKey, batch: PreparedItem[]): boolean | Promise<boolean> {
    return this.#answer(['commit', key, batch], this.isCommitted)
  }

  #answer<T> (call: Backend['calls'][number], answer: T): T | Promise<T> {
    this.calls.push(call)
    return this.until === undefined ? answer : this.until.then(() => answer)
  }
}

/** One that has notifications of its own, too. */
class Notified extends Backend {
  protected override publish (topic: string, payload: string): void | Promise<void> {
    this.calls.push(['publish', topic, payload])
    return this.until ?? super.publish(topic, payload)
  }

  protected override subscribe (topic: string): void | Promise<void> {
    this.calls.push(['subscribe', topic])
    return this.until
  }

  protected override unsubscribe (topic: string): void {
    this.calls.push(['unsubscribe', topic])
  }
}

async function opened<T extends Backend> (t: Test, store: T): Promise<T> {
  await store.connect()
  t.teardown(async () => await store.disconnect())
  return store
}

test('a record is read by its key, and one that is not there is undefined', async t => {
  const store = await opened(t, new Backend())
  t.equal(await store.get(key), undefined)
  store.rows = [rowOf(7)]
  t.strictSame(await store.get(key), recordOf(7))
  t.strictSame(store.calls, [['read', key], ['read', key]])
})

test('the backend is not asked for what no record can have', async t => {
  const store = await opened(t, new Backend())
  store.rows = [rowOf(1)]
  for (const wrong of [{ id: '' }, { id: LONG }, { kind: '' }, { partition: '' }, { project: LONG }]) t.equal(await store.get({ ...key, ...wrong }), undefined)
  for (const wrong of [{ parent: LONG }, { kind: '' }, { partition: '' }, { project: LONG }]) t.strictSame(await store.page({ ...list, ...wrong }), { records: [], hasMore: false })
  t.equal(await store.write(place, []), true)
  t.equal(await store.write(place, [{ op: 'delete', kind: 'k', id: LONG }]), true, 'what cannot be there is deleted')
  t.equal(await store.write(place, [{ op: 'check', kind: 'k', id: LONG, expect: 1 }]), false, 'what cannot be there has no version')
  await t.rejects(store.write(place, [{ op: 'put', kind: 'k', id: LONG, body: 1 }]), TypeError)
  t.strictSame(store.calls, [])
})

test('a store that is closed is asked for nothing', async t => {
  const store = new Notified()
  const verbs = (): Promise<unknown>[] => [
    store.get(key), store.page({ ...list, limit: 0 }), store.write(place, []), store.notify('topic', 'x'), store.listen('topic', () => {})
  ]
  for (const verb of verbs()) await t.rejects(verb, StorageClosedError)
  await store.connect()
  await store.disconnect()
  for (const verb of verbs()) await t.rejects(verb, StorageClosedError)
  t.strictSame(store.calls, [['close']])
})

test('the limit of a page is a positive integer', async t => {
  const store = await opened(t, new Backend())
  for (const limit of [0, -1, 1.5, NaN, Infinity]) {
    await t.rejects(store.page({ ...list, limit }), { name: 'TypeError', message: `limit must be a positive integer, got ${limit}.` })
  }
  t.strictSame(store.calls, [])
  store.rows = [rowOf(1)]
  t.strictSame(await store.page({ ...list, limit: 1 }), { records: [recordOf(1)], hasMore: false })
})

test('a page has as many records as it may have, and says whether there is one more', async t => {
  const store = await opened(t, new Backend())
  for (const [positions, hasMore] of [[[], false], [[1], false], [[1, 2], false], [[1, 2, 3], true]] as const) {
    store.rows = positions.map(position => rowOf(position))
    t.strictSame(await store.page(list), { records: positions.slice(0, 2).map(recordOf), hasMore })
  }
})

test('a page is one scan between its cursors, in its order; with "before" alone it is read backwards', async t => {
  const store = await opened(t, new Backend())
  const most = 2 ** 53
  const cases: [Partial<PageQuery>, Partial<Scan>, isReversed?: boolean][] = [
    [{}, { above: 0, below: most, descending: false }],
    [{ order: 'desc' }, { above: 0, below: most, descending: true }],
    [{ after: 5 }, { above: 5, below: most, descending: false }],
    [{ after: 5, order: 'desc' }, { above: 0, below: 5, descending: true }],
    [{ before: 5 }, { above: 0, below: 5, descending: true }, true],
    [{ before: 5, order: 'desc' }, { above: 5, below: most, descending: false }, true],
    [{ after: 5, before: 9 }, { above: 5, below: 9, descending: false }],
    [{ after: 9, before: 5, order: 'desc' }, { above: 5, below: 9, descending: true }],
    [{ after: -3 }, { above: 0, below: most, descending: false }],
    [{ before: Infinity }, { above: 0, below: most, descending: true }, true],
    [{ parent: 'up', limit: 4 }, { parent: 'up', above: 0, below: most, descending: false, limit: 5 }]
  ]
  store.rows = [rowOf(1), rowOf(2)]
  for (const [query, scan, isReversed = false] of cases) {
    store.calls.length = 0
    const { records } = await store.page({ ...list, ...query })
    t.strictSame(store.calls, [['scan', { ...place, kind: 'k', parent: '', limit: 3, ...scan }]], JSON.stringify(query))
    t.strictSame(records.map(({ position }) => position), isReversed ? [2, 1] : [1, 2], JSON.stringify(query))
  }
})

test('of a page that is read backwards the record that is one too many is the farthest from the cursor', async t => {
  const store = await opened(t, new Backend())
  store.rows = [rowOf(4), rowOf(3), rowOf(2)]
  t.strictSame(await store.page({ ...list, before: 5 }), { records: [recordOf(3), recordOf(4)], hasMore: true })
})

test('a record that is damaged is said to be, by its key and place', async t => {
  const store = await opened(t, new Backend())
  store.rows = [rowOf(1), rowOf(2, '{"n":'), rowOf(3)]
  const damaged = { name: 'DamagedRecordError', message: /^The stored k r2 of a is damaged: /, key: { ...place, kind: 'k', id: 'r2' }, position: 2, version: 3, cause: SyntaxError }
  await t.rejects(store.page(list), damaged)
  const told: DamagedRecordError[] = []
  t.strictSame(await store.page({ ...list, limit: 3, onDamaged: error => { told.push(error) } }), { records: [recordOf(1), recordOf(3)], hasMore: false })
  t.equal(told.length, 1)
  t.match(told[0], damaged)
  t.ok(told[0] instanceof DamagedRecordError)
  store.rows = [rowOf(2, 'x')]
  await t.rejects(store.get(key), damaged)
})

test('a batch is committed as it was prepared, for its partition alone, and the answer is the backend\'s', async t => {
  const store = await opened(t, new Backend())
  const { id: _id, ...longer } = key
  t.equal(await store.write(longer, [{ op: 'put', kind: 'k', id: '1', body: { a: undefined }, expect: 'absent' }]), true)
  t.strictSame(store.calls, [['commit', place, [{ op: 'put', kind: 'k', id: '1', parent: '', json: '{}', expect: 0, position: undefined }]]])
  store.isCommitted = false
  t.equal(await store.write(place, [{ op: 'clear' }]), false)
})

test('a notification reaches each listener of its topic after it was sent, until the listener leaves', async t => {
  const store = await opened(t, new Backend())
  const heard: string[] = []
  const leave = await store.listen('topic', payload => { heard.push(`one ${payload}`) })
  await store.listen('topic', payload => { heard.push(`two ${payload}`) })
  const sent = store.notify('topic', 'a')
  t.strictSame(heard, [])
  await sent
  t.strictSame(heard, ['one a', 'two a'])
  await store.notify('other', 'b')
  await leave()
  await store.notify('topic', 'c')
  t.strictSame(heard, ['one a', 'two a', 'two c'])
})

test('a topic or payload that cannot be sent is refused before the backend is asked', async t => {
  const store = await opened(t, new Notified())
  await t.rejects(store.notify('to\npic', 'x'), TypeError)
  await t.rejects(store.notify('topic', 'x'.repeat(7896)), TypeError)
  await t.rejects(store.listen('to\npic', () => {}), TypeError)
  await t.rejects(store.listen('x'.repeat(7901), () => {}), TypeError)
  t.strictSame(store.calls, [])
  await store.listen('x'.repeat(7900), () => {})
})

test('the backend is asked to deliver a topic for its first listener, and to stop with its last; closing ends all of it', async t => {
  const store = await opened(t, new Notified())
  const heard: string[] = []
  const leaves = [await store.listen('topic', () => {}), await store.listen('topic', () => {})]
  for (const leave of leaves) await leave()
  await store.listen('topic', payload => { heard.push(payload) })
  await store.notify('topic', 'before')
  t.strictSame(store.calls, [['subscribe', 'topic'], ['unsubscribe', 'topic'], ['subscribe', 'topic'], ['publish', 'topic', 'before']])
  await store.disconnect()
  await store.connect()
  await store.notify('topic', 'after')
  t.strictSame(heard, ['before'])
})

test('a notification to a backend that delivers none is dropped', async t => {
  const store = await opened(t, new Backend())
  await store.notify('topic', 'x')
  const leave = await store.listen('topic', () => {})
  await leave()
  t.strictSame(store.calls, [])
})

test('closing waits for every verb that is under way', async t => {
  const verbs: [string, (store: Notified) => Promise<unknown>][] = [
    ['read', async store => await store.get(key)],
    ['scan', async store => await store.page(list)],
    ['commit', async store => await store.write(place, [{ op: 'clear' }])],
    ['publish', async store => await store.notify('topic', 'x')],
    ['subscribe', async store => await store.listen('topic', () => {})]
  ]
  for (const [name, verb] of verbs) {
    const store = new Notified()
    await store.connect()
    let answer!: () => void
    store.until = new Promise(resolve => { answer = resolve })
    const done = verb(store).then(() => { store.calls.push(['answered']) })
    const closed = store.disconnect()
    // Turns of the event loop, in which a close that waits for nothing comes to its end.
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
    t.strictSame(store.calls.map(([name]) => name), [name], name)
    answer()
    await Promise.all([done, closed])
    t.strictSame(store.calls.map(([name]) => name).sort(), ['answered', 'close', name].sort(), name)
  }
})

test('a blob store that belongs to the store is closed before it', async t => {
  const store = new Backend()
  const closed: string[] = []
  class Blobs extends MemoryBlobStore {
    override async disconnect (): Promise<void> {
      closed.push(`${store.calls.length} calls before`)
      await super.disconnect()
    }
  }
  const blobs = [new Blobs(), new Blobs()]
  for (const each of blobs) {
    t.equal(store.closedWithThis(each), each)
    await each.connect()
  }
  await store.connect()
  await store.disconnect()
  t.strictSame(closed, ['0 calls before', '0 calls before'])
  t.strictSame(store.calls, [['close']])
})
