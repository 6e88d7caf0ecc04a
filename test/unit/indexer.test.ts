import tap, { test, type Test } from 'tap'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { systemClock } from '../../lib/shared/clock.js'
import { activate, chunkId } from '../../lib/vector-stores/records.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { Gate } from '../helpers/upstream-gate.js'
import { settle } from '../runs/helpers/core.js'
import { until } from '../vector-stores/helpers/counting.js'
import { indexingWorld, LEASE_MS, NOW_MS, type IndexingWorld } from '../vector-stores/helpers/indexing-world.js'

// The processes that read documents serve one test after the other.
const reader = new DocumentReader({ clock: systemClock })
tap.teardown(async () => await reader.close())

const claims = (id?: string) => (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === KIND.vectorStoreJob && (id === undefined || item.id === id))

/** Bytes that are handed out when the test says so; `asked` has the ids of the files, in their order. */
function heldBytes (w: IndexingWorld) {
  const asked: string[] = []
  const gates = new Map<string, Gate>()
  return {
    asked,
    hold: (...ids: string[]) => {
      for (const id of ids) {
        const gate = new Gate()
        gates.set(id, gate)
        const of = w.objects.get(id)!
        of.open = async () => {
          asked.push(id)
          await gate.pass()
          const { Readable } = await import('node:stream')
          return Readable.from([of.bytes])
        }
      }
    },
    open: (...ids: string[]) => { for (const id of ids) gates.get(id)!.open(Infinity) }
  }
}

/** A file whose bytes are held. */
async function heldFile (t: Test) {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const bytes = heldBytes(w)
  bytes.hold('file-1')
  return { w, bytes }
}

test('a store whose jobs are all done leaves the index of active ones, once none can be on its way any more', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const { indexer } = w.instance()
  await indexer.start(false)
  await w.ends('file-1')
  await settle(50)
  t.strictSame([indexer.waitingStores, await w.isActive()], [0, true])
  await w.clock.advance(59_999)
  await settle(50)
  t.equal(await w.isActive(), true)
  await w.clock.advance(LEASE_MS / 2)
  await settle(50)
  t.equal(await w.isActive(), false)
})

test('a store that is gone leaves the index at once, and one that was active again in between stays', async t => {
  const w = await indexingWorld(t, { reader })
  await activate(w.store, w.ref('vs_gone'), NOW_MS)
  await w.addStore()
  await activate(w.store, w.ref(), NOW_MS - 60_000)
  const { indexer, view } = w.instance()
  const held = view.hold(items => items.some(item => item.op === 'delete' && item.id === 'vs_1'))
  await indexer.start(false)
  await held.reached()
  await activate(w.store, w.ref(), NOW_MS)
  held.open()
  await settle(50)
  t.strictSame([await w.isActive(w.ref('vs_gone')), await w.isActive()], [false, true])
})

test('as many files of a project are indexed at a time as may be, and a project that has none under way need not wait for a place', async t => {
  const w = await indexingWorld(t, { reader })
  const others = [w.ref('vs_2', 'q'), w.ref('vs_3', 'r'), w.ref('vs_4', 's')]
  for (const of of [w.ref(), ...others]) await w.addStore(of)
  const bytes = heldBytes(w)
  for (const id of ['a-1', 'a-2', 'a-3']) await w.addFile(id, 'One.')
  bytes.hold('a-1', 'a-2', 'a-3')
  const { indexer } = w.instance({ parallelism: 2 })
  await indexer.start(false)
  await settle(50)
  t.strictSame([bytes.asked, indexer.waitingStores], [['a-1', 'a-2'], 1])
  for (const [i, of] of others.entries()) {
    await w.addFile(`b-${i}`, 'One.', { of })
    bytes.hold(`b-${i}`)
    indexer.wake(of)
    await settle(50)
  }
  t.strictSame(bytes.asked, ['a-1', 'a-2', 'b-0', 'b-1'], 'twice as many of all')
  bytes.open('b-0')
  await until(() => bytes.asked.length > 4)
  t.equal(bytes.asked[4], 'b-2')
  bytes.open('a-1', 'b-1', 'b-2')
  await until(() => bytes.asked.length > 5)
  t.equal(bytes.asked[5], 'a-3')
  for (const [i, of] of others.entries()) await w.ends(`b-${i}`, of)
  bytes.open('a-2', 'a-3')
  await w.ends('a-3')
})

