import type { ChunkingStrategyParam } from '../../schemas/tools.js'
import type { ListResponse } from '../../schemas/common.js'
import type { CreateVectorStoreRequest, UpdateVectorStoreRequest, VectorStore } from '../../schemas/vector-stores.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { notFound } from '../shared/errors.js'
import { filesPartition, registerFileProject, removeTask, scheduleTask, taskRecordId, type ScheduledTask } from '../schedule/scheduled-tasks.js'
import { requireFiles } from '../files/find.js'
import { newId } from '../shared/ids.js'
import { listSelected, type ListParams } from '../shared/pagination.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { hasSeat } from '../usage/seats.js'
import { full } from '../usage/stock.js'
import { changeStore, loadStore } from './store-change.js'
import { chunkingStrategy } from './chunking.js'
import { expired, withExpiry } from './expiry.js'
import { activate, endUses, isExpired, NO_FILES, partitionOf, putStore, type FileBody, type StoreBody } from './records.js'
import type { StoreFiles } from './files.js'
import type { StoreSearch } from './search.js'

const missing = (id: string) => notFound('vector store', id)

/** Files of a new store that are attached by one write. */
const ATTACH_BATCH = 500

/** Vector stores of one project (API reference, "Vector stores"). */
export class VectorStores {
  readonly #scope: Scope
  readonly #files: StoreFiles
  readonly #search: StoreSearch
  readonly #mostStores: number | undefined

  /** @param mostStores how many the project may have; undefined: no bound. */
  constructor (scope: Scope, files: StoreFiles, search: StoreSearch, mostStores?: number) {
    this.#mostStores = mostStores
    this.#scope = scope
    this.#files = files
    this.#search = search
  }

