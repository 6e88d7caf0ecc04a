import type { SuiteTest } from '../runner.js'
import type { PartitionKey } from '../../record-store.js'
import { emptyStore, home, ids, put, type Suite } from './suite.js'

export function recordTests ({ test, factory }: Suite): void {
  test('a record is read back as it was put', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    t.equal(await store.write(home, [put('m1', { parent: 'run_1', body: { text: 'hello' } })]), true)
    t.strictSame(await store.get({ ...home, kind: 'message', id: 'm1' }), {
      ...home, kind: 'message', id: 'm1', parent: 'run_1', position: 1, version: 1, body: { text: 'hello' }
    })
  })

  test('what was never put is undefined, and its pages are empty', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    t.equal(await store.get({ ...home, kind: 'message', id: 'm1' }), undefined)
    t.strictSame(await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 }), { records: [], hasMore: false })
  })

  test('replacing a record changes its body and version, and keeps its parent and position', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1', { parent: 'run_1' }), put('m2')])
    await store.write(home, [put('m1', { parent: 'run_2', position: 50, body: 'new' })])
    t.match(await store.get({ ...home, kind: 'message', id: 'm1' }), { parent: 'run_1', position: 1, version: 2, body: 'new' })
  })

  test('a deleted record is gone, and deleting it again is no failure', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1'), put('m2')])
    t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1' }]), true)
    t.equal(await store.get({ ...home, kind: 'message', id: 'm1' }), undefined)
    t.strictSame(ids((await store.page({ ...home, kind: 'message', order: 'asc', limit: 10 })).records), ['m2'])
    t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1' }]), true)
    t.equal(await store.write({ ...home, partition: 'never written' }, [{ op: 'delete', kind: 'message', id: 'm1' }]), true)
  })

  test('a record put again after its deletion starts at version 1, with a new parent and position', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1'), put('m2')])
    await store.write(home, [{ op: 'delete', kind: 'message', id: 'm1' }, { op: 'delete', kind: 'message', id: 'm2' }])
    await store.write(home, [put('m1', { parent: 'run_2' })])
    t.match(await store.get({ ...home, kind: 'message', id: 'm1' }), { version: 1, position: 3, parent: 'run_2' })
  })

  test('changing what was passed or returned does not change what is stored', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const body = { list: [1] }
    const written = store.write(home, [put('m1', { body })])
    body.list.push(2)
    await written
    const key = { ...home, kind: 'message', id: 'm1' }
    const read = await store.get<typeof body>(key)
    read!.body.list.push(3)
    const paged = await store.page<typeof body>({ ...home, kind: 'message', order: 'asc', limit: 1 })
    t.equal(paged.records[0]?.body.list.push(4), 2)
    t.strictSame((await store.get<typeof body>(key))!.body, { list: [1] })
  })

  test('bodies are JSON values of any shape, size and character', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const bodies: unknown[] = [
      null, false, true, 0, -0.5, 1e300, Number.MAX_SAFE_INTEGER, '', 'text', [], {}, [[[]]], { '': { __proto__x: 1 } },
      'NUL \0, lone \ud800 surrogates \udfff, emoji 👩‍👩‍👧, line \u2028 separators, "quotes", \\u0000 and \\',
      { '\0\ud800"\\': 'a key' },
      'x'.repeat(2 * 1024 * 1024),
      { nested: Array.from({ length: 20_000 }, (_, index) => ({ index })) }
    ]
    await store.write(home, bodies.map((body, index) => put(`m${index}`, { body })))
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 100 })
    t.strictSame(records.map(record => record.body), bodies)
    for (const record of records) t.strictSame(await store.get(record), record)
  })

  test('what JSON does not hold vanishes as it does from JSON', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1', { body: { gone: undefined, date: new Date(0), list: [undefined, NaN] } })])
    t.strictSame((await store.get({ ...home, kind: 'message', id: 'm1' }))!.body, { date: '1970-01-01T00:00:00.000Z', list: [null, null] })
  })

  test('projects, partitions and kinds are apart', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const keys: PartitionKey[] = ['p1', 'p2', ''].flatMap(project => ['a', 'b'].map(partition => ({ project, partition })))
    for (const key of keys) {
      await store.write(key, ['x', 'y'].map(kind => put('same', { kind, body: { ...key, kind } })))
    }
    for (const key of keys) {
      for (const kind of ['x', 'y']) {
        t.strictSame((await store.get({ ...key, kind, id: 'same' }))!.body, { ...key, kind })
        t.equal((await store.page({ ...key, kind, order: 'asc', limit: 10 })).records.length, 1)
      }
    }
    const cleared: PartitionKey = { project: 'p1', partition: 'a' }
    await store.write(cleared, [{ op: 'clear' }])
    t.equal(await store.get({ ...cleared, kind: 'x', id: 'same' }), undefined)
    for (const key of keys.filter(({ project, partition }) => project !== 'p1' || partition !== 'a')) t.ok(await store.get({ ...key, kind: 'x', id: 'same' }))
  })

  test('keys with odd characters are kept as they are and never collide', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const odd = [':', 'a:', ':a', '/', '%', '%3A', '"', "'", '`', '{', '}', '{}', '{a}b', '\\', '*', '?', '[a]', ' ', '\n', '\t', ';--', 'é', 'e\u0301', '😀', '\uffff', 'A', 'a']
    const keys = odd.flatMap(one => [
      { project: one, partition: 'p', kind: 'k', id: 'i' },
      { project: 'p', partition: one, kind: 'k', id: 'i' },
      { project: 'p', partition: 'p', kind: one, id: 'i' },
      { project: 'p', partition: 'p', kind: 'k', id: one }
    ])
    for (const key of keys) {
      t.equal(await store.write(key, [put(key.id, { kind: key.kind, parent: key.id, body: key, expect: 'absent' })]), true, JSON.stringify(key))
    }
    for (const key of keys) {
      t.strictSame((await store.get(key))!.body, key)
      const { records } = await store.page({ ...key, parent: key.id, order: 'desc', limit: 100 })
      t.strictSame(records.map(record => record.body), [key])
    }
  })

  test('keys of 512 bytes are kept', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    const key = { project: 'a'.repeat(512), partition: 'é'.repeat(256), kind: '😀'.repeat(128), id: '\uffff'.repeat(170) }
    await store.write(key, [put(key.id, { kind: key.kind, parent: key.id, body: 'long' })])
    t.equal((await store.get(key))!.body, 'long')
    t.equal((await store.page({ ...key, parent: key.id, order: 'asc', limit: 1 })).records.length, 1)
  })

  test('a key that cannot be stored is found nowhere, and putting it is a TypeError', async (t: SuiteTest) => {
    const store = await emptyStore(t, factory)
    await store.write(home, [put('m1')])
    for (const bad of ['\0', 'm1\0', '\ud800', 'x'.repeat(513), 'é'.repeat(257)]) {
      t.equal(await store.get({ ...home, kind: 'message', id: bad }), undefined)
      t.equal(await store.get({ ...home, partition: bad, kind: 'message', id: 'm1' }), undefined)
      t.strictSame(await store.page({ ...home, kind: 'message', parent: bad, order: 'asc', limit: 1 }), { records: [], hasMore: false })
      t.equal(await store.write(home, [{ op: 'delete', kind: 'message', id: bad }]), true)
      t.equal(await store.write(home, [{ op: 'check', kind: 'message', id: bad, expect: 'absent' }]), true)
      t.equal(await store.write(home, [{ op: 'check', kind: 'message', id: bad, expect: 1 }, put('m2')]), false)
      await t.rejects(store.write(home, [put(bad)]), TypeError)
      await t.rejects(store.write({ ...home, partition: bad }, [put('m1')]), TypeError)
      await t.rejects(store.write(home, [put('m2', { parent: bad })]), TypeError)
    }
    for (const key of [{ ...home, kind: '', id: 'm1' }, { ...home, kind: 'message', id: '' }, { project: 'p', partition: '', kind: 'message', id: 'm1' }]) {
      t.equal(await store.get(key), undefined)
      await t.rejects(store.write(key, [put(key.id, { kind: key.kind })]), TypeError)
    }
    t.equal(await store.get({ ...home, kind: 'message', id: 'm2' }), undefined)
  })
}
