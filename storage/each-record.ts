import type { PageQuery, RecordStore, StoredRecord } from './record-store.js'

/** The records to read: one kind and parent. */
export type RecordsQuery = Omit<PageQuery, 'order' | 'limit' | 'after' | 'before'>

export interface ReadOptions {
  /** Records in one page. Default 500: enough to make round trips rare, few enough to be held in memory. */
  pageLength?: number
  /** Only records after this position. */
  after?: number | undefined
}

/** All records of one kind and parent, in order, read page by page. Records that are added behind the current page are read, too. */
export async function * eachRecord<Body> (records: RecordStore, query: RecordsQuery, options: ReadOptions = {}): AsyncGenerator<StoredRecord<Body>> {
  for await (const page of eachPage<Body>(records, query, options)) yield * page
}

/** As `eachRecord`, by pages. None is empty. */
export async function * eachPage<Body> (records: RecordStore, query: RecordsQuery, { pageLength = 500, after }: ReadOptions = {}): AsyncGenerator<StoredRecord<Body>[]> {
  for (;;) {
    const page = await records.page<Body>({ ...query, order: 'asc', limit: pageLength, after })
    const last = page.records.at(-1)
    if (last === undefined) return
    yield page.records
    if (!page.hasMore) return
    after = last.position
  }
}
