import { eachRecord } from '../../storage/each-record.js'
import { KIND } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import { unixSeconds, type Clock } from '../shared/clock.js'
import { findFile } from '../files/find.js'
import { withTimeLimit } from '../shared/abort.js'
import { ApiError } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'
import type { EmbeddingChoice } from '../retrieval/embedding-choice.js'
import type { AttributeFilter, Attributes } from '../retrieval/filters.js'
import { isAboutWhole } from '../retrieval/analysis/summary.js'
import type { Reranker } from '../retrieval/reranker.js'
import { fuse } from '../retrieval/index/fusion.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexOpeningsQuery, IndexQuery, Near, RetrievalIndex, StoreRef } from '../retrieval/index/contract.js'
import { loadStore } from './store-change.js'
import { chunkId, decodeVector, isExpired, partitionOf, recordKey, type ChunkBody, type EntryBody, type FileBody } from './records.js'

export interface StoreQuery {
  /** Each is searched for; a passage has the best of its scores. */
  texts: readonly string[]
  filter?: AttributeFilter | undefined
  limit: number
  /** Results that score less are left out. At 0, the default, there are as many as asked for while the stores have them: see `StoreSearch.search`. */
  threshold?: number | undefined
  /** Whether the reranker, if there is one, is asked. Default true. */
  rerank?: boolean
}

export interface FoundChunk {
  fileId: string
  filename: string
  attributes: Attributes
  /** 0 to 1, see `IndexHit`. */
  score: number
  text: string
  page?: number
}

export interface SearchServices {
  records: RecordStore
  clock: Clock
  index: RetrievalIndex
  embeddings: EmbeddingChoice
  reranker: Reranker | undefined
  /** Hears of each request to an embedding model on behalf of a project: the model's name and its tokens. */
  onEmbedded? (project: string, model: string, tokens: number): void
  /** Has a store's files embedded again that were embedded with another model. */
  embedAgain (store: StoreRef, model: string): Promise<void>
  log: Logger
}

/** Chunks passed to the index at a time: what a search may have to wait for. */
const TOLD_AT_ONCE = 32
const HAS_BEEN_REMOVED = 8
/** Stores whose model is remembered. */
const MAX_COMPARED = 10_000
/** Documents that passages from all over them give an idea of. */
const FEW_FILES = 2
/** Characters of a query that are searched for (API reference, "Search vector store"). */
const LONGEST_QUERY = 4096
/** How long a search may take, with all that it waits for. */
const SEARCH_MS = 60_000

const tooSlow = (): ApiError =>
  new ApiError(503, 'The search took too long. Please try again later.', { code: 'search_timeout', headers: { 'retry-after': '5' } })

/**
 * Searches vector stores: brings the index up to date, asks it, and reads from the records what it names. What the records do not have any
 * more is not found even if the index still holds it, so that a removal takes effect at once, on every instance.
 */
export class StoreSearch {
  readonly #services: SearchServices
  readonly #syncs = new Map<string, Promise<void>>()
  /** The model that the files of a store have been compared with, by store. */
  readonly #compared = new Map<string, string>()

  constructor (services: SearchServices) {
    this.#services = services
  }

  /** Whether chunks are to have vectors, and by which model. */
  get embeddings (): EmbeddingChoice {
    return this.#services.embeddings
  }

  /** Counts what a project has had embedded. */
  embedded (project: string, model: string, tokens: number): void {
    this.#services.onEmbedded?.(project, model, tokens)
  }

  /**
   * The passages of several stores of a project, searched as one, best first. When fewer match than asked for and the threshold is 0, the first
   * passages of the newest files follow with score 0, those of the first store first: whoever asks gets something to read. A query for the whole
   * of one or two documents gets passages from all over them. Throws a 503 when it takes too long.
   */
  async search (refs: readonly StoreRef[], query: StoreQuery, signal: AbortSignal): Promise<FoundChunk[]> {
    if (refs.length === 0) return []
    return await withTimeLimit(this.#services.clock, SEARCH_MS, async limited => await this.#search(refs, query, limited), tooSlow, signal)
  }

  async #search (refs: readonly StoreRef[], query: StoreQuery, signal: AbortSignal): Promise<FoundChunk[]> {
    const { limit, threshold = 0 } = query
    // A model may write more than a request may have.
    const texts = query.texts.map(text => text.slice(0, LONGEST_QUERY))
    const filter = query.filter === undefined ? {} : { filter: query.filter }
    const [vectors] = await Promise.all([this.#vectors(refs, texts, signal), ...refs.map(async ref => await this.sync(ref))])
    const { index, reranker } = this.#services
    if (reranker !== undefined && query.rerank !== false && !texts.every(isAboutWhole)) return await this.#reranked(reranker, refs, query, vectors, signal)
    return await this.#existing(async () => {
      const rankings = await Promise.all(texts.map(async (text, i) => {
        return await index.search(refs, { text, limit, threshold, ...filter, ...nearOf(vectors, i) })
      }))
      const hits = bestOf(rankings)
      if (threshold > 0) return hits.slice(0, limit)
      const whole = texts.every(isAboutWhole) ? await this.#overviews(refs, hits, { limit, ...filter }) : []
      const found = distinct([...whole, ...hits])
      return found.length >= limit ? found.slice(0, limit) : distinct([...found, ...await index.openings(refs, { limit, ...filter })]).slice(0, limit)
    })
  }

