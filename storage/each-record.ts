import type { DamagedRecordError, PageQuery, RecordStore, StoredRecord } from './record-store.js'

/** The records to read: one kind and parent. */
export type RecordsQuery = Omit<PageQuery, 'order' | 'limit' | 'after' | 'before' | 'onDamaged'>

export interface ReadOptions {
  /** Records in one page. Default 500: enough to make round trips rare, few enough to be held in memory. */
  pageLength?: number
  /** Only records after this position. */
  after?: number | undefined
  /** Called for each record that cannot be read, which is then left out. Without it such a record ends the reading with an error. */
  onDamaged?: ((error: DamagedRecordError) => void) | undefined
}

/** All records of one kind and parent, in order, read page by page. Records that are added behind the current page are read, too. */
export async function * eachRecord<Body> (records: RecordStore, query: RecordsQuery, options: ReadOptions = {}): AsyncGenerator<StoredRecord<Body>> {
  for await (const page of eachPage<Body>(records, query, options)) yield * page
}

/** As `eachRecord`, by pages. None is empty. */
export async function * eachPage<Body> (records: RecordStore, query: RecordsQuery, { pageLength = 500, after, onDamaged }: ReadOptions = {}): AsyncGenerator<StoredRecord<Body>[]> {
  for (;;) {
    let last = 0
    const page = await records.page<Body>({
      ...query,
      order: 'asc',
      limit: pageLength,
      after,
      ...onDamaged === undefined ? {} : { onDamaged: (error: DamagedRecordError) => { last = Math.max(last, error.position); onDamaged(error) } }
    })
    last = Math.max(last, page.records.at(-1)?.position ?? 0)
    if (page.records.length > 0) yield page.records
    if (!page.hasMore || last === 0) return
    after = last
  }
}
