import { test, type Test } from 'tap'
import { ModelRegistry } from '../../lib/models/registry.js'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import { RunEngine } from '../../lib/runs/engine.js'
import type { EventLog } from '../../lib/runs/events/event-log.js'
import type { JobKey } from '../../lib/runs/job.js'
import { indexJob, type ActiveJob } from '../../lib/runs/lease.js'
import { DEFAULT_LIMITS } from '../../lib/runs/services.js'
import { systemClock } from '../../lib/shared/clock.js'
import { silentLogger } from '../../lib/shared/log.js'
import { BuiltInTools } from '../../lib/tools/built-in-tools.js'
import { ServerTools } from '../../lib/tools/server-tools.js'
import { activeRunsOf, KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { RecordStore } from '../../storage/record-store.js'
import { Gate, startUpstream, text, toolCalls, type Upstream, type UpstreamReply } from '../helpers/upstream.js'
import { reasoning } from '../helpers/upstream-replies.js'
import { NoteDialect, type Note } from './helpers/note-dialect.js'

interface World {
  engine: RunEngine
  dialect: NoteDialect
  records: RecordStore
}

async function startEngine (t: Test, upstream: Upstream, records: RecordStore = new MemoryRecordStore()): Promise<World> {
  const dialect = new NoteDialect()
  await records.connect()
  const engine = new RunEngine({
    records,
    clock: systemClock,
    models: new ModelRegistry({ providers: { up: openaiCompatible({ baseURL: upstream.url, maxRetries: 0 }) }, defaultProvider: 'up', aliases: {}, clock: systemClock, log: silentLogger }),
    tools: new BuiltInTools([]),
    functions: new ServerTools({
      tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => '42' }], access: 'all', timeoutMs: 1000, clock: systemClock, log: silentLogger
    }),
    log: silentLogger,
    limits: DEFAULT_LIMITS
  }, [dialect])
  await engine.start(true)
  t.teardown(async () => await engine.stop())
  return { engine, dialect, records }
}

async function launch ({ engine, dialect, records }: World, id: string, fields: Partial<Note> = {}): Promise<{ key: JobKey, log: EventLog }> {
  const key: JobKey = { dialect: 'notes', project: 'p', partition: id, jobId: id }
  const body: Note = { id, ask: 'Well?', model: 'm', tools: [], phase: 'queued', result: null, usage: null, ...fields }
  const lease = engine.newLease()
  await indexJob(records, key, 0)
  await records.write({ project: 'p', partition: id }, [
    { op: 'put', kind: 'note', id, body, expect: 'absent' },
    { op: 'put', kind: KIND.lease, id, body: lease, expect: 'absent' }
  ])
  const log = engine.openLog(key)
  engine.launch({ key, held: { body, version: 1 }, lease, log, scribe: dialect.scribe({ records, key, body, tools: new BuiltInTools([]) }), items: [] })
  return { key, log }
}

async function events (log: EventLog): Promise<string[]> {
  const told: string[] = []
  for await (const batch of log.follow(0, new AbortController().signal)) {
    for (const entry of batch) told.push(`${entry.event} ${entry.data}`)
    if (batch.some(({ event }) => event === 'note.ended')) break
  }
  return told
}

const begin = async (t: Test, ...script: UpstreamReply[]): Promise<World & { upstream: Upstream }> => {
  const upstream = await startUpstream(t, { script })
  return { ...await startEngine(t, upstream), upstream }
}

test('the engine executes a job of another dialect: reasoning, calls, a message, each in the dialect\'s own records and events', async t => {
  const world = await begin(t, toolCalls([{ name: 'add', arguments: { a: 1 }, id: 'call_1' }], { fragments: 1 }), reasoning('Hm.', 'It is 42.'))
  const { key, log } = await launch(world, 'note_1')
  t.strictSame(await events(log), [
    'note.began {"number":0,"result":"running"}',
    'note.item {"number":1,"item":"item_1","kind":"calls"}',
    'note.call_begun {"number":2,"item":"item_1","index":0}',
    'note.call_arguments {"number":3,"item":"item_1","index":0,"text":"{\\"a\\":1}"}',
    'note.item_done {"number":4,"item":"item_1","text":"42"}',
    'note.item {"number":5,"item":"item_2","kind":"reasoning"}',
    'note.thought {"number":6,"item":"item_2","text":"Hm."}',
    'note.item_done {"number":7,"item":"item_2","text":"Hm."}',
    'note.item {"number":8,"item":"item_3","kind":"message"}',
    'note.text {"number":9,"item":"item_3","text":"It"}',
    'note.text {"number":10,"item":"item_3","text":" is"}',
    'note.text {"number":11,"item":"item_3","text":" 42."}',
    'note.item_done {"number":12,"item":"item_3","text":"It is 42."}',
    'note.ended {"number":13,"result":"completed"}'
  ])
  const note = await world.records.get<Note>({ project: 'p', partition: 'note_1', kind: 'note', id: 'note_1' })
  t.match(note?.body, { phase: 'ended', usage: { promptTokens: Number, completionTokens: Number } })
  t.strictSame(world.dialect.stopped, ['note_1 completed'])
  t.equal(await world.records.get({ project: 'p', partition: 'note_1', kind: KIND.lease, id: 'note_1' }), undefined, 'the lease is released')
  t.equal(world.engine.recent(key) !== undefined, true)
})

test('a call that the client has to answer ends such a job, where the dialect says so', async t => {
  const world = await begin(t, toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }]))
  const { log } = await launch(world, 'note_1', { tools: [{ type: 'function', function: { name: 'ask', parameters: {} } } as { type: string }] })
  t.match((await events(log)).at(-1), /note\.ended .*"waiting"/)
  t.strictSame(world.dialect.stopped, ['note_1 waiting'])
})

test('a job of another dialect is recovered through its own records: what was half written is written anew under the same id', async t => {
  const gate = new Gate()
  const upstream = await startUpstream(t, { script: [text(['Half', gate, ' a word']), text('A whole word.')] })
  const records = new MemoryRecordStore()
  const first = await startEngine(t, upstream, records)
  const { log } = await launch(first, 'note_1')
  for await (const batch of log.follow(0, new AbortController().signal)) if (batch.some(({ event }) => event === 'note.text')) break
  const entry = await records.get<ActiveJob>({ ...activeRunsOf('note_1'), kind: KIND.activeRun, id: 'note_1' })
  t.equal(entry?.body.dialect, 'notes')
  await first.engine.handOver()
  const second = await startEngine(t, upstream, records)
  const key: JobKey = { dialect: 'notes', project: 'p', partition: 'note_1', jobId: 'note_1' }
  const joined = await second.engine.joinLog(key, (await records.get<Note>({ project: 'p', partition: 'note_1', kind: 'note', id: 'note_1' }))!.body)
  const told = await events(joined!)
  t.match(told[0], /note\.item .*"item_1"/)
  t.match(told.at(-2), /item_done .*"item_1".*A whole word\./)
  t.match(told.at(-1), /note\.ended .*completed/)
  gate.open()
})

test('a job of a dialect that this server does not know stays where it is', async t => {
  const world = await begin(t)
  const key: JobKey = { dialect: 'unknown', project: 'p', partition: 'x', jobId: 'x' }
  await indexJob(world.records, key, 0)
  const other = await startEngine(t, await startUpstream(t), world.records)
  t.ok(other)
  t.ok(await world.records.get({ ...activeRunsOf('x'), kind: KIND.activeRun, id: 'x' }))
})