  async create (request: CreateVectorStoreRequest): Promise<VectorStore> {
    const { records } = this.#scope
    const fileIds = [...new Set(request.file_ids ?? [])]
    const strategy: ChunkingStrategyParam = chunkingStrategy(request.chunking_strategy)
    await requireFiles(this.#scope, fileIds, 'file_ids')
    const at = unixSeconds(this.#scope.clock)
    const body: StoreBody = withExpiry({
      id: newId.vectorStore(),
      object: 'vector_store',
      created_at: at,
      name: request.name ?? null,
      description: request.description ?? null,
      usage_bytes: 0,
      file_counts: NO_FILES,
      expires_after: request.expires_after ?? null,
      expires_at: null,
      last_active_at: at,
      metadata: request.metadata ?? {}
    })
    await this.#enter(body.id)
    await this.#watchExpiry(body)
    await records.write(partitionOf(this.#ref(body.id)), [putStore(body, 'absent')])
    try {
      for (let from = 0; from < fileIds.length; from += ATTACH_BATCH) {
        await this.#files.attach(body.id, fileIds.slice(from, from + ATTACH_BATCH).map(id => ({ file_id: id, chunking_strategy: strategy })))
      }
    } catch (error) {
      // The client never learns the store's id.
      await this.delete(body.id).catch(() => {})
      throw error
    }
    return await this.get(body.id)
  }

  /** Enters a new store into the index. Throws the 429 when as many as the project may have are there already. */
  async #enter (id: string): Promise<void> {
    const { records, project } = this.#scope
    const index = { project, partition: PARTITION.vectorStores, kind: KIND.vectorStore }
    await records.write(index, [{ op: 'put', kind: KIND.vectorStore, id, body: {} }])
    if (this.#mostStores === undefined || await hasSeat(records, index, id, this.#mostStores)) return
    await records.write(index, [{ op: 'delete', kind: KIND.vectorStore, id }])
    throw full(`The project has its ${this.#mostStores} vector stores already.`)
  }

  /** Throws the 404. */
  async get (id: string): Promise<VectorStore> {
    return this.#shown(await this.#load(id))
  }

  /** Undefined when it does not exist. */
  async find (id: string): Promise<VectorStore | undefined> {
    const record = await loadStore(this.#scope.records, this.#ref(id))
    return record === undefined ? undefined : this.#shown(record.body)
  }

  /** A store that expires later than now again has its files indexed again. */
  async update (id: string, request: UpdateVectorStoreRequest): Promise<VectorStore> {
    const { records, clock } = this.#scope
    const old = await this.#load(id)
    if (request.expires_after != null) await this.#watchExpiry(withExpiry({ ...old, expires_after: request.expires_after }))
    if (isExpired(old, unixSeconds(clock))) await activate(records, this.#ref(id), clock.now())
    const changed = await changeStore(records, this.#ref(id), async change => {
      const { store } = change
      const next = withExpiry({
        ...store,
        name: request.name === undefined ? store.name : request.name,
        expires_after: request.expires_after === undefined ? store.expires_after : request.expires_after,
        metadata: request.metadata === undefined ? store.metadata : request.metadata ?? {}
      })
      const now = unixSeconds(clock)
      change.store = next
      if (isExpired(store, now) && !isExpired(next, now)) await this.#files.restore(change)
      return change
    })
    this.#files.wake(id)
    return this.#shown(changed!.store)
  }

  /** Called when the store is used: restarts the time to its expiry. */
  async touch (id: string): Promise<void> {
    await changeStore(this.#scope.records, this.#ref(id), async change => {
      change.store = withExpiry({ ...change.store, last_active_at: unixSeconds(this.#scope.clock) })
      return true
    })
  }

  /** Called by the sweeper. When the store has expired, removes its index data; the store and the list of its files stay. */
  async expire (id: string): Promise<void> {
    const { records, project, clock } = this.#scope
    const task = { task: 'store' as const, id }
    const scheduled = await records.get<ScheduledTask>({ ...filesPartition(project), kind: KIND.scheduledTask, id: taskRecordId(task) })
    const expiresAt = (await loadStore(records, this.#ref(id)))?.body.expires_at ?? null
    if (expiresAt !== null && expiresAt <= unixSeconds(clock)) await this.#files.releaseIndex(id)
    const isLater = expiresAt !== null && expiresAt > unixSeconds(clock)
    // Unless another time was scheduled meanwhile.
    const next: WriteItem = isLater ? scheduleTask({ ...task, at: expiresAt }) : removeTask('store', id)
    if (scheduled !== undefined) await records.write(filesPartition(project), [{ ...next, expect: scheduled.version } as WriteItem])
  }

  /** Schedules the store's expiry. Must precede the write that sets it. */
  async #watchExpiry ({ id, expires_at: at }: StoreBody): Promise<void> {
    const { records, project } = this.#scope
    if (at === null) return
    await registerFileProject(records, project)
    await records.write(filesPartition(project), [scheduleTask({ task: 'store', id, at })])
  }

  /** Deletes the store with all its records in one write. The files themselves are not deleted. */
  async delete (id: string): Promise<void> {
    const { records, project } = this.#scope
    const ref = this.#ref(id)
    const entryKey = { project, partition: PARTITION.vectorStores, kind: KIND.vectorStore, id }
    const fileIds = await untilWritten(async () => {
      const record = await loadStore(records, ref)
      if (record === undefined) {
        // An earlier deletion may have come no further than this.
        if (await records.get(entryKey) === undefined) throw missing(id)
        return []
      }
      // The files of this version: attaching one changes the version.
      const ids: string[] = []
      for await (const { id } of eachRecord<FileBody>(records, { ...partitionOf(ref), kind: KIND.vectorStoreFile })) ids.push(id)
      return await records.write(partitionOf(ref), [{ op: 'check', kind: KIND.vectorStore, id, expect: record.version }, { op: 'clear' }]) ? ids : undefined
    })
    const entry = await records.get(entryKey)
    if (entry !== undefined) await records.write(entry, [{ op: 'delete', kind: KIND.vectorStore, id }, ...await rememberPlace(records, entry)])
    await records.write(filesPartition(project), [removeTask('store', id)])
    await endUses(records, ref, fileIds)
    await this.#search.forget(ref)
  }

  /** An entry of the index without a store is left out. */
  async list (params: ListParams): Promise<ListResponse<VectorStore>> {
    const source = { partition: PARTITION.vectorStores, kind: KIND.vectorStore }
    return await listSelected<object, VectorStore>(this.#scope, source, params, missing, async ({ id }) => await this.find(id))
  }

  /** Throws the 404, or the 400 when the store has expired. */
  async requireUsable (id: string): Promise<void> {
    if (isExpired(await this.#load(id), unixSeconds(this.#scope.clock))) throw expired(id)
  }

  async #load (id: string): Promise<StoreBody> {
    const record = await loadStore(this.#scope.records, this.#ref(id))
    if (record === undefined) throw missing(id)
    return record.body
  }

  #shown (body: StoreBody): VectorStore {
    return showStore(body, unixSeconds(this.#scope.clock))
  }

  #ref (storeId: string): StoreRef {
    return { project: this.#scope.project, storeId }
  }
}

/** A store as in responses. */
export function showStore (body: StoreBody, now: number): VectorStore {
  const { expires_after: expiresAfter, expires_at: expiresAt, last_active_at: lastActiveAt, metadata, ...rest } = body
  const status = isExpired(body, now) ? 'expired' : body.file_counts.in_progress > 0 ? 'in_progress' : 'completed'
  return { ...rest, status, expires_after: expiresAfter, expires_at: expiresAt, last_active_at: lastActiveAt, metadata }
}
