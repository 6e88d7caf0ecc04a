import type { Test } from 'tap'
import { RunEngine } from '../../../lib/runs/engine.js'
import type { BusMessage } from '../../../lib/runs/events/bus.js'
import type { EventLog } from '../../../lib/runs/events/event-log.js'
import type { Item } from '../../../lib/runs/items.js'
import type { JobLease } from '../../../lib/runs/lease.js'
import { KIND } from '../../../storage/layout.js'
import { MemoryRecordStore } from '../../../storage/memory/store.js'
import type { RecordStore } from '../../../storage/record-store.js'
import { ManualClock } from '../../helpers/clock.js'
import { keyOf, NOW, PLACE, task, taskStore, testServices, type TestServices } from './job-world.js'
import { ProcessView } from './process-view.js'
import { LOCK, type Task } from './task-dialect.js'

export const LEASE_MS = 15_000

export interface InstanceOptions extends Omit<Partial<TestServices>, 'limits'> {
  limits?: Partial<TestServices['limits']>
  /** Default: as long as nothing else starts it. */
  start?: 'alone' | 'among others' | false
  /** Hears nothing of other instances, nor they of it. */
  deaf?: boolean
}

/** Lets whatever can go on without the world outside do so. */
export async function settle (turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Lets time go by in pieces, and all that is due in each come to its end. */
export async function pass (clock: ManualClock, ms: number, piece = 500): Promise<void> {
  await settle()
  for (let left = ms; left > 0; left -= piece) {
    await clock.advance(Math.min(piece, left))
    await settle()
  }
}

/** The lease of an instance that no test has: it died, or does not answer. */
export const theirs = (fields: Partial<JobLease> = {}): JobLease =>
  ({ owner: 'another', token: 'another', takeovers: 0, expiresAt: NOW * 1000 + LEASE_MS, ...fields })

/** Says to all engines on the store what an instance would say that no test has. */
export async function tell (store: RecordStore, message: BusMessage): Promise<void> {
  await store.notify?.('runs', JSON.stringify({ sender: 'another', message }))
}

/** What all engines on the store say to each other from now on: the kinds of their messages. */
export async function overhear (t: Test, store: RecordStore): Promise<string[]> {
  const said: string[] = []
  const end = await store.listen!('runs', payload => { said.push((JSON.parse(payload) as { message: BusMessage }).message.type) })
  t.teardown(end)
  return said
}

/** Engines on one store, each with a view of it that fails as the test wants, and one clock. */
export async function engineWorld (t: Test, records = new MemoryRecordStore()) {
  const clock = new ManualClock()
  const { store, ...stored } = await taskStore(t, records)

  const instance = async ({ limits, start = 'among others', deaf = false, ...more }: InstanceOptions = {}) => {
    const view = new ProcessView(store, { shared: true, deaf })
    const services = testServices(view, { clock, limits: { leaseMs: LEASE_MS, ...limits }, ...more })
    const { dialect, tools } = services
    const engine = new RunEngine(services, [dialect])
    // What a test holds back must not keep it from ending.
    t.teardown(async () => await engine.stop())
    if (start !== false) await engine.start(start === 'alone')

    /** A task as a service creates it. */
    const create = async (fields: Partial<Task> = {}, { payer, items = [] }: { payer?: JobLease['payer'], items?: Item[] } = {}): Promise<EventLog> => {
      const body = task(fields)
      const key = keyOf(body.id)
      const lease = engine.newLease(payer)
      await stored.write(body, lease)
      const log = engine.openLog(key)
      engine.launch({ key, held: { body, version: (await stored.version(body.id))! }, lease, log, scribe: dialect.scribe({ records: view, key, body, tools }), items })
      return log
    }
    return { ...services, view, engine, create }
  }

  return {
    ...stored,
    store,
    clock,
    instance,
    /** A half-written message. */
    halfWritten: async (id = 'job_1') => {
      await store.write(PLACE, [{ op: 'put', kind: 'note_item', id: 'item_1', parent: id, body: { kind: 'message', id: 'item_1', isOpen: true, usage: null, parts: [] } }])
    },
    /** As a client answers what a task waits for, on an instance that then dies. */
    answered: async (lease: JobLease, id = 'job_1') => {
      await stored.change({ phase: 'running' }, id)
      await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id, body: lease }, { op: 'put', ...LOCK, body: {} }])
    }
  }
}

export type EngineWorld = Awaited<ReturnType<typeof engineWorld>>
export type Instance = Awaited<ReturnType<EngineWorld['instance']>>
