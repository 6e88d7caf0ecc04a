import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from './clock.js'
import type { ThreadLocks } from './thread-locks.js'

/**
 * What every domain service works in: the store, the time, and the one project whose records it can name. A service
 * has no way to spell a key of another project.
 */
export interface Scope {
  readonly records: RecordStore
  readonly clock: Clock
  readonly project: string
  readonly locks: ThreadLocks
}
