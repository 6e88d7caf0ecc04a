import { randomUUID } from 'node:crypto'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject } from '../../schemas/files.js'
import type { CreateVectorStoreFileRequest, ListVectorStoreFilesQuery, UpdateVectorStoreFileRequest, VectorStoreFile, VectorStoreFileContent } from '../../schemas/vector-stores.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { notFound } from '../shared/errors.js'
import { requireFiles } from '../files/find.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import type { Scope } from '../shared/scope.js'
import { changeStore, loadStore, type StoreChange } from './store-change.js'
import { chunkingStrategy } from './chunking.js'
import { expired, withExpiry } from './expiry.js'
import { listPicked } from './list.js'
import { activate, endUses, enterUses, indexJob, isExpired, partitionOf, purgeJob, putEntry, putFile, recordKey, removeRecord, type BatchBody, type ChunkBody, type EntryBody, type FileBody, type JobBody } from './records.js'
import type { StoreSearch } from './search.js'

const missing = (id: string) => notFound('file', id)

/** Files whose chunks are given up in one write. */
const FREED_AT_ONCE = 100

/** Nothing is there, nor under way, by which it could be searched. */
const isFreed = ({ file, generation }: FileBody): boolean => generation === null && file.status !== 'in_progress'

interface AttachOptions {
  batch?: BatchBody
  /** See `FileBody`. */
  token?: string
}

