import type { ListResponse } from '../../schemas/common.js'
import type { StoredRecord } from '../../storage/record-store.js'
import type { ApiError } from '../shared/errors.js'
import { DEFAULT_LIMIT, listOf, type ListParams, type ListSource } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'

/** One page of those records that `pick` makes something of. It is filled from as many pages of the store as it takes. */
export async function listPicked<Body, T extends { id: string }> (
  scope: Scope,
  source: ListSource,
  params: ListParams,
  missing: (id: string) => ApiError,
  pick: (record: StoredRecord<Body>) => T | undefined | Promise<T | undefined>
): Promise<ListResponse<T>> {
  const { records, project } = scope
  const position = async (id: string | undefined): Promise<number | undefined> => {
    if (id === undefined) return undefined
    const record = await records.get({ project, partition: source.partition, kind: source.kind, id })
    if (record === undefined) throw missing(id)
    return record.position
  }
  let [after, before] = await Promise.all([position(params.after), position(params.before)])
  const limit = params.limit ?? DEFAULT_LIMIT
  const backwards = after === undefined && before !== undefined
  let found: T[] = []
  // One more than is shown tells whether there are more: what the store has beyond may all be left out.
  while (found.length <= limit) {
    const page = await records.page<Body>({ project, ...source, order: params.order ?? 'desc', limit: Math.max(100, limit), after, before })
    const picked = (await Promise.all(page.records.map(pick))).filter(item => item !== undefined)
    found = backwards ? [...picked, ...found] : [...found, ...picked]
    if (!page.hasMore) break
    if (backwards) before = page.records[0]?.position
    else after = page.records.at(-1)?.position
  }
  return listOf(backwards ? found.slice(-limit) : found.slice(0, limit), found.length > limit)
}
