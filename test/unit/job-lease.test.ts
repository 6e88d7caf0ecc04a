import { test, type Test } from 'tap'
import { activeJobs, indexJob, jobKeyOf, leaseRecord, loadLease, parkJob, unindexJob, unparkJob, type ActiveJob, type JobLease } from '../../lib/runs/lease.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { DamagedRecordError, StoredRecord } from '../../storage/record-store.js'
import { DamagedStore } from '../runs/helpers/damaged-store.js'

const key = { dialect: 'assistants', project: 'p', partition: 'thread_1', jobId: 'run_1' }
const other = { dialect: 'notes', project: 'q', partition: 'notebook_1', jobId: 'job_1' }
const ACTIVE = { project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }

async function world (t: Test) {
  const records = new DamagedStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const damaged: DamagedRecordError[] = []
  const entries = async (): Promise<StoredRecord<ActiveJob>[]> => {
    const found = []
    for await (const entry of activeJobs(records, error => damaged.push(error))) found.push(entry)
    return found
  }
  return { records, damaged, entries }
}

test('an active job is in the index from before it is written to after it has ended, under the name of its dialect but for the first', async t => {
  const { records, damaged, entries } = await world(t)
  await indexJob(records, key, 1000)
  await indexJob(records, other, 2000)
  t.strictSame((await entries()).map(({ id, body }) => [id, body]), [['run_1', { project: 'p', thread_id: 'thread_1', created: 1000 }], ['job_1', { project: 'q', thread_id: 'notebook_1', dialect: 'notes', created: 2000 }]])
  t.strictSame((await entries()).map(({ id, body }) => jobKeyOf(id, body)), [key, other])
  records.damage(KIND.activeRun, 'job_1')
  t.strictSame((await entries()).map(({ id }) => id), ['run_1'])
  t.strictSame(damaged.map(error => error.key.id), ['job_1'])
  await unindexJob(records, 'run_1')
  t.strictSame(await entries(), [])
  await unindexJob(records, 'run_1')
})

test('a job that waits is left alone until it is due, unless it has gone on since it was looked at', async t => {
  const { records, entries } = await world(t)
  await indexJob(records, key, 1000)
  const [seen] = await entries()
  await parkJob(records, seen!, 5000)
  t.strictSame((await entries())[0]!.body, { project: 'p', thread_id: 'thread_1', created: 1000, due: 5000 })
  await parkJob(records, seen!, 9000)
  t.equal((await entries())[0]!.body.due, 5000, 'what was seen is out of date')
  await unparkJob(records, 'run_1')
  const [unparked] = await entries()
  t.strictSame([unparked!.body, unparked!.version], [{ project: 'p', thread_id: 'thread_1', created: 1000 }, 3])
  await unparkJob(records, 'run_1')
  t.equal((await entries())[0]!.version, 3, 'nothing is written when nothing has to be')
  await unparkJob(records, 'run_gone')
  t.equal(await records.get({ ...ACTIVE, kind: KIND.activeRun, id: 'run_gone' }), undefined)
})

test('a lease that cannot be read counts as one that has expired, in its version', async t => {
  const { records } = await world(t)
  t.equal(await loadLease(records, key), undefined)
  const body: JobLease = { owner: 'a', expiresAt: 5, token: 't', takeovers: 2 }
  t.strictSame(leaseRecord(key), { project: 'p', partition: 'thread_1', kind: 'lease', id: 'run_1' })
  await records.write(leaseRecord(key), [{ op: 'put', kind: KIND.lease, id: 'run_1', body }])
  await records.write(leaseRecord(key), [{ op: 'put', kind: KIND.lease, id: 'run_1', body }])
  t.strictSame(await loadLease(records, key), { body, version: 2 })
  records.damage(KIND.lease, 'run_1')
  t.strictSame(await loadLease(records, key), { body: { owner: '', expiresAt: 0, token: '', takeovers: 0 }, version: 2 })
})
