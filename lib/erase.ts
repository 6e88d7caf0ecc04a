import { isDeepStrictEqual } from 'node:util'
import type { ErasedProject, ErasedThread, EraseThreadRequest } from '../schemas/erase.js'
import type { Message } from '../schemas/messages.js'
import { eachRecord } from '../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../storage/layout.js'
import type { RecordStore } from '../storage/record-store.js'
import type { ProjectApi } from './project-api.js'
import { ApiError } from './shared/errors.js'
import { daysOfAnswers } from './shared/idempotent-answers.js'
import type { Clock } from './shared/clock.js'
import { THREAD_STORE_EXPIRY } from './tools/file-search/resources.js'

/** How often a project is gone through: its clients may go on while it is erased, and one that never stops is not to hold us for ever. */
const ROUNDS = 3

/**
 * Removes a thread with everything that was made for it: messages, runs, the vector stores of its attachments, and its files. What fails may be
 * repeated: the thread goes last. Throws the 404.
 */
export async function eraseThread (api: ProjectApi, records: RecordStore, id: string, { files: which = 'made' }: EraseThreadRequest): Promise<ErasedThread> {
  const thread = await api.threads.get(id)
  const fileIds = new Set(thread.tool_resources.code_interpreter?.file_ids)
  for await (const { body } of eachRecord<Message>(records, { project: api.project, partition: id, kind: KIND.message })) for (const fileId of filesOf(body)) fileIds.add(fileId)
  let files = 0
  for (const fileId of fileIds) {
    const file = await api.files.find(fileId)
    if (file === undefined || (which === 'made' && file.purpose !== 'assistants_output')) continue
    if (await existed(async () => await api.files.delete(fileId))) files++
  }
  let vectorStores = 0
  for (const storeId of thread.tool_resources.file_search?.vector_store_ids ?? []) {
    const store = await api.vectorStores.stores.find(storeId)
    // One that was given to the thread belongs to others, too.
    if (store === undefined || !isDeepStrictEqual(store.expires_after, THREAD_STORE_EXPIRY)) continue
    if (await existed(async () => await api.vectorStores.stores.delete(storeId))) vectorStores++
  }
  await api.runs.deleteThread(id)
  return { id, object: 'thread.erased', erased: { files, vector_stores: vectorStores } }
}

/** All files that a message names. */
function filesOf ({ attachments, content }: Message): string[] {
  return [
    ...(attachments ?? []).flatMap(({ file_id: id }) => id ?? []),
    ...content.flatMap(part => {
      if (part.type === 'image_file') return [part.image_file.file_id]
      if (part.type !== 'text') return []
      return part.text.annotations.flatMap(annotation => annotation.type === 'file_path' ? [annotation.file_path.file_id] : [])
    })
  ]
}

/** Removes all that a project has, runs under way included. What its clients create meanwhile may stay: withdraw their keys first. */
export async function eraseProject (api: ProjectApi, records: RecordStore, clock: Clock): Promise<ErasedProject> {
  const { project } = api
  const erased = { assistants: 0, threads: 0, vector_stores: 0, uploads: 0, files: 0 }
  const kinds: [keyof typeof erased, partition: string, kind: string, remove: (id: string) => Promise<void>][] = [
    ['threads', PARTITION.threads, KIND.thread, async id => await api.runs.deleteThread(id)],
    ['assistants', PARTITION.assistants, KIND.assistant, async id => await api.assistants.delete(id)],
    ['vector_stores', PARTITION.vectorStores, KIND.vectorStore, async id => await api.vectorStores.stores.delete(id)],
    ['uploads', PARTITION.files, KIND.upload, async id => await api.uploads.erase(id)],
    ['files', PARTITION.files, KIND.file, async id => await api.files.delete(id)]
  ]
  for (let round = 0; round < ROUNDS; round++) {
    let found = 0
    for (const [name, partition, kind, remove] of kinds) {
      for await (const { id } of eachRecord(records, { project, partition, kind })) {
        if (await existed(async () => await remove(id))) erased[name]++
        // An entry of an index that points at nothing.
        else await records.write({ project, partition }, [{ op: 'delete', kind, id }])
        found++
      }
    }
    if (found === 0) break
  }
  // What remembers: ids of what was deleted, answers, counts, and how far pulls have come. Tasks among the files stay until they are done.
  const rest = [PARTITION.threads, PARTITION.assistants, PARTITION.vectorStores, PARTITION.fileUses, PARTITION.pulls, PARTITION.usage, PARTITION.activeRuns, ...daysOfAnswers(clock.now())]
  for (const partition of rest) await records.write({ project, partition }, [{ op: 'clear' }])
  for await (const { id } of eachRecord(records, { project, partition: PARTITION.files, kind: KIND.deleted, parent: KIND.file })) {
    await records.write({ project, partition: PARTITION.files }, [{ op: 'delete', kind: KIND.deleted, id }])
  }
  await records.write({ project, partition: PARTITION.files }, [{ op: 'delete', kind: KIND.stock, id: 'files' }])
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.projects }, [{ op: 'delete', kind: KIND.project, id: project }])
  return { id: project, object: 'project.erased', erased }
}

/** Throws the 404 unless the request names the key's own project: there is no other for it. */
export function refuseOtherProject (own: string, named: string): void {
  if (own !== named) throw new ApiError(404, 'No such project, or not that of your API key.', { param: 'project' })
}

/** False for what was not there. */
async function existed (remove: () => Promise<void>): Promise<boolean> {
  try {
    await remove()
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false
    throw error
  }
}
