import { eachRecord } from '../../storage/each-record.js'
import { KIND } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { unixSeconds, type Clock } from '../shared/clock.js'
import { findFile } from '../files/find.js'
import type { Logger } from '../shared/log.js'
import type { Embedder } from '../retrieval/embedder.js'
import type { AttributeFilter, Attributes } from '../retrieval/filters.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexQuery, RetrievalIndex, StoreRef } from '../retrieval/index/contract.js'
import { loadStore } from './store-change.js'
import { chunkId, decodeVector, isExpired, partitionOf, recordKey, type ChunkBody, type EntryBody, type FileBody } from './records.js'

export interface StoreQuery {
  /** Each is searched for; a chunk has the best of its scores. */
  texts: readonly string[]
  filter?: AttributeFilter | undefined
  limit: number
  /** Results that score less are left out. */
  threshold?: number | undefined
}

export interface FoundChunk {
  fileId: string
  filename: string
  attributes: Attributes
  /** 0 to 1. */
  score: number
  text: string
  page?: number
}

export interface SearchServices {
  records: RecordStore
  clock: Clock
  index: RetrievalIndex
  /** Undefined: words alone. */
  embedder: Embedder | undefined
  log: Logger
}

/** Chunks passed to the index at a time: what a search may have to wait for. */
const TOLD_AT_ONCE = 32
const HAS_BEEN_REMOVED = 8

/**
 * Searches vector stores: brings the index up to date, asks it, and reads from the records what it names. What the records do not have any
 * more is not found even if the index still holds it, so that a removal takes effect at once, on every instance.
 */
export class StoreSearch {
  readonly #services: SearchServices
  readonly #syncs = new Map<string, Promise<void>>()

  constructor (services: SearchServices) {
    this.#services = services
  }

  /** Whether chunks are to have vectors. */
  get embedder (): Embedder | undefined {
    return this.#services.embedder
  }

