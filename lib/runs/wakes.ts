import type { RecordStore } from '../../storage/record-store.js'
import { isUncertain } from '../shared/certain-store.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { unparkJob } from './lease.js'

/** How long a store may take to carry out a write that was given up, in milliseconds: as long as a table may be locked. */
const DOUBT_MS = 10 * 60 * 1000

/**
 * Wakes jobs that wait for their clients, and remembers those of which it is unknown whether they go on: the write that was to wake them
 * had no answer, and may be carried out after recovery has put the job aside until it is due. This instance looks at them all the same.
 */
export class Wakes {
  readonly #services: { records: RecordStore, clock: Clock, log: Logger }
  /** Ids of jobs, and until when they are looked at. */
  readonly #doubtful = new Map<string, number>()

  constructor (services: { records: RecordStore, clock: Clock, log: Logger }) {
    this.#services = services
  }

  /** Writes to a job that may be waiting for its client, so that recovery sees that it goes on. */
  async wake<T> (jobId: string, write: () => Promise<T>): Promise<T> {
    const { records, clock, log } = this.#services
    await unparkJob(records, jobId)
    const result = await write().catch((error: unknown) => {
      if (isUncertain(error)) this.#doubtful.set(jobId, clock.now() + DOUBT_MS)
      throw error
    })
    // What was written stands. If this instance dies now, recovery looks at the run when it is due at the latest.
    await unparkJob(records, jobId).catch(error => log.warn({ err: error, run_id: jobId }, 'the index entry of a run could not be updated'))
    return result
  }

  /** Whether it is unknown if a job that waits goes on. */
  isDoubtful (jobId: string): boolean {
    return (this.#doubtful.get(jobId) ?? 0) > this.#services.clock.now()
  }

  /** Forgets the doubts that are over, and those about jobs that are none of these active ones. */
  settle (active: ReadonlySet<string>): void {
    for (const id of this.#doubtful.keys()) if (!active.has(id) || !this.isDoubtful(id)) this.#doubtful.delete(id)
  }
}
