import { test } from 'tap'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { recordStoreSuite } from '../../storage/conformance/record-store.js'
import { home, put } from '../../storage/conformance/record-store/suite.js'

recordStoreSuite({ test, factory: async () => () => new MemoryRecordStore() })

test('records live as long as the object, across connects', async t => {
  const store = new MemoryRecordStore()
  await store.connect()
  await store.write(home, [put('m1')])
  await store.disconnect()
  await store.connect()
  t.ok(await store.get({ ...home, kind: 'message', id: 'm1' }))
})
