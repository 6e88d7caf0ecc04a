import type { SuiteTest } from '../runner.js'
import { StorageClosedError, type Expectation, type WriteItem } from '../../record-store.js'
import { connected, emptyStore, fill, home, ids, put, type Suite } from './suite.js'

export function writeTests ({ test, factory }: Suite): void {
  test('a put may expect the record to be absent or at a version', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    t.equal(await store.write(home, [put('m1', { expect: 1 })]), false)
    t.equal(await store.write(home, [put('m1', { expect: 'absent', body: 'one' })]), true)
    t.equal(await store.write(home, [put('m1', { expect: 'absent', body: 'lost' })]), false)
    t.equal(await store.write(home, [put('m1', { expect: 1, body: 'two' })]), true)
    t.equal(await store.write(home, [put('m1', { expect: 1, body: 'lost' })]), false)
    t.match(await store.get({ ...home, kind: 'message', id: 'm1' }), { version: 2, body: 'two' })
  })

  test('a delete may expect a version', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1')])
    t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1', expect: 2 }]), false)
    t.ok(await store.get({ ...home, kind: 'message', id: 'm1' }))
    t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1', expect: 1 }]), true)
    t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1', expect: 1 }]), false)
  })

  test('a check decides over the batch and changes nothing', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('lock')])
    const attempt = (id: string, expect: Expectation) =>
      store.write(home, [{ op: 'check', kind: 'message', id, expect }, put(`after ${id} ${expect}`)])
    t.equal(await attempt('lock', 1), true)
    t.equal(await attempt('lock', 2), false)
    t.equal(await attempt('lock', 'absent'), false)
    t.equal(await attempt('other', 'absent'), true)
    t.equal(await attempt('other', 1), false)
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })
    t.strictSame(ids(records), ['lock', 'after lock 1', 'after other absent'])
    t.equal(records[0]?.version, 1)
  })

  test('a write behind others is carried out after them or not at all, where the store knows such writes', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    if (store.writeAfter === undefined) return
    const [first, second] = [{ ...home, partition: 'index a' }, { ...home, partition: 'index b' }]
    const before = [{ key: first, items: [put('entry')] }, { key: second, items: [put('entry')] }]
    const versions = async (id: string) => await Promise.all([first, second, home].map(async key => (await store.get({ ...key, kind: 'message', id }))?.version))
    t.equal(await store.writeAfter(before, home, [put('entry', { expect: 'absent' }), put('more')]), true)
    t.strictSame(await versions('entry'), [1, 1, 1])
    t.equal(await store.writeAfter(before, home, [put('entry', { expect: 'absent' }), put('never')]), false)
    t.strictSame(await versions('never'), [undefined, undefined, undefined])
    t.equal((await store.get({ ...home, kind: 'message', id: 'entry' }))?.version, 1, 'what it resolves to is true of the last one')
    t.equal(await store.writeAfter([], home, [put('entry', { expect: 1 })]), true)
    t.equal((await store.get({ ...home, kind: 'message', id: 'entry' }))?.version, 2)
    await t.rejects(store.writeAfter([{ key: first, items: [put('late')] }], home, [put('twice'), put('twice')]), TypeError)
    await t.rejects(store.writeAfter([{ key: first, items: [put('twice'), put('twice')] }], home, [put('late')]), TypeError)
    t.strictSame(await versions('late'), [undefined, undefined, undefined], 'a malformed batch changes nothing anywhere')
    await store.disconnect()
    await t.rejects(store.writeAfter(before, home, [put('closed')]), StorageClosedError)
  })

  test('a batch whose last expectation fails writes nothing', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('kept', { body: 'old' }), put('there')])
    const lost: WriteItem[] = [
      put('new'), put('kept', { body: 'changed' }), { op: 'delete', kind: 'message', id: 'there' }, { op: 'clear' },
      put('late', { expect: 7 })
    ]
    t.equal(await store.write(home, lost), false)
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })
    t.strictSame(records.map(({ id, version, body }) => [id, version, body]), [['kept', 1, 'old'], ['there', 1, { id: 'there' }]])
    await store.write(home, [put('next')])
    t.equal((await store.get({ ...home, kind: 'message', id: 'next' }))!.position, 3, 'no position was used up')
  })

  test('a lost batch leaves no trace of a partition that did not exist', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    t.equal(await store.write(home, [put('m1'), { op: 'check', kind: 'thread', id: 't', expect: 1 }]), false)
    t.equal(await store.get({ ...home, kind: 'message', id: 'm1' }), undefined)
    t.equal(await store.write(home, [put('m1')]), true)
    t.equal((await store.get({ ...home, kind: 'message', id: 'm1' }))!.position, 1)
  })

  test('expectations are checked before the batch, in any order', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1')])
    t.equal(await store.write(home, [{ op: 'clear' }, put('m1', { expect: 1, body: 'again' })]), true)
    t.match(await store.get({ ...home, kind: 'message', id: 'm1' }), { version: 1, body: 'again' })
    t.equal(await store.write(home, [{ op: 'clear' }, put('m1', { expect: 'absent' })]), false)
  })

  test('an empty batch succeeds', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    t.equal(await store.write(home, []), true)
  })

  test('a malformed batch is a TypeError and changes nothing', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const malformed: WriteItem[][] = [
      [put('m2', { body: undefined })], [put('m2', { body: () => {} })], [put('m2', { body: 1n })], [put('m2', { body: circular })],
      [put('m2'), put('m2')], [put('m2'), { op: 'delete', kind: 'message', id: 'm2' }],
      [{ ...put('m2'), op: '' } as unknown as WriteItem], [{ ...put('m2'), op: 'Put' } as unknown as WriteItem],
      [put('m2', { expect: 0 })], [put('m2', { expect: 1.5 })],
      [put('m2', { position: 0 })], [put('m2', { position: -1 })], [put('m2', { position: 2 ** 52 + 1 })], [put('m2', { position: 0.5 })]
    ]
    for (const items of malformed) await t.rejects(store.write(home, [put('m1'), ...items]), TypeError)
    t.strictSame((await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })).records, [])
  })

  test('a malformed batch does not disturb those written in the same moment', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const results = await Promise.allSettled([
      store.write(home, [put('m1')]), store.write(home, [put('m2', { body: 1n })]), store.write(home, [put('m1', { expect: 'absent' })]), store.write(home, [put('m3')])
    ])
    t.strictSame(results.map(result => result.status === 'fulfilled' ? result.value : 'rejected'), [true, 'rejected', false, true])
  })

  test('of 50 writers that expect the same version exactly one wins', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('lock', { body: 'free' })])
    for (const expect of [1, 2, 3]) {
      const won = await Promise.all(Array.from({ length: 50 }, (_, index) => store.write(home, [put('lock', { expect, body: index })])))
      t.equal(won.filter(Boolean).length, 1)
      t.match(await store.get({ ...home, kind: 'message', id: 'lock' }), { version: expect + 1, body: won.indexOf(true) })
    }
  })

  test('of 50 writers that expect absence exactly one wins, in a partition that did not exist', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const won = await Promise.all(Array.from({ length: 50 }, (_, index) => store.write(home, [put('lock', { expect: 'absent', body: index }), put(`by ${index}`)])))
    t.equal(won.filter(Boolean).length, 1)
    t.strictSame(ids((await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })).records), ['lock', `by ${won.indexOf(true)}`])
  })

  test('writers that interleave get unique positions, each its own in the order written', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await Promise.all(Array.from({ length: 10 }, async (_, writer) => {
      for (let n = 0; n < 10; n++) await store.write(home, [put(`${writer}-${n}-a`), put(`${writer}-${n}-b`)])
    }))
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 1000 })
    t.equal(records.length, 200)
    t.equal(new Set(records.map(record => record.position)).size, 200)
    for (let writer = 0; writer < 10; writer++) {
      const own = ids(records).filter(id => id.startsWith(`${writer}-`))
      t.strictSame(own, Array.from({ length: 10 }, (_, n) => [`${writer}-${n}-a`, `${writer}-${n}-b`]).flat())
    }
  })

  test('writers and clears that interleave lose no write made after the last clear', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.write(home, n % 5 === 4 ? [{ op: 'clear' }, put(`m${n}`)] : [put(`m${n}`)])))
    t.equal(await store.write(home, [put('last')]), true)
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 100 })
    t.equal(records.at(-1)!.id, 'last')
    t.equal(new Set(records.map(record => record.position)).size, records.length)
  })

  test('a write is visible on every instance once it has been awaited', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = await connected(t, open())
    const other = store.supports.shared ? await connected(t, open()) : store
    await Promise.all(Array.from({ length: 20 }, async (_, n) => {
      await store.write(home, [put(`m${n}`)])
      t.ok(await other.get({ ...home, kind: 'message', id: `m${n}` }))
      t.ok(ids((await other.page({ ...home, kind: 'message', order: 'asc', limit: 100 })).records).includes(`m${n}`))
    }))
  })

  test('a position given at insertion is kept, and later ones are higher than the highest seen', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m100', { position: 100 }), put('m7', { position: 7 }), put('m101')])
    await store.write(home, [put('m50', { position: 50 }), put('m102')])
    await store.write(home, [{ op: 'delete', kind: 'message', id: 'm102' }])
    await store.write(home, [put('m103')])
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })
    t.strictSame(records.map(({ id, position }) => [id, position]), [['m7', 7], ['m50', 50], ['m100', 100], ['m101', 101], ['m103', 103]])
  })

  test('positions are exact beyond 2^52', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('a', { position: 2 ** 52 }), put('b'), put('c')])
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 10, after: 2 ** 52 })
    t.strictSame(records.map(record => record.position), [2 ** 52 + 1, 2 ** 52 + 2])
    const back = await store.page({ ...home, kind: 'message', order: 'asc', limit: 1, before: 2 ** 52 + 2 })
    t.strictSame(ids(back.records), ['b'])
  })

  test('clear removes 10,000 records of all kinds and parents, and the partition starts anew', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 10_000)
    await store.write(home, [put('s1', { kind: 'step', parent: 'run_1' })])
    await fill(store, 2, { ...home, partition: 'thread_2' })
    t.equal(await store.write(home, [put('in the same batch'), { op: 'clear' }]), true)
    for (const query of [{ kind: 'message' }, { kind: 'step', parent: 'run_1' }]) {
      t.strictSame((await store.page({ ...home, ...query, order: 'asc', limit: 1 })).records, [])
    }
    t.equal(await store.get({ ...home, kind: 'step', id: 's1' }), undefined)
    t.ok(await store.get({ ...home, partition: 'thread_2', kind: 'message', id: 'm1' }))
    await store.write(home, [put('m1')])
    t.match(await store.get({ ...home, kind: 'message', id: 'm1' }), { position: 1, version: 1 })
  })

  test('what a batch puts after its clear stays', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await fill(store, 3)
    await store.write(home, [{ op: 'clear' }, put('m2', { body: 'new' }), put('m9')])
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })
    t.strictSame(records.map(({ id, version }) => [id, version]), [['m2', 1], ['m9', 1]])
    t.equal(await store.write({ ...home, partition: 'never written' }, [{ op: 'clear' }]), true)
  })
}
