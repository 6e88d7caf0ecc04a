import { eachPage, type RecordsQuery } from '../../storage/each-record.js'
import { ACTIVE_RUNS, DEFAULT_PROJECT, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { DamagedRecordError, PartitionKey, RecordStore, StoredRecord } from '../../storage/record-store.js'

const SYSTEM = [
  ...ACTIVE_RUNS.map(partition => [partition, KIND.activeRun] as const), [PARTITION.fileProjects, KIND.fileProject], [PARTITION.activeVectorStores, KIND.activeVectorStore]
] as const
const THREAD = [KIND.thread, KIND.code, KIND.lock, KIND.lease, KIND.message]
const OF_RUN = [KIND.runInclude, KIND.runMessage, KIND.turn, KIND.step, KIND.events]
const STORE = [KIND.vectorStore, KIND.vectorStoreBatch, KIND.vectorStoreEntry, KIND.vectorStoreJob]

/** Called for each record that cannot be read. */
type OnDamaged = (error: DamagedRecordError) => void

/** Reads everything that the server would read, and tells of what cannot be read. Returns how many records can. */
export async function findDamage (records: RecordStore, onDamaged: OnDamaged): Promise<number> {
  let count = 0
  /** The ids of all records of one kind and parent, damaged ones included. */
  async function * ids (query: RecordsQuery, look?: (record: StoredRecord) => Promise<unknown>): AsyncGenerator<string> {
    const damaged: string[] = []
    const told = (error: DamagedRecordError): void => {
      damaged.push(error.key.id)
      onDamaged(error)
    }
    for await (const page of eachPage(records, query, { onDamaged: told })) {
      count += page.length
      for (const record of page) {
        await look?.(record)
        yield record.id
      }
    }
    yield * damaged
  }
  const read = async (query: RecordsQuery, look?: (record: StoredRecord) => Promise<unknown>): Promise<void> => {
    const all = ids(query, look)
    while ((await all.next()).done !== true);
  }
  const readAll = async (key: PartitionKey, kinds: readonly string[]): Promise<void> => {
    for (const kind of kinds) await read({ ...key, kind })
  }

  for (const [partition, kind] of SYSTEM) await read({ project: SYSTEM_PROJECT, partition, kind })
  const projects = new Set([DEFAULT_PROJECT])
  for await (const project of ids({ project: SYSTEM_PROJECT, partition: PARTITION.projects, kind: KIND.project })) projects.add(project)
  for (const project of projects) {
    await read({ project, partition: PARTITION.assistants, kind: KIND.assistant })
    await read({ project, partition: PARTITION.usage, kind: KIND.usageDay })
    const files = { project, partition: PARTITION.files }
    await readAll(files, [KIND.file, KIND.scheduledTask])
    for await (const upload of ids({ ...files, kind: KIND.upload })) await read({ ...files, kind: KIND.uploadPart, parent: upload })
    for await (const partition of ids({ project, partition: PARTITION.vectorStores, kind: KIND.vectorStore })) {
      const store = { project, partition }
      await readAll(store, STORE)
      await read({ ...store, kind: KIND.vectorStoreFile }, async ({ body }) => {
        const { generation } = body as { generation: string | null }
        if (generation !== null) await read({ ...store, kind: KIND.vectorStoreChunk, parent: generation })
      })
    }
    for await (const partition of ids({ project, partition: PARTITION.threads, kind: KIND.thread })) {
      const thread = { project, partition }
      await readAll(thread, THREAD)
      for await (const run of ids({ ...thread, kind: KIND.run })) for (const kind of OF_RUN) await read({ ...thread, kind, parent: run })
    }
  }
  return count
}
