import { KIND } from '../../storage/layout.js'
import type { RecordStore, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { notFound } from '../shared/errors.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { untilWritten } from '../shared/until-written.js'
import { partitionOf, putBatch, putStore, recordKey, recount, type BatchBody, type FileBody, type StoreBody } from './records.js'

type FileStatus = FileBody['file']['status']

/**
 * One change of a vector store, from reading to writing. Whatever changes files, batches or counts writes the store's record too,
 * and expects it to be as it was read. So all such changes happen one after the other, and the counts are always
 * those of the files.
 */
export class StoreChange {
  store: StoreBody
  readonly #ref: StoreRef
  readonly #records: RecordStore
  readonly #batches = new Map<string, BatchBody>()
  readonly #items: WriteItem[] = []

  constructor (records: RecordStore, ref: StoreRef, store: StoreBody) {
    this.#records = records
    this.#ref = ref
    this.store = store
  }

  /** Among what is written; no record twice. */
  add (...items: WriteItem[]): void {
    this.#items.push(...items)
  }

  async file (id: string): Promise<FileBody | undefined> {
    return (await this.#records.get<FileBody>(recordKey(this.#ref, KIND.vectorStoreFile, id)))?.body
  }

  async batch (id: string): Promise<BatchBody | undefined> {
    const body = this.#batches.get(id) ?? (await this.#records.get<BatchBody>(recordKey(this.#ref, KIND.vectorStoreBatch, id)))?.body
    if (body !== undefined) this.#batches.set(id, body)
    return body
  }

  setBatch (body: BatchBody): void {
    this.#batches.set(body.batch.id, body)
  }

  /** Keeps the counts, of the store and of the batch that the file came with. */
  async move (batchId: string | null, from: FileStatus | undefined, to: FileStatus | undefined): Promise<void> {
    this.store = { ...this.store, file_counts: recount(this.store.file_counts, from, to) }
    const body = batchId === null ? undefined : await this.batch(batchId)
    // Of a batch nothing goes missing: what was taken out before it was done counts as cancelled.
    if (body === undefined || (to === undefined && from !== 'in_progress')) return
    this.setBatch({ ...body, batch: { ...body.batch, file_counts: recount(body.batch.file_counts, from, to ?? 'cancelled') } })
  }

  items (version: number): WriteItem[] {
    return [putStore(this.store, version), ...[...this.#batches.values()].map(putBatch), ...this.#items]
  }
}

export async function loadStore (records: RecordStore, ref: StoreRef): Promise<StoredRecord<StoreBody> | undefined> {
  return await records.get<StoreBody>(recordKey(ref, KIND.vectorStore, ref.storeId))
}

/**
 * Reads the store, lets `work` decide, and writes, again when somebody else was first. Without the store a 404. What `work` returns is
 * returned; undefined when it finds nothing to change, and nothing is written then.
 */
export async function changeStore<T> (records: RecordStore, ref: StoreRef, work: (change: StoreChange) => Promise<T | undefined>): Promise<T | undefined> {
  const { result } = await untilWritten(async () => {
    const record = await loadStore(records, ref)
    if (record === undefined) throw notFound('vector store', ref.storeId)
    const change = new StoreChange(records, ref, record.body)
    const result = await work(change)
    if (result === undefined) return { result }
    return await records.write(partitionOf(ref), change.items(record.version)) ? { result } : undefined
  })
  return result
}
