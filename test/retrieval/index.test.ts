import { mkdtempSync, rmSync, existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { test, type Test } from 'tap'
import { WorkerIndex } from '../../lib/retrieval/index/worker-index.js'
import { add, files, found, indexSuite, store, vector } from './helpers/index-suite.js'

function indexAt (t: Test, path?: string, identity = 'records'): WorkerIndex {
  const folder = mkdtempSync(join(tmpdir(), 'index-'))
  const index = new WorkerIndex(async () => ({ path: path ?? join(folder, 'index.db'), identity, maxVectorBytes: 1e6, temporary: path === undefined }))
  t.teardown(async () => {
    await index.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return index
}

test('the local index', async t => indexSuite(t, async t => indexAt(t)))

test('an index in a file is there again, unless the file is broken or of other records', async t => {
  const folder = t.testdir()
  const path = join(folder, 'kept.db')
  const first = indexAt(t, path)
  await add(first, 'a', ['lighthouse'])
  await first.close()
  const again = indexAt(t, path)
  t.strictSame(await files(again, { text: 'lighthouse' }), ['a'])
  t.strictSame(await files(again, { near: { model: 'm', vector: vector('lighthouse') } }), ['a'])
  await again.close()
  const foreign = indexAt(t, path, 'other records')
  t.strictSame(await files(foreign, { text: 'lighthouse' }), [])
  await foreign.close()
  writeFileSync(path, 'this is no database, and it is long enough to be looked at'.repeat(100))
  const broken = indexAt(t, path, 'other records')
  t.strictSame(await files(broken, { text: 'lighthouse' }), [])
  await add(broken, 'b', ['lighthouse'])
  t.strictSame(await files(broken, { text: 'lighthouse' }), ['b'])
})

test('an index that an older version made is made anew', async t => {
  const path = join(t.testdir(), 'old.db')
  const old = new Libsql(path)
  old.exec(`CREATE TABLE meta (identity TEXT NOT NULL, version INTEGER NOT NULL); INSERT INTO meta VALUES ('records', 1);
    CREATE TABLE stores (number INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, id TEXT NOT NULL, cursor INTEGER NOT NULL, UNIQUE (project, id));
    INSERT INTO stores (project, id, cursor) VALUES ('p', 'vs_1', 7)`)
  old.close()
  const index = indexAt(t, path)
  t.equal(await index.cursor(store), 0, 'everything is told to it again')
  await add(index, 'a', ['lighthouse'])
  t.strictSame(await files(index, { text: 'lighthouse' }), ['a'])
})

test('a temporary index leaves nothing behind', async t => {
  const path = join(t.testdir(), 'temporary.db')
  const index = new WorkerIndex(async () => ({ path, identity: 'x', maxVectorBytes: 0, temporary: true }))
  await add(index, 'a', ['word'])
  t.ok(existsSync(path))
  await index.close()
  t.notOk(existsSync(path) || existsSync(path + '-wal'))
  await t.rejects(index.search([store], { text: 'word', limit: 1 }), { message: 'the index is closed' })
})

test('what was asked for before the closing is done, what is asked for later is refused, and the thread is gone', async t => {
  const index = indexAt(t)
  await add(index, 'a', ['penguins'])
  const before = Promise.allSettled(Array.from({ length: 50 }, async (_, i) => await add(index, `f${i}`, ['penguins and more'])))
  const asked = found(index, { text: 'penguins' })
  const closing = index.close()
  const later = Promise.allSettled(Array.from({ length: 20 }, async () => await found(index, { text: 'penguins' })))
  await Promise.all([closing, index.close()])
  t.match(await asked, [{ fileId: 'a' }])
  for (const result of await later) t.match(result, { status: 'rejected', reason: { message: 'the index is closed' } })
  // Each is told in two calls, the second of which came too late.
  for (const result of await before) t.match(result, { status: 'rejected', reason: { message: 'the index is closed' } })
})

test('when every word of a query is in thousands of passages, those that have its words together come first', async t => {
  const index = indexAt(t)
  // The passages with one word alone are the shortest, so that either word by itself finds them.
  const texts = Array.from({ length: 9000 }, (_, i) => i < 2500 ? 'river' : i < 6500 ? 'river and bridge of stone in spring' : 'bridge')
  await add(index, 'a', texts)
  const hits = await index.search([store], { text: 'river bridge', limit: 20 })
  t.strictSame(hits.filter(({ number }) => number < 2500 || number >= 6500), [])
  t.equal(hits.length, 20)
})

test('words of which each is in thousands of passages, and hardly two in the same one, are found apart', async t => {
  const index = indexAt(t)
  await add(index, 'a', Array.from({ length: 14_001 }, (_, i) => i < 7000 ? 'river' : i < 14_000 ? 'bridge' : 'river bridge'))
  const hits = await index.search([store], { text: 'river bridge', limit: 20 })
  t.equal(hits.length, 20)
})
