import type { ListResponse } from '../../schemas/common.js'
import type { Page } from '../../storage/record-store.js'
import type { ApiError } from './errors.js'
import type { Scope } from './scope.js'

/** The parameters of every list (API reference, "Pagination"). */
export interface ListParams {
  /** 1 to 100, default 20. */
  limit?: number
  /** By creation; default desc. */
  order?: 'asc' | 'desc'
  /** Exclusive: an id of the list. */
  after?: string
  /** Exclusive: an id of the list. Alone it gives the page next to the cursor, still in `order`. */
  before?: string
}

export const DEFAULT_LIMIT = 20

/** The records to list: one kind, below one parent, in one partition. */
export interface ListSource {
  partition: string
  kind: string
  parent?: string
}

/** One page of records as a list envelope. An unknown cursor is refused with the error that `missing` makes. */
export async function listRecords<Body extends { id: string }> (scope: Scope, source: ListSource, params: ListParams, missing: (id: string) => ApiError): Promise<ListResponse<Body>> {
  const page = await pageOf<Body>(scope, source, params, missing)
  return listOf(page.records.map(record => record.body), page.hasMore)
}

/** The same page as records. */
export async function pageOf<Body> (scope: Scope, source: ListSource, params: ListParams, missing: (id: string) => ApiError): Promise<Page<Body>> {
  const { records, project } = scope
  const position = async (id: string | undefined): Promise<number | undefined> => {
    if (id === undefined) return undefined
    const record = await records.get({ project, partition: source.partition, kind: source.kind, id })
    if (record === undefined || record.parent !== (source.parent ?? '')) throw missing(id)
    return record.position
  }
  const [after, before] = await Promise.all([position(params.after), position(params.before)])
  return await records.page<Body>({ project, ...source, order: params.order ?? 'desc', limit: params.limit ?? DEFAULT_LIMIT, after, before })
}

export function listOf<T extends { id: string }> (data: T[], hasMore: boolean): ListResponse<T> {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }
}
