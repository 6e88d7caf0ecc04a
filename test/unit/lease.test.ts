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

t.test('a claim is known by what the store keeps of it, which is no field without a value', async t => {
  const { a } = await twoInstances(t)
  const lease = (await a.claim<Job & { payer?: object | undefined }>(key, undefined, { ...a.terms(), takeovers: 0, payer: { key: undefined } }))!
  t.equal(await lease.refresh(), true)
  t.equal(await lease.renew(), true)
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

/** A lease of another instance as it is read, in the version and with the expiry that are given. */
const foreign = (expiresAt: number, version = 1) => ({ body: { owner: 'another', expiresAt }, version })

t.test('a lease is one\'s own until the moment it expires, by the clock that it was written with', async t => {
  const { clock, a } = await twoInstances(t)
  const lease = { body: a.terms(), version: 1 }
  await clock.advance(14_999)
  t.equal(a.isAlive(key, lease), true)
  t.equal(a.isHeld(lease.body), true)
  await clock.advance(1)
  t.equal(a.isAlive(key, lease), false)
  t.equal(a.isHeld(lease.body), false)
  t.equal(a.isAlive(key, { body: { owner: null, expiresAt: Infinity }, version: 1 }), false, 'one without an owner is free')
  t.equal(a.leaseMs, 15_000)
})

for (const [what, expiresAt, free] of [['has not expired by its date', Infinity, 15_000], ['has expired by its date', 0, 6000]] as const) {
  t.test(`a lease of another instance that ${what} is free when it was not renewed for ${free} ms`, async t => {
    const { clock, a } = await twoInstances(t)
    await clock.advance(100_000)
    t.equal(a.isAlive(key, foreign(expiresAt)), true, 'seen for the first time')
    await clock.advance(free - 1)
    t.equal(a.isAlive(key, foreign(expiresAt)), true)
    t.equal(a.isAlive(key, foreign(expiresAt, 2)), true, 'renewed')
    await clock.advance(free - 1)
    t.equal(a.isAlive(key, foreign(expiresAt, 2)), true)
    await clock.advance(1)
    t.equal(a.isAlive(key, foreign(expiresAt, 2)), false)
  })
}

t.test('a lease that expires while it is watched is free as soon as it was watched for long enough', async t => {
  const { clock, a } = await twoInstances(t)
  const expiresAt = clock.now() + 7000
  t.equal(a.isAlive(key, foreign(expiresAt)), true)
  await clock.advance(6999)
  t.equal(a.isAlive(key, foreign(expiresAt)), true)
  await clock.advance(1)
  t.equal(a.isAlive(key, foreign(expiresAt)), false)
})

t.test('leases are watched each for itself', async t => {
  const { clock, a } = await twoInstances(t)
  a.isAlive(key, foreign(0))
  await clock.advance(6000)
  for (const other of [{ project: 'q' }, { partition: 'thread_2' }, { kind: 'job' }, { id: 'run_2' }]) t.equal(a.isAlive({ ...key, ...other }, foreign(0)), true)
  t.equal(a.isAlive(key, foreign(0)), false)
})

t.test('of more than ten thousand leases those are forgotten that were not asked for during a lease', async t => {
  const { clock, a } = await twoInstances(t)
  const ask = (id: string): boolean => a.isAlive({ ...key, id }, foreign(0))
  for (const id of ['left', 'kept']) t.equal(ask(id), true)
  await clock.advance(1)
  t.equal(ask('kept'), true)
  for (let i = 0; i < 9997; i++) ask(`${i}`)
  await clock.advance(15_000)
  t.equal(ask('the last that fits'), true)
  t.equal(ask('kept'), false, 'there was room: nothing is forgotten')
  t.equal(ask('0'), false)
  ask('one more')
  t.equal(ask('kept'), false, 'asked for no longer ago than a lease')
  t.equal(ask('left'), true, 'it is watched anew')
  t.equal(ask('1'), false)
})

t.test('what a lease says about its record is what its writes expect', async t => {
  const { records, a, claim } = await twoInstances(t)
  const lease = (await claim(a))!
  t.strictSame(lease.check(), { op: 'check', kind: 'lease', id: 'run_1', expect: 1 })
  t.strictSame(lease.remove(), { op: 'delete', kind: 'lease', id: 'run_1', expect: 1 })
  await lease.renew()
  t.strictSame(lease.check(), { op: 'check', kind: 'lease', id: 'run_1', expect: 2 })
  t.strictSame((await records.get<Job>(key))!.body, lease.body)
})
