import pg from 'pg'
import { test, type Test } from 'tap'
import { PostgresRecordStore } from '../../storage/postgres/store.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'
import { databaseUrl, postgresSchema, queryPostgres, skipPostgres } from '../helpers/stores.js'

const m1 = { ...home, kind: 'message', id: 'm1' }

test('PostgresRecordStore', { skip: await skipPostgres() }, async ({ test }) => {
  recordStoreSuite({
    test,
    factory: async t => {
      const schema = postgresSchema(t)
      return () => new PostgresRecordStore({ connectionString: databaseUrl, schema })
    }
  })

  test('everything is in one table, named by schema and tableName', async t => {
    const schema = postgresSchema(t)
    const store = await connected(t, new PostgresRecordStore({ connectionString: databaseUrl, schema, tableName: 'Order' }))
    t.equal(await store.write(home, [put('m1')]), true)
    const { rows } = await queryPostgres('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
    t.strictSame(rows, [{ tablename: 'Order' }])
  })

  test('instances that start at the same moment create the table once', async t => {
    const schema = postgresSchema(t)
    const stores = Array.from({ length: 8 }, () => new PostgresRecordStore({ connectionString: databaseUrl, schema, poolSize: 1 }))
    for (const store of stores) t.teardown(() => store.disconnect())
    await Promise.all(stores.map(store => store.connect()))
    t.strictSame(await Promise.all(stores.map((store, n) => store.write(home, [put(`m${n}`)]))), Array(8).fill(true))
  })

  test('a table of a newer version is refused with one sentence', async t => {
    const schema = postgresSchema(t)
    const store = new PostgresRecordStore({ connectionString: databaseUrl, schema })
    await store.connect()
    await store.disconnect()
    await queryPostgres(`UPDATE ${schema}.openai_compat_data SET version = 1000 WHERE kind = 'schema'`)
    await t.rejects(store.connect(), {
      name: 'StorageUnavailableError',
      message: `The PostgreSQL table "${schema}"."openai_compat_data" was written by a newer version of fastify-openai-compat (schema 1000, this one knows 1): upgrade the package, or choose another schema or tableName.`
    })
  })

  test('a table of another program is refused and left alone', async t => {
    const schema = postgresSchema(t)
    await queryPostgres(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.openai_compat_data (name text)`)
    const store = new PostgresRecordStore({ connectionString: databaseUrl, schema })
    await t.rejects(store.connect(), { name: 'StorageUnavailableError', message: /belongs to another program/ })
    t.strictSame((await queryPostgres(`SELECT * FROM ${schema}.openai_compat_data`)).rows, [])
  })

  test('a pool handed in is used and stays open', async t => {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    t.teardown(() => pool.end())
    const store = new PostgresRecordStore({ pool, schema: postgresSchema(t) })
    await store.connect()
    await store.write(home, [put('m1')])
    t.ok(await store.get(m1))
    const heard = new Promise<string>((resolve, reject) => {
      store.listen('topic', resolve).then(() => store.notify('topic', 'heard')).catch(reject)
    })
    t.equal(await heard, 'heard')
    await store.disconnect()
    t.strictSame((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }])
    t.equal(pool.listenerCount('error'), 0)
  })

  test('writers go on where the default isolation is serializable', async t => {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 5, options: '-c default_transaction_isolation=serializable' })
    const store = await connected(t, new PostgresRecordStore({ pool, schema: postgresSchema(t) }))
    t.teardown(() => pool.end())
    const won = await Promise.all(Array.from({ length: 20 }, (_, n) => store.write(home, [put('lock', { expect: 'absent' }), put(`m${n}`)])))
    t.equal(won.filter(Boolean).length, 1)
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.write(home, [put(`n${n}`)])))
    const { records } = await store.page({ ...home, kind: 'message', order: 'asc', limit: 100 })
    t.strictSame(records.map(record => record.position), Array.from({ length: 22 }, (_, index) => index + 1))
  })

  /** Ends the connections of one store from the outside, as a restart of the server would. */
  async function cutConnections (t: Test, applicationName: string): Promise<void> {
    const { rowCount } = await queryPostgres('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1', [applicationName])
    t.ok(rowCount! > 0)
  }

  const named = (name: string): string => {
    const url = new URL(databaseUrl)
    url.searchParams.set('application_name', name)
    return url.href
  }

  test('connections that were lost are replaced', async t => {
    const schema = postgresSchema(t)
    const store = await connected(t, new PostgresRecordStore({ connectionString: named(schema), schema }))
    await store.write(home, [put('m1')])
    await cutConnections(t, schema)
    // The first verb may still meet the dead connection.
    const found = await store.get(m1).catch(error => {
      if (!(error instanceof StorageUnavailableError)) throw error
      return store.get(m1)
    })
    t.ok(found)
    t.equal(await store.write(home, [put('m2')]), true)
  })

  test('listeners hear again after their connection was lost', async t => {
    const schema = postgresSchema(t)
    const other = await connected(t, new PostgresRecordStore({ connectionString: databaseUrl, schema }))
    const store = await connected(t, new PostgresRecordStore({ connectionString: named(schema), schema }))
    const { promise: heard, resolve } = withResolvers<string>()
    await store.listen!('topic', resolve)
    await cutConnections(t, schema)
    const isListening = async () => {
      const { rows } = await queryPostgres("SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%' AND state = 'idle'", [schema])
      return rows.length > 0
    }
    while (!await isListening());
    await other.notify!('topic', 'again')
    t.equal(await heard, 'again')
  })
})

function withResolvers<T> (): { promise: Promise<T>, resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}

test('a server that is not there is a StorageUnavailableError, and can be tried again', async t => {
  const store = new PostgresRecordStore({ connectionString: 'postgres://nobody:secret@127.0.0.1:1/none' })
  for (let attempt = 0; attempt < 2; attempt++) {
    await t.rejects(store.connect(), { name: 'StorageUnavailableError', message: 'PostgreSQL at 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1' })
  }
})

test('names that are not plain and missing options are a TypeError', async t => {
  for (const name of ['', 'a b', 'a"b', '1a', 'a.b', 'é', 'x'.repeat(64)]) {
    t.throws(() => new PostgresRecordStore({ connectionString: databaseUrl, schema: name }), TypeError)
    t.throws(() => new PostgresRecordStore({ connectionString: databaseUrl, tableName: name }), TypeError)
  }
  t.throws(() => new PostgresRecordStore({}), TypeError)
})
