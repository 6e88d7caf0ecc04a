import type { Test } from 'tap'
import { eventsOf, type EventLog } from '../../../lib/runs/events/event-log.js'
import type { JobKey } from '../../../lib/runs/job.js'
import { indexJob, type ActiveJob, type JobLease } from '../../../lib/runs/lease.js'
import { DEFAULT_LIMITS, type EngineLimits, type EngineServices } from '../../../lib/runs/services.js'
import { silentLogger, type Logger } from '../../../lib/shared/log.js'
import { BuiltInTools } from '../../../lib/tools/built-in-tools.js'
import { ServerTools } from '../../../lib/tools/server-tools.js'
import { activeRunsOf, KIND } from '../../../storage/layout.js'
import { MemoryRecordStore } from '../../../storage/memory/store.js'
import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import { ManualClock } from '../../helpers/clock.js'
import { LOCK, TaskDialect, type Task } from './task-dialect.js'
import { TestModel } from './test-model.js'

export const NOW = 1_700_000_000
export const PLACE = { project: 'p', partition: 'place' }

export const keyOf = (jobId = 'job_1'): JobKey => ({ dialect: 'tasks', ...PLACE, jobId })

export const task = (fields: Partial<Task> = {}): Task =>
  ({ id: 'job_1', ask: 'Well?', model: 'm', tools: [], phase: 'running', result: null, usage: null, expiresAt: null, error: null, ...fields })

/** A function that the client runs. */
export const ASK = { type: 'function', function: { name: 'ask', parameters: {} } } as { type: string }

/** A write that puts a record of this kind. */
export const puts = (kind: string, id?: string) => (items: readonly WriteItem[]): boolean =>
  items.some(item => item.op === 'put' && item.kind === kind && (id === undefined || item.id === id))

/** A write that makes a task something else. */
export const moves = (phase: Task['phase']) => (items: readonly WriteItem[]): boolean =>
  items.some(item => item.op === 'put' && item.kind === 'task' && (item.body as Task).phase === phase)

/** A store, and what it holds of tasks. */
export async function taskStore<Store extends RecordStore> (t: Test, store: Store) {
  await store.connect()
  t.teardown(async () => await store.disconnect())
  const entryOf = async (id: string) => await store.get<ActiveJob>({ ...activeRunsOf(id), kind: KIND.activeRun, id })
  const get = async (kind: string, id: string) => await store.get({ ...PLACE, kind, id })
  return {
    store,
    task: async (id = 'job_1') => (await store.get<Task>({ ...PLACE, kind: 'task', id }))?.body,
    version: async (id = 'job_1') => (await get('task', id))?.version,
    lease: async (id = 'job_1') => (await store.get<JobLease>({ ...PLACE, kind: KIND.lease, id }))?.body,
    isLocked: async () => await get(LOCK.kind, LOCK.id) !== undefined,
    isIndexed: async (id = 'job_1') => await entryOf(id) !== undefined,
    entry: async (id = 'job_1') => (await entryOf(id))?.body,
    items: async (id = 'job_1') => (await store.page<{ kind: string, isOpen: boolean }>({ ...PLACE, kind: 'note_item', parent: id, order: 'asc', limit: 100 })).records.map(({ body }) => body),
    /** A task as it is left to an engine: with its entry in the index, and its lease, if there is one. */
    write: async (body: Task, lease?: JobLease, created = NOW * 1000) => {
      await indexJob(store, keyOf(body.id), created)
      await store.write(PLACE, [
        { op: 'put', kind: 'task', id: body.id, body },
        { op: 'put', ...LOCK, body: {} },
        ...lease === undefined ? [] : [{ op: 'put' as const, kind: KIND.lease, id: body.id, body: lease }]
      ])
    },
    /** As another writer does. */
    change: async (fields: Partial<Task>, id = 'job_1') => {
      const record = await store.get<Task>({ ...PLACE, kind: 'task', id })
      await store.write(PLACE, [{ op: 'put', kind: 'task', id, body: { ...record!.body, ...fields } }])
    }
  }
}

export type TaskStore<Store extends RecordStore = RecordStore> = Awaited<ReturnType<typeof taskStore<Store>>>

export const memory = async (t: Test): Promise<TaskStore<MemoryRecordStore>> => await taskStore(t, new MemoryRecordStore())

/** What an engine works with, in this process. */
export interface TestServices extends EngineServices {
  clock: ManualClock
  logged: string[]
  model: TestModel
  dialect: TaskDialect
  /** The function `add` of this server. */
  add: { execute: () => unknown }
}

export function testServices (records: RecordStore, { limits, clock = new ManualClock(), model = new TestModel(), ...more }: Partial<Omit<TestServices, 'limits'>> & { limits?: Partial<EngineLimits> } = {}): TestServices {
  const logged: string[] = []
  const keep = (_details: object, message: string): void => { logged.push(message) }
  const log: Logger = { ...silentLogger, warn: keep, error: keep }
  const add = { execute: (): unknown => '42' }
  return {
    records,
    clock,
    model,
    models: { resolve: () => ({ provider: model, providerName: 'test', model: 'm' }) },
    tools: new BuiltInTools([]),
    functions: new ServerTools({ tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => add.execute() }], access: 'all', timeoutMs: 1000, clock, log }),
    log,
    logged,
    dialect: new TaskDialect(),
    add,
    ...more,
    limits: { ...DEFAULT_LIMITS, ...limits }
  }
}

/** The events of a log so far, with their payloads where there is room for them. */
export function told (log: EventLog): string[] {
  const reader = log.reader(log.firstId, Infinity, new AbortController().signal)
  const events = []
  for (let piece = reader.take(); piece !== undefined; piece = reader.take()) events.push(...eventsOf(piece))
  reader.close()
  return events.map(({ event, data }) => `${event} ${Object.values(JSON.parse(data) as object).map(String).join(' ')}`)
}

/** Waits for an event whose name begins so. */
export async function heard (log: EventLog, beginning: string): Promise<void> {
  for await (const batch of log.follow(log.firstId, new AbortController().signal)) if (batch.some(({ event }) => event.startsWith(beginning))) return
  throw new Error(`the log ended without ${beginning}`)
}