  /** The same, but the order and the scores of what was found are the reranker's. When it fails, they stay as they are. */
  async #reranked (reranker: Reranker, refs: readonly StoreRef[], { texts, limit, threshold = 0, filter }: StoreQuery, vectors: Near[] | undefined, signal: AbortSignal): Promise<FoundChunk[]> {
    const { index, log } = this.#services
    const restriction = filter === undefined ? {} : { filter }
    const wanted = Math.max(limit, reranker.candidates)
    const candidates = await this.#existing(async () => bestOf(await Promise.all(texts.map(async (text, i) =>
      await index.search(refs, { text, limit: wanted, ...restriction, ...nearOf(vectors, i) })))).slice(0, wanted))
    let found = candidates
    try {
      const ratings = candidates.length === 0 ? [] : await Promise.all(texts.map(async text => await reranker.rate(text, candidates.map(chunk => chunk.text), signal)))
      found = candidates.map((chunk, i) => ({ ...chunk, score: Math.max(0, ...ratings.map(scores => scores[i]!)) })).sort((a, b) => b.score - a.score)
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: error }, 'the reranker failed; results keep the order of the search')
    }
    if (threshold > 0) return found.filter(({ score }) => score >= threshold).slice(0, limit)
    if (found.length >= limit) return found.slice(0, limit)
    const others = await this.#existing(async () => await index.openings(refs, { limit, ...restriction }))
    const isNew = ({ fileId, text }: FoundChunk): boolean => !found.some(chunk => chunk.fileId === fileId && chunk.text === text)
    return [...found, ...others.filter(isNew)].slice(0, limit)
  }

  /** Passages from all over the documents when there are only one or two; each with the score that it has by its words. */
  async #overviews (refs: readonly StoreRef[], hits: readonly IndexHit[], query: IndexOpeningsQuery): Promise<IndexHit[]> {
    const spread = await this.#services.index.openings(refs, { ...query, spread: true })
    if (new Set(spread.map(({ fileId }) => fileId)).size > FEW_FILES) return []
    const known = new Map(hits.map(hit => [keyOf(hit), hit]))
    return spread.map(hit => known.get(keyOf(hit)) ?? hit)
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

  /**
   * Puts chunks into the index before their file is complete, so that it can be searched the moment it is. What fails here is made up for by
   * the next `sync`.
   */
  async prepare (ref: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void> {
    try {
      for (let i = 0; i < chunks.length; i += TOLD_AT_ONCE) await this.#services.index.addChunks(ref, file, chunks.slice(i, i + TOLD_AT_ONCE))
    } catch (error) {
      this.#services.log.debug({ err: error }, 'chunks could not be put into the search index; the next search does it')
    }
  }

  /** Undoes `prepare`, and takes a generation that is of no use any more out of the index. What fails here is found gone by a search. */
  async discard (ref: StoreRef, generation: string): Promise<void> {
    await this.#services.index.removeGeneration(ref, generation).catch(() => {})
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
        const { fileId, generation, attributes, model, chunks } = body
        const isKnown = await index.has(ref, generation, chunks)
        const name = isKnown ? '' : (await records.get<FileBody>(recordKey(ref, KIND.vectorStoreFile, fileId)))?.body.filename ?? ''
        const file: IndexedFile = { fileId, name, generation, attributes, model }
        if (!isKnown) await this.#tellChunks(ref, file)
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

  /** In the background, once for each store and model in the life of this process: the search does without what is not embedded yet. */
  #compare (ref: StoreRef, model: string): void {
    const key = `${ref.project} ${ref.storeId}`
    if (this.#compared.get(key) === model) return
    if (this.#compared.size >= MAX_COMPARED) this.#compared.clear()
    this.#compared.set(key, model)
    this.#services.embedAgain(ref, model).catch((error: unknown) => {
      this.#compared.delete(key)
      this.#services.log.warn({ err: error, vector_store_id: ref.storeId }, 'files could not be scheduled for another embedding model; the next search does it')
    })
  }

  /** A search that the embedding model fails is one by words. */
  async #vectors (refs: readonly StoreRef[], texts: readonly string[], signal: AbortSignal): Promise<Near[] | undefined> {
    const { embeddings, log } = this.#services
    const embedder = await embeddings.current()
    if (embedder === undefined) return undefined
    try {
      for (const ref of refs) this.#compare(ref, embedder.name)
      const [vectors, floor] = await Promise.all([embedder.embed(texts, signal, tokens => this.embedded(refs[0]!.project, embedder.model, tokens)), embedder.floor(signal)])
      return vectors.map(vector => ({ model: embedder.name, vector, floor }))
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: error }, 'the embedding model failed; the search goes by words alone')
      return undefined
    }
  }

  /** Asks the index, and reads what it names. Rarely, that is gone: the index is told, and asked again. */
  async #existing (ask: () => Promise<IndexHit[]>): Promise<FoundChunk[]> {
    for (let attempt = 0; ; attempt++) {
      const hits = await ask()
      const files = await this.#files(hits)
      const gone = hits.filter(hit => files.get(fileKey(hit)) === undefined)
      if (gone.length === 0 || attempt === HAS_BEEN_REMOVED) return await this.#read(hits, files)
      // Not the file: another generation of it may have arrived.
      for (const { store, generation } of new Map(gone.map(hit => [`${hit.store.storeId} ${hit.generation}`, hit])).values()) await this.#services.index.removeGeneration(store, generation)
    }
  }

  /** The files of the hits, undefined for those that are not what was indexed. A file that was deleted counts as gone before its stores have been told. */
  async #files (hits: readonly IndexHit[]): Promise<Map<string, FileBody | undefined>> {
    const { records, clock } = this.#services
    const named = new Map(hits.map(hit => [fileKey(hit), hit]))
    return new Map(await Promise.all([...named].map(async ([key, { store, fileId, generation }]): Promise<[string, FileBody | undefined]> => {
      const [record, file] = await Promise.all([
        records.get<FileBody>(recordKey(store, KIND.vectorStoreFile, fileId)),
        findFile({ records, clock, project: store.project }, fileId)
      ])
      return [key, file !== undefined && record?.body.generation === generation && record.body.entryId !== null ? record.body : undefined]
    })))
  }

  async #read (hits: readonly IndexHit[], files: ReadonlyMap<string, FileBody | undefined>): Promise<FoundChunk[]> {
    const found = await Promise.all(hits.map(async (hit): Promise<FoundChunk | undefined> => {
      const { store, fileId, generation, number, score } = hit
      const file = files.get(fileKey(hit))
      const chunk = await this.#services.records.get<ChunkBody>(recordKey(store, KIND.vectorStoreChunk, chunkId(generation, number)))
      if (file === undefined || chunk === undefined) return undefined
      const { text, page } = chunk.body
      return { fileId, filename: file.filename, attributes: file.file.attributes, score, text, ...page === undefined ? {} : { page } }
    }))
    return found.filter(chunk => chunk !== undefined)
  }
}