  async search (ref: StoreRef, query: StoreQuery, signal: AbortSignal): Promise<FoundChunk[]> {
    const [vectors] = await Promise.all([this.#vectors(query.texts, signal), this.sync(ref)])
    const best = new Map<string, FoundChunk>()
    for (const [i, text] of query.texts.entries()) {
      const near = vectors?.[i]
      for (const [key, found] of await this.#searchOne(ref, { text, limit: query.limit, ...near === undefined ? {} : { near }, ...query.filter === undefined ? {} : { filter: query.filter } })) {
        if ((best.get(key)?.score ?? -1) < found.score) best.set(key, found)
      }
    }
    return [...best.values()].filter(({ score }) => score >= (query.threshold ?? 0)).sort((a, b) => b.score - a.score).slice(0, query.limit)
  }

  /** Passes the index what it does not have yet of a store. Concurrent callers share the work. */
  async sync (ref: StoreRef): Promise<void> {
    const key = `${ref.project} ${ref.storeId}`
    const under = this.#syncs.get(key)
    // One that is under way may have read past what the caller wants to see: wait for it, then look again.
    if (under !== undefined) await under.catch(() => {})
    const sync = this.#syncs.get(key) ?? this.#catchUp(ref).finally(() => this.#syncs.delete(key))
    this.#syncs.set(key, sync)
    await sync
  }

  /** The store is gone. */
  async forget (ref: StoreRef): Promise<void> {
    await this.#services.index.drop(ref)
  }

  /** Forgets the stores that were deleted or have expired without this index's hearing of it. */
  async tidy (): Promise<void> {
    const { records, index, clock } = this.#services
    for (const ref of await index.stores()) {
      const store = await loadStore(records, ref)
      if (store === undefined || isExpired(store.body, unixSeconds(clock))) await index.drop(ref)
    }
  }

  async #catchUp (ref: StoreRef): Promise<void> {
    const { records, index } = this.#services
    let after = await index.cursor(ref)
    for (;;) {
      const page = await records.page<EntryBody>({ ...partitionOf(ref), kind: KIND.vectorStoreEntry, order: 'asc', limit: 100, after })
      for (const { body, position } of page.records) {
        const { fileId, generation, attributes, model } = body
        const file: IndexedFile = { fileId, generation, attributes, model }
        if (!await index.has(ref, generation)) await this.#tellChunks(ref, file)
        await index.addFile(ref, file, position)
        after = position
      }
      if (!page.hasMore) return
    }
  }

  async #tellChunks (ref: StoreRef, file: IndexedFile): Promise<void> {
    let batch: IndexedChunk[] = []
    for await (const { body } of eachRecord<ChunkBody>(this.#services.records, { ...partitionOf(ref), kind: KIND.vectorStoreChunk, parent: file.generation })) {
      batch.push({ number: body.number, text: body.text, ...body.vector === undefined ? {} : { vector: decodeVector(body.vector) } })
      if (batch.length < TOLD_AT_ONCE) continue
      await this.#services.index.addChunks(ref, file, batch)
      batch = []
    }
    if (batch.length > 0) await this.#services.index.addChunks(ref, file, batch)
  }

  /** A search that the embedding model fails is one by words. */
  async #vectors (texts: readonly string[], signal: AbortSignal): Promise<IndexQuery['near'][] | undefined> {
    const { embedder, log } = this.#services
    if (embedder === undefined) return undefined
    try {
      const vectors = await embedder.embed(texts, signal)
      return vectors.map(vector => ({ model: embedder.name, vector: Float32Array.from(vector) }))
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: error }, 'the embedding model failed; the search goes by words alone')
      return undefined
    }
  }

  /** By the chunk's id. */
  async #searchOne (ref: StoreRef, query: IndexQuery): Promise<Map<string, FoundChunk>> {
    const { index } = this.#services
    // Rarely, what the index finds is gone. The index drops it, and the search is repeated.
    for (let attempt = 0; ; attempt++) {
      const hits = await index.search(ref, query)
      const files = await this.#files(ref, hits)
      const gone = [...files].filter(([, file]) => file === undefined)
      if (gone.length === 0 || attempt === HAS_BEEN_REMOVED) return await this.#read(ref, hits, files)
      for (const [fileId] of gone) await index.removeFile(ref, fileId)
    }
  }

  /** The files of the hits, undefined for those that are not what was indexed. A deleted file counts as gone before it is removed from its stores. */
  async #files (ref: StoreRef, hits: readonly IndexHit[]): Promise<Map<string, FileBody | undefined>> {
    const { records, clock } = this.#services
    const generations = new Map(hits.map(({ fileId, generation }) => [fileId, generation]))
    return new Map(await Promise.all([...generations].map(async ([fileId, generation]): Promise<[string, FileBody | undefined]> => {
      const [record, file] = await Promise.all([
        records.get<FileBody>(recordKey(ref, KIND.vectorStoreFile, fileId)),
        findFile({ records, clock, project: ref.project }, fileId)
      ])
      return [fileId, file !== undefined && record?.body.generation === generation && record.body.entryId !== null ? record.body : undefined]
    })))
  }

  async #read (ref: StoreRef, hits: readonly IndexHit[], files: ReadonlyMap<string, FileBody | undefined>): Promise<Map<string, FoundChunk>> {
    const found = await Promise.all(hits.map(async ({ fileId, generation, number, score }): Promise<[string, FoundChunk] | undefined> => {
      const file = files.get(fileId)
      const id = chunkId(generation, number)
      const chunk = await this.#services.records.get<ChunkBody>(recordKey(ref, KIND.vectorStoreChunk, id))
      if (file === undefined || chunk === undefined) return undefined
      const { text, page } = chunk.body
      return [id, { fileId, filename: file.filename, attributes: file.file.attributes, score, text, ...page === undefined ? {} : { page } }]
    }))
    return new Map(found.filter(entry => entry !== undefined))
  }
}
