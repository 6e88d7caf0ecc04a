import { once } from 'node:events'
import { Cluster } from 'ioredis'
import { test } from 'tap'
import { type RecordStore, StorageUnavailableError } from '../../storage/record-store.js'
import { RedisBlobStore } from '../../storage/redis/blobs.js'
import { RedisRecordStore } from '../../storage/redis/store.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'
import { eventually } from '../helpers/eventually.js'
import { skipOwnRedis, startRedis } from '../helpers/redis-server.js'
import { quietRedis, redisPrefix, redisUrl, skipRedis } from '../helpers/stores.js'

const m1 = { ...home, kind: 'message', id: 'm1' }

test('RedisRecordStore', { skip: await skipRedis() }, async ({ test }) => {
  recordStoreSuite({
    test,
    factory: async t => {
      const keyPrefix = redisPrefix(t)
      return () => new RedisRecordStore({ url: redisUrl, keyPrefix })
    }
  })

  test('a partition is two keys behind the prefix, in one hash slot', async t => {
    const keyPrefix = redisPrefix(t)
    const store = await connected(t, new RedisRecordStore({ url: redisUrl, keyPrefix }))
    await store.write({ project: 'a:b', partition: 'c}d' }, [put('m1'), put('m2', { kind: 'run', parent: 'x' })])
    const client = quietRedis()
    t.teardown(() => client.disconnect())
    const keys = (await client.keys(`${keyPrefix}{*`)).sort()
    t.strictSame(keys, ['index', 'records'].map(name => `${keyPrefix}{a%3Ab:c%7Dd}:${name}`))
    const slots = await Promise.all(keys.map(key => client.cluster('KEYSLOT', key).catch(() => 'no cluster')))
    t.equal(slots[0], slots[1])
    await store.write({ project: 'a:b', partition: 'c}d' }, [{ op: 'clear' }])
    t.strictSame(await client.keys(`${keyPrefix}*`), [`${keyPrefix}schema`], 'which says how they look')
  })

  test('keys of a newer version are refused with one sentence, those of one that noted nothing down are taken', async t => {
    const keyPrefix = redisPrefix(t)
    const client = quietRedis()
    t.teardown(() => client.disconnect())
    await connected(t, new RedisRecordStore({ url: redisUrl, keyPrefix }))
    t.equal(await client.get(`${keyPrefix}schema`), '1')
    t.equal(await client.ttl(`${keyPrefix}schema`), -1)
    await client.del(`${keyPrefix}schema`)
    await connected(t, new RedisRecordStore({ url: redisUrl, keyPrefix, ttl: 60 }))
    t.equal(await client.ttl(`${keyPrefix}schema`), -1, 'it does not expire with what it is about')
    await client.set(`${keyPrefix}schema`, 1000)
    const message = `The Redis keys ${keyPrefix}* were written by a newer version of fastify-openai-compat (schema 1000, this one knows 1): upgrade the package, or choose another keyPrefix.`
    for (const store of [new RedisRecordStore({ url: redisUrl, keyPrefix }), new RedisBlobStore({ url: redisUrl, keyPrefix }), new RedisRecordStore({ client, keyPrefix })]) {
      await t.rejects(store.connect(), { name: 'StorageUnavailableError', message })
    }
    t.equal(await client.get(`${keyPrefix}schema`), '1000')
  })

  test('with a ttl, every write sets it anew for the whole partition; without one it is lifted', async t => {
    const keyPrefix = redisPrefix(t)
    const store = await connected(t, new RedisRecordStore({ url: redisUrl, keyPrefix, ttl: 1000 }))
    const client = quietRedis()
    t.teardown(() => client.disconnect())
    const ttls = async () => Promise.all((await client.keys(`${keyPrefix}{*`)).map(key => client.ttl(key)))

    await store.write(home, [put('m1')])
    for (const key of await client.keys(`${keyPrefix}{*`)) await client.expire(key, 10)
    await store.write(home, [put('m2')])
    const found = await ttls()
    t.equal(found.length, 2)
    for (const ttl of found) t.ok(ttl > 990 && ttl <= 1000, `${ttl}`)

    const lasting = await connected(t, new RedisRecordStore({ url: redisUrl, keyPrefix }))
    await lasting.write(home, [put('m3')])
    t.strictSame(await ttls(), [-1, -1])
  })

  test('a client handed in is used, with its own prefix, and stays open', async t => {
    const keyPrefix = redisPrefix(t)
    const client = quietRedis({ keyPrefix })
    t.teardown(() => client.disconnect())
    const store = new RedisRecordStore({ client, keyPrefix: 'mine:' })
    await store.connect()
    await store.write(home, [put('m1')])
    t.ok(await store.get(m1))
    t.equal((await store.page({ ...home, kind: 'message', order: 'desc', limit: 5 })).records.length, 1)
    t.equal(await client.exists('mine:{project:thread_1}:records'), 1)

    let receive = (_payload: string): void => {}
    const received = new Promise(resolve => { receive = resolve })
    await store.listen!('topic', receive)
    await store.notify!('other', 'lost')
    for (let arrived = false; !arrived;) {
      await store.notify!('topic', 'heard')
      arrived = await Promise.race([received.then(() => true), client.ping().then(() => false)])
    }
    t.equal(await received, 'heard')

    await store.disconnect()
    t.equal(await client.ping(), 'PONG')
  })
})

