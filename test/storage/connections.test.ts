import { Readable } from 'node:stream'
import pg from 'pg'
import { test, type Test } from 'tap'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'
import { PostgresRecordStore } from '../../storage/postgres/store.js'
import { creationLock } from '../../storage/postgres/schema.js'
import { type RecordStore, StorageUnavailableError } from '../../storage/record-store.js'
import { RedisRecordStore } from '../../storage/redis/store.js'
import { eventually } from '../helpers/eventually.js'
import { skipOwnPostgres, startPostgres, startStandby } from '../helpers/postgres-server.js'
import { skipOwnRedis, startRedis } from '../helpers/redis-server.js'
import { databaseUrl, postgresSchema, queryPostgres, redisPrefix, redisUrl, skipPostgres, skipRedis } from '../helpers/stores.js'
import { startProxy, type TcpProxy } from '../helpers/tcp-proxy.js'

const m1 = { ...home, kind: 'message', id: 'm1' }

type Shared = Required<Pick<RecordStore, 'listen' | 'notify'>> & RecordStore

const shared = async (t: Test, store: Shared): Promise<Shared> => await connected(t, store) as Shared

/** Hears `topic` on the first store when the second one says something. Resolves when it has heard what was said since the call. */
async function listening (store: Shared, speaker: Shared): Promise<() => Promise<void>> {
  const heard = new Set<string>()
  let calls = 0
  await store.listen('topic', payload => { heard.add(payload) })
  return async () => {
    const news = `news ${++calls}`
    while (!heard.has(news)) await speaker.notify('topic', news)
  }
}

const stores = [
  {
    name: 'redis',
    skip: await skipRedis(),
    async open (t: Test): Promise<{ proxy: TcpProxy, store: Shared, other: Shared }> {
      const keyPrefix = redisPrefix(t)
      const proxy = await startProxy(t, redisUrl)
      return { proxy, store: await shared(t, new RedisRecordStore({ url: proxy.url, keyPrefix })), other: await shared(t, new RedisRecordStore({ url: redisUrl, keyPrefix })) }
    }
  },
  {
    name: 'postgres',
    skip: await skipPostgres(),
    async open (t: Test): Promise<{ proxy: TcpProxy, store: Shared, other: Shared }> {
      const schema = postgresSchema(t)
      const proxy = await startProxy(t, databaseUrl)
      return { proxy, store: await shared(t, new PostgresRecordStore({ connectionString: proxy.url, schema })), other: await shared(t, new PostgresRecordStore({ connectionString: databaseUrl, schema })) }
    }
  }
]

for (const { name, skip, open } of stores) {
  test(`${name}: a listener whose connection silently died hears again within seconds`, { skip }, async t => {
    const { proxy, store, other } = await open(t)
    const hears = await listening(store, other)
    await hears()
    proxy.strand()
    await hears()
  })

  test(`${name}: a listener hears again, however often it is cut off when it is about to listen`, { skip }, async t => {
    const { proxy, store, other } = await open(t)
    const hears = await listening(store, other)
    await hears()
    // Redis spells commands as they are given, in lower case.
    const cut = proxy.cutOn(name === 'redis' ? 'subscribe' : 'LISTEN', 5)
    proxy.cut()
    await cut
    await hears()
  })

  test(`${name}: connections of which one half was closed are replaced`, { skip }, async t => {
    const { proxy, store, other } = await open(t)
    const hears = await listening(store, other)
    await store.write(home, [put('m1')])
    proxy.halfClose()
    t.ok(await eventually(async () => await store.get(m1)))
    await hears()
  })
}

