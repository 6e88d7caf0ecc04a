import { spawn, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Libsql from 'libsql'
import { test, type Test } from 'tap'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import { temporaryFolder } from '../helpers/stores.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'

recordStoreSuite({
  test,
  factory: async t => {
    const path = `${temporaryFolder(t)}/data/records.db`
    return () => new SqliteRecordStore({ path })
  }
})

const writer = fileURLToPath(new URL('sqlite-writer.js', import.meta.url))

function startWriter (t: Test, path: string, size: number) {
  const child = spawn(process.execPath, [writer, path, String(size)], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, lines: createInterface(child.stdout) }
}

async function nextLine (lines: Interface): Promise<string> {
  const [line] = await once(lines, 'line') as [string]
  return line
}

test('a second process on the same file is refused with one sentence that names the file', async t => {
  const path = `${t.testdir()}/records.db`
  const store = await connected(t, new SqliteRecordStore({ path }))
  const { lines } = startWriter(t, path, 10)
  t.equal(await nextLine(lines), `StorageUnavailableError: Another process has the SQLite file ${path} open: stop that process, or give this one a file of its own.`)
  t.equal(await store.write(home, [put('m1')]), true, 'the first one goes on')
})

test('a second store of this process on the same file is refused, until the first one is closed', async t => {
  const path = `${t.testdir()}/records.db`
  const first = await connected(t, new SqliteRecordStore({ path }))
  const second = new SqliteRecordStore({ path })
  await t.rejects(second.connect(), StorageUnavailableError)
  await first.disconnect()
  await connected(t, second)
})

test('everything acknowledged before kill -9 is there afterwards', async t => {
  const path = `${t.testdir()}/records.db`
  const { child, lines } = startWriter(t, path, 1000)
  const acknowledged: string[] = []
  for await (const line of lines) {
    acknowledged.push(line)
    if (acknowledged.length === 500) child.kill('SIGKILL')
  }
  const store = await connected(t, new SqliteRecordStore({ path }))
  t.match(acknowledged[0], /^0-/)
  for (const id of acknowledged) t.ok(await store.get({ ...home, kind: 'message', id }), id)
  await t.rejects(new SqliteRecordStore({ path }).connect(), StorageUnavailableError, 'the log that was left over is owned too')
})

test('writes fail while the disk is full, and go through once it is not', { skip: process.platform !== 'linux' && 'needs prlimit' }, async t => {
  const path = `${t.testdir()}/records.db`
  const { child, lines } = startWriter(t, path, 10_000)
  // A file size limit fails like a full disk.
  const limitFiles = (bytes: number | 'unlimited') => execFileSync('prlimit', [`--fsize=${bytes}:unlimited`, `--pid=${child.pid}`])
  const acknowledged: string[] = []
  let failures = 0
  for await (const line of lines) {
    if (!line.startsWith('failed')) {
      acknowledged.push(line)
      if (acknowledged.length === 1) limitFiles(statSync(`${path}-wal`).size + 100_000)
      if (failures > 0) child.kill('SIGKILL')
    } else if (++failures === 2) {
      t.match(line, `The SQLite file ${path} failed`)
      limitFiles('unlimited')
      child.stdin.write('go on\n')
    }
  }
  t.equal(failures, 2, 'both writes of the transaction failed, and those after it did not')
  const store = await connected(t, new SqliteRecordStore({ path }))
  for (const id of acknowledged) t.ok(await store.get({ ...home, kind: 'message', id }), id)
})

test('writes issued together share a transaction', async t => {
  const path = `${t.testdir()}/records.db`
  const store = await connected(t, new SqliteRecordStore({ path }))
  // Each transaction appends the pages it touched to the write-ahead log.
  const logged = async (write: () => Promise<unknown>) => {
    const before = statSync(`${path}-wal`).size
    await write()
    return statSync(`${path}-wal`).size - before
  }
  const together = await logged(() => Promise.all(Array.from({ length: 40 }, (_, n) => store.write(home, [put(`together ${n}`)]))))
  const oneByOne = await logged(async () => { for (let n = 0; n < 40; n++) await store.write(home, [put(`one by one ${n}`)]) })
  t.ok(together * 10 < oneByOne, `${together} bytes, ${oneByOne} bytes`)
})

test('a file of a newer version is refused with one sentence', async t => {
  const path = `${t.testdir()}/records.db`
  const store = new SqliteRecordStore({ path })
  await store.connect()
  await store.disconnect()
  const database = new Libsql(path)
  database.exec('PRAGMA user_version = 1000')
  database.close()
  await t.rejects(store.connect(), {
    name: 'StorageUnavailableError',
    message: `The SQLite file ${path} was written by a newer version of fastify-openai-compat (schema 1000, this one knows 1): upgrade the package, or choose another file.`
  })
})

test('a database of another program is refused and left alone', async t => {
  const path = `${t.testdir()}/theirs.db`
  const theirs = new Libsql(path)
  theirs.exec('CREATE TABLE customers (name TEXT)')
  theirs.close()
  await t.rejects(new SqliteRecordStore({ path }).connect(), { name: 'StorageUnavailableError', message: /belongs to another program/ })
  t.strictSame(new Libsql(path).prepare('SELECT name FROM sqlite_schema').raw().all(), [['customers']])
})

test('a file that is no database is refused and left alone', async t => {
  const path = `${t.testdir({ 'notes.txt': 'not a database, but longer than nothing at all' })}/notes.txt`
  await t.rejects(new SqliteRecordStore({ path }).connect(), { name: 'StorageUnavailableError', message: /notes\.txt failed: file is not a database/ })
  t.equal(statSync(path).size, 46)
})

test('a folder that cannot be made is a StorageUnavailableError', async t => {
  const path = `${t.testdir()}/file`
  writeFileSync(path, '')
  await t.rejects(new SqliteRecordStore({ path: `${path}/records.db` }).connect(), { name: 'StorageUnavailableError', message: /file\/records\.db cannot be used: a part of its path is no folder$/ })
})

test('after disconnect the log is folded into the file, which can be moved', async t => {
  const path = `${t.testdir()}/records.db`
  const store = new SqliteRecordStore({ path })
  await store.connect()
  await store.write(home, [put('m1')])
  await store.disconnect()
  t.notOk(existsSync(`${path}-wal`))
})

test(':memory: needs no file', async t => {
  const store = await connected(t, new SqliteRecordStore({ path: ':memory:' }))
  t.equal(await store.write(home, [put('m1')]), true)
})

test('what was read before a write is not what is read after it', async t => {
  const store = new SqliteRecordStore({ path: `${t.testdir()}/read.db` })
  await store.connect()
  t.teardown(async () => await store.disconnect())
  const [a, b] = [{ project: 'p', partition: 'a' }, { project: 'p', partition: 'b' }]
  const read = async (key: typeof a, id = 'x') => (await store.get({ ...key, kind: 'k', id }))?.body
  const put = (body: unknown, id = 'x') => ({ op: 'put' as const, kind: 'k', id, body })
  await store.write(a, [put(1)])
  await store.write(b, [put('other')])
  t.strictSame([await read(a), await read(b)], [1, 'other'])
  await store.write(a, [put(2)])
  t.strictSame([await read(a), await read(b)], [2, 'other'])
  t.equal(await store.write(a, [put(3), { op: 'check', kind: 'k', id: 'y', expect: 9 }]), false)
  t.equal(await read(a), 2, 'a batch that is refused changes nothing')
  const writing = store.write(a, [put(4)])
  t.equal(await read(a), 2, 'a write that waits for its turn is not read')
  await writing
  t.equal(await read(a), 4)
  await Promise.all([store.write(a, [put(5)]), store.write(b, [{ op: 'delete', kind: 'k', id: 'x' }])])
  t.strictSame([await read(a), await read(b)], [5, undefined])
  await store.write(b, [put('again')])
  t.equal(await read(b), 'again')
  await store.write(a, [{ op: 'clear' }])
  t.strictSame([await read(a), await read(b)], [undefined, 'again'])
  // More than is remembered, and single ones that are too large to be.
  const bodies = Array.from({ length: 300 }, (_, i) => String(i).padEnd(i % 50 === 0 ? 200_000 : 30_000))
  for (const [i, body] of bodies.entries()) await store.write(a, [put(body, `${i}`)])
  for (let round = 0; round < 2; round++) for (const [i, body] of bodies.entries()) if (await read(a, `${i}`) !== body) t.fail(`record ${i} in round ${round}`)
  await store.disconnect()
  await t.rejects(read(b), 'a closed store answers nothing')
  await store.connect()
  t.equal(await read(b), 'again')
})
