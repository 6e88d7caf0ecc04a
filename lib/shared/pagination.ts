import type { ListResponse } from '../../schemas/common.js'
import { placeOfDeleted } from '../../storage/deleted-places.js'
import type { Page, StoredRecord } from '../../storage/record-store.js'
import type { ApiError } from './errors.js'
import type { Scope } from './scope.js'
import { approximateBytes } from './size.js'

/** The parameters of all lists (API reference, "Pagination"). */
export interface ListParams {
  /** 1 to 100, default 20. */
  limit?: number
  /** By time of creation. Default `desc`. */
  order?: 'asc' | 'desc'
  /** Exclusive: an id of the list. */
  after?: string
  /** Exclusive: an id of the list. Without `after`, the page is the one adjacent to the cursor, still in `order`. */
  before?: string
}

export const DEFAULT_LIMIT = 20

/** The records to list: those of one kind and parent in one partition. */
export interface ListSource {
  partition: string
  kind: string
  parent?: string
  /** The kind (without a parent) of the objects that a list of index entries is of. Its ids are cursors too, also those that the list leaves out. */
  objects?: string
}

/** Makes the error for a cursor that is no id of the list. */
type MissingError = (id: string) => ApiError

/** One page of records as a list object. Throws the error that `missing` makes for an unknown cursor. */
export async function listRecords<Body extends { id: string }> (scope: Scope, source: ListSource, params: ListParams, missing: MissingError): Promise<ListResponse<Body>> {
  const page = await pageOf<Body>(scope, source, params, missing)
  return listOf(page.records.map(record => record.body), page.hasMore)
}

/** Records that are read at once: as many as a page has unless more are asked for. */
const READ_AT_ONCE = DEFAULT_LIMIT
/** Of a page, as `approximateBytes` counts them. A longer one is cut, and says that there is more. */
const PAGE_BYTES = 32 * 1024 * 1024

/** As `listRecords`, but the page's records. A page may have fewer than it could when they are large. */
export async function pageOf<Body> (scope: Scope, source: ListSource, params: ListParams, missing: MissingError): Promise<Page<Body>> {
  const { records, project } = scope
  const { partition, kind, parent } = source
  let { after, before } = await cursorPositions(scope, source, params, missing)
  const limit = params.limit ?? DEFAULT_LIMIT
  const backwards = after === undefined && before !== undefined
  let found: StoredRecord<Body>[] = []
  let room = PAGE_BYTES
  for (;;) {
    const page = await records.page<Body>({ project, partition, kind, parent, order: params.order ?? 'desc', limit: Math.min(limit - found.length, READ_AT_ONCE), after, before })
    const { fitting, left } = withinBytes(page.records, found.length === 0, room, backwards)
    room = left
    found = backwards ? [...fitting, ...found] : [...found, ...fitting]
    const isCut = fitting.length < page.records.length
    if (isCut || !page.hasMore || found.length >= limit) return { records: found, hasMore: isCut || page.hasMore }
    if (backwards) before = page.records[0]?.position
    else after = page.records.at(-1)?.position
  }
}

/** The records that fit, from the end that adjoins the cursor, one at least when there are none yet, and the bytes that are left behind them. */
function withinBytes<Body> (records: StoredRecord<Body>[], isFirst: boolean, most: number, backwards: boolean): { fitting: StoredRecord<Body>[], left: number } {
  let left = most
  let count = 0
  for (const { body } of backwards ? [...records].reverse() : records) {
    left -= approximateBytes(body)
    if (left < 0 && !(isFirst && count === 0)) break
    count++
  }
  return { fitting: backwards ? records.slice(records.length - count) : records.slice(0, count), left }
}

/** As few as make round trips rare. */
const MIN_SCAN = 100

export interface SelectOptions {
  /**
   * Records to look at for one page. A page that ends there has `has_more`, and as `last_id` (with `before`: as `first_id`) the record
   * at which the next one goes on, though it may not be on the page. Default: as many as it takes.
   */
  maxScan?: number
  /** Ends the search: nobody waits for it any more. */
  signal?: AbortSignal | undefined
}

/**
 * One page of what `select` makes of the records, without those of which it makes nothing (undefined). The page is filled from as many
 * pages of records as it takes, or as `maxScan` allows.
 */
export async function listSelected<Body, T extends { id: string }> (
  scope: Scope,
  source: ListSource,
  params: ListParams,
  missing: MissingError,
  select: (record: StoredRecord<Body>) => T | undefined | Promise<T | undefined>,
  { maxScan = Infinity, signal }: SelectOptions = {}
): Promise<ListResponse<T>> {
  const { records, project } = scope
  const { partition, kind, parent } = source
  let { after, before } = await cursorPositions(scope, source, params, missing)
  const limit = params.limit ?? DEFAULT_LIMIT
  const backwards = after === undefined && before !== undefined
  let found: T[] = []
  let scanned = 0
  // One more than is shown tells whether there are more: all records beyond the page may be left out.
  while (found.length <= limit) {
    if (signal?.aborted === true) break
    const page = await records.page<Body>({ project, partition, kind, parent, order: params.order ?? 'desc', limit: Math.max(MIN_SCAN, limit), after, before })
    const selected = (await Promise.all(page.records.map(async record => await select(record)))).filter(item => item !== undefined)
    found = backwards ? [...selected, ...found] : [...found, ...selected]
    if (!page.hasMore) break
    const edge = backwards ? page.records[0] : page.records.at(-1)
    if (backwards) before = edge?.position
    else after = edge?.position
    scanned += page.records.length
    if (scanned >= maxScan && found.length <= limit && edge !== undefined) {
      return { ...listOf(found, true), [backwards ? 'first_id' : 'last_id']: edge.id }
    }
  }
  return listOf(backwards ? found.slice(-limit) : found.slice(0, limit), found.length > limit)
}

export function listOf<T extends { id: string }> (data: T[], hasMore: boolean): ListResponse<T> {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }
}

async function cursorPositions (scope: Scope, source: ListSource, params: ListParams, missing: MissingError): Promise<{ after: number | undefined, before: number | undefined }> {
  const position = async (id: string | undefined): Promise<number | undefined> => {
    if (id === undefined) return undefined
    const found = await positionOf(scope, source, id) ?? (source.objects === undefined ? undefined : await positionOf(scope, { partition: source.partition, kind: source.objects }, id))
    if (found === undefined) throw missing(id)
    return found
  }
  const [after, before] = await Promise.all([position(params.after), position(params.before)])
  return { after, before }
}

/** The position of a record, also of one that was deleted. */
async function positionOf ({ records, project }: Scope, { partition, kind, parent = '' }: ListSource, id: string): Promise<number | undefined> {
  const record = await records.get({ project, partition, kind, id })
  if (record !== undefined) return record.parent === parent ? record.position : undefined
  return await placeOfDeleted(records, { project, partition }, kind, parent, id)
}