/** What a service of one project's vector stores needs beside its scope. */
export interface StoreServices {
  search: StoreSearch
  /** Told that there is something to do in a store. */
  wake (store: StoreRef): void
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
   * Puts files into a store, to be indexed soon. One that is in it already is indexed anew. With a batch, that comes into being in the
   * same write. With a token, a file that is in it stays as it is, and what is new can be taken back. Throws the 404 of the store, and of
   * files that do not exist.
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
        const settings = { attributes: distinct[i]!.attributes ?? {}, chunking_strategy: strategies[i]! }
        files.push(await this.#relyOn(change, object.id, token) ?? await this.#put(change, object, settings, { batchId: batch?.batch.id ?? null, ...token === undefined ? {} : { token } }))
      }
      change.store = withExpiry({ ...change.store, last_active_at: unixSeconds(clock) })
      return files
    }).catch(async error => {
      await this.#endUnused(ref, fileIds)
      throw error
    })
    this.#services.wake(ref)
    return attached ?? []
  }

  /** Throws the 404, of the store first. */
  async get (storeId: string, id: string): Promise<VectorStoreFile> {
    return (await this.#load(storeId, id)).file
  }

  /** Attributes are replaced whole; searches see the new ones at once. */
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
          putEntry(next.entryId, { fileId: id, generation: body.generation, attributes: next.file.attributes, model: entry?.body.model ?? null }))
      }
      change.add(putFile(next))
      return next.file
    })
    return file!
  }

  /** Takes a file out of the store; the file itself stays (API reference, "Delete vector store file"). */
  async delete (storeId: string, id: string): Promise<void> {
    await this.#requireStore(this.#ref(storeId))
    if (!await this.detach(storeId, id)) throw missing(id)
  }

  /**
   * Whether it was in there.
   *
   * @param token takes it out only if it was put in with that, and nobody has attached it since.
   */
  async detach (storeId: string, id: string, token?: string): Promise<boolean> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    await activate(records, ref, clock.now())
    const detached = await changeStore(records, ref, async change => {
      const body = await change.file(id)
      if (body === undefined || (token !== undefined && body.token !== token)) return undefined
      change.add(removeRecord(KIND.vectorStoreFile, id), removeRecord(KIND.vectorStoreJob, id))
      await this.#retire(change, body)
      change.store = { ...change.store, usage_bytes: change.store.usage_bytes - body.file.usage_bytes }
      await change.move(body.batchId, body.file.status, undefined)
      return true
    })
    if (token === undefined || detached === true) await endUses(records, ref, [id])
    this.#services.wake(ref)
    return detached === true
  }

  /** Frees what the files of an expired store were searched by; which files there are stays known. What is in progress is cancelled. */
  async free (storeId: string): Promise<void> {
    const { records, clock } = this.#scope
    const ref = this.#ref(storeId)
    let after: number | undefined
    for (;;) {
      const page = await records.page<FileBody>({ ...partitionOf(ref), kind: KIND.vectorStoreFile, order: 'asc', limit: FREED_AT_ONCE, after })
      await activate(records, ref, clock.now())
      await changeStore(records, ref, async change => {
        // Its time may have begun anew.
        if (!isExpired(change.store, unixSeconds(clock))) return undefined
        for (const { id } of page.records) await this.#free(change, id)
        return true
      })
      after = page.records.at(-1)?.position
      if (!page.hasMore) break
    }
    this.#services.wake(ref)
    await this.#services.search.forget(ref)
  }

  async #free (change: StoreChange, id: string): Promise<void> {
    const body = await change.file(id)
    if (body === undefined || isFreed(body)) return
    const { status, usage_bytes: bytes } = body.file
    await this.#retire(change, body)
    change.store = { ...change.store, usage_bytes: change.store.usage_bytes - bytes }
    const isCancelled = status === 'in_progress'
    if (isCancelled) {
      change.add(removeRecord(KIND.vectorStoreJob, id))
      await change.move(body.batchId, status, 'cancelled')
    }
    change.add(putFile({ ...body, file: { ...body.file, usage_bytes: 0, ...isCancelled ? { status: 'cancelled' } : {} }, generation: null, entryId: null }))
  }

  /** Has the files of a store that is no longer expired indexed anew, among what is written with it. `wake` must follow. */
  async restore (change: StoreChange): Promise<void> {
    for await (const { id, body } of eachRecord<FileBody>(this.#scope.records, { ...partitionOf(this.#ref(change.store.id)), kind: KIND.vectorStoreFile })) {
      if (body.file.status !== 'completed' || !isFreed(body)) continue
      await change.move(body.batchId, 'completed', 'in_progress')
      change.add(putFile({ ...body, file: { ...body.file, status: 'in_progress' } }), indexJob(id))
    }
  }

  /** There is something to do in the store. */
  wake (storeId: string): void {
    this.#services.wake(this.#ref(storeId))
  }

  /** Takes a file that was deleted out of every store. May be called any number of times. */
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
    return await listPicked<FileBody, VectorStoreFile>(this.#scope, { partition: storeId, kind: KIND.vectorStoreFile }, params, missing, ({ body }) =>
      (filter === undefined || body.file.status === filter) && (batchId === undefined || body.batchId === batchId) ? body.file : undefined)
  }

  /** The text that the file was indexed with, in pieces that do not repeat one another. */
  async content (storeId: string, id: string): Promise<VectorStoreFileContent> {
    const { generation } = await this.#load(storeId, id)
    const data: VectorStoreFileContent['data'] = []
    let end = 0
    if (generation !== null) {
      const source = { ...partitionOf(this.#ref(storeId)), kind: KIND.vectorStoreChunk, parent: generation }
      for await (const { body } of eachRecord<ChunkBody>(this.#scope.records, source)) {
        const text = body.text.slice(Math.max(0, end - body.start))
        end = body.start + body.text.length
        if (text !== '') data.push({ type: 'text', text })
      }
    }
    return { object: 'vector_store.file_content.page', data, has_more: false, next_page: null }
  }

  /** A file that is in the store already and as good as new; it is not to be taken back any more. */
  async #relyOn (change: StoreChange, id: string, token: string | undefined): Promise<VectorStoreFile | undefined> {
    const body = token === undefined ? undefined : await change.file(id)
    if (body === undefined || body.file.status === 'failed' || body.file.status === 'cancelled') return undefined
    const { token: _, ...relied } = body
    change.add(putFile(relied))
    return body.file
  }

  /** Of an attempt that failed: no use without a file in the store. */
  async #endUnused (ref: StoreRef, fileIds: readonly string[]): Promise<void> {
    const { records } = this.#scope
    const found = await Promise.all(fileIds.map(async id => await records.get(recordKey(ref, KIND.vectorStoreFile, id))))
    await endUses(records, ref, fileIds.filter((_, i) => found[i] === undefined))
  }

  async #put (change: StoreChange, object: FileObject, settings: Pick<VectorStoreFile, 'attributes' | 'chunking_strategy'>, origin: Pick<FileBody, 'batchId' | 'token'>): Promise<VectorStoreFile> {
    const old = await change.file(object.id)
    if (old !== undefined) {
      await this.#retire(change, old)
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
    change.add(putFile({ file, filename: object.filename, ...origin, generation: null, entryId: null }), indexJob(object.id))
    return file
  }

  /** What was made of a file is not searched any more, and goes. */
  async #retire (change: StoreChange, { file, entryId, generation }: FileBody): Promise<void> {
    const { records } = this.#scope
    if (entryId !== null) change.add(removeRecord(KIND.vectorStoreEntry, entryId))
    if (generation !== null) change.add(purgeJob(generation))
    if (file.status === 'in_progress') change.add(...await unfinished(records, this.#ref(change.store.id), file.id))
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

/** What goes with a file that is taken back while somebody may be at work on it: the chunks that are there already. */
export async function unfinished (records: RecordStore, ref: StoreRef, fileId: string): Promise<WriteItem[]> {
  const job = await records.get<JobBody>(recordKey(ref, KIND.vectorStoreJob, fileId))
  return job?.body.generation == null ? [] : [purgeJob(job.body.generation)]
}
