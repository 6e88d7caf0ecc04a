import { createHash } from 'node:crypto'
import { KIND, PARTITION } from '../../../storage/layout.js'
import type { RecordKey, RecordStore } from '../../../storage/record-store.js'

/** How far a pull has come through the threads. */
export interface Progress {
  /** Threads that are done, counted from the first. */
  threads: number
  /** The last one of them. */
  last: string
}

/** Threads between two notes: what a pull that breaks off may have to read again. */
const EVERY = 20

/** Where a pull from one server into one project goes on after it broke off. The note lies in the store that is filled, and goes when the pull is done. */
export class Checkpoint {
  readonly #records: RecordStore
  readonly #key: RecordKey

  constructor (records: RecordStore, project: string, source: string) {
    this.#records = records
    this.#key = { project, partition: PARTITION.pulls, kind: KIND.pull, id: createHash('sha256').update(source).digest('hex').slice(0, 32) }
  }

  async load (): Promise<Progress | undefined> {
    return (await this.#records.get<Progress>(this.#key))?.body
  }

  async reached (progress: Progress): Promise<void> {
    if (progress.threads % EVERY === 0) await this.save(progress)
  }

  async save (progress: Progress): Promise<void> {
    const { kind, id, ...partition } = this.#key
    await this.#records.write(partition, [{ op: 'put', kind, id, body: progress }])
  }

  async clear (): Promise<void> {
    const { kind, id, ...partition } = this.#key
    await this.#records.write(partition, [{ op: 'delete', kind, id }])
  }
}
