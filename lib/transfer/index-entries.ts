import type { Run } from '../../schemas/runs.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { runKey } from '../dialects/assistants/records.js'
import { isActive } from '../dialects/assistants/state.js'
import { indexJob } from '../runs/lease.js'
import { activate, enterUses } from '../vector-stores/records.js'
import type { RecordLine } from './lines.js'

/**
 * The entries of indexes across partitions that a record needs, written before it as everywhere else, so that nothing is
 * ever without its entry. They follow from the record, and are no part of an export.
 */
export class IndexEntries {
  readonly #records: RecordStore
  readonly #now: () => number
  readonly #known = new Set<string>()

  constructor (records: RecordStore, now: () => number) {
    this.#records = records
    this.#now = now
  }

  async prepare (line: RecordLine): Promise<void> {
    const { project, partition, kind, id, body } = line
    await this.#enter(SYSTEM_PROJECT, PARTITION.projects, KIND.project, project)
    if (partition === PARTITION.files) await this.#enter(SYSTEM_PROJECT, PARTITION.fileProjects, KIND.fileProject, project)
    if (kind === KIND.thread && id === partition) await this.#enter(project, PARTITION.threads, KIND.thread, id)
    if (kind === KIND.vectorStoreFile) await enterUses(this.#records, { project, storeId: partition }, [id])
    if (kind === KIND.vectorStore && id === partition) {
      await this.#enter(project, PARTITION.vectorStores, KIND.vectorStore, id)
      await activate(this.#records, { project, storeId: id }, this.#now())
    }
    if (kind === KIND.run && isActive((body as Run).status)) await indexJob(this.#records, runKey(project, partition, id), this.#now())
  }

  /** An entry without a body; of projects, of which there are few, those that were entered are remembered. */
  async #enter (project: string, partition: string, kind: string, id: string): Promise<void> {
    const name = `${partition} ${id}`
    if (project === SYSTEM_PROJECT && this.#known.has(name)) return
    await this.#records.write({ project, partition }, [{ op: 'put', kind, id, body: {}, expect: 'absent' }])
    if (project === SYSTEM_PROJECT) this.#known.add(name)
  }
}
