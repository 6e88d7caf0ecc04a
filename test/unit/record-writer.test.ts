import { test, type Test } from 'tap'
import type { RecordLine } from '../../lib/transfer/lines.js'
import { RecordWriter } from '../../lib/transfer/record-writer.js'
import { PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { Page, PageQuery, PartitionKey, RecordKey, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { activeEntries } from '../runs/helpers/active-entries.js'

const NOW = 1_700_000_000_000
const KEY = { project: 'p', partition: 'x' }

const line = (id: string, position: number, changed: Partial<RecordLine> = {}): RecordLine =>
  ({ object: 'openai_compat.record', ...KEY, kind: 'k', id, position, body: { of: id }, ...changed })
const lines = (count: number, changed: Partial<RecordLine> = {}): RecordLine[] => Array.from({ length: count }, (_, i) => line(`r${i + 1}`, i + 1, changed))

/** A writer, and all that it does with its store. */
async function world (t: Test) {
  /** How many items each write to a project had, and what was read. */
  const writes: number[] = []
  const pages: string[] = []
  const gets: string[] = []
  const faults: { beforeWrite?: () => Promise<void> } = {}
  class Records extends MemoryRecordStore {
    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      if (key.project !== SYSTEM_PROJECT) {
        writes.push(items.length)
        const { beforeWrite } = faults
        delete faults.beforeWrite
        await beforeWrite?.()
      }
      return await super.write(key, items)
    }

    override async page<Body = unknown> (query: PageQuery): Promise<Page<Body>> {
      pages.push(`${query.partition} ${query.kind} ${query.parent ?? ''}`)
      return await super.page(query)
    }

    override async get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
      gets.push(key.id)
      return await super.get(key)
    }
  }
  const records = new Records()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const reports: string[] = []
  const writer = new RecordWriter(records, () => NOW, ({ id }, outcome) => reports.push(`${id} ${outcome}`))
  return {
    records,
    writer,
    reports,
    writes,
    pages,
    gets,
    faults,
    add: async (given: readonly RecordLine[], length = 10) => { for (const each of given) await writer.add(each, length) },
    /** One record at a time, as a client pages: a record that shares its position with another is passed over. */
    listed: async (of: Partial<PageQuery> = {}) => {
      const found: [string, number][] = []
      for (let after: number | undefined; ;) {
        const { records: [record], hasMore } = await MemoryRecordStore.prototype.page.call(records, { ...KEY, kind: 'k', order: 'asc', limit: 1, after, ...of })
        if (record !== undefined) found.push([record.id, record.position])
        if (!hasMore) return found
        after = record!.position
      }
    },
    stored: async (id: string, of: Partial<RecordKey> = {}) => await MemoryRecordStore.prototype.get.call(records, { ...KEY, kind: 'k', id, ...of })
  }
}

test('records are held back until there is a batch, which is one write, at the positions that they had', async t => {
  const { writer, add, writes, reports, listed, stored, gets } = await world(t)
  await add([line('a', 5), line('b', 9, { body: [1, 'two'] }), line('c', 7)])
  t.strictSame([writes, reports], [[], []])
  await writer.flush()
  t.strictSame([writes, reports, gets], [[3], ['a written', 'b written', 'c written'], []])
  t.strictSame(await listed(), [['a', 5], ['c', 7], ['b', 9]])
  t.match(await stored('b'), { version: 1, parent: '', body: [1, 'two'] })
  await writer.flush()
  t.strictSame(writes, [3])
})

test('a batch has at most a hundred records and a mebibyte, and only those of one partition of one project', async t => {
  const mebibyte = 1024 * 1024
  const { writer, add, writes } = await world(t)
  await add(lines(100))
  t.strictSame(writes, [])
  await add([line('more', 101)])
  t.strictSame(writes, [100])
  await writer.flush()
  await add([line('half', 102), line('other half', 103)], mebibyte / 2)
  t.strictSame(writes, [100, 1])
  await add([line('too long', 104)], 1)
  t.strictSame(writes, [100, 1, 2])
  await add([line('the rest', 105)], mebibyte - 1)
  t.strictSame(writes, [100, 1, 2])
  await add([line('elsewhere', 106, { partition: 'y' })], 1)
  t.strictSame(writes, [100, 1, 2, 2])
  await add([line('of another', 107, { partition: 'y', project: 'q' })])
  t.strictSame(writes, [100, 1, 2, 2, 1])
  await add([line('of another too', 108, { partition: 'y', project: 'q' })])
  await writer.flush()
  t.strictSame(writes, [100, 1, 2, 2, 1, 2])
})

