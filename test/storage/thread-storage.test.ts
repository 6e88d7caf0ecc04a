import { test } from 'tap'
import type { Assistant } from '../../schemas/assistants.js'
import type { Message } from '../../schemas/messages.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { createThreadStorage, openStorageUrl, type ThreadStorageConfig } from '../../storage/open.js'
import { InMemoryThreadStorage, PostgresThreadStorage, RedisThreadStorage, SqliteThreadStorage } from '../../storage/thread-storage/classes.js'
import { storedThread, threadStorageSuite } from '../../storage/conformance/thread-storage.js'
import { ThreadManager } from '../../lib/threads/manager.js'
import { quietRedis, redisPrefix, redisUrl, skipRedis, storages } from '../helpers/stores.js'

for (const { name, skip, place } of storages) {
  test(`the ${name} storage`, { skip: await skip() }, async ({ test }) => {
    threadStorageSuite({
      test,
      factory: async t => {
        const storage = place(t)()
        t.teardown(() => storage.disconnect?.())
        await storage.connect?.()
        return storage
      }
    })
  })
}

test('the documented methods and the API see the same records', async t => {
  const storage = new InMemoryThreadStorage()
  await storage.connect()
  const { records } = storage
  const partition = { project: 'default', partition: 'thread_1' }
  await storage.saveThread('thread_1', storedThread('thread_1'))
  await records.write(partition, [
    { op: 'put', kind: KIND.run, id: 'run_1', body: {} },
    { op: 'put', kind: KIND.message, id: 'msg_1', body: { id: 'msg_1' } }
  ])
  t.same((await storage.loadThread('thread_1'))!.messages, [{ id: 'msg_1' }])

  await storage.saveThread('thread_1', storedThread('thread_1', [{ id: 'msg_2' } as Message]))
  t.ok(await records.get({ ...partition, kind: KIND.run, id: 'run_1' }), 'saving the document leaves runs alone')
  t.notOk(await records.get({ ...partition, kind: KIND.message, id: 'msg_1' }))
  t.ok(await records.get({ project: 'default', partition: PARTITION.threads, kind: KIND.thread, id: 'thread_1' }))

  await storage.saveAssistant('asst_1', { id: 'asst_1', name: null, model: 'echo', instructions: null, tools: [], metadata: {}, created_at: 1 })
  const assistant = await records.get<Assistant>({ project: 'default', partition: PARTITION.assistants, kind: KIND.assistant, id: 'asst_1' })
  t.match(assistant, { body: { object: 'assistant', temperature: 1, top_p: 1, response_format: 'auto', description: null } })
  t.strictSame(assistant?.body.tool_resources, {})

  await storage.deleteThread('thread_1')
  t.notOk(await records.get({ ...partition, kind: KIND.run, id: 'run_1' }))
})

test('a thread cannot take the name of a partition that is something else', async t => {
  const storage = new InMemoryThreadStorage()
  await storage.connect()
  await storage.saveAssistant('asst_1', { id: 'asst_1', name: null, model: 'echo', instructions: null, tools: [], metadata: {}, created_at: 1 })
  for (const id of Object.values(PARTITION)) {
    await t.rejects(storage.saveThread(id, storedThread(id)), TypeError)
    t.equal(await storage.loadThread(id), null)
    t.equal(await storage.deleteThread(id), false)
  }
  t.equal((await storage.listAssistants()).length, 1)
})

test('createThreadStorage makes what the configuration names', async t => {
  t.type(createThreadStorage(), InMemoryThreadStorage)
  t.type(createThreadStorage({ type: 'memory' }), InMemoryThreadStorage)
  t.type(createThreadStorage({ type: 'sqlite', path: './records.db' }), SqliteThreadStorage)
  t.type(createThreadStorage({ type: 'redis' }), RedisThreadStorage)
  t.type(createThreadStorage({ type: 'postgres', connectionString: 'postgres://localhost/test' }), PostgresThreadStorage)
  t.throws(() => createThreadStorage({ type: 'mongodb' } as unknown as ThreadStorageConfig),
    new TypeError('Unknown storage type "mongodb": use memory, sqlite, redis or postgres.'))
})

