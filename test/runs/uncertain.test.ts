import { test, type Test } from 'tap'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { activeRunsOf, KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { activeEntries } from './helpers/active-entries.js'
import { restingRun, settle, startCore, startRun, type TestCore } from './helpers/core.js'
import { movesRunTo } from './helpers/gated-store.js'
import { ProcessView } from './helpers/process-view.js'
import { outputsFor } from './helpers/server.js'

const LEASE_MS = 15_000
const EXPIRES_MS = 600_000
const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

/** A service on a store that loses answers. */
async function world (t: Test): Promise<{ core: TestCore, view: ProcessView, store: MemoryRecordStore, clock: ManualClock, another: () => Promise<TestCore> }> {
  const clock = new ManualClock()
  const store = new MemoryRecordStore()
  const view = new ProcessView(store, { shared: true })
  const upstream = await startUpstream(t)
  upstream.respond(() => text('Hi'))
  const core = await startCore(t, { clock, storage: view, upstream })
  return { core, view, store, clock, another: async () => await startCore(t, { clock, storage: new ProcessView(store, { shared: true }), upstream }) }
}

const puts = (kind: string) => (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === kind)

/** The write is carried out long after it was given up: the store hung, and had it in its queue. Returns what lets it be carried out. */
function delay (view: ProcessView, matches: (items: readonly WriteItem[]) => boolean): Gate {
  const gate = new Gate()
  view.loseAnswer(matches, gate)
  // The second try hangs as well.
  view.loseAnswer(matches, gate)
  return gate
}

async function prepare (core: TestCore): Promise<{ assistant: string, thread: string }> {
  const assistant = await core.assistants.create({ model: 'test-model', instructions: 'Be brief.' })
  const thread = await core.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  return { assistant: assistant.id, thread: thread.id }
}

test('a run whose creation was carried out without an answer is created, and runs once', async t => {
  const { core, view } = await world(t)
  const { assistant, thread } = await prepare(core)
  view.loseAnswer(puts(KIND.run))
  const { run } = await core.runs.create(thread, { assistant_id: assistant })
  t.equal((await restingRun(core, run)).status, 'completed')
  t.equal((await core.runs.list(thread, {})).data.length, 1)
  t.equal(core.upstream.chats.length, 1)
})

test('a thread and its run whose creation was carried out without an answer are there once', async t => {
  const { core, view } = await world(t)
  const { assistant } = await prepare(core)
  view.loseAnswer(puts(KIND.run))
  const { run } = await core.runs.createWithThread({ assistant_id: assistant, thread: { messages: [{ role: 'user', content: 'Hello?' }] } })
  t.equal((await restingRun(core, run)).status, 'completed')
  t.equal((await core.messages.list(run.thread_id, {})).data.length, 2)
})

test('a message whose creation was carried out without an answer is there once', async t => {
  const { core, view } = await world(t)
  const { thread } = await prepare(core)
  view.loseAnswer(puts(KIND.message))
  await core.messages.create(thread, { role: 'user', content: 'Again' })
  t.equal((await core.messages.list(thread, {})).data.length, 2)
})

test('a run that the store creates after it was given up is found, executed, and unlocks its thread', async t => {
  const { core, view, clock } = await world(t)
  const { assistant, thread } = await prepare(core)
  const late = delay(view, puts(KIND.run))
  await t.rejects(core.runs.create(thread, { assistant_id: assistant }), StorageUnavailableError)
  late.open(Infinity)
  await settle()
  const { data: [run] } = await core.runs.list(thread, {})
  t.equal(run?.status, 'in_progress')
  await clock.advance(2 * LEASE_MS)
  t.equal((await restingRun(core, run!)).status, 'completed')
  t.ok(await core.messages.create(thread, { role: 'user', content: 'Free?' }))
})

test('a run that was never created leaves nothing behind', async t => {
  const { core, view, store, clock } = await world(t)
  const { assistant, thread } = await prepare(core)
  delay(view, puts(KIND.run))
  await t.rejects(core.runs.create(thread, { assistant_id: assistant }), StorageUnavailableError)
  for (let i = 0; i < 6; i++) await clock.advance(LEASE_MS)
  t.strictSame(await activeEntries(store), [])
  t.ok(await core.messages.create(thread, { role: 'user', content: 'Free?' }))
})

for (const [meets, meet] of [
  ['a list of runs', async (core: TestCore, thread: string) => { await core.runs.list(thread, {}) }],
  ['a message', async (core: TestCore, thread: string) => { await core.messages.create(thread, { role: 'user', content: 'Free?' }) }],
  ['another run', async (core: TestCore, thread: string, assistant: string) => { await core.runs.create(thread, { assistant_id: assistant }) }]
] as const) {
  test(`the lock of a run past its time, which no index names, is freed by ${meets}`, async t => {
    const { core, store, clock, another } = await world(t)
    core.upstream.respond(() => toolCalls([{ name: 'ask', arguments: {} }]))
    const { run } = await startRun(core, { tools: [ask] })
    t.equal((await restingRun(core, run)).status, 'requires_action')
    await store.write(activeRunsOf(run.id), [{ op: 'delete', kind: KIND.activeRun, id: run.id }])
    await core.core.stop()
    const later = await another()
    await clock.advance(EXPIRES_MS)
    await meet(later, run.thread_id, run.assistant_id)
    const stored = await store.get<{ status: string }>({ project: 'default', partition: run.thread_id, kind: KIND.run, id: run.id })
    t.equal(stored?.body.status, 'expired')
  })
}

test('a lock that names no run is freed by the message that meets it', async t => {
  const { core, store } = await world(t)
  const { thread } = await prepare(core)
  await store.write({ project: 'default', partition: thread }, [{ op: 'put', kind: KIND.lock, id: RUN_LOCK_ID, body: { run_id: 'run_gone' } }])
  t.ok(await core.messages.create(thread, { role: 'user', content: 'Free?' }))
})

test('the lock of a run that goes on stays', async t => {
  const { core } = await world(t)
  const gate = new Gate()
  core.upstream.respond(() => text([gate, 'Hi']))
  const { run } = await startRun(core)
  await gate.reached()
  await t.rejects(core.messages.create(run.thread_id, { role: 'user', content: 'Free?' }), { message: /is active\.$/ })
  gate.open(Infinity)
  t.equal((await restingRun(core, run)).status, 'completed')
})

test('outputs that were stored without an answer are not taken twice', async t => {
  const { core, view } = await world(t)
  core.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(core, { tools: [ask] })
  const asking = await restingRun(core, run)
  view.loseAnswer(puts(KIND.lease))
  await core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) })
  t.equal((await restingRun(core, run)).status, 'completed')
  t.equal(core.upstream.chats.length, 2)
})