test('a server that is not there is one sentence with its address and without its password', async t => {
  await t.rejects(new RedisRecordStore({ url: 'redis://:secret@127.0.0.1:1' }).connect(), {
    name: 'StorageUnavailableError', message: 'Redis at 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1'
  })
  await t.rejects(new RedisRecordStore({ host: '127.0.0.1', port: 1 }).connect(), StorageUnavailableError)
})

test('a ttl that is no number of whole seconds is a TypeError', async t => {
  for (const ttl of [-1, 1.5, NaN]) t.throws(() => new RedisRecordStore({ ttl }), TypeError)
})

test('RedisRecordStore on a server of its own', { skip: skipOwnRedis }, async ({ test }) => {
  test('when the server dies verbs fail, and when it is back they work again', async t => {
    const { url, port, process } = await startRedis(t)
    const store = await connected(t, new RedisRecordStore({ url }))
    await store.write(home, [put('m1')])
    process.kill('SIGKILL')
    await once(process, 'exit')
    await t.rejects(store.get(m1), StorageUnavailableError)
    await t.rejects(store.write(home, [put('m2')]), StorageUnavailableError)
    await t.rejects(store.notify!('topic', ''), StorageUnavailableError)
    await t.rejects(store.listen!('topic', () => {}), StorageUnavailableError)
    await startRedis(t, { port })
    t.equal(await eventually(() => store.write(home, [put('m2')])), true)
  })

  test('a write whose connection breaks is not sent again', async t => {
    const { url, admin } = await startRedis(t)
    const store = await connected(t, new RedisRecordStore({ url }))
    await store.write(home, [put('m1')])
    // The server holds writes back, so the answer cannot come before the connection is cut.
    await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    const failed = t.rejects(store.write(home, [put('m1', { expect: 1 })]), { name: 'StorageUnavailableError', message: 'Redis failed: the connection was lost' })
    while (!/blocked_clients:1/.test(await admin.info('clients')));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await failed
    await admin.call('CLIENT', 'UNPAUSE')
    t.equal((await eventually(() => store.get(m1)))!.version, 1)
  })

  test('scripts that the server forgot are sent again', async t => {
    const { url, admin } = await startRedis(t)
    const store = await connected(t, new RedisRecordStore({ url }))
    await store.write(home, [put('m1')])
    await admin.call('SCRIPT', 'FLUSH')
    t.equal(await store.write(home, [put('m2')]), true)
    t.equal((await store.page({ ...home, kind: 'message', order: 'asc', limit: 5 })).records.length, 2)
  })

  test('listeners hear again after their connection was lost', async t => {
    const { url, admin } = await startRedis(t)
    const store = await connected(t, new RedisRecordStore({ url }))
    let hear = (_payload: string): void => {}
    const heard = new Promise(resolve => { hear = resolve })
    await store.listen!('topic', hear)
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    while ((await admin.pubsub('CHANNELS', '*') as string[]).length === 0);
    await store.notify!('topic', 'again')
    t.equal(await heard, 'again')
  })

  test('RedisRecordStore on a cluster', async t => {
    const { port, admin } = await startRedis(t, { cluster: true })
    await admin.cluster('ADDSLOTS', ...Array.from({ length: 16384 }, (_, slot) => slot))
    while (!(await admin.cluster('INFO') as string).includes('cluster_state:ok'));
    let stores = 0
    recordStoreSuite({
      test: t.test,
      factory: async t => {
        const client = new Cluster([{ host: '127.0.0.1', port }])
        t.teardown(() => client.disconnect())
        const keyPrefix = `test${stores++}:`
        return (): RecordStore => new RedisRecordStore({ client, keyPrefix })
      }
    })
  })
})
