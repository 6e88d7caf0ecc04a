import { randomUUID } from 'node:crypto'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject } from '../../schemas/files.js'
import type { CreateVectorStoreFileRequest, ListVectorStoreFilesQuery, UpdateVectorStoreFileRequest, VectorStoreFile, VectorStoreFileContent } from '../../schemas/vector-stores.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { eachPage, eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { mapInBatches, turnOfTheLoop } from '../shared/batches.js'
import { isUncertain } from '../shared/certain-store.js'
import { notFound } from '../shared/errors.js'
import { listSelected } from '../shared/pagination.js'
import { requireFiles } from '../files/find.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import type { Scope } from '../shared/scope.js'
import { changeStore, loadStore, type StoreChange } from './store-change.js'
import { chunkingStrategy } from './chunking.js'
import { expired, withExpiry } from './expiry.js'
import { activate, embedJob, endUses, enterUses, indexJob, isExpired, partitionOf, purgeJob, putEntry, putFile, recordKey, removeRecord, type BatchBody, type ChunkBody, type EntryBody, type FileBody, type JobBody } from './records.js'
import type { StoreSearch } from './search.js'

const missing = (id: string) => notFound('file', id)

/** Files whose index data is released in one write. */
const RELEASE_BATCH = 100

/** Files that are attached before others have the event loop. */
const TURN_EVERY = 32

/** Whether the file neither has index data nor is being indexed. */
const hasNoIndex = ({ file, generation }: FileBody): boolean => generation === null && file.status !== 'in_progress'

interface AttachOptions {
  batch?: BatchBody
  /** See `FileBody`. */
  token?: string
}

/** What the services of a project's vector stores need besides the scope. */
export interface StoreServices {
  /** Whether files of a name are indexed. */
  supports: (filename: string) => boolean
  search: StoreSearch
  /** Called when there are new jobs in a store. */
  wake (store: StoreRef): void
  /** How many stores a project may have. Default: as many as it likes. */
  mostStores?: ((project: string) => number | undefined) | undefined
}

/** Files in the vector stores of one project (API reference, "Vector store files"). */
export class StoreFiles {
  readonly #scope: Scope
  readonly #services: StoreServices

  constructor (scope: Scope, services: StoreServices) {
    this.#scope = scope
    this.#services = services
  }

  async create (storeId: string, request: CreateVectorStoreFileRequest): Promise<VectorStoreFile> {
    const [file] = await this.attach(storeId, [request])
    return file!
  }

