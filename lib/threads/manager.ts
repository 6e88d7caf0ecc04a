import type { RecordStore } from '../../storage/record-store.js'
import { DEFAULT_PROJECT } from '../../storage/layout.js'
import { systemClock, type Clock } from '../clock.js'
import type { Scope } from '../scope.js'
import { Assistants } from './assistants.js'
import { rejectingLocks, type ThreadLocks } from './locks.js'
import { Messages } from './messages.js'
import { Threads } from './threads.js'

export interface ThreadManagerOptions {
  /** Default `default`. */
  project?: string
  clock?: Clock
  /** What happens to messages that come while a run is active. Default: they are refused. */
  locks?: ThreadLocks
}

/**
 * Assistants, threads and messages of one project, whatever the store. The services throw an `ApiError` for what
 * does not exist.
 */
export class ThreadManager {
  readonly scope: Scope
  readonly assistants: Assistants
  readonly threads: Threads
  readonly messages: Messages

  constructor (records: RecordStore, options: ThreadManagerOptions = {}) {
    this.scope = { records, project: options.project ?? DEFAULT_PROJECT, clock: options.clock ?? systemClock, locks: options.locks ?? rejectingLocks }
    this.assistants = new Assistants(this.scope)
    this.threads = new Threads(this.scope)
    this.messages = new Messages(this.scope)
  }

  /** The same store seen by another project. */
  forProject (project: string): ThreadManager {
    const { records, clock, locks } = this.scope
    return new ThreadManager(records, { project, clock, locks })
  }
}
