import type { RecordStore } from '../../storage/record-store.js'
import { DEFAULT_PROJECT } from '../../storage/layout.js'
import { systemClock, type Clock } from '../clock.js'
import type { Scope } from '../scope.js'
import { Assistants } from './assistants.js'
import { Messages } from './messages.js'
import { Threads } from './threads.js'

/**
 * Assistants, threads and messages of one project, whatever the store. The services throw an `ApiError` for what
 * does not exist.
 */
export class ThreadManager {
  readonly scope: Scope
  readonly assistants: Assistants
  readonly threads: Threads
  readonly messages: Messages

  constructor (records: RecordStore, options: { project?: string, clock?: Clock } = {}) {
    this.scope = { records, project: options.project ?? DEFAULT_PROJECT, clock: options.clock ?? systemClock }
    this.assistants = new Assistants(this.scope)
    this.threads = new Threads(this.scope)
    this.messages = new Messages(this.scope)
  }

  /** The same store seen by another project. */
  forProject (project: string): ThreadManager {
    return new ThreadManager(this.scope.records, { project, clock: this.scope.clock })
  }
}