test('of two instances whose answers to one question both went unanswered, one has answered it', async t => {
  const { core, view, another } = await world(t)
  const there = await another()
  core.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(core, { tools: [ask] })
  const asking = await restingRun(core, run)
  const held = view.hold(puts(KIND.lease))
  const loser = core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking, 'same') })
  await held.reached()
  view.loseAnswer(puts(KIND.lease))
  await there.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking, 'same') })
  held.open()
  await t.rejects(loser, { message: /do not accept tool outputs/ })
  t.equal((await restingRun(there, run)).status, 'completed')
  t.equal(core.upstream.chats.length, 2)
})

for (const late of [false, true]) {
  const how = late ? 'long after it was given up' : 'without an answer'

  test(`a file that was created ${how} has its bytes`, async t => {
    const { core, view } = await world(t)
    const gate = lose(view, KIND.file, late)
    const created = core.files.create({ filename: 'a.txt', purpose: 'assistants' }, Readable.from([Buffer.from('Hello')]))
    if (late) await t.rejects(created, StorageUnavailableError)
    else await created
    gate.open(Infinity)
    await settle()
    const { data } = await core.files.list({})
    t.equal(data.length, 1)
    t.equal(String(await buffer(await core.files.open(data[0]!.id))), 'Hello')
  })

  test(`an upload that was completed ${how} has its file, with its bytes`, async t => {
    const { core, view } = await world(t)
    const upload = await core.uploads.create({ filename: 'a.txt', purpose: 'assistants', bytes: 5, mime_type: 'text/plain' })
    const part = await core.uploads.keepPart(upload.id, await core.uploads.stagePart(upload.id, Readable.from([Buffer.from('Hello')])))
    const gate = lose(view, KIND.file, late)
    const completed = core.uploads.complete(upload.id, { part_ids: [part.id] })
    if (late) await t.rejects(completed, StorageUnavailableError)
    else t.equal((await completed).status, 'completed')
    gate.open(Infinity)
    await settle()
    const { data } = await core.files.list({})
    t.equal(data.length, 1)
    t.equal(String(await buffer(await core.files.open(data[0]!.id))), 'Hello')
  })

  test(`a part that was added ${how} has its bytes`, async t => {
    const { core, view } = await world(t)
    const upload = await core.uploads.create({ filename: 'a.txt', purpose: 'assistants', bytes: 5, mime_type: 'text/plain' })
    const gate = lose(view, KIND.uploadPart, late)
    const staged = await core.uploads.stagePart(upload.id, Readable.from([Buffer.from('Hello')]))
    const kept = core.uploads.keepPart(upload.id, staged)
    if (late) await t.rejects(kept, StorageUnavailableError)
    else await kept
    gate.open(Infinity)
    await settle()
    t.equal((await core.uploads.complete(upload.id, { part_ids: [staged.id] })).status, 'completed')
  })

  test(`a file that was attached ${how} leaves its vector store with its deletion`, async t => {
    const { core, view } = await world(t)
    const file = await core.files.create({ filename: 'a.txt', purpose: 'assistants' }, Readable.from([Buffer.from('Hello')]))
    const { stores, files } = core.vectorStores
    const store = await stores.create({})
    const gate = lose(view, KIND.vectorStoreFile, late)
    const attached = files.create(store.id, { file_id: file.id })
    if (late) await t.rejects(attached, StorageUnavailableError)
    else await attached
    gate.open(Infinity)
    await settle()
    t.equal((await files.list(store.id, {})).data.length, 1)
    await core.files.delete(file.id)
    t.equal((await stores.get(store.id)).file_counts.total, 0)
  })
}