test('postgres: a connection that is lost in a migration or while bytes are stored is an error of that alone', { skip: await skipPostgres() }, async t => {
  const schema = postgresSchema(t)
  const proxy = await startProxy(t, databaseUrl)
  const admin = await connectAdmin(t)
  const lock = `hashtextextended('${creationLock(`"${schema}"`)}', 0)`
  await admin.query(`SELECT pg_advisory_lock(${lock})`)
  const store = new PostgresRecordStore({ connectionString: proxy.url, schema })
  t.teardown(async () => await store.disconnect())
  const connecting = t.rejects(store.connect(), StorageUnavailableError)
  await waiting()
  proxy.cut()
  await connecting
  await admin.query(`SELECT pg_advisory_unlock(${lock})`)
  await store.connect()

  const blobs = store.blobs()
  t.teardown(async () => await blobs.disconnect())
  await blobs.connect()
  const table = `"${schema}"."openai_compat_data_blobs"`
  await admin.query(`BEGIN; LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`).catch(() => {})
  const storing = blobs.put({ project: 'p', id: 'f' }, Readable.from([Buffer.from('Hello')]))
  const failed = t.rejects(storing, StorageUnavailableError)
  await waiting()
  proxy.cut()
  await failed
  await admin.query('ROLLBACK')
  t.equal(await blobs.put({ project: 'p', id: 'f' }, Readable.from([Buffer.from('Hello')])), 5)

  /** Until a connection waits for a lock of the schema's. */
  async function waiting (): Promise<void> {
    const sql = 'SELECT FROM pg_stat_activity WHERE wait_event_type = \'Lock\' AND (query LIKE \'%advisory%\' OR query LIKE $1)'
    while ((await queryPostgres(sql, [`%${schema}%`])).rowCount === 0);
  }
})

async function connectAdmin (t: Test) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(async () => await client.end())
  return client
}

test('on servers of their own', { skip: skipOwnRedis }, async ({ test }) => {
  test('redis: a connection stays when the one before it was lost with a command under way', async t => {
    const { url, admin } = await startRedis(t)
    const store = await connected(t, new RedisRecordStore({ url, timeoutMs: 300 }))
    await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    const lost = t.rejects(store.write(home, [put('m1')]), StorageUnavailableError)
    while (!/blocked_clients:1/.test(await admin.info('clients')));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await lost
    await admin.call('CLIENT', 'UNPAUSE')
    await eventually(async () => await store.get(m1))
    const clients = async (): Promise<string[]> => [...(await admin.call('CLIENT', 'LIST') as string).matchAll(/^id=(\d+)/gm)].map(([, id]) => id!)
    const before = await clients()
    const now = async (): Promise<number> => Number((await admin.time())[0]) * 1000 + Number((await admin.time())[1]) / 1000
    // By the server's clock: longer than the first connection's command had.
    for (const end = await now() + 500; await now() < end;) await store.get(m1)
    t.strictSame(await clients(), before)
  })

  test('redis: a connection whose other end silently disappeared is replaced', async t => {
    const { url } = await startRedis(t)
    const proxy = await startProxy(t, url)
    const store = await connected(t, new RedisRecordStore({ url: proxy.url, timeoutMs: 300 }))
    await store.write(home, [put('m1')])
    proxy.strand()
    t.ok(await eventually(async () => await store.get(m1)))
  })

  test('redis: when the server is made a replica, the one that took its place is written to', async t => {
    const { store, other, listens, demote } = await twoServers(t)
    const hears = await listens()
    await demote()
    t.equal(await eventually(async () => await store.write(home, [put('m2')])), true)
    t.ok(await store.get(m1))
    t.ok(await other.get({ ...m1, id: 'm2' }))
    await hears()
  })

  test('redis: when the server is made a replica, the one that took its place is read and heard by an instance that writes nothing', async t => {
    const { store, other, listens, demote } = await twoServers(t)
    const hears = await listens()
    await demote()
    t.equal(await other.write(home, [put('m2')]), true)
    while (await eventually(async () => await store.get({ ...m1, id: 'm2' })) === undefined);
    await hears()
  })
})

/** A store with a record, on a server that another one replaces at the same address, as a switch from outside does it; and a store on that other one. */
async function twoServers (t: Test): Promise<{ store: Shared, other: Shared, listens: () => Promise<() => Promise<void>>, demote: () => Promise<void> }> {
  const [first, second] = [await startRedis(t), await startRedis(t)]
  const proxy = await startProxy(t, first.url)
  const store = await shared(t, new RedisRecordStore({ url: proxy.url }))
  t.equal(await store.write(home, [put('m1')]), true)
  await second.admin.call('REPLICAOF', '127.0.0.1', String(first.port))
  while (!/master_link_status:up/.test(await second.admin.info('replication')));
  await second.admin.call('REPLICAOF', 'NO', 'ONE')
  const other = await shared(t, new RedisRecordStore({ url: second.url }))
  return {
    store,
    other,
    listens: async () => await listening(store, other),
    async demote () {
      proxy.target(second.url)
      // Of a master that it does not reach: it learns nothing of what happens from here on.
      await first.admin.call('REPLICAOF', '127.0.0.1', '1')
    }
  }
}

