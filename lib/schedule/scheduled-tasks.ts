import { randomUUID } from 'node:crypto'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { PartitionKey, PutItem, RecordStore, WriteItem } from '../../storage/record-store.js'

/**
 * What has to be done at a given time, whether or not the process that scheduled it still runs:
 *
 * - `bytes`: no record owns these bytes (yet); remove them. The task is written before the bytes are, and claimed in the very write
 *   that gives them an owner. So there are no bytes without either an owner or such a task.
 * - `deleted`: a file's record has been deleted; detach the file from what uses it, then remove its bytes.
 * - `file`: a file expires.
 * - `upload`: an upload expires, or has ended and its parts have to be removed.
 * - `store`: a vector store expires, unless it was used meanwhile.
 */
export type TaskType = 'bytes' | 'deleted' | 'file' | 'upload' | 'store'

export interface ScheduledTask {
  task: TaskType
  /** Of the file, the part, the upload or the vector store. */
  id: string
  /** Unix seconds. */
  at: number
  /** Of a `bytes` task: the process that receives the bytes (`PROCESS_ID`). */
  by?: string
}

/** Tells this process apart from those before it. */
export const PROCESS_ID = randomUUID()

/** The id of a task's record. */
export const taskRecordId = ({ task, id }: Pick<ScheduledTask, 'task' | 'id'>): string => `${task} ${id}`

/** Schedules a task, in place of one of the same type and id. */
export const scheduleTask = (task: ScheduledTask): PutItem => ({ op: 'put', kind: KIND.scheduledTask, id: taskRecordId(task), body: task })

/** Removes a task that is done or no longer needed. */
export const removeTask = (task: TaskType, id: string): WriteItem => ({ op: 'delete', kind: KIND.scheduledTask, id: taskRecordId({ task, id }) })

/** As `removeTask`, for a batch that must fail when the task was already carried out. */
export const claimTask = (task: TaskType, id: string): WriteItem => ({ op: 'delete', kind: KIND.scheduledTask, id: taskRecordId({ task, id }), expect: 1 })

/** Where a project's files, uploads and scheduled tasks are kept. */
export const filesPartition = (project: string): PartitionKey => ({ project, partition: PARTITION.files })

/** Adds the project to those that the sweeper visits. Must precede the first task that is scheduled in it. */
export async function registerFileProject (records: RecordStore, project: string): Promise<void> {
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.fileProjects }, [{ op: 'put', kind: KIND.fileProject, id: project, body: {} }])
}