function lose (view: ProcessView, kind: string, late: boolean): Gate {
  if (late) return delay(view, puts(kind))
  view.loseAnswer(puts(kind))
  return new Gate()
}

test('a thread that was deleted without an answer is deleted, not missing', async t => {
  const { core, view } = await world(t)
  const { thread } = await prepare(core)
  view.loseAnswer(items => items.some(({ op }) => op === 'clear'))
  await core.threads.delete(thread)
  await t.rejects(core.threads.get(thread), { message: /^No thread found/ })
})

test('outputs that another instance took, and answered, while they were on their way are refused with a 400', async t => {
  const { core, view, another } = await world(t)
  const there = await another()
  core.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(core, { tools: [ask] })
  const asking = await restingRun(core, run)
  const read = view.holdRead(({ kind }) => kind === KIND.run)
  const late = t.rejects(core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) }), {
    message: 'Runs in status "completed" do not accept tool outputs.'
  })
  await read.reached()
  await there.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) })
  t.equal((await restingRun(there, run)).status, 'completed')
  read.open()
  await late
})

test('a run that is cancelled elsewhere while its end cannot be written is cancelled, though its record has the version of that end', async t => {
  const { core, view, clock, another } = await world(t)
  const other = await another()
  const gate = new Gate()
  core.upstream.respond(() => text(['Once', gate, ' upon']))
  const { run } = await startRun(core)
  await gate.reached()
  delay(view, movesRunTo('completed'))
  const waits = clock.next(ms => ms === 100)
  gate.open()
  await waits
  await other.runs.cancel(run.thread_id, run.id)
  await clock.advance(100)
  t.equal((await restingRun(other, run)).status, 'cancelled')
  t.ok(await other.messages.create(run.thread_id, { role: 'user', content: 'Free?' }))
})

// The store has several tries of one write in its queue, and carries the first one out when the last has been sent already.
for (const status of ['requires_action', 'completed'] as const) {
  test(`a run goes on where the store has made it ${status} by a write that was given up, before the one that repeats it`, async t => {
    const { core, view, clock } = await world(t)
    core.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
    const late = delay(view, movesRunTo(status))
    const waits = clock.next(ms => ms === 100)
    const { run } = await startRun(core, { tools: [ask] })
    if (status === 'completed') {
      const asking = await restingRun(core, run)
      await core.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking) })
    }
    await waits
    const repeated = view.hold(movesRunTo(status))
    await Promise.all([repeated.reached(), clock.advance(100)])
    late.open(Infinity)
    await settle()
    repeated.open()
    const stopped = await restingRun(core, run)
    t.match(stopped, { status: status === 'completed' ? 'completed' : 'requires_action', last_error: null })
    t.equal((await core.runs.listSteps(run.thread_id, run.id, {})).data.length, status === 'completed' ? 2 : 1)
    t.equal(core.upstream.chats.length, status === 'completed' ? 2 : 1)
    t.equal((await core.messages.list(run.thread_id, {})).data.length, status === 'completed' ? 2 : 1)
  })
}

test('a run goes on where the store goes away between its write that came too late and the next', async t => {
  const { core, view, store, clock } = await world(t)
  core.upstream.enqueue(text('Hi'))
  const end = view.hold(movesRunTo('completed'))
  const { run } = await startRun(core)
  await end.reached()
  const place = { project: 'default', partition: run.thread_id }
  const stored = await store.get<object>({ ...place, kind: KIND.run, id: run.id })
  await store.write(place, [{ op: 'put', kind: KIND.run, id: run.id, body: stored!.body }])
  view.failRead(({ kind }) => kind === KIND.message)
  const waits = clock.next(ms => ms === 100)
  end.open()
  await waits
  await clock.advance(100)
  t.match(await restingRun(core, run), { status: 'completed', last_error: null })
})
