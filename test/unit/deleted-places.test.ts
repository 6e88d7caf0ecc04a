import { test } from 'tap'
import { placeOfDeleted, rememberPlace } from '../../storage/deleted-places.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'

const PARTITION = { project: 'p', partition: 'things' }

test('the places of deleted records are kept, of each kind only the newest', async t => {
  const records = new MemoryRecordStore()
  await records.connect()
  const remembered = async (kind: string, parent: string, ...ids: string[]): Promise<(number | undefined)[]> =>
    await Promise.all(ids.map(async id => await placeOfDeleted(records, PARTITION, kind, parent, id)))
  for (const [kind, count] of [['thing', 8], ['other', 1]] as const) {
    for (let n = 1; n <= count; n++) {
      const id = `${kind}-${n}`
      await records.write(PARTITION, [{ op: 'put', kind, id, parent: 'a', body: {} }])
      const record = await records.get({ ...PARTITION, kind, id })
      t.equal(await records.write(PARTITION, [{ op: 'delete', kind, id, expect: 1 }, ...await rememberPlace(records, record!, 3)]), true)
    }
  }
  t.strictSame((await remembered('thing', 'a', 'thing-1', 'thing-5', 'thing-6', 'thing-8')).map(place => place !== undefined), [false, false, true, true])
  t.strictSame((await remembered('other', 'a', 'other-1')).map(place => place !== undefined), [true], 'another kind pushes none out')
  t.strictSame(await remembered('thing', 'b', 'thing-8'), [undefined], 'a record of another list')
  t.strictSame(await remembered('other', 'a', 'thing-8'), [undefined], 'a record of another kind')
  const { records: kept } = await records.page({ ...PARTITION, kind: 'deleted', parent: 'thing', order: 'asc', limit: 100 })
  t.equal(kept.length, 3)
  await records.disconnect()
})

test('an object that is there again and deleted again stands at its last place', async t => {
  const records = new MemoryRecordStore()
  await records.connect()
  const places = []
  for (let n = 0; n < 2; n++) {
    await records.write(PARTITION, [{ op: 'put', kind: 'thing', id: 'x', body: {} }])
    const record = await records.get({ ...PARTITION, kind: 'thing', id: 'x' })
    // One that is forgotten makes room for another, not for itself.
    t.equal(await records.write(PARTITION, [{ op: 'delete', kind: 'thing', id: 'x' }, ...await rememberPlace(records, record!, 1)]), true)
    places.push(record!.position)
    t.equal(await placeOfDeleted(records, PARTITION, 'thing', '', 'x'), places[n])
  }
  t.ok(places[1]! > places[0]!)
  await records.disconnect()
})

test('objects that are made and deleted again and again do not keep the places of others from being forgotten', async t => {
  const records = new MemoryRecordStore()
  await records.connect()
  const remove = async (id: string): Promise<void> => {
    await records.write(PARTITION, [{ op: 'put', kind: 'thing', id, body: {} }])
    const record = await records.get({ ...PARTITION, kind: 'thing', id })
    t.equal(await records.write(PARTITION, [{ op: 'delete', kind: 'thing', id }, ...await rememberPlace(records, record!, 5)]), true)
  }
  for (let n = 1; n <= 6; n++) {
    for (const id of ['a', 'b', 'c', 'd', `once-${n}`]) await remove(id)
  }
  const { records: kept } = await records.page({ ...PARTITION, kind: 'deleted', parent: 'thing', order: 'asc', limit: 100 })
  t.strictSame(kept.map(({ id }) => id), ['a', 'b', 'c', 'd', 'once-6'], 'those that were deleted last, in that order')
  await records.disconnect()
})
