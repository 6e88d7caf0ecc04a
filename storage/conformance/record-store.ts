import { lifecycleTests } from './record-store/lifecycle.js'
import { modelTests } from './record-store/model.js'
import { notificationTests } from './record-store/notifications.js'
import { pageTests } from './record-store/pages.js'
import { recordTests } from './record-store/records.js'
import type { Suite } from './record-store/suite.js'
import { writeTests } from './record-store/writes.js'

export type { StoreFactory, Suite } from './record-store/suite.js'

/**
 * What every `RecordStore` has to do. A backend's test file is a factory, this call, and what is unique to it.
 * Tests that need other instances or a restart run where `supports` says that the store has them.
 */
export function recordStoreSuite (suite: Suite): void {
  recordTests(suite)
  pageTests(suite)
  writeTests(suite)
  modelTests(suite)
  lifecycleTests(suite)
  notificationTests(suite)
}
