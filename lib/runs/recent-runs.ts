import type { ByteBudget, Holding } from '../shared/byte-budget.js'
import { approximateBytes } from '../shared/size.js'
import type { JobKey } from './job.js'

/** What is remembered of a run: an execution under way, whose body moves on, or the body that is left of one. */
interface Recent {
  readonly key: JobKey
  readonly body: object
}

/** Runs that can be looked up without the store: the last ones that were created, answered or taken over here, as far as there is room. */
export class RecentRuns {
  readonly #budget: ByteBudget
  readonly #most: number
  readonly #runs = new Map<string, { run: Recent, holding?: Holding }>()

  /**
   * @param budget pays for runs that are not executed any more.
   * @param most how many are remembered.
   */
  constructor (budget: ByteBudget, most: number) {
    this.#budget = budget
    this.#most = most
  }

  /** The run as it is now, unless it was forgotten. */
  find ({ project, partition, jobId }: JobKey): object | undefined {
    const run = this.#runs.get(jobId)?.run
    return run?.key.project === project && run.key.partition === partition ? run.body : undefined
  }

  /** Remembers a run that is executed. */
  remember (execution: Recent): void {
    const { jobId } = execution.key
    this.#forget(jobId)
    this.#runs.set(jobId, { run: execution })
    const [oldest] = this.#runs.keys()
    if (this.#runs.size > this.#most && oldest !== undefined) this.#forget(oldest)
  }

  /** Keeps the body alone of an execution that has stopped: its events and items are not to be held. */
  settle (execution: Recent): void {
    const { key, body } = execution
    if (this.#runs.get(key.jobId)?.run !== execution) return
    const entry: { run: Recent, holding?: Holding } = { run: { key, body } }
    this.#runs.set(key.jobId, entry)
    entry.holding = this.#budget.hold(key.project, approximateBytes(body), () => {
      if (this.#runs.get(key.jobId) === entry) this.#runs.delete(key.jobId)
    })
  }

  #forget (jobId: string): void {
    this.#runs.get(jobId)?.holding?.end()
    this.#runs.delete(jobId)
  }
}