  /**
   * Attaches files to a store and schedules them for indexing. A file that is attached already is indexed again. A batch is created by the
   * same write. With a token, files that are attached already are left as they are, and `detach` with that token undoes the rest. Throws the
   * 404 of the store, and of files that do not exist.
   */
  async attach (storeId: string, requests: readonly CreateVectorStoreFileRequest[], { batch, token }: AttachOptions = {}): Promise<VectorStoreFile[]> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    const distinct = [...new Map(requests.map(request => [request.file_id, request])).values()]
    const strategies = distinct.map(({ chunking_strategy: given }) => chunkingStrategy(given))
    await this.#requireStore(ref)
    const fileIds = distinct.map(({ file_id: id }) => id)
    const objects = await requireFiles(this.#scope, fileIds, batch === undefined ? 'file_id' : 'file_ids')
    await enterUses(records, ref, fileIds)
    await activate(records, ref, clock.now())
    const attached = await changeStore(records, ref, async change => {
      if (isExpired(change.store, unixSeconds(clock))) throw expired(storeId)
      if (batch !== undefined) change.setBatch(batch)
      const files: VectorStoreFile[] = []
      for (const [i, object] of objects.entries()) {
        if (i % TURN_EVERY === TURN_EVERY - 1) await turnOfTheLoop()
        const settings = { attributes: distinct[i]!.attributes ?? {}, chunking_strategy: strategies[i]! }
        files.push(await this.#reuse(change, object.id, token) ?? await this.#put(change, object, settings, { batchId: batch?.batch.id ?? null, ...token === undefined ? {} : { token } }))
      }
      change.store = withExpiry({ ...change.store, last_active_at: unixSeconds(clock) })
      return files
    }).catch(async error => {
      // Files that may have been attached keep their uses: without them nothing would detach a file that is deleted.
      if (!isUncertain(error)) await this.#endUnused(ref, fileIds)
      throw error
    })
    this.#services.wake(ref)
    return attached ?? []
  }

  /** With its `progress` while it is being indexed. Throws the 404, of the store first. */
  async get (storeId: string, id: string): Promise<VectorStoreFile> {
    const { file } = await this.#load(storeId, id)
    return file.status === 'in_progress' ? { ...file, progress: await this.#progress(this.#ref(storeId), id) } : file
  }

  /** What the last chunk written says. 0 for a file whose turn has not come, or whose text is not known yet. */
  async #progress (ref: StoreRef, id: string): Promise<number> {
    const { records } = this.#scope
    const job = await records.get<JobBody>(recordKey(ref, KIND.vectorStoreJob, id))
    if (job?.body.generation == null) return 0
    const { records: [chunk] } = await records.page<ChunkBody>({ ...partitionOf(ref), kind: KIND.vectorStoreChunk, parent: job.body.generation, order: 'desc', limit: 1 })
    return chunk?.body.progress ?? 0
  }

  /** Replaces all attributes. Searches see the new ones at once. */
  async update (storeId: string, id: string, { attributes }: UpdateVectorStoreFileRequest): Promise<VectorStoreFile> {
    const ref = this.#ref(storeId)
    const file = await changeStore(this.#scope.records, ref, async change => {
      const body = await change.file(id)
      if (body === undefined) throw missing(id)
      const next: FileBody = { ...body, file: { ...body.file, attributes: attributes ?? {} } }
      if (body.entryId !== null && body.generation !== null) {
        const entry = await this.#scope.records.get<EntryBody>(recordKey(ref, KIND.vectorStoreEntry, body.entryId))
        next.entryId = randomUUID()
        change.add(removeRecord(KIND.vectorStoreEntry, body.entryId),
          putEntry(next.entryId, { fileId: id, generation: body.generation, attributes: next.file.attributes, model: entry?.body.model ?? null, ...entry?.body.chunks === undefined ? {} : { chunks: entry.body.chunks } }))
      }
      change.add(putFile(next))
      return next.file
    })
    return file!
  }

  /** Detaches a file from the store. The file itself is not deleted (API reference, "Delete vector store file"). */
  async delete (storeId: string, id: string): Promise<void> {
    await this.#requireStore(this.#ref(storeId))
    if (!await this.detach(storeId, id)) throw missing(id)
  }

