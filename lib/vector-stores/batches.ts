import type { ListResponse } from '../../schemas/common.js'
import type { CreateVectorStoreFileBatchRequest, ListVectorStoreFilesQuery, VectorStoreFile, VectorStoreFileBatch } from '../../schemas/vector-stores.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND } from '../../storage/layout.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError, badRequest } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import type { Scope } from '../shared/scope.js'
import { changeStore } from './store-change.js'
import { unfinished, type StoreFiles } from './files.js'
import { activate, NO_FILES, partitionOf, putFile, recordKey, removeRecord, replaced, type BatchBody, type FileBody } from './records.js'

const missing = (id: string): ApiError => new ApiError(404, `No vector store file batch found with id '${id}'.`)

/** Batches of files of one project's vector stores (API reference, "Vector store file batches"). */
export class StoreBatches {
  readonly #scope: Scope
  readonly #files: StoreFiles

  constructor (scope: Scope, files: StoreFiles) {
    this.#scope = scope
    this.#files = files
  }

  /** In `files`, each file has its own attributes and strategy; those of the request are ignored then. */
  async create (storeId: string, request: CreateVectorStoreFileBatchRequest): Promise<VectorStoreFileBatch> {
    const { file_ids: ids, files, ...forAll } = request
    if (ids === undefined && files === undefined) {
      throw badRequest('Missing required parameter: \'file_ids\'.', { param: 'file_ids', code: 'missing_required_parameter' })
    }
    const body: BatchBody = {
      batch: {
        id: newId.vectorStoreFileBatch(),
        object: 'vector_store.file_batch',
        created_at: unixSeconds(this.#scope.clock),
        vector_store_id: storeId,
        file_counts: NO_FILES
      },
      cancelled: false
    }
    await this.#files.attach(storeId, files ?? (ids ?? []).map(id => ({ file_id: id, ...forAll })), { batch: body })
    return await this.get(storeId, body.batch.id)
  }

  /** Throws the 404. */
  async get (storeId: string, id: string): Promise<VectorStoreFileBatch> {
    return showBatch(await this.#load(storeId, id))
  }

  /** Cancels the files that are not indexed yet. A completed batch is returned unchanged. */
  async cancel (storeId: string, id: string): Promise<VectorStoreFileBatch> {
    const { records, clock } = this.#scope
    const ref: StoreRef = { project: this.#scope.project, storeId }
    await this.#load(storeId, id)
    await activate(records, ref, clock.now())
    const cancelled = await changeStore(records, ref, async change => {
      const body = await change.batch(id)
      if (body === undefined) throw missing(id)
      if (body.batch.file_counts.in_progress === 0) return undefined
      for await (const { body: file } of eachRecord<FileBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreFile })) {
        if (file.batchId !== id || file.file.status !== 'in_progress') continue
        change.add(putFile({ ...file, file: { ...file.file, status: 'cancelled' }, generation: null, entryId: null }), removeRecord(KIND.vectorStoreJob, file.file.id),
          ...replaced(file), ...await unfinished(records, ref, file.file.id))
        await change.move(id, 'in_progress', 'cancelled')
      }
      const next = { ...await change.batch(id) ?? body, cancelled: true }
      change.setBatch(next)
      return next
    })
    return cancelled === undefined ? await this.get(storeId, id) : showBatch(cancelled)
  }

  async listFiles (storeId: string, id: string, query: ListVectorStoreFilesQuery): Promise<ListResponse<VectorStoreFile>> {
    await this.#load(storeId, id)
    return await this.#files.list(storeId, query, id)
  }

  async #load (storeId: string, id: string): Promise<BatchBody> {
    const ref = { project: this.#scope.project, storeId }
    const record = await this.#scope.records.get<BatchBody>(recordKey(ref, KIND.vectorStoreBatch, id))
    if (record === undefined) throw missing(id)
    return record.body
  }
}

function showBatch ({ batch: { file_counts: counts, ...batch }, cancelled }: BatchBody): VectorStoreFileBatch {
  const status = counts.in_progress > 0 ? 'in_progress' : cancelled ? 'cancelled' : 'completed'
  return { ...batch, status, file_counts: counts }
}
