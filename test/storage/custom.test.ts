import { test } from 'tap'
import type { Assistant } from '../../schemas/assistants.js'
import type { Message } from '../../schemas/messages.js'
import { recordsOver } from '../../storage/custom/store.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { InMemoryThreadStorage } from '../../storage/thread-storage/classes.js'
import type { StoredThread } from '../../storage/thread-storage/thread-storage.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { connected, home, ids, put } from '../../storage/conformance/record-store/suite.js'
import { MapStorage } from '../helpers/map-storage.js'

recordStoreSuite({
  test,
  factory: async () => {
    const storage = new MapStorage()
    return () => recordsOver(storage)
  }
})

const thread1 = { project: 'default', partition: 'thread_1' }
const thread = { id: 'thread_1', object: 'thread', created_at: 1, metadata: {}, tool_resources: {} } as const
const message = (id: string) => ({ id, object: 'thread.message', content: [] }) as unknown as Message
const assistants = { project: 'default', partition: PARTITION.assistants, kind: KIND.assistant }
const byPosition = { order: 'asc', limit: 100 } as const

test('our own storages are not adapted: their records are used', t => {
  const storage = new InMemoryThreadStorage()
  t.equal(recordsOver(storage), storage.records)
  t.end()
})

test('a thread is one document, as the contract shows it', async t => {
  const storage = new MapStorage()
  const store = await connected(t, recordsOver(storage))
  await store.write(thread1, [
    put('thread_1', { kind: KIND.thread, body: thread }),
    put('msg_1', { body: message('msg_1') }),
    put('run_1', { kind: KIND.run, body: { id: 'run_1' } }),
    put('msg_2', { body: message('msg_2') })
  ])
  t.match(await storage.loadThread('thread_1'), { thread, messages: [message('msg_1'), message('msg_2')] })
  t.strictSame([...storage.threads.keys()], ['thread_1'])
  await store.write(thread1, [{ op: 'clear' }])
  t.equal(storage.threads.size, 0)
})

test('a thread that others saved is read, and kept as they will understand it', async t => {
  const storage = new MapStorage()
  await storage.saveThread('thread_1', { thread: { id: 'thread_1', created_at: 1 }, messages: [message('msg_1'), message('msg_2')] } as StoredThread)
  const store = await connected(t, recordsOver(storage))
  t.strictSame((await store.get({ ...thread1, kind: KIND.thread, id: 'thread_1' }))!.body, thread, 'with all keys of the API')
  t.strictSame(ids((await store.page({ ...thread1, ...byPosition, kind: KIND.message })).records), ['msg_1', 'msg_2'])
  await store.write(thread1, [put('msg_3', { body: message('msg_3') })])
  t.match((await storage.loadThread('thread_1'))!.messages, [{ id: 'msg_1' }, { id: 'msg_2' }, { id: 'msg_3' }])
})

test('an assistant is a document of its own, and those that others saved come first', async t => {
  const storage = new MapStorage()
  const old = { name: null, model: 'echo', instructions: null, tools: [], metadata: {} }
  await storage.saveAssistant('asst_b', { ...old, id: 'asst_b', created_at: 2 })
  await storage.saveAssistant('asst_a', { ...old, id: 'asst_a', created_at: 1 })
  for (let start = 0; start < 2; start++) {
    const store = recordsOver(storage)
    await store.connect()
    await store.write(assistants, [put(`asst_${start}`, { kind: KIND.assistant, body: { ...old, id: `asst_${start}`, created_at: 3 } })])
    await store.disconnect()
  }
  const store = await connected(t, recordsOver(storage))
  const { records } = await store.page<Assistant>({ ...assistants, ...byPosition })
  t.strictSame(ids(records), ['asst_a', 'asst_b', 'asst_0', 'asst_1'])
  t.match(records[0]?.body, { object: 'assistant', temperature: 1 })
  t.strictSame(records[0]?.body.tool_resources, {})

  await store.write(assistants, [{ op: 'delete', kind: KIND.assistant, id: 'asst_a' }])
  t.strictSame([...storage.assistants.keys()].sort(), ['asst_0', 'asst_1', 'asst_b'])
})

test('the index of threads is what the storage lists', async t => {
  const storage = new MapStorage()
  const store = await connected(t, recordsOver(storage))
  for (const project of ['default', 'other']) {
    await store.write({ project, partition: PARTITION.threads }, [put('thread_1', { kind: KIND.thread, body: {} })])
    await store.write({ project, partition: 'thread_1' }, [put('thread_1', { kind: KIND.thread, body: thread })])
  }
  await store.write({ project: '', partition: PARTITION.activeRuns }, [put('run_1')])
  const listed = () => store.page({ project: 'default', partition: PARTITION.threads, kind: KIND.thread, ...byPosition })
  t.strictSame(ids((await listed()).records), ['thread_1'])
  await store.write(thread1, [{ op: 'clear' }])
  t.strictSame((await listed()).records, [])
})

test('a save that fails is a StorageUnavailableError and leaves what was there', async t => {
  class Failing extends MapStorage {
    isFull = false
    override async saveThread (id: string, document: StoredThread) {
      if (this.isFull) throw new Error('disk full')
      await super.saveThread(id, document)
    }
  }
  const storage = new Failing()
  const store = await connected(t, recordsOver(storage))
  await store.write(home, [put('m1')])
  storage.isFull = true
  const failed = await Promise.allSettled([store.write(home, [put('m2')]), store.write(home, [put('m3')])])
  for (const result of failed) {
    t.match(result, { status: 'rejected', reason: { name: 'StorageUnavailableError', message: 'The custom storage failed: disk full' } })
  }
  t.strictSame(ids((await store.page({ ...home, ...byPosition, kind: 'message' })).records), ['m1'])
  storage.isFull = false
  t.equal(await store.write(home, [put('m2', { expect: 'absent' })]), true)
})

test('a load that fails is told, and tried again with the next call', async t => {
  class Failing extends MapStorage {
    failures = 2
    override async loadThread (id: string) {
      if (this.failures-- > 0) throw new Error('no answer')
      return super.loadThread(id)
    }
  }
  const store = await connected(t, recordsOver(new Failing()))
  await t.rejects(store.get({ ...home, kind: 'message', id: 'm1' }), StorageUnavailableError)
  await t.rejects(store.write(home, [put('m1')]), StorageUnavailableError)
  t.equal(await store.write(home, [put('m1')]), true)
})

test('more partitions than are held in memory keep what was written to them', async t => {
  const storage = new MapStorage()
  const store = await connected(t, recordsOver(storage))
  const partitions = Array.from({ length: 600 }, (_, n) => ({ project: 'default', partition: `thread_${n}` }))
  await Promise.all(partitions.map(key => store.write(key, [put('m1')])))
  await Promise.all(partitions.map(key => store.write(key, [put('m1', { expect: 1 }), put('m2')])))
  for (const key of partitions) t.match(await store.get({ ...key, kind: 'message', id: 'm1' }), { version: 2 })
})

test('the storage is connected and disconnected with the store', async t => {
  const calls: string[] = []
  const storage = Object.assign(new MapStorage(), {
    connect: async () => { calls.push('connect') },
    disconnect: async () => { calls.push('disconnect') }
  })
  const store = recordsOver(storage)
  await store.connect()
  await store.disconnect()
  t.strictSame(calls, ['connect', 'disconnect'])
})
