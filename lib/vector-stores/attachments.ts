import type { Message } from '../../schemas/messages.js'
import type { ToolResources } from '../../schemas/tools.js'
import { badRequest } from '../errors.js'
import { requireFiles } from '../files/find.js'
import { extensionOf, isSupportedName } from '../retrieval/parse/detect.js'
import type { Scope } from '../scope.js'

/** How long a store that was made for a thread stays after its last use (API reference, "Create message", attachments). */
const THREAD_STORE_DAYS = 7

type Resources = ToolResources | null | undefined

/**
 * Puts what messages bring for file_search into their thread's vector store, which is made when there is none (any more). Returns the
 * thread's resources as they are then.
 */
export async function attachForSearch<T extends Resources> (scope: Scope, resources: T, messages: readonly Pick<Message, 'attachments'>[]): Promise<T | ToolResources> {
  const fileIds = [...new Set(messages.flatMap(message => message.attachments ?? [])
    .filter(({ tools }) => tools.some(tool => tool.type === 'file_search')).map(attachment => attachment.file_id))]
  const { stores } = scope
  if (fileIds.length === 0 || stores === undefined) return resources
  const unsupported = (await requireFiles(scope, fileIds)).filter(({ filename }) => !isSupportedName(filename)).map(({ filename }) => `.${extensionOf(filename)}`)
  if (unsupported.length > 0) {
    throw badRequest(`Files with extensions [${[...new Set(unsupported)].join(', ')}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search#supported-files`,
      { param: 'file_ids', code: 'unsupported_file' })
  }
  const [known] = resources?.file_search?.vector_store_ids ?? []
  const store = known === undefined ? undefined : await stores.stores.find(known)
  if (store !== undefined && store.status !== 'expired') {
    await stores.files.attach(store.id, fileIds.map(id => ({ file_id: id })))
    return resources
  }
  const made = await stores.stores.create({ file_ids: fileIds, expires_after: { anchor: 'last_active_at', days: THREAD_STORE_DAYS } })
  return { ...resources, file_search: { vector_store_ids: [made.id] } }
}

/** A run begins to use these stores. Throws the 400 when the time of one is over; what was deleted is passed over. */
export async function useStores (scope: Scope, ...resources: readonly Resources[]): Promise<void> {
  const { stores } = scope
  if (stores === undefined) return
  for (const id of new Set(resources.flatMap(from => from?.file_search?.vector_store_ids ?? []))) {
    if (await stores.stores.find(id) === undefined) continue
    await stores.stores.requireUsable(id)
    await stores.stores.touch(id)
  }
}
