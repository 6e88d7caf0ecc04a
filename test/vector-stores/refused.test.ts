import { test, type Test } from 'tap'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { KIND } from '../../storage/layout.js'
import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { toolCalls } from '../helpers/upstream-replies.js'
import { clientTool } from '../runs/helpers/server.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { counting, until } from './helpers/counting.js'
import { indexed, LONG_LEASES, startWorld, upload } from './helpers/world.js'

const CountingStore = counting(GatedStore)

const puts = (kind: string) => (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === kind)
const attaching = (...ids: string[]) => ({ role: 'user' as const, content: 'Look.', attachments: ids.map(id => ({ file_id: id, tools: [{ type: 'file_search' as const }] })) })
/** What a store and the files in it leave in the records. */
const OF_STORES = [KIND.vectorStore, KIND.vectorStoreFile, KIND.vectorStoreJob, KIND.vectorStoreEntry, KIND.vectorStoreChunk, KIND.fileUse, KIND.scheduledTask]

async function scene (t: Test) {
  const records = new CountingStore()
  const clock = new ManualClock()
  const world = await startWorld(t, { storage: records, blobs: new MemoryBlobStore(), clock, ...LONG_LEASES })
  t.teardown(() => records.openAll())
  const file = await upload(world, 'a.txt', 'walrus')
  const assistant = await world.assistants.create({ model: 'm', instructions: 'x', tools: [{ type: 'file_search' }, clientTool('ask')] })
  return {
    ...world,
    records,
    clock,
    file,
    assistant,
    /** Everything of stores that there is now, once nothing is being done any more. */
    async isBack (to: number): Promise<void> {
      // Chunks that were made meanwhile go behind the answer's back.
      await until(() => records.count(...OF_STORES) === to)
      t.equal(records.count(...OF_STORES), to)
    },
    /** A run of the thread that waits for the client. */
    async lock (threadId: string): Promise<void> {
      world.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
      const { run } = await world.runs.create(threadId, { assistant_id: assistant.id })
      await until(async () => (await world.runs.get(threadId, run.id)).status === 'requires_action')
    }
  }
}

for (const what of ['message', 'run'] as const) {
  const add = async ({ messages, runs, assistant, file }: Awaited<ReturnType<typeof scene>>, threadId: string): Promise<unknown> => what === 'message'
    ? await messages.create(threadId, attaching(file))
    : await runs.create(threadId, { assistant_id: assistant.id, additional_messages: [attaching(file)] })

  test(`a ${what} whose thread is deleted meanwhile leaves no store behind`, async t => {
    const s = await scene(t)
    const before = s.records.count(...OF_STORES)
    const thread = await s.threads.create({})
    const gate = s.records.hold(puts(KIND.message))
    const adding = add(s, thread.id)
    const refused = t.rejects(adding, { status: 404, message: /thread/ })
    await gate.reached()
    await s.runs.deleteThread(thread.id)
    gate.open()
    await refused
    await s.isBack(before)
    t.strictSame((await s.vectorStores.stores.list({})).data, [])
  })

  test(`a ${what} that meets an active run leaves no store behind, and no file in the thread's`, async t => {
    const s = await scene(t)
    const { id: storeId } = await s.vectorStores.stores.create({})
    for (const resources of [undefined, { file_search: { vector_store_ids: [storeId] } }]) {
      const before = s.records.count(...OF_STORES)
      const thread = await s.threads.create({ ...resources === undefined ? {} : { tool_resources: resources } })
      const gate = s.records.hold(puts(KIND.message))
      const refused = t.rejects(add(s, thread.id), { status: 400, message: /active/ })
      await gate.reached()
      await s.lock(thread.id)
      gate.open()
      await refused
      await s.isBack(before)
      t.match(await s.vectorStores.stores.get(storeId), { file_counts: { total: 0 }, usage_bytes: 0 })
    }
  })
}