test('stores of a project take turns', async t => {
  const w = await indexingWorld(t, { reader })
  const other = w.ref('vs_2')
  await w.addStore()
  await w.addStore(other)
  for (const id of ['a-1', 'a-2']) await w.addFile(id, 'One.')
  await w.addFile('b-1', 'One.', { of: other })
  const bytes = heldBytes(w)
  bytes.hold('a-1', 'a-2', 'b-1')
  const { indexer } = w.instance({ parallelism: 1 })
  await indexer.start(false)
  await settle(50)
  bytes.open('a-1', 'a-2', 'b-1')
  await w.ends('a-2')
  t.strictSame(bytes.asked, ['a-1', 'b-1', 'a-2'])
})

test('a job that another instance holds is left alone until its lease lapses, and then begun anew', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  await w.putJob('file-1', { owner: 'another', expiresAt: NOW_MS + LEASE_MS, attempts: 1, generation: 'theirs' })
  const { indexer, view, index } = w.instance()
  await indexer.start(false)
  await settle(50)
  t.match(await w.job('file-1'), { owner: 'another' })
  const purge = view.hold(items => claims('theirs')(items) && !claims('file-1')(items))
  const ended = w.ends('file-1')
  await w.clock.advance(LEASE_MS)
  await purge.reached()
  t.match(await w.job('theirs'), { type: 'purge', attempts: 0, owner: null, generation: null })
  purge.open()
  await ended
  await w.until(async () => await w.job('theirs') === undefined)
  t.ok(index.told.includes('without theirs'))
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('an instance that is alone need not wait for the lease of one that has died', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  await w.putJob('file-1', { owner: 'another', expiresAt: NOW_MS + LEASE_MS, attempts: 1, generation: 'theirs' })
  const { indexer } = w.instance()
  await indexer.start(true)
  await w.ends('file-1')
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('leases are renewed every third of their length while files are indexed', async t => {
  const { w, bytes } = await heldFile(t)
  const { indexer, view, messages } = w.instance()
  await indexer.start(false)
  await settle(50)
  t.match(await w.job('file-1'), { type: 'index', attempts: 1, expiresAt: NOW_MS + LEASE_MS, generation: String })
  await w.clock.advance(LEASE_MS / 3)
  await settle(50)
  t.match(await w.job('file-1'), { attempts: 1, expiresAt: NOW_MS + LEASE_MS / 3 + LEASE_MS })
  view.loseAnswer(claims(), new Gate())
  await w.clock.advance(LEASE_MS / 3)
  await settle(50)
  t.strictSame(messages(), ['the lease of a file could not be renewed'])
  await w.clock.advance(LEASE_MS / 3)
  await settle(50)
  t.match(await w.job('file-1'), { attempts: 1, expiresAt: NOW_MS + 2 * LEASE_MS })
  bytes.open('file-1')
  await w.ends('file-1')
})

test('a file that was lost stops with the next renewal of its lease', async t => {
  const { w, bytes } = await heldFile(t)
  const { indexer, index, logged } = w.instance()
  const settled = indexer.settled()
  await indexer.start(false)
  await settle(50)
  await w.putJob('file-1', { owner: 'another', expiresAt: NOW_MS * 2, attempts: 2, generation: 'theirs' })
  await w.clock.advance(LEASE_MS / 3)
  await settle(50)
  bytes.open('file-1')
  await settled
  t.match([await w.job('file-1'), await w.file('file-1')], [{ owner: 'another', generation: 'theirs' }, { file: { status: 'in_progress' } }])
  t.strictSame([index.chunks, logged.filter(({ level }) => level === 'warn')], [[], []])
})

test('a server that stops releases what it is at, with no attempt counted, and begins nothing any more', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  for (const id of ['file-1', 'file-2']) await w.addFile(id, 'One.')
  const bytes = heldBytes(w)
  bytes.hold('file-1', 'file-2')
  const { indexer, messages } = w.instance({ parallelism: 1 })
  await indexer.start(false)
  await settle(50)
  const stopped = indexer.stop()
  bytes.open('file-1', 'file-2')
  await stopped
  t.match([await w.job('file-1'), await w.job('file-2')], [{ owner: null, expiresAt: 0, attempts: 0 }, { owner: null, attempts: 0, generation: null }])
  indexer.wake(w.ref())
  indexer.lookSoon()
  await w.clock.advance(2 * LEASE_MS)
  await settle(50)
  t.strictSame([bytes.asked, messages(), w.clock.pending], [['file-1'], [], 0])
})

test('a file that is claimed while the server begins to stop is released unread', async t => {
  const { w, bytes } = await heldFile(t)
  bytes.open('file-1')
  const { indexer, index, view } = w.instance()
  const claim = view.hold(claims('file-1'))
  await indexer.start(false)
  await claim.reached()
  const stopped = indexer.stop()
  await settle()
  claim.open()
  await stopped
  t.match([await w.job('file-1'), await w.file('file-1')], [{ owner: null, attempts: 0 }, { file: { status: 'in_progress' } }])
  t.strictSame(index.chunks, [])
})

test('what is of no use any more is removed, piece by piece, and a server that stops leaves the rest', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  const chunks = (generation: string, count: number): WriteItem[] => Array.from({ length: count }, (_, i) => ({ op: 'put', kind: KIND.vectorStoreChunk, id: chunkId(generation, i), parent: generation, body: {} }))
  await w.store.write({ project: 'p', partition: 'vs_1' }, [...chunks('old', 450), ...chunks('kept', 1)])
  await w.putJob('old', { type: 'purge' })
  await activate(w.store, w.ref(), NOW_MS)
  const first = w.instance()
  const held = first.view.hold(items => items.some(item => item.op === 'delete' && item.kind === KIND.vectorStoreChunk))
  await first.indexer.start(false)
  await held.reached()
  const stopped = first.indexer.stop()
  held.open()
  await stopped
  t.strictSame([(await w.list(KIND.vectorStoreChunk, 'old')).length, first.index.told, first.messages()], [250, ['without old'], []])
  t.match(await w.job('old'), { type: 'purge', attempts: 1, generation: null })
  await w.putJob('old', { type: 'purge' })
  const { indexer, view } = w.instance()
  const { write } = view.calls
  const settled = indexer.settled()
  await indexer.start(false)
  await settled
  t.strictSame([(await w.list(KIND.vectorStoreChunk, 'old')).length, (await w.list(KIND.vectorStoreChunk, 'kept')).length, await w.job('old')], [0, 1, undefined])
  t.equal(view.calls.write, write + 3, 'the claim and two pieces')
})

