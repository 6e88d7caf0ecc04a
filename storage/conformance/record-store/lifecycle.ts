import type { SuiteTest } from '../runner.js'
import { StorageClosedError } from '../../record-store.js'
import { connected, emptyStore, fill, home, ids, put, type Suite } from './suite.js'

export function lifecycleTests ({ test, factory }: Suite): void {
  test('connect and disconnect may be called any number of times', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = open()
    await store.disconnect()
    await Promise.all([store.connect(), store.connect()])
    await store.connect()
    t.equal(await store.write(home, [put('m1')]), true)
    await Promise.all([store.disconnect(), store.disconnect()])
    await store.disconnect()
    await store.connect()
    t.equal(await store.write(home, [put('m2')]), true)
    await store.disconnect()
  })

  test('before connect and after disconnect every verb throws StorageClosedError', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = open()
    const allRefused = async () => {
      await t.rejects(store.get({ ...home, kind: 'message', id: 'm1' }), StorageClosedError)
      await t.rejects(store.page({ ...home, kind: 'message', order: 'asc', limit: 1 }), StorageClosedError)
      await t.rejects(store.write(home, [put('m1')]), StorageClosedError)
      await t.rejects(store.write(home, []), StorageClosedError)
      if (store.notify) await t.rejects(store.notify('topic', ''), StorageClosedError)
      if (store.listen) await t.rejects(store.listen('topic', () => {}), StorageClosedError)
    }
    await allRefused()
    await store.connect()
    await store.disconnect()
    await allRefused()
  })

  test('disconnect lets writes under way end', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = open()
    await store.connect()
    const writes = Array.from({ length: 20 }, (_, n) => store.write(home, [put(`m${n}`)]))
    await store.disconnect()
    t.strictSame(await Promise.all(writes), Array(20).fill(true))
    if (!store.supports.persistent) return
    const again = await connected(t, open())
    t.equal((await again.page({ ...home, kind: 'message', order: 'asc', limit: 100 })).records.length, 20)
  })

  test('a store opened again has everything, and goes on counting', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = open()
    if (!store.supports.persistent) {
      t.pass('this store promises nothing beyond the process')
      return
    }
    await store.connect()
    await fill(store, 3)
    await store.write(home, [put('m2', { body: 'changed' }), { op: 'delete', kind: 'message', id: 'm3' }])
    await store.disconnect()

    const again = await connected(t, open())
    const { records } = await again.page({ ...home, kind: 'message', order: 'asc', limit: 10 })
    t.strictSame(records.map(({ id, version, position, body }) => [id, version, position, body]), [['m1', 1, 1, { id: 'm1' }], ['m2', 2, 2, 'changed']])
    t.equal(await again.write(home, [put('m2', { expect: 2 }), put('m4')]), true)
    t.equal((await again.get({ ...home, kind: 'message', id: 'm4' }))!.position, 4)
  })

  test('two instances race for one version and one of them wins', async (t: SuiteTest) => {
    const open = await factory(t)
    const store = await connected(t, open())
    if (!store.supports.shared) {
      t.pass('this store belongs to one process')
      return
    }
    const other = await connected(t, open())
    for (let expect = 1; expect <= 20; expect++) {
      if (expect === 1) await store.write(home, [put('lock')])
      const won = await Promise.all([store, other].map((instance, index) => instance.write(home, [put('lock', { expect }), put(`${expect} ${index}`)])))
      t.equal(won.filter(Boolean).length, 1)
    }
    const { records } = await other.page({ ...home, kind: 'message', order: 'asc', limit: 100 })
    t.equal(records.length, 21)
    t.equal(new Set(records.map(record => record.position)).size, 21)
  })

  test('two new stores do not see each other', async (t: SuiteTest) => {
    const one = await emptyStore(t, factory)
    const two = await emptyStore(t, factory)
    await one.write(home, [put('m1')])
    await two.write(home, [put('m2')])
    t.strictSame(ids((await one.page({ ...home, kind: 'message', order: 'asc', limit: 10 })).records), ['m1'])
    t.strictSame(ids((await two.page({ ...home, kind: 'message', order: 'asc', limit: 10 })).records), ['m2'])
  })
}
