import { KIND } from '../../storage/layout.js'
import type { RecordStore, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { notFound } from '../shared/errors.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { untilWritten } from '../shared/until-written.js'
import { partitionOf, putBatch, putStore, recordKey, recount, type BatchBody, type FileBody, type StoreBody } from './records.js'

type FileStatus = FileBody['file']['status']

/**
 * One change of a vector store, from reading to writing. Every change of files, batches or counts also writes the store's record, and
 * expects the version that it has read. So these changes are serialised, and the counts always match the files.
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

  /** Adds items to the write. No record may be named twice. */
  add (...items: WriteItem[]): void {
    this.#items.push(...items)
  }

  async file (id: string): Promise<FileBody | undefined> {
    return (await this.fileRecord(id))?.body
  }

  async fileRecord (id: string): Promise<StoredRecord<FileBody> | undefined> {
    return await this.#records.get<FileBody>(recordKey(this.#ref, KIND.vectorStoreFile, id))
  }

  async batch (id: string): Promise<BatchBody | undefined> {
    return this.#batches.get(id) ?? (await this.#records.get<BatchBody>(recordKey(this.#ref, KIND.vectorStoreBatch, id)))?.body
  }

  setBatch (body: BatchBody): void {
    this.#batches.set(body.batch.id, body)
  }

  /** Updates the counts of the store and of the file's batch. */
  async move (batchId: string | null, from: FileStatus | undefined, to: FileStatus | undefined): Promise<void> {
    this.store = { ...this.store, file_counts: recount(this.store.file_counts, from, to) }
    const body = batchId === null ? undefined : await this.batch(batchId)
    // Files stay counted in their batch: one that is detached before it was indexed counts as cancelled.
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
 * Reads the store, calls `work`, and writes the change; repeats all of it when the store was changed meanwhile. Returns what `work` returns.
 * When that is undefined, nothing is written. Throws the 404 of the store.
 */
export async function changeStore<T> (records: RecordStore, ref: StoreRef, work: (change: StoreChange) => Promise<T | undefined>): Promise<T | undefined> {
  const { result } = await untilWritten(async () => {
    const record = await loadStore(records, ref)
    if (record === undefined) throw notFound('vector store', ref.storeId)
    const change = new StoreChange(records, ref, record.body)
    const result = await work(change)
    const isDone = result === undefined || await records.write(partitionOf(ref), change.items(record.version))
    return isDone ? { result } : undefined
  })
  return result
}
