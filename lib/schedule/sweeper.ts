import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { unixSeconds, type Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { PeriodicTask, Timer } from '../shared/timers.js'
import { filesPartition, PROCESS_ID, type ScheduledTask, type TaskType } from './scheduled-tasks.js'

/** The services of a project that carry out its scheduled tasks. Each task may be carried out more than once. */
export interface SweptProject {
  files: { expire (id: string): Promise<void>, afterDeletion (id: string): Promise<void>, discard (file: { id: string }): Promise<void> }
  uploads: { settle (id: string): Promise<void> }
  vectorStores: { stores: { expire (id: string): Promise<void> } }
}

export interface SweeperOptions {
  records: RecordStore
  clock: Clock
  log: Logger
  project (name: string): SweptProject
}

const INTERVAL_MS = 10 * 60 * 1000
/** After work that could not be done, and twice as long each time it fails again. The most is what it may be late once it can be done. */
const RETRY_MS = { first: 1000, most: 60_000 }

/**
 * Carries out the scheduled tasks of all projects when their time has come: expired files and vector stores, ended uploads, and bytes
 * that a process left behind when it died. Any number of instances may sweep at the same time.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #sweeps: PeriodicTask
  /** Whether bytes that earlier processes were receiving will never get an owner. */
  #hasExclusiveStore = false
  readonly #retry: Timer
  #retryMs = RETRY_MS.first
  #isSweeping = false
  #isStopped = false

  constructor (options: SweeperOptions) {
    const { clock, log } = options
    this.#options = options
    this.#retry = new Timer(clock)
    this.#sweeps = new PeriodicTask({
      clock,
      intervalMs: INTERVAL_MS,
      run: async signal => await this.#sweep(signal),
      onError: err => log.error({ err }, 'scheduled tasks could not be read; the next sweep tries again')
    })
  }

  /**
   * Sweeps now, without waiting for the end, and every ten minutes until `stop()`.
   *
   * @param alone whether no other instance uses this store.
   */
  start (alone: boolean): void {
    this.#hasExclusiveStore = alone
    this.#sweeps.runNow().catch(() => {})
  }

  /** A task that is due was left undone, for want of a store perhaps: sweeps in a second, and less and less often until nothing is left. */
  soon (): void {
    if (this.#isStopped) return
    this.#retry.set(this.#retryMs, () => {
      // The one under way may have passed the task by.
      if (this.#isSweeping) this.soon()
      else this.#sweeps.runNow().catch(() => {})
    })
  }

  /** Resolves when the sweep under way, if any, has ended. */
  async stop (): Promise<void> {
    this.#isStopped = true
    this.#retry.clear()
    await this.#sweeps.stop()
  }

  async #sweep (signal: AbortSignal): Promise<void> {
    this.#isSweeping = true
    let isClean = false
    try {
      isClean = await this.#carryOutAll(signal)
    } finally {
      this.#isSweeping = false
      this.#retryMs = isClean ? RETRY_MS.first : Math.min(this.#retryMs * 2, RETRY_MS.most)
      if (!isClean) this.soon()
    }
  }

  /** Whether all that is due was done. */
  async #carryOutAll (signal: AbortSignal): Promise<boolean> {
    const { records, log } = this.#options
    let isClean = true
    const onDamaged = (err: unknown): void => log.error({ err }, 'a scheduled task cannot be read, and is left as it is')
    for await (const { id: project } of eachRecord(records, { project: SYSTEM_PROJECT, partition: PARTITION.fileProjects, kind: KIND.fileProject }, { onDamaged })) {
      for await (const { body: task } of eachRecord<ScheduledTask>(records, { ...filesPartition(project), kind: KIND.scheduledTask }, { onDamaged })) {
        if (signal.aborted) return isClean
        if (this.#isDue(task) && !await this.#carryOut(project, task)) isClean = false
      }
    }
    return isClean
  }

  #isDue ({ at, task, by }: ScheduledTask): boolean {
    return at <= unixSeconds(this.#options.clock) || (this.#hasExclusiveStore && task === 'bytes' && by !== PROCESS_ID)
  }

  /** Whether it was done. */
  async #carryOut (name: string, { task, id }: ScheduledTask): Promise<boolean> {
    const { files, uploads, vectorStores } = this.#options.project(name)
    const work: Record<TaskType, () => Promise<void>> = {
      bytes: async () => await files.discard({ id }),
      deleted: async () => await files.afterDeletion(id),
      file: async () => await files.expire(id),
      upload: async () => await uploads.settle(id),
      store: async () => await vectorStores.stores.expire(id)
    }
    try {
      await work[task]()
      return true
    } catch (err) {
      this.#options.log.error({ err, project: name, task, id }, 'a scheduled task failed; it is tried again')
      return false
    }
  }
}
