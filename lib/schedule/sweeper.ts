import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { unixSeconds, type Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { filesOf, INSTANCE, type Due } from './scheduled-tasks.js'

/** What the sweep needs of a project. */
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

/**
 * Does what is due about files and vector stores: expired ones, ended uploads, and bytes that a process which died had taken in or was
 * about to remove. Every task may be done twice, so any number of instances may sweep.
 */
export class FileSweeper {
  readonly #options: SweeperOptions
  #stopTimer: (() => void) | undefined
  #underWay: Promise<void> = Promise.resolve()
  #stopped = false

  constructor (options: SweeperOptions) {
    this.#options = options
  }

  /** @param alone nobody else works on this store, so what earlier processes have taken in is left for good. */
  start (alone: boolean): void {
    this.#underWay = this.sweep(alone)
    this.#wait()
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#stopTimer?.()
    await this.#underWay
  }

  /** Once through all projects. Never rejects. */
  async sweep (alone = false): Promise<void> {
    const { records, log } = this.#options
    try {
      for await (const { id: project } of eachRecord(records, { project: SYSTEM_PROJECT, partition: PARTITION.fileProjects, kind: KIND.fileProject })) {
        for await (const { body: due } of eachRecord<Due>(records, { ...filesOf(project), kind: KIND.due })) {
          if (this.#stopped) return
          if (this.#isDue(due, alone)) await this.#carryOut(project, due)
        }
      }
    } catch (err) {
      if (!this.#stopped) log.error({ err }, 'files could not be swept')
    }
  }

  #isDue ({ at, task, by }: Due, alone: boolean): boolean {
    return at <= unixSeconds(this.#options.clock) || (alone && task === 'bytes' && by !== INSTANCE)
  }

  async #carryOut (name: string, { task, id }: Due): Promise<void> {
    const { files, uploads, vectorStores } = this.#options.project(name)
    try {
      switch (task) {
        case 'bytes': return await files.discard({ id })
        case 'deleted': return await files.afterDeletion(id)
        case 'file': return await files.expire(id)
        case 'upload': return await uploads.settle(id)
        case 'store': return await vectorStores.stores.expire(id)
      }
    } catch (err) {
      this.#options.log.error({ err, project: name, id }, 'what was due could not be done; the next sweep tries again')
    }
  }

  #wait (): void {
    this.#stopTimer = this.#options.clock.after(INTERVAL_MS, () => {
      this.#underWay = this.#underWay.then(async () => await this.sweep()).finally(() => { if (!this.#stopped) this.#wait() })
    })
  }
}