test('what comes first in a list costs one look for the whole list, and what follows in it none', async t => {
  const { writer, add, pages, writes } = await world(t)
  await add([...lines(3), line('s1', 10, { kind: 'step', parent: 'run_1' }), line('s2', 11, { kind: 'step', parent: 'run_1' }), line('s3', 12, { kind: 'step', parent: 'run_2' })])
  await writer.flush()
  t.strictSame(pages, ['x k ', 'x step run_1', 'x step run_2'])
  await add([line('r4', 4), line('s4', 13, { kind: 'step', parent: 'run_2' })])
  await writer.flush()
  t.equal(pages.length, 3)
  t.strictSame(writes, [6, 2])
})

test('a record stays under its parent', async t => {
  const { writer, add, stored, listed } = await world(t)
  await add([line('s1', 1, { parent: 'run_1' }), line('s2', 2, { parent: 'run_2' })])
  await writer.flush()
  t.match(await stored('s1'), { parent: 'run_1', body: { of: 's1' } })
  t.strictSame(await listed({ parent: 'run_2' }), [['s2', 2]])
  t.strictSame(await listed(), [])
})

test('one name may stand for a record of each kind, and a batch of such is one write', async t => {
  const { writer, add, writes, reports } = await world(t)
  await add([line('same', 1), line('same', 2, { kind: 'other' }), line('unlike', 3)])
  await writer.flush()
  t.strictSame([writes, reports], [[3], ['same written', 'same written', 'unlike written']])
})

test('of two records of one name the first is written, and the second is there already', async t => {
  const { writer, add, reports, stored } = await world(t)
  await add([line('a', 1, { body: 'first' }), line('a', 2, { body: 'second' }), line('b', 3)])
  await writer.flush()
  t.strictSame(reports, ['a written', 'a there', 'b written'])
  t.match(await stored('a'), { version: 1, position: 1, body: 'first' })
  t.match(await stored('b'), { position: 3 })
})

test('what is there stays as it is, and what is not is written beside it, where its position is free', async t => {
  const { records, writer, add, writes, reports, listed, stored } = await world(t)
  await records.write(KEY, [
    { op: 'put', kind: 'k', id: 'a', body: 'ours', position: 1 },
    { op: 'put', kind: 'k', id: 'theirs', body: 'ours', position: 3 },
    { op: 'put', kind: 'k', id: 'last', body: 'ours', position: 9 }
  ])
  await add([line('a', 1), line('b', 2), line('c', 3), line('d', 4, { parent: 'run_1' })])
  await writer.flush()
  t.strictSame(reports, ['a there', 'b written', 'c written', 'd written'])
  // The first was ours.
  t.strictSame(writes, [3, 1, 1, 1])
  t.match(await stored('a'), { version: 1, body: 'ours' })
  t.match(await stored('c'), { body: { of: 'c' } })
  t.strictSame(await listed(), [['a', 1], ['b', 2], ['theirs', 3], ['last', 9], ['c', 10]])
  t.strictSame(await listed({ parent: 'run_1' }), [['d', 4]])
})

test('a list is looked at anew once another partition or project came between', async t => {
  for (const of of [{ partition: 'y' }, { project: 'q' }]) {
    const { records, writer, add, listed } = await world(t)
    await records.write({ ...KEY, ...of }, [{ op: 'put', kind: 'k', id: 'theirs', body: 'ours', position: 2 }])
    await add([line('a', 1), line('c', 2, of)])
    await writer.flush()
    await records.write(KEY, [{ op: 'put', kind: 'k', id: 'new', body: 'ours', position: 2 }])
    await add([line('d', 2)])
    await writer.flush()
    t.strictSame(await listed(), [['a', 1], ['new', 2], ['d', 3]])
    t.strictSame(await listed(of), [['theirs', 2], ['c', 3]])
  }
})

