import t, { type Test } from 'tap'
import { Leases, type LeaseTerms } from '../../lib/shared/lease.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { ManualClock } from '../helpers/clock.js'

interface Job extends LeaseTerms {
  takeovers: number
}

const place = { project: 'p', partition: 'thread_1' }
const key = { ...place, kind: 'lease', id: 'run_1' }
const output = { op: 'put', kind: 'output', id: 'output', body: {} } as const

async function twoInstances (t: Test) {
  const clock = new ManualClock()
  const records = new MemoryRecordStore()
  await records.connect()
  t.teardown(async () => await records.disconnect())
  const options = { records, clock, leaseMs: 15_000 }
  const [a, b] = [new Leases(options), new Leases(options)]
  const claim = async (leases: Leases) => {
    const previous = await records.get<Job>(key)
    const takeovers = previous === undefined ? 0 : previous.body.takeovers + 1
    return await leases.claim<Job>(key, previous, { ...leases.terms(), takeovers })
  }
  return { clock, records, a, b, claim }
}

t.test('one of several instances that claim at the same time holds the lease', async t => {
  const { records, a, b } = await twoInstances(t)
  const claims = await Promise.all([a, b].map(async leases => await leases.claim<Job>(key, undefined, { ...leases.terms(), takeovers: 0 })))
  t.strictSame(claims.map(lease => lease !== undefined).sort(), [false, true])
  const { body } = (await records.get<Job>(key))!
  t.strictSame([a, b].map(leases => leases.isHeld(body)), [true, true])
  t.strictSame([a, b].map(leases => leases.isHeldElsewhere(body)).sort(), [false, true])
})

t.test('a renewed lease does not expire', async t => {
  const { clock, a, b, claim } = await twoInstances(t)
  const lease = (await claim(a))!
  await clock.advance(10_000)
  t.equal(await lease.renew(), true)
  await clock.advance(10_000)
  t.equal(b.isHeldElsewhere(lease.body), true)
  await clock.advance(5000)
  t.equal(b.isHeld(lease.body), false)
  t.equal(b.isHeld({ owner: null, expiresAt: Infinity }), false, 'a lease without an owner is free')
})

t.test('after a takeover nothing can be written under the old lease', async t => {
  const { clock, records, a, b, claim } = await twoInstances(t)
  const old = (await claim(a))!
  await clock.advance(15_000)
  const taken = (await claim(b))!
  t.equal(taken.body.takeovers, 1)
  t.equal(await old.renew(), false)
  t.equal(await old.refresh(), false)
  t.equal(await records.write(place, [old.check(), output]), false)
  t.equal(await records.write(place, [old.remove(), output]), false)
  t.equal(await records.write(place, [taken.check(), output]), true)
  t.equal(await records.write(place, [taken.remove()]), true)
  t.equal(await taken.refresh(), false, 'the work is done')
})

t.test('a claim, a renewal and further items are one write', async t => {
  const { records, a } = await twoInstances(t)
  const expectAbsent = { ...output, expect: 'absent' } as const
  const lease = (await a.claim<Job>(key, undefined, { ...a.terms(), takeovers: 0 }, [expectAbsent]))!
  t.equal(await lease.renew([expectAbsent]), false)
  t.equal(await lease.refresh(), true, 'the lease is still held: another expectation failed')
  t.equal(await lease.renew(), true)
  t.equal((await records.get(key))!.version, lease.version)
})

t.test('an instance finds its lease again after a write whose answer was lost, but not after another claim of its own', async t => {
  const { records, a, claim } = await twoInstances(t)
  const lease = (await claim(a))!
  const { body, version } = lease
  await records.write(place, [{ op: 'put', kind: key.kind, id: key.id, body: { ...body, expiresAt: body.expiresAt + 1 }, expect: version }])
  t.equal(await lease.renew(), false)
  t.equal(await lease.refresh(), true)
  t.equal(await lease.renew(), true)
  const again = (await claim(a))!
  t.equal(again.body.takeovers, 1)
  t.equal(await lease.refresh(), false)
})

t.test('a lease that was written with a larger batch can be held', async t => {
  const { records, a } = await twoInstances(t)
  const body: Job = { ...a.terms(), takeovers: 0 }
  await records.write(place, [output, { op: 'put', kind: key.kind, id: key.id, body, expect: 'absent' }])
  const lease = a.held(key, body)
  t.equal(await lease.put({ ...body, owner: null, expiresAt: 0 }), true)
  t.equal(a.isHeld((await records.get<Job>(key))!.body), false)
})
