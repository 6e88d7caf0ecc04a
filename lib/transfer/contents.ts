import { KIND, PARTITION } from '../../storage/layout.js'
import { eachRecord } from '../../storage/each-record.js'
import type { PartitionKey, RecordStore, StoredRecord } from '../../storage/record-store.js'
import type { FileBody } from '../vector-stores/records.js'
import type { SectionName } from './lines.js'

/**
 * What the partitions hold that is worth moving. Not moved is what only means something to running instances (leases,
 * events on their way to another instance), and indexes that follow from the records themselves (`index-entries.ts`).
 */
export interface Content {
  kind: string
  /** Kinds whose records have this one's id as parent. They come before it: nothing is found before it is whole. */
  children?: Content[]
  /** Their parent, when it is not the id; null when there are none. */
  parentOf?: (body: unknown) => string | null
  /** There are bytes under the record's id. */
  hasBytes?: true
  /** The kind of a record with the same id that makes this one findable in another list. It comes before it too. */
  companion?: string
}

/** How a section is found: in one partition of a fixed name, or in one for each entry of an index. */
export interface Section {
  name: SectionName
  partition: string
  /** The kind of the index's entries, whose ids are partitions. */
  index?: string
  contents: Content[]
}

/** Of one thread; its runs are a matter of their own (`export-runs.ts`). */
export const RUN_CONTENTS: Content[] = [{ kind: KIND.runInclude }, { kind: KIND.runMessage }, { kind: KIND.turn }, { kind: KIND.step }]

export const SECTION: Record<SectionName, Section> = {
  assistants: { name: 'assistants', partition: PARTITION.assistants, contents: [{ kind: KIND.assistant }] },
  files: {
    name: 'files',
    partition: PARTITION.files,
    contents: [{ kind: KIND.file, hasBytes: true, companion: KIND.fileOfPurpose }, { kind: KIND.storedFile }, { kind: KIND.upload, children: [{ kind: KIND.uploadPart, hasBytes: true }] }, { kind: KIND.scheduledTask }]
  },
  vector_stores: {
    name: 'vector_stores',
    partition: PARTITION.vectorStores,
    index: KIND.vectorStore,
    contents: [
      { kind: KIND.vectorStoreFile, children: [{ kind: KIND.vectorStoreChunk }], parentOf: body => (body as FileBody).generation },
      { kind: KIND.vectorStoreBatch },
      { kind: KIND.vectorStoreEntry },
      { kind: KIND.vectorStoreJob },
      { kind: KIND.vectorStore }
    ]
  },
  threads: { name: 'threads', partition: PARTITION.threads, index: KIND.thread, contents: [{ kind: KIND.thread }, { kind: KIND.code }, { kind: KIND.message }] },
  usage: { name: 'usage', partition: PARTITION.usage, contents: [{ kind: KIND.usageDay }] }
}

const kindsOf = (contents: readonly Content[]): string[] =>
  contents.flatMap(({ kind, companion, children = [] }) => [kind, ...companion === undefined ? [] : [companion], ...kindsOf(children)])

/** All kinds of records that an export holds. */
export const EXPORTED_KINDS: ReadonlySet<string> = new Set([...Object.values(SECTION).flatMap(({ contents }) => kindsOf(contents)), ...kindsOf(RUN_CONTENTS), KIND.run, KIND.lock])

export interface FoundRecord {
  record: StoredRecord
  content: Content
}

/** Few enough to be held in memory, even if they are long messages. */
const PAGE_LENGTH = 100

/** All records of one kind and parent, in order. */
export function recordsOf (records: RecordStore, key: PartitionKey, kind: string, parent = '', after?: number): AsyncGenerator<StoredRecord> {
  return eachRecord(records, { ...key, kind, parent }, { pageLength: PAGE_LENGTH, after })
}

/** What a partition holds, each record after its children. */
export async function * contentsOf (records: RecordStore, key: PartitionKey, contents: readonly Content[], parent = ''): AsyncGenerator<FoundRecord> {
  for (const content of contents) {
    for await (const record of recordsOf(records, key, content.kind, parent)) {
      const parentOfChildren = content.parentOf === undefined ? record.id : content.parentOf(record.body)
      if (content.children !== undefined && parentOfChildren !== null) yield * contentsOf(records, key, content.children, parentOfChildren)
      yield { record, content }
    }
  }
}