test('lists of one partition are known apart by their kind and parent', async t => {
  const { records, writer, add, listed } = await world(t)
  await records.write(KEY, [{ op: 'put', kind: 'k', id: 'theirs', parent: 'run_2', body: 'ours', position: 2 }, { op: 'put', kind: 'other', id: 'theirs', body: 'ours', position: 3 }])
  await add([line('a', 1, { parent: 'run_1' })])
  await writer.flush()
  await add([line('b', 2, { parent: 'run_2' })])
  await writer.flush()
  await add([line('c', 3, { kind: 'other' })])
  await writer.flush()
  t.strictSame(await listed({ parent: 'run_2' }), [['theirs', 2], ['b', 4]])
  t.strictSame(await listed({ kind: 'other' }), [['theirs', 3], ['c', 5]])
})

test('records of two exports that had the same positions in one list are all found in it, in one batch or in two', async t => {
  for (const isOneBatch of [true, false]) {
    const { writer, add, listed, reports } = await world(t)
    await add([line('a', 1), line('b', 2), line('c', 5)])
    if (!isOneBatch) await writer.flush()
    await add([line('d', 1), line('e', 2), line('f', 3), line('g', 5), line('h', 6)])
    await writer.flush()
    t.strictSame((await listed()).map(([id]) => id).sort(), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    t.strictSame((await listed()).filter(([id]) => ['a', 'b', 'c', 'f'].includes(id)), [['a', 1], ['b', 2], ['f', 3], ['c', 5]])
    // At the positions that those got which stood in for others, and at one that is free.
    await add([line('i', 7), line('j', 8), line('k', 9), line('l', 10), line('m', 11)])
    await writer.flush()
    await add([line('n', 4)])
    await writer.flush()
    t.strictSame((await listed()).map(([id]) => id).sort(), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'])
    t.strictSame((await listed()).find(([id]) => id === 'n'), ['n', 4])
    t.equal(reports.filter(report => report.endsWith(' written')).length, 14)
  }
})

test('the first and the last position of a list are taken too', async t => {
  for (const taken of [1, 5]) {
    const { writer, add, listed } = await world(t)
    await add([line('a', 1), line('b', 5)])
    await writer.flush()
    await add([line('c', taken)])
    await writer.flush()
    t.strictSame(await listed(), [['a', 1], ['b', 5], ['c', 6]])
  }
})

test('after records of one name the list is written in batches again', async t => {
  const { writer, add, writes } = await world(t)
  await add([line('a', 1), line('a', 2), line('b', 3)])
  await writer.flush()
  t.strictSame(writes, [1, 1])
  await add([line('c', 4), line('d', 5)])
  await writer.flush()
  t.strictSame(writes, [1, 1, 2])
})

test('a list that comes newest first is written in batches, as one that comes oldest first', async t => {
  const { writer, add, writes, listed } = await world(t)
  await add(lines(250).reverse())
  await writer.flush()
  t.strictSame(writes, [100, 100, 50])
  t.strictSame((await listed()).length, 250)
})

test('a record that another writes meanwhile is there, and the others of its batch are written', async t => {
  const { records, writer, add, reports, faults, stored } = await world(t)
  const theirs = async (): Promise<void> => { await MemoryRecordStore.prototype.write.call(records, KEY, [{ op: 'put', kind: 'k', id: 'b', body: 'ours' }]) }
  faults.beforeWrite = theirs
  await add(lines(1).concat(line('b', 2), line('c', 3)))
  await writer.flush()
  t.strictSame(reports, ['r1 written', 'b there', 'c written'])
  t.match(await stored('b'), { version: 1, body: 'ours' })
  faults.beforeWrite = async () => { await MemoryRecordStore.prototype.write.call(records, KEY, [{ op: 'put', kind: 'k', id: 'd', body: 'ours' }]) }
  // In a list that has others' records each record is looked for, and written alone.
  await add([line('d', 5)])
  await writer.flush()
  t.equal(reports.at(-1), 'd there')
  t.match(await stored('d'), { version: 1, body: 'ours' })
})

test('a later state takes the place of the one before, in its place, and counts for nothing', async t => {
  const { writer, add, writes, reports, stored } = await world(t)
  await add([line('a', 1), line('b', 2)])
  await add([line('a', 7, { again: true, body: 'later' })])
  t.strictSame(reports, ['a written', 'b written'])
  t.match(await stored('a'), { version: 2, position: 1, body: 'later' })
  // It was never in a batch.
  await writer.flush()
  t.strictSame(writes, [2, 1])
})

test('a later state that is no other is not written, nor one of a record that was changed here', async t => {
  const { records, writer, add, reports, stored } = await world(t)
  await add([line('a', 1, { body: { deep: [1] } }), line('b', 2)])
  await writer.flush()
  await records.write(KEY, [{ op: 'put', kind: 'k', id: 'b', body: 'changed here' }])
  await add([line('a', 1, { again: true, body: { deep: [1] } }), line('b', 2, { again: true, body: 'later' })])
  t.match(await stored('a'), { version: 1 })
  t.match(await stored('b'), { version: 2, body: 'changed here' })
  t.equal(reports.length, 2)
})

test('a later state does not undo a change that is made meanwhile', async t => {
  const { records, writer, add, faults, stored } = await world(t)
  await add([line('a', 1)])
  await writer.flush()
  faults.beforeWrite = async () => { await MemoryRecordStore.prototype.write.call(records, KEY, [{ op: 'put', kind: 'k', id: 'a', body: 'changed here' }]) }
  await add([line('a', 1, { again: true, body: 'later' })])
  t.match(await stored('a'), { version: 2, body: 'changed here' })
})

test('a later state of a record that did not come before is a record like any other', async t => {
  const { records, add, reports, stored } = await world(t)
  const run = { id: 'run_1', status: 'in_progress' }
  await add([line('run_1', 3, { kind: 'run', again: true, body: run }), line('run_2', 3, { kind: 'run', again: true, body: { ...run, id: 'run_2' } })])
  t.strictSame(reports, ['run_1 written', 'run_2 written'])
  t.match(await stored('run_1', { kind: 'run' }), { version: 1, position: 3, body: run })
  t.match(await stored('run_2', { kind: 'run' }), { version: 1, position: 4 })
  t.strictSame((await activeEntries(records)).sort(), ['run_1', 'run_2'])
})

test('what a record needs to be found is there before it, whichever way it is written', async t => {
  const { records, writer, add, faults } = await world(t)
  const thread = (id: string): RecordLine => line(id, 1, { partition: id, kind: 'thread' })
  const entered = async (): Promise<string[]> => (await MemoryRecordStore.prototype.page.call(records, { project: 'p', partition: PARTITION.threads, kind: 'thread', order: 'asc', limit: 10 })).records.map(({ id }) => id)
  await add([thread('thread_1')])
  // The first write to the project is that of the entry, the second that of the thread.
  let before: string[] | undefined
  faults.beforeWrite = async () => { faults.beforeWrite = async () => { before = await entered() } }
  await writer.flush()
  t.strictSame(before, ['thread_1'])
  await add([thread('thread_2'), { ...thread('thread_3'), again: true }])
  t.strictSame(await entered(), ['thread_1', 'thread_2', 'thread_3'])
})

test('the lock of a run that is there already has been freed, or is held, and is left as it is', async t => {
  const { records, writer, add, stored, reports } = await world(t)
  const lock = (runId: unknown, partition: string): RecordLine => line('run', 1, { partition, kind: 'lock', body: { run_id: runId } })
  await records.write({ project: 'p', partition: 'thread_1' }, [{ op: 'put', kind: 'run', id: 'run_1', body: { status: 'completed' } }])
  await add([lock('run_1', 'thread_1'), lock('run_1', 'thread_2'), lock(1, 'thread_3')])
  await writer.flush()
  t.strictSame(reports, ['run there', 'run written', 'run written'])
  const found = await Promise.all(['thread_1', 'thread_2'].map(async partition => (await stored('run', { partition, kind: 'lock' }))?.body))
  t.strictSame(found, [undefined, { run_id: 'run_1' }])
})