test('of two messages that come at once, both find their file in the one store of the thread', async t => {
  const s = await scene(t)
  const other = await upload(s, 'b.txt', 'seal')
  const thread = await s.threads.create({})
  const gate = s.records.hold(puts(KIND.message))
  const first = s.messages.create(thread.id, attaching(s.file))
  await gate.reached()
  await s.messages.create(thread.id, attaching(other))
  gate.open()
  await first
  const { data: stores } = await s.vectorStores.stores.list({})
  t.equal(stores.length, 1)
  t.strictSame((await s.threads.get(thread.id)).tool_resources?.file_search?.vector_store_ids, [stores[0]!.id])
  t.strictSame((await s.vectorStores.files.list(stores[0]!.id, {})).data.map(({ id }) => id).sort(), [s.file, other].sort())
})

test('a message that is refused takes back no file that another one has attached', async t => {
  const s = await scene(t)
  const { id: storeId } = await s.vectorStores.stores.create({})
  const thread = await s.threads.create({ tool_resources: { file_search: { vector_store_ids: [storeId] } } })
  const gate = s.records.hold(puts(KIND.message))
  const refused = t.rejects(s.messages.create(thread.id, attaching(s.file)), { status: 400, message: /active/ })
  await gate.reached()
  await s.messages.create(thread.id, attaching(s.file))
  await s.lock(thread.id)
  gate.open()
  await refused
  t.match(await indexed(s, storeId, s.file), { status: 'completed' })
})

test('a file that is attached again stays as it is in the store', async t => {
  const s = await scene(t)
  const thread = await s.threads.create({ messages: [attaching(s.file)] })
  const [storeId = ''] = thread.tool_resources?.file_search?.vector_store_ids ?? []
  await indexed(s, storeId, s.file)
  await s.messages.create(thread.id, attaching(s.file))
  t.match(await s.vectorStores.files.get(storeId, s.file), { status: 'completed' })
})

test('a thread that cannot be made leaves no store behind', async t => {
  const s = await scene(t)
  const picture = await upload(s, 'picture.png', 'a,b')
  const expired = await s.vectorStores.stores.create({ expires_after: { anchor: 'last_active_at', days: 1 } })
  await s.clock.advance(86_400_000)
  // The sweep has seen to it that the store has expired: what it does is no part of what is counted.
  await until(() => s.records.count(KIND.scheduledTask) === 0)
  const searching = await s.assistants.create({ model: 'm', tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [expired.id] } } })
  const silent = await s.assistants.create({ model: 'm', instructions: '' })
  const before = s.records.count(...OF_STORES)
  const resources = { tool_resources: { file_search: { vector_stores: [{ file_ids: [s.file] }] } } }
  await t.rejects(s.threads.create({ ...resources, messages: [attaching(picture)] }), { status: 400, code: 'unsupported_file' })
  await t.rejects(s.runs.createWithThread({ assistant_id: searching.id, thread: { ...resources, messages: [attaching(s.file)] } }), { status: 400, message: /is expired/ })
  await t.rejects(s.runs.createWithThread({ assistant_id: searching.id, thread: { messages: [attaching(s.file)] } }), { status: 400, message: /is expired/ })
  await t.rejects(s.runs.createWithThread({ assistant_id: silent.id, thread: resources }), { status: 400, code: 'invalid_thread' })
  await s.isBack(before)
  const thread = await s.threads.create(resources)
  const [made = ''] = thread.tool_resources?.file_search?.vector_store_ids ?? []
  t.match(await s.vectorStores.stores.get(made), { expires_after: { anchor: 'last_active_at', days: 7 } }, 'a store made for a thread goes with time')
})

test('a store stays when nobody knows whether its thread was written', async t => {
  const s = await scene(t)
  // It is tried twice.
  s.records.fail(puts(KIND.message), new StorageUnavailableError('away'))
  s.records.fail(puts(KIND.message), new StorageUnavailableError('away'))
  await t.rejects(s.threads.create({ messages: [attaching(s.file)] }), StorageUnavailableError)
  t.match((await s.vectorStores.stores.list({})).data, [{ expires_after: { days: 7 } }], 'it expires')
})