const nearOf = (vectors: readonly Near[] | undefined, i: number): Pick<IndexQuery, 'near'> => vectors?.[i] === undefined ? {} : { near: vectors[i] }
const fileKey = ({ store, fileId }: IndexHit): string => `${store.storeId} ${fileId}`
const keyOf = ({ store, generation, number }: IndexHit): string => `${store.storeId} ${generation} ${number}`

/** Each passage once, where it stands first. */
function distinct (hits: readonly IndexHit[]): IndexHit[] {
  const found = new Map<string, IndexHit>()
  for (const hit of hits) if (!found.has(keyOf(hit))) found.set(keyOf(hit), hit)
  return [...found.values()]
}

/**
 * The rankings of several queries as one: a passage has the best of its scores, and is before those with lower ones. Their places alone would put
 * what is second in all of them before what one query asked for by name.
 */
function bestOf (rankings: readonly IndexHit[][]): IndexHit[] {
  const [first = [], ...others] = rankings
  if (others.length === 0) return first
  const scores = new Map<string, number>()
  for (const hit of rankings.flat()) scores.set(keyOf(hit), Math.max(scores.get(keyOf(hit)) ?? 0, hit.score))
  return fuse(rankings, keyOf).map(hit => ({ ...hit, score: scores.get(keyOf(hit))! })).sort((a, b) => b.score - a.score)
}
