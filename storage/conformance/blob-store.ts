import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { BlobKey, BlobStore } from '../blob-store.js'
import { StorageClosedError } from '../record-store.js'
import type { DefineTest, SuiteTest } from './runner.js'

/** A place for blobs, removed when the test ends. */
export interface BlobPlace {
  /** Opens a store on it; not connected yet. */
  open (): BlobStore
  /** How many blobs and remains of unfinished ones there are, seen from behind the store. */
  count (): Promise<number>
}

export interface BlobSuite {
  test: DefineTest
  /** Makes a fresh, empty place. It gets the test of your runner. */
  factory: (t: any) => Promise<BlobPlace>
  /** False for a store that forgets when it is opened anew. Default true. */
  persistent?: boolean
}

const key: BlobKey = { project: 'project', id: 'file-1' }
const MEGABYTE = 1024 * 1024

/** Every byte differs from its neighbours, in pieces of a size that fits no chunk. */
function * pieces (bytes: number): Generator<Buffer> {
  for (let start = 0; start < bytes; start += 10_007) {
    yield Buffer.from(Array.from({ length: Math.min(10_007, bytes - start) }, (_, i) => (start + i) * 7 % 251))
  }
}

/** What every `BlobStore` has to do. A backend's test file is a factory, this call, and what is unique to it. */
export function blobStoreSuite ({ test, factory, persistent = true }: BlobSuite): void {
  async function connected (t: SuiteTest, place: BlobPlace): Promise<BlobStore> {
    const store = place.open()
    t.teardown(() => store.disconnect())
    await store.connect()
    return store
  }
  const empty = async (t: SuiteTest) => {
    const place = await factory(t)
    return { place, store: await connected(t, place) }
  }
  const read = async (store: BlobStore, from: BlobKey, range?: { start?: number, end?: number }) => {
    const stream = await store.get(from, range)
    return stream && (await buffer(stream)).toString('latin1')
  }
  const text = (...parts: string[]) => Readable.from(parts.map(part => Buffer.from(part, 'latin1')))

  test('a blob comes back byte by byte, with its size', async (t: SuiteTest) => {
    const { store } = await empty(t)
    const bytes = randomBytes(1000)
    t.equal(await store.put(key, Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])), 1000)
    t.equal(await store.size(key), 1000)
    t.ok(bytes.equals(await buffer((await store.get(key))!)))
  })

  test('an empty blob exists', async (t: SuiteTest) => {
    const { store } = await empty(t)
    t.equal(await store.put(key, Readable.from([])), 0)
    t.equal(await store.size(key), 0)
    t.equal(await read(store, key), '')
    t.equal(await read(store, key, { start: 3 }), '')
  })

  test('what was never put is absent', async (t: SuiteTest) => {
    const { store } = await empty(t)
    t.equal(await store.get(key), undefined)
    t.equal(await store.size(key), undefined)
    t.equal(await store.delete(key), false)
  })

  test('a range is cut as slice does it', async (t: SuiteTest) => {
    const { store } = await empty(t)
    await store.put(key, text('0123', '456789'))
    for (const [start, end] of [[0, 4], [3, 7], [9, 10], [5, 100], [4, 4], [7, 3], [10, 12], [50, 60]] as const) {
      t.equal(await read(store, key, { start, end }), '0123456789'.slice(start, Math.max(start, end)), `${start}-${end}`)
    }
    t.equal(await read(store, key, { start: 6 }), '6789')
    t.equal(await read(store, key, { end: 2 }), '01')
    await t.rejects(store.get(key, { start: -1 }), TypeError)
    await t.rejects(store.get(key, { end: 1.5 }), TypeError)
  })

  test('five megabytes stream in and out, whole and in ranges across the chunks', async (t: SuiteTest) => {
    const { store } = await empty(t)
    const size = 5 * MEGABYTE + 123
    const whole = Buffer.concat([...pieces(size)])
    t.equal(await store.put(key, Readable.from(pieces(size))), size)
    t.ok(whole.equals(await buffer((await store.get(key))!)))
    for (const [start, end] of [[MEGABYTE - 1, MEGABYTE + 1], [3 * MEGABYTE, 4 * MEGABYTE], [512 * 1024 - 5, 5 * MEGABYTE + 5], [size - 1, size]] as const) {
      t.ok(whole.subarray(start, end).equals(await buffer((await store.get(key, { start, end }))!)), `${start}-${end}`)
    }
  })

  test('a put replaces the whole blob', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    await store.put(key, Readable.from(pieces(2 * MEGABYTE)))
    await store.put(key, text('short'))
    t.equal(await read(store, key), 'short')
    t.equal(await store.size(key), 5)
    t.equal(await place.count(), 1)
  })

  test('a deleted blob is gone', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    await store.put(key, text('gone'))
    t.equal(await store.delete(key), true)
    t.equal(await store.get(key), undefined)
    t.equal(await store.delete(key), false)
    t.equal(await place.count(), 0)
  })

  test('projects and ids never collide, whatever characters they hold', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    const names = ['a', 'A', 'a/b', '..', '../a', '.', 'a:b', 'a}b', 'a%2Fb', 'größe 文件 🗂', ' ', '\n', '*', 'con', 'x'.repeat(512)]
    const keys = [
      ...names.flatMap(name => [{ project: name, id: 'id' }, { project: 'project', id: name }]),
      { project: 'a', id: 'b:c' }, { project: 'a:b', id: 'c' }
    ]
    for (const each of keys) await store.put(each, text(createHash('md5').update(JSON.stringify(each)).digest('hex')))
    for (const each of keys) t.equal(await read(store, each), createHash('md5').update(JSON.stringify(each)).digest('hex'), JSON.stringify(each).slice(0, 40))
    t.equal(await place.count(), keys.length)
    t.equal(await store.delete({ project: 'A', id: 'id' }), true)
    t.ok(await store.size({ project: 'a', id: 'id' }))
  })

  test('a key that cannot be stored is absent, and a TypeError for a put', async (t: SuiteTest) => {
    const { store } = await empty(t)
    for (const bad of [{ project: '', id: 'x' }, { project: 'x', id: '' }, { project: 'x', id: 'a\0b' }, { project: 'x', id: '\ud800' }, { project: 'x', id: 'x'.repeat(513) }]) {
      t.equal(await store.get(bad), undefined)
      t.equal(await store.size(bad), undefined)
      t.equal(await store.delete(bad), false)
      await t.rejects(store.put(bad, text('x')), TypeError)
    }
  })

  test('a source that fails leaves nothing, and what was there before', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    async function * failing () {
      yield * pieces(2 * MEGABYTE)
      throw new RangeError('the client went away')
    }
    await t.rejects(store.put(key, failing()), { name: 'RangeError', message: 'the client went away' })
    t.equal(await store.get(key), undefined)
    t.equal(await place.count(), 0)
    await store.put(key, text('before'))
    await t.rejects(store.put(key, failing()), RangeError)
    t.equal(await read(store, key), 'before')
    t.equal(await place.count(), 1)
  })

  test('a put that is aborted while its source stalls leaves nothing', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    const abort = new AbortController()
    const source = new Readable({ read () {} })
    source.push(Buffer.alloc(2 * MEGABYTE))
    const put = store.put(key, source, { signal: abort.signal, check () { setImmediate(() => abort.abort(new Error('enough'))) } })
    await t.rejects(put, { message: 'enough' })
    t.ok(source.destroyed)
    t.equal(await store.get(key), undefined)
    t.equal(await place.count(), 0)
    await t.rejects(store.put(key, text('x'), { signal: abort.signal }), { message: 'enough' })
  })

  test('what the check throws ends the put and leaves nothing', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    const source = Readable.from(pieces(MEGABYTE))
    await t.rejects(store.put(key, source, { check (bytes) { if (bytes > 50_000) throw new RangeError('too large') } }), RangeError)
    t.ok(source.destroyed)
    t.equal(await place.count(), 0)
  })

  test('a blob is not visible before it is complete', async (t: SuiteTest) => {
    const { store } = await empty(t)
    async function * slow () {
      yield Buffer.alloc(2 * MEGABYTE)
      t.equal(await store.get(key), undefined)
      t.equal(await store.size(key), undefined)
      t.equal(await store.delete(key), false)
      yield Buffer.from('end')
    }
    t.equal(await store.put(key, slow()), 2 * MEGABYTE + 3)
    t.equal(await store.size(key), 2 * MEGABYTE + 3)
  })

  test('of several puts of one key at once, one wins whole', async (t: SuiteTest) => {
    const { store, place } = await empty(t)
    const letters = ['a', 'b', 'c', 'd']
    await Promise.all(letters.map(letter => store.put(key, Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(100_000, letter))))))
    const found = (await read(store, key))!
    t.equal(found.length, 2_000_000)
    t.equal(new Set(found).size, 1)
    t.equal(await place.count(), 1)
  })

  test('a blob that is replaced while it is read ends in an error or as it began', async (t: SuiteTest) => {
    const { store } = await empty(t)
    await store.put(key, Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(100_000, 'a'))))
    const stream = (await store.get(key))!
    const letters = new Set<string>()
    let replaced = false
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        for (const letter of chunk.toString('latin1')) letters.add(letter)
        if (!replaced) await store.put(key, Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(100_000, 'b'))))
        replaced = true
      }
    } catch (error) {
      t.ok(error instanceof Error)
    }
    t.strictSame([...letters], ['a'])
  })

  test('a reader that leaves early is no trouble', async (t: SuiteTest) => {
    const { store } = await empty(t)
    await store.put(key, Readable.from(pieces(2 * MEGABYTE)))
    const stream = (await store.get(key))!
    const chunks = stream[Symbol.asyncIterator]()
    t.equal((await chunks.next()).done, false)
    await chunks.return?.()
    t.ok(stream.destroyed)
    t.equal(await store.delete(key), true)
  })

  test('before connect and after disconnect every verb throws StorageClosedError', async (t: SuiteTest) => {
    const place = await factory(t)
    const store = place.open()
    const allRefused = async () => {
      const source = text('x')
      await t.rejects(store.put(key, source), StorageClosedError)
      t.ok(source.destroyed)
      await t.rejects(store.get(key), StorageClosedError)
      await t.rejects(store.size(key), StorageClosedError)
      await t.rejects(store.delete(key), StorageClosedError)
    }
    await allRefused()
    await Promise.all([store.connect(), store.connect()])
    await Promise.all([store.disconnect(), store.disconnect()])
    await allRefused()
  })

  test('disconnect ends puts under way, even stalled ones, and leaves nothing of them', async (t: SuiteTest) => {
    const place = await factory(t)
    const store = place.open()
    await store.connect()
    const stalled = new Readable({ read () {} })
    stalled.push(Buffer.alloc(2 * MEGABYTE))
    let refused: Promise<unknown> | undefined
    await new Promise<void>(resolve => {
      refused = t.rejects(store.put(key, stalled, { check () { resolve() } }), StorageClosedError)
    })
    await store.disconnect()
    await refused
    t.equal(await place.count(), 0)
  })

  test('disconnect closes a stream that was never read, without an error that only its reader could catch', async (t: SuiteTest) => {
    const { store } = await empty(t)
    await store.put(key, text('unread'))
    const stream = (await store.get(key))!
    const closed = new Promise<void>(resolve => stream.once('close', resolve))
    await store.disconnect()
    await closed
    t.ok(stream.destroyed)
  })

  if (!persistent) return

  test('blobs are there for a store opened later', async (t: SuiteTest) => {
    const place = await factory(t)
    const first = place.open()
    await first.connect()
    await first.put(key, text('lasting'))
    await first.disconnect()
    t.equal(await read(await connected(t, place), key), 'lasting')
  })
}
