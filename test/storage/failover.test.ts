import { once } from 'node:events'
import { test } from 'tap'
import { connected, home, put } from '../../storage/conformance/record-store/suite.js'
import { parseStorageUrl } from '../../storage/open.js'
import { redisAddress } from '../../storage/redis/address.js'
import { RedisRecordStore } from '../../storage/redis/store.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { eventually } from '../helpers/eventually.js'
import { type OwnRedis, skipOwnRedis, startCluster, startRedis, startSentinel } from '../helpers/redis-server.js'
import { startSentinelStandIn } from '../helpers/sentinel-stand-in.js'
import { reaches } from '../instances/helpers/instances.js'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { text } from '../helpers/upstream.js'

const m1 = { ...home, kind: 'message', id: 'm1' }

/** Until the replica has all that its master has acknowledged. */
async function replicated ({ admin }: OwnRedis): Promise<void> {
  for (;;) {
    const info = await admin.info('replication')
    if (/^slave0:.*offset=(\d+)/m.exec(info)?.[1] === /^master_repl_offset:(\d+)/m.exec(info)?.[1]) return
  }
}

test('servers of their own', { skip: skipOwnRedis }, async ({ test }) => {
  test('by the URL of a Sentinel the master is found, and after a failover the new one', async t => {
    const master = await startRedis(t)
    const replica = await startRedis(t, { args: ['--replicaof', '127.0.0.1', String(master.port)] })
    const sentinel = await startSentinel(t, master)
    while (!String(await sentinel.admin.call('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port)));
    while (!/master_link_status:up/.test(await replica.admin.info('replication')));
    const store = await connected(t, new RedisRecordStore({ url: sentinel.url }))
    const heard: string[] = []
    await store.listen!('topic', payload => { heard.push(payload) })
    t.equal(await store.write(home, [put('m1')]), true)
    await replicated(master)
    master.process.kill('SIGKILL')
    await once(master.process, 'exit')
    t.equal(await eventually(async () => await store.write(home, [put('m2')])), true)
    t.ok(await store.get(m1))
    while (heard.length === 0) await eventually(async () => await store.notify!('topic', 'news'))
  })

  test('a failover that is announced while a connection is being made anew does not end it', async t => {
    const redis = await startRedis(t)
    const sentinel = await startSentinelStandIn(t, redis.port)
    const store = await connected(t, new RedisRecordStore({ url: sentinel.url }))
    const heard: string[] = []
    await store.listen!('topic', payload => { heard.push(payload) })
    t.equal(await store.write(home, [put('m1')]), true)
    const asked = sentinel.hold()
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    // The store's connection, and that of its subscriptions.
    await asked.reached(2)
    sentinel.announceFailover()
    asked.open(Infinity)
    t.equal(await eventually(async () => await store.write(home, [put('m2')])), true)
    while (heard.length === 0) await eventually(async () => await store.notify!('topic', 'news'))
  })

  test('by the URL of a cluster its nodes are found; when one dies, its replica takes its place', async t => {
    const { url, nodes } = await startCluster(t)
    const store = await connected(t, new RedisRecordStore({ url }))
    const places = Array.from({ length: 12 }, (_, n) => ({ ...home, partition: `thread_${n}` }))
    for (const place of places) t.equal(await store.write(place, [put('m1')]), true)
    const heard: string[] = []
    await store.listen!('topic', payload => { heard.push(payload) })
    await replicated(nodes[0]!)
    nodes[0]!.process.kill('SIGKILL')
    await once(nodes[0]!.process, 'exit')
    for (const place of places) t.equal(await eventually(async () => await store.write(place, [put('m2')])), true)
    for (const place of places) t.ok(await eventually(async () => await store.get({ ...place, kind: 'message', id: 'm1' })))
    while (heard.length === 0) await eventually(async () => await store.notify!('topic', 'news'))
  })

  test('RedisRecordStore by the URL of a cluster', async t => {
    const { url } = await startCluster(t)
    let stores = 0
    recordStoreSuite({
      test: t.test,
      factory: async () => {
        const keyPrefix = `test${stores++}:`
        return () => new RedisRecordStore({ url, keyPrefix })
      }
    })
  })

  test('a server runs on a cluster, files included', async t => {
    const { url } = await startCluster(t)
    const server = await startServer(t, { storage: `${url}?keyPrefix=mine:` })
    server.upstream.enqueue(text('Hi'))
    const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello?')]
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    await reaches(server, run, 'completed')
    t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 2)
  })
})

test('hosts that do not answer are one sentence with their addresses and without a password', async t => {
  for (const url of ['redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:2/mymaster?timeoutMs=300', 'redis+cluster://:secret@127.0.0.1:1,127.0.0.1:2?timeoutMs=300']) {
    const [address] = url.split('?')
    const error = await new RedisRecordStore({ url: address!, timeoutMs: 300 }).connect().then(() => undefined, (error: Error) => error)
    t.match(error, { name: 'StorageUnavailableError', message: /^Redis at 127\.0\.0\.1:1, 127\.0\.0\.1:2 cannot be used: / })
    t.notMatch(error?.message, 'secret')
  }
})

test('URLs of several hosts', async t => {
  t.strictSame(redisAddress('redis+sentinel://app:p%40ss@a,b:1,[::1]:2/mymaster/3'), {
    kind: 'sentinel', hosts: [{ host: 'a', port: 26379 }, { host: 'b', port: 1 }, { host: '::1', port: 2 }], name: 'mymaster', settings: { username: 'app', password: 'p@ss', db: 3 }
  })
  t.strictSame(redisAddress('rediss+cluster://:p@a:1'), { kind: 'cluster', hosts: [{ host: 'a', port: 1 }], settings: { password: 'p', tls: {} } })
  t.strictSame(redisAddress('redis://a:1/2'), { kind: 'server', url: 'redis://a:1/2' })
  t.match(parseStorageUrl('redis+cluster://a:1,b:2?ttl=60&keyPrefix=x:&timeoutMs=500'), { type: 'redis', url: 'redis+cluster://a:1,b:2', ttl: 60, keyPrefix: 'x:', timeoutMs: 500 })
  for (const url of ['redis+sentinel://a', 'redis+sentinel://a/m/x', 'redis+cluster://a/1', 'redis+cluster://', 'redis+cluster://a:b:c', 'redis+other://a']) {
    t.throws(() => redisAddress(url), TypeError, url)
  }
})
