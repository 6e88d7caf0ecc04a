import { existsSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { connected, put } from '../../storage/conformance/record-store/suite.js'
import { syncer } from '../../storage/sqlite/log-file.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'

const [a, b] = [{ project: 'p', partition: 'a' }, { project: 'p', partition: 'b' }]
const m1 = { kind: 'message', id: 'm1' }

/** A disk that answers when a test says so. */
class SlowDisk {
  asked = 0
  #answer: { resolve: () => void, reject: (error: Error) => void } | undefined
  #onAsked: (() => void) | undefined

  readonly sync = async (): Promise<void> => {
    this.asked++
    await new Promise<void>((resolve, reject) => {
      this.#answer = { resolve, reject }
      this.#onAsked?.()
    })
  }

  /** Resolves once it has something to do. */
  async isBusy (): Promise<void> {
    if (this.#answer === undefined) await new Promise<void>(resolve => { this.#onAsked = resolve })
  }

  answers (): void {
    this.#answer?.resolve()
    this.#answer = undefined
  }

  fails (): void {
    this.#answer?.reject(new Error('EIO: i/o error, fdatasync'))
    this.#answer = undefined
  }
}

async function onSlowDisk (t: Test) {
  const disk = new SlowDisk()
  const path = `${t.testdir()}/records.db`
  return { disk, path, store: await connected(t, new SqliteRecordStore({ path }, disk.sync)) }
}

/** Notes in `order` when a promise has resolved. */
const noting = (order: unknown[]) => async (name: string, promise: Promise<unknown>): Promise<void> => { order.push([name, await promise]) }

test('a write is acknowledged, and read, once it is on the disk, and other partitions are read meanwhile', async t => {
  const { disk, store } = await onSlowDisk(t)
  const order: unknown[] = []
  const note = noting(order)
  const writing = note('written', store.write(a, [put('m1')]))
  await disk.isBusy()
  const reading = note('read', store.get({ ...a, ...m1 }).then(record => record?.version))
  const paging = note('paged', store.page({ ...a, kind: 'message', order: 'asc', limit: 1 }).then(({ records }) => records.length))
  await note('elsewhere', store.get({ ...b, ...m1 }))
  await turn()
  order.push('on the disk')
  disk.answers()
  await Promise.all([writing, reading, paging])
  t.strictSame(order.slice(0, 2), [['elsewhere', undefined], 'on the disk'])
  t.strictSame(new Set(order.slice(2)), new Set([['written', true], ['read', 1], ['paged', 1]]))
})

test('what is issued while the disk is busy goes to it together, and is refused no sooner', async t => {
  const { disk, store } = await onSlowDisk(t)
  const order: unknown[] = []
  const note = noting(order)
  const first = store.write(a, [put('m1')])
  await disk.isBusy()
  const later = [
    note('refused', store.write(a, [put('m1', { expect: 'absent' })])),
    ...Array.from({ length: 10 }, async () => await note('written', store.write(b, [put('m1')])))
  ]
  await turn()
  t.strictSame([order, disk.asked], [[], 1])
  disk.answers()
  await first
  await disk.isBusy()
  order.push('second time')
  disk.answers()
  await Promise.all(later)
  t.equal(disk.asked, 2)
  t.strictSame(order, ['second time', ['refused', false], ...Array.from({ length: 10 }, () => ['written', true])])
  t.equal((await store.get({ ...b, ...m1 }))?.version, 10)
})

test('a write behind others goes to the disk with them, and all their partitions wait for it', async t => {
  const { disk, store } = await onSlowDisk(t)
  const order: unknown[] = []
  const note = noting(order)
  const writing = note('written', store.writeAfter!([{ key: b, items: [put('m1')] }], a, [put('m1')]))
  await disk.isBusy()
  const reading = note('read', store.get({ ...b, ...m1 }).then(record => record?.version))
  await turn()
  t.strictSame(order, [])
  disk.answers()
  await Promise.all([writing, reading])
  t.strictSame([order.length, disk.asked], [2, 1])
})

test('a write that changes nothing does not wait for the disk', async t => {
  const { disk, store } = await onSlowDisk(t)
  t.equal(await store.write(a, [put('m1', { expect: 1 })]), false)
  t.equal(disk.asked, 0)
})

test('after the disk has failed nothing is written or read, and the log is left to the next process', async t => {
  const { disk, store, path } = await onSlowDisk(t)
  const failure = { constructor: StorageUnavailableError, message: `The disk failed under the SQLite file ${path}: EIO: i/o error, fdatasync. Look after the disk, then restart the server.` }
  const writing = store.write(a, [put('m1')])
  await disk.isBusy()
  const ended = [writing, store.get({ ...a, ...m1 }), store.write(b, [put('m1')]), store.write(b, [put('m2')])].map(async (promise: Promise<unknown>) => await t.rejects(promise, failure))
  disk.fails()
  await Promise.all(ended)
  await t.rejects(store.get({ ...b, ...m1 }), failure)
  await t.rejects(store.page({ ...b, kind: 'message', order: 'asc', limit: 1 }), failure)
  await t.rejects(store.write(b, [put('m3')]), failure)
  t.equal(disk.asked, 1)
  await store.disconnect()
  t.ok(existsSync(`${path}-wal`), 'it is not folded into the file')
})

test('a quick disk is waited for, a slow one by a thread, until it is quick again', async t => {
  let now = 0
  const calls: [how: string, ms: number][] = []
  let takesMs = 0.1
  const call = (how: string) => (_file: number): void => {
    now += takesMs
    calls.push([how, takesMs])
  }
  const sync = syncer({ inPlace: call('in place'), inThread: async file => { call('in a thread')(file) }, now: () => now })
  for (const ms of [0.1, 0.2, 7, 7, 0.1, 0.1]) {
    takesMs = ms
    await sync(0)
  }
  t.strictSame(calls.map(([how]) => how), ['in place', 'in place', 'in place', 'in a thread', 'in a thread', 'in place'])
})
