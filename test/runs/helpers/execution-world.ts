import type { Test } from 'tap'
import { EventLog } from '../../../lib/runs/events/event-log.js'
import { RunExecution } from '../../../lib/runs/execution.js'
import type { ObservedRun } from '../../../lib/runs/observer.js'
import { leaseRecord, type JobLease } from '../../../lib/runs/lease.js'
import type { RunReport } from '../../../lib/runs/report.js'
import { Leases } from '../../../lib/shared/lease.js'
import { KIND } from '../../../storage/layout.js'
import { Gate } from '../../helpers/upstream-gate.js'
import { keyOf, memory, PLACE, task, testServices, told, type TestServices } from './job-world.js'
import { ProcessView } from './process-view.js'
import type { Task } from './task-dialect.js'

export const LEASE_MS = 15_000

export interface ExecutionFields {
  task?: Partial<Task>
  lease?: Partial<JobLease>
  observed?: ObservedRun
  services?: Partial<TestServices>
}

/** One task in the hands of one execution, on a store that fails as the test wants; another writer has the store itself. */
export async function executionWorld (t: Test, { task: fields = {}, lease: leaseFields = {}, observed, services: more = {} }: ExecutionFields = {}) {
  const { store, ...stored } = await memory(t)
  const view = new ProcessView(store)
  const services = testServices(view, more)
  const { clock, dialect } = services
  const key = keyOf()
  const body = task(fields)
  const leases = new Leases({ records: view, clock, leaseMs: LEASE_MS })
  const lease: JobLease = { ...leases.terms(), token: 'token', takeovers: 0, ...leaseFields }
  await stored.write(body, lease)
  const stopped: { body: Task, report: RunReport, told: string[] }[] = []
  const log = new EventLog(dialect.format, 1024 * 1024)
  const scribe = dialect.scribe({ records: view, key, body, tools: services.tools })
  return {
    ...stored,
    ...services,
    store,
    view,
    key,
    log,
    stopped,
    told: () => told(log),
    /** Made when it is asked for, with the items that the store has by then. */
    execution: async () => new RunExecution(services, {
      dialect,
      key,
      held: { body, version: 1, lease: leases.held(leaseRecord(key), lease) },
      log,
      scribe,
      items: await scribe.load(),
      observed,
      onStopped: (body, report) => { stopped.push({ body: body as Task, report, told: told(log) }) }
    }),
    /** What another instance does: it claims the lease. */
    takeOver: async () => {
      await store.write(PLACE, [{ op: 'put', kind: KIND.lease, id: key.jobId, body: { ...lease, owner: 'another', token: 'another', takeovers: 1 } }])
    },
    /** The next write that matches fails, and is never carried out. */
    failWrite: (matches: Parameters<ProcessView['loseAnswer']>[0]) => view.loseAnswer(matches, new Gate())
  }
}

export type ExecutionWorld = Awaited<ReturnType<typeof executionWorld>>