test('what cannot be read or claimed in one store is logged, and keeps no other store and no other job waiting', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addStore(w.ref('vs_2'))
  await w.addFile('file-1', 'One.')
  await w.addFile('file-2', 'One.')
  await w.addFile('file-3', 'One.', { of: w.ref('vs_2') })
  w.store.damage(KIND.vectorStoreJob, 'file-1')
  const { indexer, view, messages } = w.instance({ parallelism: 1 })
  view.loseAnswer(claims('file-2'), new Gate())
  await indexer.start(false)
  await w.ends('file-3', w.ref('vs_2'))
  const said = 'jobs of vector stores could not be looked up; it is tried again'
  t.strictSame(messages().slice(0, 2), [said, said])
  const ended = w.ends('file-2')
  indexer.lookSoon()
  await ended
})

test('a store that is not entered into the index is indexed when it is woken', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  const { indexer } = w.instance()
  await indexer.start(false)
  await w.addFile('file-1', 'One.')
  const ended = w.ends('file-1')
  indexer.wake(w.ref())
  await ended
})

test('one who waits for a job to end hears of each, with any outcome', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  const entry = w.objects.get('file-1')!
  entry.open = async () => { throw new Error('broken') }
  const { indexer, messages } = w.instance()
  const first = indexer.settled()
  t.equal(indexer.settled(), first)
  await indexer.start(false)
  await first
  t.not(indexer.settled(), first)
  t.strictSame(messages(), ['a file could not be indexed; it is tried again'])
  await settle(50)
  t.match(await w.job('file-1'), { attempts: 1 }, 'not at once')
  delete entry.open
  const ended = w.ends('file-1')
  for (let i = 0; i < 4; i++) await w.clock.advance(LEASE_MS / 2)
  await ended
  t.match(await w.file('file-1'), { file: { status: 'completed' } })
})

test('a file is released no more often than its lease is long, and not at all where the release is refused', async t => {
  const w = await indexingWorld(t, { reader })
  await w.addStore()
  await w.addFile('file-1', 'One.')
  w.objects.get('file-1')!.open = async () => { throw new StorageUnavailableError('away') }
  const { indexer, view } = w.instance({ leaseMs: 1000 })
  for (let i = 0; i < 9; i++) view.loseAnswer(items => claims()(items) && items.some(item => item.op === 'put' && (item.body as { owner: string | null }).owner === null), new Gate())
  const settled = indexer.settled()
  let waits = w.clock.next(ms => ms !== 1000 / 3 && ms !== 500)
  await indexer.start(false)
  const waited: number[] = []
  for (let i = 0; i < 4; i++) {
    const ms = await waits
    waited.push(ms)
    waits = w.clock.next(ms => ms !== 1000 / 3 && ms !== 500)
    await w.clock.advance(ms)
  }
  await settled
  t.strictSame(waited, [100, 200, 400, 800])
})