test('postgres: when the server takes no writes any more, the one that took its place is written to', { skip: skipOwnPostgres }, async t => {
  const first = await startPostgres(t)
  const second = await startStandby(t, first)
  const proxy = await startProxy(t, first.url)
  const store = await connected(t, new PostgresRecordStore({ connectionString: proxy.url, poolSize: 4 }))
  await Promise.all(['m1', 'm2', 'm3', 'm4'].map(async id => await store.write(home, [put(id)])))
  while ((await second.query('SELECT count(*) FROM openai_compat_data WHERE kind = \'message\'').catch(() => undefined))?.rows[0].count !== '4');
  await first.query('ALTER SYSTEM SET default_transaction_read_only = on')
  await first.query('SELECT pg_reload_conf()')
  await second.query('SELECT pg_promote()')
  proxy.target(second.url)
  await t.rejects(eventuallyRefused(), /read-only/)
  t.equal(await eventually(async () => await store.write(home, [put('m5')])), true)
  // Reads go there, too: what was just written is found by every connection.
  t.notOk((await Promise.all(Array.from({ length: 8 }, async () => await store.get({ ...m1, id: 'm5' })))).includes(undefined))

  /** The configuration takes a moment to reach the connections there are. */
  async function eventuallyRefused (): Promise<void> {
    for (;;) await store.write(home, [put('m1')])
  }
})

test('postgres: what the new primary was given is read by an instance whose connections lead to the old one', { skip: skipOwnPostgres }, async t => {
  const first = await startPostgres(t)
  const second = await startStandby(t, first)
  const proxy = await startProxy(t, first.url)
  const store = await connected(t, new PostgresRecordStore({ connectionString: proxy.url, poolSize: 4 }))
  const readAll = async (id: string): Promise<boolean> => (await Promise.all(Array.from({ length: 4 }, async () => await store.get({ ...m1, id })))).every(record => record !== undefined)
  await store.write(home, [put('m1')])
  t.ok(await readAll('m1'))
  while ((await second.query('SELECT count(*) FROM openai_compat_data WHERE kind = \'message\'').catch(() => undefined))?.rows[0].count !== '1');
  await first.query('ALTER SYSTEM SET default_transaction_read_only = on')
  await first.query('SELECT pg_reload_conf()')
  // Also through connections that were made meanwhile.
  while (!await isReadOnly(first.url));
  t.ok(await readAll('m1'), 'the old one is read while there is no other')
  await second.query('SELECT pg_promote()')
  while (await isReadOnly(second.url));
  proxy.target(second.url)
  const there = await connected(t, new PostgresRecordStore({ connectionString: second.url }))
  t.equal(await there.write(home, [put('m2')]), true)
  t.ok(await readAll('m2'))
})

async function isReadOnly (url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows: [row] } = await client.query('SHOW transaction_read_only')
  await client.end()
  return row.transaction_read_only === 'on'
}

test('PostgreSQL: work goes on with fewer connections than the pool may have, where the server gives no more', { skip: await skipPostgres() }, async t => {
  const schema = postgresSchema(t)
  const role = `few_${schema}`.slice(0, 60)
  await queryPostgres(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 2`)
  await queryPostgres(`DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${role}', current_database()); END $$`)
  const url = new URL(databaseUrl)
  url.username = role
  t.teardown(async () => {
    await queryPostgres(`DROP OWNED BY ${role}`)
    await queryPostgres(`DROP ROLE ${role}`)
  })
  const store = await connected(t, new PostgresRecordStore({ connectionString: url.href, schema, poolSize: 10 }))
  const written = await Promise.all(Array.from({ length: 50 }, async (_, i) => await store.write({ project: 'p', partition: `thread_${i}` }, [put('m1')])))
  t.strictSame(written, Array(50).fill(true))
})
