import type { ToolResources } from '../../schemas/tools.js'
import type { CreateVectorStoreRequest } from '../../schemas/vector-stores.js'
import type { Scope } from '../shared/scope.js'

/** How long a store that was made for a thread stays after its last use (API reference, "File search", expiration policies). */
export const THREAD_STORE_EXPIRY: NonNullable<CreateVectorStoreRequest['expires_after']> = { anchor: 'last_active_at', days: 7 }

/** A run begins to use these stores. Throws the 400 when the time of one is over; what was deleted is passed over. */
export async function useStores (scope: Scope, ...resources: readonly (ToolResources | null | undefined)[]): Promise<void> {
  const { vectorStores } = scope
  if (vectorStores === undefined) return
  for (const id of new Set(resources.flatMap(from => from?.file_search?.vector_store_ids ?? []))) {
    if (await vectorStores.stores.find(id) === undefined) continue
    await vectorStores.stores.requireUsable(id)
    await vectorStores.stores.touch(id)
  }
}
