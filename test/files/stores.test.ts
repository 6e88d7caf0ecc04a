import { readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { test, type Test } from 'tap'
import { blobStoreSuite } from '../../storage/conformance/blob-store.js'
import { FolderBlobStore } from '../../storage/folder/blobs.js'
import { MemoryBlobStore, type MemoryBlobs } from '../../storage/memory/blobs.js'
import { openBlobUrl } from '../../storage/open-blobs.js'
import { PostgresBlobStore } from '../../storage/postgres/blobs.js'
import { RedisBlobStore } from '../../storage/redis/blobs.js'
import { S3BlobStore } from '../../storage/s3/blobs.js'
import { startS3 } from '../helpers/s3.js'
import { databaseUrl, postgresSchema, queryPostgres, quietRedis, redisPrefix, redisUrl, skipPostgres, skipRedis } from '../helpers/stores.js'

const key = { project: 'project', id: 'file-1' }

test('MemoryBlobStore', async ({ test }) => {
  blobStoreSuite({
    test,
    factory: async () => {
      const blobs: MemoryBlobs = new Map()
      return { open: () => new MemoryBlobStore(blobs), count: async () => blobs.size }
    }
  })
})

test('FolderBlobStore', async ({ test }) => {
  const files = (path: string): string[] => readdirSync(path, { withFileTypes: true, recursive: true }).filter(entry => entry.isFile()).map(entry => entry.name)

  blobStoreSuite({
    test,
    factory: async t => {
      const path = `${t.testdir()}/blobs`
      return { open: () => new FolderBlobStore({ path }), count: async () => files(path).length }
    }
  })

  test('what a process that died left is removed a day later, and not before', async t => {
    const path = `${t.testdir({ unfinished: {} })}`
    writeFileSync(`${path}/unfinished/old`, 'x')
    writeFileSync(`${path}/unfinished/new`, 'x')
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600
    utimesSync(`${path}/unfinished/old`, twoDaysAgo, twoDaysAgo)
    const store = new FolderBlobStore({ path })
    await store.connect()
    t.strictSame(files(path), ['new'])
    await store.disconnect()
  })

  test('a folder that cannot be made is one sentence that names it', async t => {
    const path = `${t.testdir({ file: 'x' })}/file/blobs`
    await t.rejects(new FolderBlobStore({ path }).connect(), { name: 'StorageUnavailableError', message: new RegExp(`The folder ${path} cannot be used: a part of its path is no folder`) })
  })
})

test('PostgresBlobStore', { skip: await skipPostgres() }, async ({ test }) => {
  const open = (schema: string) => new PostgresBlobStore({ connectionString: databaseUrl, schema })
  const count = async (schema: string): Promise<number> => {
    const { rows } = await queryPostgres(`SELECT (SELECT count(*) FROM ${schema}.openai_compat_data_blobs)::int AS blobs,
      (SELECT count(DISTINCT upload) FROM ${schema}.openai_compat_data_blob_chunks c WHERE NOT EXISTS
        (SELECT FROM ${schema}.openai_compat_data_blobs b WHERE b.upload = c.upload))::int AS orphans`)
    return rows[0].blobs + rows[0].orphans
  }
  blobStoreSuite({
    test,
    factory: async t => {
      const schema = postgresSchema(t)
      return { open: () => open(schema), count: async () => await count(schema) }
    }
  })

  test('instances that start together make the tables once', async t => {
    const schema = postgresSchema(t)
    const stores = Array.from({ length: 6 }, () => open(schema))
    for (const store of stores) t.teardown(() => store.disconnect())
    await Promise.all(stores.map(store => store.connect()))
    t.equal(await count(schema), 0)
  })

  test('what a process that died left is removed a day later, and not before', async t => {
    const schema = postgresSchema(t)
    const store = open(schema)
    await store.connect()
    await store.disconnect()
    const insert = `INSERT INTO ${schema}.openai_compat_data_blobs (upload, project, id, chunk_bytes, started_at) VALUES (gen_random_uuid(), 'p', 'i', 1, now() - interval`
    await queryPostgres(`${insert} '2 days')`)
    await queryPostgres(`${insert} '2 hours')`)
    await store.connect()
    t.equal(await count(schema), 1)
    await store.disconnect()
  })

  test('a server that is not there is one sentence', async t => {
    await t.rejects(new PostgresBlobStore({ connectionString: 'postgres://u:secret@127.0.0.1:1/db' }).connect(), {
      name: 'StorageUnavailableError', message: 'PostgreSQL at 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1'
    })
  })
})

test('RedisBlobStore', { skip: await skipRedis() }, async ({ test }) => {
  const keys = async (prefix: string): Promise<string[]> => {
    const client = quietRedis()
    const found = await client.keys(`${prefix}{*`)
    client.disconnect()
    return found
  }
  blobStoreSuite({
    test,
    factory: async t => {
      const keyPrefix = redisPrefix(t)
      return { open: () => new RedisBlobStore({ url: redisUrl, keyPrefix }), count: async () => (await keys(keyPrefix)).length }
    }
  })

  async function lifetimes (t: Test, ttl: number) {
    const keyPrefix = redisPrefix(t)
    const client = quietRedis()
    t.teardown(() => client.disconnect())
    const store = new RedisBlobStore({ url: redisUrl, keyPrefix, ttl })
    t.teardown(() => store.disconnect())
    await store.connect()
    let during = 0
    async function * source () {
      yield Buffer.from('x')
      during = await client.ttl((await client.keys(`${keyPrefix}{*`))[0]!)
    }
    await store.put(key, source())
    return { during, after: await client.ttl((await client.keys(`${keyPrefix}{*`))[0]!) }
  }

  test('what a process that died left expires after a day; what is complete stays', async t => {
    const { during, after } = await lifetimes(t, 0)
    t.ok(during > 86_000 && during <= 86_400, `${during}`)
    t.equal(after, -1)
  })

  test('with a ttl a blob is forgotten so many seconds after it was put', async t => {
    const { after } = await lifetimes(t, 1000)
    t.ok(after > 990 && after <= 1000, `${after}`)
  })
})

test('S3BlobStore', async ({ test }) => {
  blobStoreSuite({
    test,
    factory: async t => {
      const s3 = await startS3(t, 'bucket')
      return { open: () => new S3BlobStore({ bucket: 'bucket', prefix: 'openai/', ...s3.options }), count: async () => s3.objects.size + s3.unfinished }
    }
  })

  test('a bucket that does not exist is one sentence', async t => {
    const { options } = await startS3(t, 'bucket')
    await t.rejects(new S3BlobStore({ bucket: 'other', ...options }).connect(), { name: 'StorageUnavailableError', message: /^S3 bucket other failed: NotFound/ })
  })
})

test('a blobs URL names a store; anything else is a TypeError that does not repeat it', async t => {
  t.type(openBlobUrl('file:./folder'), FolderBlobStore)
  t.equal((openBlobUrl('file:///tmp/x') as FolderBlobStore).path, '/tmp/x')
  t.type(openBlobUrl('s3://bucket/a/b?region=eu-central-1&endpoint=http://127.0.0.1:9000'), S3BlobStore)
  t.type(openBlobUrl('memory:'), MemoryBlobStore)
  t.type(openBlobUrl('sqlite:./data.db'), FolderBlobStore)
  t.type(openBlobUrl('postgres://127.0.0.1/db'), PostgresBlobStore)
  t.type(openBlobUrl('redis://127.0.0.1'), RedisBlobStore)
  for (const url of ['', 'file:', 's3://', 'ftp://user:secret@host', './folder']) t.throws(() => openBlobUrl(url), TypeError)
})
