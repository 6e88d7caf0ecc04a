import { randomUUID } from 'node:crypto'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { PartitionKey, RecordStore, WriteItem } from '../../storage/record-store.js'

/**
 * What has to be done at a time, whether or not the process that knew of it still lives:
 *
 * - `bytes`: nobody owns these bytes (yet); remove them. Written before the bytes are, and withdrawn in the very write that
 *   gives them an owner. So there are no bytes without either an owner or such an entry.
 * - `deleted`: a file's record is gone; tell who used it, then remove the bytes.
 * - `file`: a file expires.
 * - `upload`: an upload expires, or has ended and its parts go.
 * - `store`: a vector store expires, unless it was used meanwhile.
 */
export type DueTask = 'bytes' | 'deleted' | 'file' | 'upload' | 'store'

export interface Due {
  task: DueTask
  /** Of the file, the part, the upload or the vector store. */
  id: string
  /** Unix seconds. */
  at: number
  /** Which process takes the bytes in. */
  by?: string
}

/** Tells this process from earlier ones. */
export const INSTANCE = randomUUID()

/** The id of an entry's record. */
export const dueName = ({ task, id }: Omit<Due, 'at'>): string => `${task} ${id}`

export const putDue = (due: Due): WriteItem => ({ op: 'put', kind: KIND.due, id: dueName(due), body: due })

/** The entry is done with. */
export const endDue = (task: DueTask, id: string): WriteItem => ({ op: 'delete', kind: KIND.due, id: dueName({ task, id }) })

/** As `endDue`, for a batch that must fail when somebody else has dealt with the entry. */
export const withdrawDue = (task: DueTask, id: string): WriteItem => ({ op: 'delete', kind: KIND.due, id: dueName({ task, id }), expect: 1 })

export const filesOf = (project: string): PartitionKey => ({ project, partition: PARTITION.files })

/** Makes the project known to the sweep, before it has anything that could be swept. */
export async function enterFileProject (records: RecordStore, project: string): Promise<void> {
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.fileProjects }, [{ op: 'put', kind: KIND.fileProject, id: project, body: {} }])
}