test('openStorageUrl understands every spelling', async t => {
  t.type(openStorageUrl('memory:'), InMemoryThreadStorage)
  for (const url of ['sqlite:./a.db', 'sqlite:/tmp/a.db', 'sqlite:///tmp/a.db', 'sqlite:a.db']) t.type(openStorageUrl(url), SqliteThreadStorage, url)
  for (const url of ['redis://localhost', 'rediss://user:pass@host:6380/2', 'redis://localhost?ttl=60&keyPrefix=mine:&timeoutMs=500']) t.type(openStorageUrl(url), RedisThreadStorage, url)
  for (const url of ['postgres://localhost/test', 'postgresql://u:p@localhost:5432/test?schema=a&sslmode=disable']) t.type(openStorageUrl(url), PostgresThreadStorage, url)
  t.match(openStorageUrl('sqlite:///tmp/a.db').records, { path: '/tmp/a.db' })
})

test('a URL that names no storage is a TypeError of one sentence, without the password', async t => {
  for (const url of ['', 'memory', 'mysql://root:secret@host/db', './file.db', 'sqlite:', 'sqlite://', 'redis://host?ttl=soon', 'redis://host?ttl=-1', 'redis://:secret@host:99999', 'postgres://host/db?schema=a.b', 'redis://host?timeoutMs=0', 'redis://host?timeoutMs=', 'postgres://host/db?timeoutMs=soon', 'postgres://host/db?timeoutMs=1.5']) {
    t.throws(() => openStorageUrl(url), { name: 'TypeError', message: /^(?!.*secret)[^\n]+$/ }, url)
  }
})

test('by class a Redis storage forgets after a day, by URL never', { skip: await skipRedis() }, async t => {
  const client = quietRedis()
  t.teardown(() => client.disconnect())
  const keyPrefix = redisPrefix(t)
  const url = new URL(redisUrl)
  const ttlOf = async (storage: RedisThreadStorage | ReturnType<typeof openStorageUrl>) => {
    await storage.connect()
    await storage.saveFile('file_1', { id: 'file_1', filename: 'a', created_at: 1, content: Buffer.from('a') })
    await storage.disconnect()
    return client.ttl(`${keyPrefix}{default:files}:records`)
  }
  const day = await ttlOf(new RedisThreadStorage({ url: redisUrl, keyPrefix }))
  t.ok(day > 86_390 && day <= 86_400, `${day}`)
  t.equal(await ttlOf(new RedisThreadStorage({ url: redisUrl, keyPrefix, ttl: 0 })), -1)

  url.searchParams.set('keyPrefix', keyPrefix)
  t.equal(await ttlOf(openStorageUrl(url.href)), -1)
  url.searchParams.set('ttl', '60')
  const minute = await ttlOf(openStorageUrl(url.href))
  t.ok(minute > 50 && minute <= 60, `${minute}`)
})

test('a file of the documented methods and a file of the API do not meet', async t => {
  const storage = new InMemoryThreadStorage()
  const manager = new ThreadManager(storage)
  t.teardown(async () => await manager.close())
  const uploaded = await manager.addFile(Buffer.from('of the API'), 'a.txt')
  const saved = { id: 'file_1', filename: 'b.txt', created_at: 1, content: Buffer.from('of the storage') }
  await storage.saveFile('file_1', saved)
  t.strictSame((await manager.files.list({})).data.map(({ id }) => id), [uploaded.id])
  t.strictSame(await storage.listFiles(), [saved])
  t.equal(await storage.loadFile(uploaded.id), null)
  t.equal(await storage.deleteFile(uploaded.id), false)
  t.equal(await manager.deleteFile('file_1'), false)
  t.strictSame((await manager.getFile(uploaded.id))?.content, Buffer.from('of the API'))
  t.strictSame(await storage.loadFile('file_1'), saved)
})
