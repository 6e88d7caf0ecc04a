import type { PageQuery, RecordStore, StoredRecord } from './record-store.js'

/** Enough to make round trips rare, few enough to hold. */
const PAGE_LENGTH = 500

/** All records of one kind and parent, in order, read page by page. What is added behind the cursor meanwhile is met too. */
export async function * eachRecord<Body> (
  records: RecordStore, query: Omit<PageQuery, 'order' | 'limit' | 'after' | 'before'>
): AsyncGenerator<StoredRecord<Body>> {
  let after: number | undefined
  for (;;) {
    const page = await records.page<Body>({ ...query, order: 'asc', limit: PAGE_LENGTH, after })
    yield * page.records
    after = page.records.at(-1)?.position
    if (!page.hasMore || after === undefined) return
  }
}
