import { test } from 'tap'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { RecordKey, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'
import { restingRun, settle, startCore, startRun, type TestCore } from './helpers/core.js'
import { DamagedStore } from './helpers/damaged-store.js'
import { ProcessView } from './helpers/process-view.js'

const freesLock = (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'delete' && item.kind === KIND.lock) && !items.some(item => item.op === 'delete' && item.kind === KIND.lease)
const lockOf = (thread: string) => ({ project: 'default', partition: thread, kind: KIND.lock, id: RUN_LOCK_ID })
const say = async (core: TestCore, thread: string): Promise<unknown> => await core.messages.create(thread, { role: 'user', content: 'Free?' })

/** Reads of runs wait to be made, once they are asked to. */
class LateStore extends MemoryRecordStore {
  late: Gate | undefined
  override async get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    if (key.kind === KIND.run) await this.late?.pass()
    return await super.get<Body>(key)
  }
}

test('a message that looks at a lock while its run ends leaves that of the next run alone', async t => {
  const store = new LateStore()
  const core = await startCore(t, { storage: store })
  const [first, second] = [new Gate(), new Gate()]
  core.upstream.enqueue(text([first, 'One']))
  core.upstream.enqueue(text([second, 'Two']))
  const { run } = await startRun(core)
  await first.reached()
  const late = store.late = new Gate()
  const message = say(core, run.thread_id)
  await late.reached()
  store.late = undefined
  first.open()
  t.equal((await restingRun(core, run)).status, 'completed')
  const { run: next } = await core.runs.create(run.thread_id, { assistant_id: run.assistant_id })
  await second.reached()
  late.open()
  await t.rejects(message, { message: `Can't add messages to ${run.thread_id} while a run ${next.id} is active.` })
  t.match(await store.get(lockOf(run.thread_id)), { body: { run_id: next.id } })
  second.open()
  t.equal((await restingRun(core, next)).status, 'completed')
})

for (const [what, spoil] of [
  ['names a run that is unknown', async () => {}],
  ['is damaged', async (store: DamagedStore) => { store.damage(KIND.lock, RUN_LOCK_ID) }]
] as const) {
  test(`of two requests that meet a lock which ${what} the second leaves the lock of the next run alone`, async t => {
    const store = new DamagedStore()
    const upstream = await startUpstream(t)
    const view = new ProcessView(store, { shared: true })
    const [here, there] = [await startCore(t, { storage: new ProcessView(store, { shared: true }), upstream }), await startCore(t, { storage: view, upstream })]
    upstream.enqueue(text(['One']))
    const { run: { id, thread_id: thread, assistant_id: assistant } } = await startRun(here)
    await restingRun(here, await here.runs.get(thread, id))
    await store.write({ project: 'default', partition: thread }, [{ op: 'put', kind: KIND.lock, id: RUN_LOCK_ID, body: { run_id: 'run_gone' } }])
    await spoil(store)
    const held = view.hold(freesLock)
    const message = say(there, thread)
    await held.reached()
    await say(here, thread)
    store.heal(KIND.lock, RUN_LOCK_ID)
    const gate = new Gate()
    upstream.enqueue(text([gate, 'Two']))
    const { run: next } = await here.runs.create(thread, { assistant_id: assistant })
    await gate.reached()
    held.open()
    await t.rejects(message, { message: `Can't add messages to ${thread} while a run ${next.id} is active.` })
    t.match(await store.get(lockOf(thread)), { body: { run_id: next.id } })
    gate.open()
    t.equal((await restingRun(here, next)).status, 'completed')
    await settle()
    t.ok(await say(there, thread))
  })
}
