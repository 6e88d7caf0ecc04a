import { test, type Test } from 'tap'
import { indexJob, jobKeyOf, leaseRecord, loadLease, parkJob, unindexJob, unparkJob, visitActiveJobs, type FoundJob, type JobLease } from '../../lib/runs/lease.js'
import { ACTIVE_RUNS, activeRunsOf, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { DamagedRecordError } from '../../storage/record-store.js'
import { DamagedStore } from '../runs/helpers/damaged-store.js'

const key = { dialect: 'assistants', project: 'p', partition: 'thread_1', jobId: 'run_1' }
const other = { dialect: 'notes', project: 'q', partition: 'notebook_1', jobId: 'job_1' }
/** Where versions before the index was split have all entries. */
const OLD = { project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }

async function world (t: Test) {
  const records = new DamagedStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const damaged: DamagedRecordError[] = []
  const entries = async (): Promise<FoundJob[]> => {
    const found: FoundJob[] = []
    await visitActiveJobs(records, error => damaged.push(error), async entry => found.push(entry) > 0)
    return found.sort((a, b) => a.body.created - b.body.created)
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
  t.strictSame((await entries()).map(({ id }) => id), ['run_1'])
})

test('the index is spread over its partitions by the ids of jobs, so that no reader and no store has all of it in one place', async t => {
  const { records, entries } = await world(t)
  const ids = Array.from({ length: 1600 }, (_, n) => `run_${n}`)
  for (const jobId of ids) await indexJob(records, { ...key, jobId }, 0)
  t.strictSame((await entries()).map(({ id }) => id).sort(), ids.toSorted())
  const sizes = await Promise.all(ACTIVE_RUNS.map(async partition => (await records.page({ project: SYSTEM_PROJECT, partition, kind: KIND.activeRun, order: 'asc', limit: 1600 })).records.length))
  t.equal(sizes.reduce((sum, size) => sum + size), 1600)
  t.ok(Math.max(...sizes) < 150, `${sizes.join(' ')}: 100 each would be even`)
  t.equal(sizes.filter(size => size > 50).length, 16)
})

test('a job enters the index, waits, goes on and leaves it with one call of the store each, and one to look where nothing is to be changed', async t => {
  const { records } = await world(t)
  const calls: string[] = []
  const get = records.get.bind(records)
  const write = records.write.bind(records)
  records.get = async key => { calls.push('get'); return await get(key) }
  records.write = async (...args) => { calls.push('write'); return await write(...args) }
  await indexJob(records, key, 1000)
  await unparkJob(records, 'run_1')
  await unindexJob(records, 'run_1')
  t.strictSame(calls, ['write', 'get', 'write'])
})

test('an entry of a version that had one partition for all of them is found, put aside, woken and removed like any other', async t => {
  const { records, entries } = await world(t)
  await records.write(OLD, [{ op: 'put', kind: KIND.activeRun, id: 'run_0', body: { project: 'p', thread_id: 'thread_0', created: 500 } }])
  await indexJob(records, key, 1000)
  t.strictSame((await entries()).map(({ id }) => id), ['run_0', 'run_1'])
  const [seen] = await entries()
  await parkJob(records, seen!, 5000)
  t.equal((await entries())[0]!.body.due, 5000)
  await unparkJob(records, 'run_0')
  t.equal((await entries())[0]!.body.due, undefined)
  await unindexJob(records, 'run_0', seen)
  t.strictSame((await entries()).map(({ id }) => id), ['run_1'])
  t.strictSame((await records.page({ ...activeRunsOf('run_0'), kind: KIND.activeRun, order: 'asc', limit: 10 })).records.filter(({ id }) => id === 'run_0'), [], 'and has not moved')
})

test('parts of the index are walked side by side, so that a look at one job does not wait for that at another, and a few at a time', async t => {
  const { records } = await world(t)
  const ids = Array.from({ length: 200 }, (_, n) => `run_${n}`)
  for (const jobId of ids) await indexJob(records, { ...key, jobId }, 0)
  const seen: string[] = []
  let [now, most] = [0, 0]
  await visitActiveJobs(records, () => {}, async ({ id }) => {
    most = Math.max(most, ++now)
    await new Promise(resolve => setImmediate(resolve))
    now--
    seen.push(id)
    return true
  })
  t.strictSame(seen.sort(), ids.toSorted())
  t.equal(most, 4)
})

test('a walk of the index ends where it is to end, and where a look fails, once those under way are done', async t => {
  const { records } = await world(t)
  for (let n = 0; n < 200; n++) await indexJob(records, { ...key, jobId: `run_${n}` }, 0)
  for (const outcome of ['false', 'throws'] as const) {
    let [began, ended] = [0, 0]
    const walk = visitActiveJobs(records, () => {}, async () => {
      const isThird = ++began === 3
      await new Promise(resolve => setImmediate(resolve))
      ended++
      if (isThird && outcome === 'throws') throw new Error('away')
      return !isThird
    })
    if (outcome === 'throws') await t.rejects(walk, { message: 'away' })
    else await walk
    t.equal(ended, began, 'no look is under way any more')
    t.ok(began >= 3 && began <= 2 + 4, `${began} of 200 were looked at`)
  }
})

test('an id has the same place in the index in every version from now on', t => {
  t.strictSame(['', 'run_1', 'run_abc123', 'run_é'].map(id => activeRunsOf(id).partition), ['active-runs 9', 'active-runs 8', 'active-runs 3', 'active-runs 3'])
  t.end()
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
