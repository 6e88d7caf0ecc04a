import { renameSync, unlinkSync } from 'node:fs'
import { test } from 'tap'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'
import { RedisRecordStore } from '../../storage/redis/store.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import { ManualClock } from '../helpers/clock.js'
import { skipOwnPostgres, startPostgres } from '../helpers/postgres-server.js'
import { skipOwnRedis, startRedis } from '../helpers/redis-server.js'
import { startCli } from '../helpers/process.js'
import { startServer } from '../helpers/server.js'

const full = { status: 503, body: { error: { code: 'storage_unavailable', message: /is full/ } } }
const readOnly = { status: 503, body: { error: { code: 'storage_unavailable', message: /is read-only/ } } }

test('redis', { skip: skipOwnRedis }, async ({ test }) => {
  test('a server that may drop keys is refused, unless that is allowed', async t => {
    const { url, admin } = await startRedis(t)
    for (const policy of ['allkeys-lru', 'allkeys-random']) {
      await admin.config('SET', 'maxmemory-policy', policy)
      await t.rejects(new RedisRecordStore({ url }).connect(), { name: 'StorageUnavailableError', message: `Redis may drop keys when its memory is full (maxmemory-policy ${policy}): set it to noeviction, or allow it with allowEviction.` })
      const store = await connected(t, new RedisRecordStore({ url, allowEviction: true }))
      t.match(store.warnings?.[0], policy)
    }
    await admin.config('SET', 'maxmemory-policy', 'volatile-lru')
    t.ok(await connected(t, new RedisRecordStore({ url })), 'what does not expire is not dropped')
    await t.rejects(new RedisRecordStore({ url, ttl: 60 }).connect(), /volatile-lru/)
  })

  test('persistence that is off is warned of', async t => {
    const { url, admin } = await startRedis(t)
    t.match((await connected(t, new RedisRecordStore({ url }))).warnings, [/^Redis keeps nothing on the disk/])
    await admin.config('SET', 'save', '3600 1')
    t.strictSame((await connected(t, new RedisRecordStore({ url }))).warnings, [])
  })

  test('/ready says that the memory is full, or that the server became a replica', async t => {
    const { url, admin } = await startRedis(t)
    const server = await startServer(t, { storage: url, mayLogErrors: true })
    t.equal((await server.get('/ready')).status, 200)
    await admin.config('SET', 'maxmemory', '1')
    t.match(await server.get('/ready'), full)
    t.match(await server.post('/threads', {}), full)
    await admin.config('SET', 'maxmemory', '0')
    t.equal((await server.get('/ready')).status, 200)
    await admin.call('REPLICAOF', '127.0.0.1', '1')
    t.match(await server.get('/ready'), readOnly)
    await admin.call('REPLICAOF', 'NO', 'ONE')
    while ((await server.get('/ready')).status !== 200);
  })

  test('a project that the store has lost is entered again with the next request', async t => {
    const { url, admin } = await startRedis(t)
    const clock = new ManualClock()
    const server = await startServer(t, { storage: url, clock })
    const isEntered = async (): Promise<boolean> => (await admin.hkeys('cogitator:openai:{:projects}:records')).includes('project\0default')
    await server.post('/threads', {})
    await admin.flushdb()
    await clock.advance(10_000)
    await server.post('/threads', {})
    t.equal(await isEntered(), true)
    await admin.flushdb()
    await server.post('/threads', {})
    t.equal(await isEntered(), false, 'it was entered a moment ago')
    await clock.advance(10_000)
    while (!await isEntered());
  })

  test('what was acknowledged after the store was emptied is exported', async t => {
    const { url, admin } = await startRedis(t)
    const clock = new ManualClock()
    const server = await startServer(t, { storage: url, clock, apiKeys: { 'sk-acme': 'acme' } })
    const create = async (): Promise<any> => (await server.post('/threads', {}, { authorization: 'Bearer sk-acme' })).body
    await create()
    await admin.flushdb()
    const thread = await create()
    await clock.advance(10_000)
    while ((await admin.hkeys('cogitator:openai:{:projects}:records')).length === 0);
    const { code, stdout } = await startCli(t, { args: ['export', '--storage', url] }).exited
    t.equal(code, 0)
    t.match(stdout, thread.id)
  })
})

test('postgres: /ready says that the database is read-only', { skip: skipOwnPostgres }, async t => {
  const postgres = await startPostgres(t)
  const server = await startServer(t, { storage: postgres.url, mayLogErrors: true })
  t.equal((await server.get('/ready')).status, 200)
  await postgres.query('ALTER SYSTEM SET default_transaction_read_only = on')
  await postgres.query('SELECT pg_reload_conf()')
  let answer
  do answer = await server.get('/ready')
  while (answer.status === 200)
  t.match(answer, readOnly)
})

for (const [how, take] of [
  ['deleted', (path: string) => { unlinkSync(path) }],
  ['moved', (path: string) => { renameSync(path, `${path}.away`) }]
] as const) {
  test(`sqlite: a file that was ${how} under the server is noticed with the next write`, async t => {
    const path = `${t.testdir()}/records.db`
    const server = await startServer(t, { storage: `sqlite:${path}`, mayLogErrors: true })
    const thread = await server.post('/threads', {})
    take(path)
    t.match(await server.get('/ready'), readOnly)
    t.match(await server.post('/threads', {}), readOnly)
    t.equal((await server.get(`/threads/${thread.body.id}`)).status, 200, 'what is there can still be read')
    if (how !== 'moved') return
    renameSync(`${path}.away`, path)
    t.equal((await server.get('/ready')).status, 200)
  })
}

test('sqlite: a file that was replaced under the store is not written to', async t => {
  const path = `${t.testdir()}/records.db`
  const store = await connected(t, new SqliteRecordStore({ path }))
  await store.write(home, [put('m1')])
  renameSync(path, `${path}.away`)
  const other = new SqliteRecordStore({ path: `${path}.other` })
  await other.connect()
  await other.disconnect()
  renameSync(`${path}.other`, path)
  await t.rejects(store.write(home, [put('m2')]), { name: 'StorageUnavailableError', message: /was deleted, moved or replaced/ })
})