  /**
   * Detaches a file. False when it was not attached.
   *
   * @param token detaches the file only if it was attached with this token, and not attached again since.
   */
  async detach (storeId: string, id: string, token?: string): Promise<boolean> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    await activate(records, ref, clock.now())
    const detached = await changeStore(records, ref, async change => {
      const record = await change.fileRecord(id)
      if (record === undefined || (token !== undefined && record.body.token !== token)) return undefined
      const { body } = record
      change.add(removeRecord(KIND.vectorStoreFile, id), removeRecord(KIND.vectorStoreJob, id), ...await rememberPlace(records, record))
      await this.#detachChunks(change, body)
      change.store = { ...change.store, usage_bytes: change.store.usage_bytes - body.file.usage_bytes }
      await change.move(body.batchId, body.file.status, undefined)
      return true
    })
    if (token === undefined || detached === true) await endUses(records, ref, [id])
    this.#services.wake(ref)
    return detached === true
  }

  /** Removes the index data of an expired store. Its files stay attached; those in progress are cancelled. */
  async releaseIndex (storeId: string): Promise<void> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    for await (const files of eachPage<FileBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreFile }, { pageLength: RELEASE_BATCH })) {
      await activate(records, ref, clock.now())
      await changeStore(records, ref, async change => {
        // The store may have been used or extended meanwhile.
        if (!isExpired(change.store, unixSeconds(clock))) return undefined
        for (const { id } of files) await this.#releaseIndexOf(change, id)
        return true
      })
    }
    this.#services.wake(ref)
    await this.#services.search.forget(ref)
  }

  async #releaseIndexOf (change: StoreChange, id: string): Promise<void> {
    const body = await change.file(id)
    if (body === undefined || hasNoIndex(body)) return
    const { status, usage_bytes: bytes } = body.file
    await this.#detachChunks(change, body)
    change.store = { ...change.store, usage_bytes: change.store.usage_bytes - bytes }
    const isCancelled = status === 'in_progress'
    change.add(removeRecord(KIND.vectorStoreJob, id))
    if (isCancelled) await change.move(body.batchId, status, 'cancelled')
    change.add(putFile({ ...body, file: { ...body.file, usage_bytes: 0, ...isCancelled ? { status: 'cancelled' } : {} }, generation: null, entryId: null }))
  }

  /** Schedules the files of a store that is no longer expired for indexing, as part of `change`. `wake` must follow. */
  async restore (change: StoreChange): Promise<void> {
    for await (const { id, body } of eachRecord<FileBody>(this.#scope.records, { ...partitionOf(this.#ref(change.store.id)), kind: KIND.vectorStoreFile })) {
      if (body.file.status !== 'completed' || !hasNoIndex(body)) continue
      await change.move(body.batchId, 'completed', 'in_progress')
      change.add(putFile({ ...body, file: { ...body.file, status: 'in_progress' } }), indexJob(id))
    }
  }

  /** Has files embedded again whose vectors were made with another model than this one. They stay searchable meanwhile. */
  async embedAgain (storeId: string, model: string): Promise<void> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    for await (const entries of eachPage<EntryBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreEntry }, { pageLength: RELEASE_BATCH })) {
      for (const { body } of entries) {
        if (body.model === model) continue
        await activate(records, ref, clock.now())
        // Refused when the file has a job already.
        await records.write(partitionOf(ref), [embedJob(body.fileId)])
      }
    }
    this.#services.wake(ref)
  }

  /** Called when there are new jobs in the store. */
  wake (storeId: string): void {
    this.#services.wake(this.#ref(storeId))
  }

  /** Detaches a deleted file from all stores. May be called any number of times. */
  async detachEverywhere (fileId: string): Promise<void> {
    const { records, project } = this.#scope
    const uses = { project, partition: PARTITION.fileUses, kind: KIND.fileUse, parent: fileId }
    for await (const { body } of eachRecord<{ store_id: string }>(records, uses)) {
      const ref = this.#ref(body.store_id)
      if (await loadStore(records, ref) === undefined) await endUses(records, ref, [fileId])
      else await this.detach(body.store_id, fileId)
    }
  }

  async list (storeId: string, query: ListVectorStoreFilesQuery, batchId?: string): Promise<ListResponse<VectorStoreFile>> {
    const { filter, ...params } = query
    const ref = this.#ref(storeId)
    await this.#requireStore(ref)
    return await listSelected<FileBody, VectorStoreFile>(this.#scope, { partition: storeId, kind: KIND.vectorStoreFile }, params, missing, ({ body }) =>
      (filter === undefined || body.file.status === filter) && (batchId === undefined || body.batchId === batchId) ? body.file : undefined)
  }

  /** The text of the file as it was indexed, in chunks without their overlaps. */
  async content (storeId: string, id: string): Promise<VectorStoreFileContent> {
    const { generation } = await this.#load(storeId, id)
    const data: VectorStoreFileContent['data'] = []
    let end = 0
    if (generation !== null) {
      const source = { ...partitionOf(this.#ref(storeId)), kind: KIND.vectorStoreChunk, parent: generation }
      for await (const { body } of eachRecord<ChunkBody>(this.#scope.records, source)) {
        const text = body.text.slice(Math.max(0, end - body.start))
        end = body.start + body.text.length
        if (text !== '') data.push({ type: 'text', text, ...body.page === undefined ? {} : { page: body.page } })
      }
    }
    return { object: 'vector_store.file_content.page', data, has_more: false, next_page: null }
  }

  /** The file, if it is attached and neither failed nor cancelled. From now on no token detaches it. */
  async #reuse (change: StoreChange, id: string, token: string | undefined): Promise<VectorStoreFile | undefined> {
    const body = token === undefined ? undefined : await change.file(id)
    if (body === undefined || body.file.status === 'failed' || body.file.status === 'cancelled') return undefined
    const { token: _, ...shared } = body
    change.add(putFile(shared))
    return body.file
  }

  /** After a failed attempt: removes the uses of files that are not in the store. */
  async #endUnused (ref: StoreRef, fileIds: readonly string[]): Promise<void> {
    const { records } = this.#scope
    const found = await mapInBatches(fileIds, async id => await records.get(recordKey(ref, KIND.vectorStoreFile, id)))
    await endUses(records, ref, fileIds.filter((_, i) => found[i] === undefined))
  }

  async #put (change: StoreChange, object: FileObject, settings: Pick<VectorStoreFile, 'attributes' | 'chunking_strategy'>, origin: Pick<FileBody, 'batchId' | 'token'>): Promise<VectorStoreFile> {
    const old = await change.file(object.id)
    if (old !== undefined) {
      // What it was indexed as stays searchable until it has been indexed again.
      change.add(...await unfinished(this.#scope.records, this.#ref(change.store.id), old.file.id))
      change.store = { ...change.store, usage_bytes: change.store.usage_bytes - old.file.usage_bytes }
      await change.move(old.batchId, old.file.status, undefined)
    }
    const file: VectorStoreFile = {
      id: object.id,
      object: 'vector_store.file',
      usage_bytes: 0,
      created_at: unixSeconds(this.#scope.clock),
      vector_store_id: change.store.id,
      status: 'in_progress',
      last_error: null,
      chunking_strategy: settings.chunking_strategy,
      attributes: settings.attributes
    }
    await change.move(origin.batchId, undefined, 'in_progress')
    change.add(putFile({ file, filename: object.filename, ...origin, generation: old?.generation ?? null, entryId: old?.entryId ?? null }), indexJob(object.id))
    return file
  }

  /** Removes the file from searches and schedules its chunks for removal. */
  async #detachChunks (change: StoreChange, { file, entryId, generation }: FileBody): Promise<void> {
    const { records } = this.#scope
    if (entryId !== null) change.add(removeRecord(KIND.vectorStoreEntry, entryId))
    if (generation !== null) change.add(purgeJob(generation))
    change.add(...await unfinished(records, this.#ref(change.store.id), file.id))
  }

  async #load (storeId: string, id: string): Promise<FileBody> {
    const { records } = this.#scope
    const ref = this.#ref(storeId)
    const [, record] = await Promise.all([this.#requireStore(ref), records.get<FileBody>(recordKey(ref, KIND.vectorStoreFile, id))])
    if (record === undefined) throw missing(id)
    return record.body
  }

  async #requireStore (ref: StoreRef): Promise<void> {
    if (await loadStore(this.#scope.records, ref) === undefined) throw notFound('vector store', ref.storeId)
  }

  #ref (storeId: string): StoreRef {
    return { project: this.#scope.project, storeId }
  }
}

/** For a file that is detached while it is being indexed: schedules the chunks written so far for removal. */
export async function unfinished (records: RecordStore, ref: StoreRef, fileId: string): Promise<WriteItem[]> {
  const job = await records.get<JobBody>(recordKey(ref, KIND.vectorStoreJob, fileId))
  return job?.body.generation == null ? [] : [purgeJob(job.body.generation)]
}
