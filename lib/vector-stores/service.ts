import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { VectorStore } from '../../schemas/vector-stores.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { makePrivateFile } from '../../storage/base/private-file.js'
import { parseStorageUrl } from '../../storage/open.js'
import type { PostgresRecordStoreOptions } from '../../storage/postgres/options.js'
import type { PostgresThreadStorageConfig } from '../../storage/thread-storage/classes.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'
import type { ModelRegistry } from '../models/registry.js'
import { DocumentReader } from '../retrieval/document-reader.js'
import type { EmbeddingOptions } from '../retrieval/embedder.js'
import { EmbeddingChoice } from '../retrieval/embedding-choice.js'
import { Reranker, type RerankerOptions } from '../retrieval/reranker.js'
import type { ExtensionSet } from '../retrieval/parse/kinds.js'
import type { RetrievalIndex } from '../retrieval/index/contract.js'
import { indexTables } from '../retrieval/index/postgres/tables.js'
import { PostgresIndex } from '../retrieval/index/postgres/postgres-index.js'
import { WorkerIndex, type WorkerIndexOptions } from '../retrieval/index/worker-index.js'
import type { Scope } from '../shared/scope.js'
import { PeriodicTask } from '../shared/timers.js'
import { FileSearcher } from '../tools/file-search/search.js'
import { VectorStoreApi } from './api.js'
import { FairIndex } from './fair-index.js'
import { DEFAULT_INDEXER_LIMITS, Indexer } from './indexer.js'
import type { IndexedProject } from './indexing.js'
import { StoreSearch } from './search.js'
import { makeTemporaryFolder, removeFolder } from './temporary-index.js'

/** How files in vector stores are read, indexed and searched. */
export interface RetrievalOptions {
  /**
   * The model for embeddings. Default `auto`: the first that a provider offers of a [list](search.md#embeddings), none if it offers none of it; `none`: files
   * are searched by their words alone.
   */
  embeddings?: EmbeddingOptions | 'auto' | 'none'
  /** A server that rates what a search has found, and so gives its order and scores. Default none. */
  reranker?: RerankerOptions
  /** Which files are indexed: `all` kinds that this server reads, or with `openai` those that OpenAI's service takes. Default `all`. */
  extensions?: ExtensionSet
  /** Languages in which scanned pages of PDF are read, as Tesseract names them; needs `tesseract.js` and `@tesseract.js-data/<language>` for each. False leaves them unread. Default `['eng']`. */
  ocr?: readonly string[] | false
  /**
   * What the search index is kept in: `local`, a file of each instance; or PostgreSQL with pgvector, shared by all instances: `postgres`, the database of
   * the records, or a `postgres://` URL, with the parameters of a [storage URL](storage.md#options). Default `local`.
   */
  index?: IndexOption
  /** Where a `local` search index is kept: a file that no other instance uses, and that can be rebuilt from the records. Default: beside the SQLite file, else a temporary file. Only the process's own user may read it. */
  indexPath?: string
  /** Files that one instance indexes at a time. Default 2. */
  parallelism?: number
  /** How long an instance may fail to renew the lease of a file before another one takes it over, in milliseconds. Default 15,000. */
  leaseMs?: number
  /** The largest file that is indexed, in bytes. Default 64 MiB. */
  maxFileBytes?: number
  /** How long one file may take to be parsed, in milliseconds. Default 60,000. */
  parseTimeoutMs?: number
  /** Memory in MB that one file may take to be parsed. Default 512. */
  parseMemoryMb?: number
  /** Memory in MB for the vectors of stores other than the one searched last. Default 1024. */
  vectorMemoryMb?: number
}

/** See `RetrievalOptions.index`. */
export type IndexOption = 'local' | 'postgres' | `postgres://${string}` | `postgresql://${string}`

export interface RetrievalServiceOptions {
  records: RecordStore
  clock: Clock
  log: Logger
  models: Pick<ModelRegistry, 'resolve' | 'list'>
  options: RetrievalOptions
  /** How many vector stores a project may have. Default: as many as it likes. */
  mostStores?: (project: string) => number | undefined
  /** See `SearchServices.onEmbedded`. */
  onEmbedded? (project: string, model: string, tokens: number): void
  project (name: string): IndexedProject & { vectorStores: { find (id: string): Promise<VectorStore | undefined> } }
}

/** Statements of one instance that an index in PostgreSQL has at a time. */
const CONNECTIONS = 4
/** How often the index is compared with the vector stores that exist. */
const TIDY_INTERVAL_MS = 10 * 60 * 1000

/** What the vector stores of all projects share: the processes that read documents, the search index and the indexer. */
export class RetrievalService {
  readonly search: StoreSearch
  readonly indexer: Indexer
  readonly fileSearcher: FileSearcher
  readonly #index: RetrievalIndex
  /** The one that all instances share, if they do. */
  readonly #shared: PostgresIndex | undefined
  readonly #reader: DocumentReader
  readonly #reranker: Reranker | undefined
  readonly #services: RetrievalServiceOptions
  /** Other instances delete and expire stores, too: what remains of them in this instance's own index is removed. */
  readonly #tidying: PeriodicTask
  #isIndexOpen = false
  #temporaryFolder: string | undefined

  constructor (services: RetrievalServiceOptions) {
    const { records, clock, log, models, options } = services
    this.#services = services
    this.#tidying = new PeriodicTask({
      clock,
      intervalMs: TIDY_INTERVAL_MS,
      run: async () => { if (this.#isIndexOpen || this.#shared !== undefined) await this.search.tidy() },
      onError: err => log.warn({ err }, 'the search index could not be tidied; it is tried again')
    })
    const place = indexPlace(options.index, records)
    if (place !== undefined) this.#shared = new PostgresIndex({ poolSize: CONNECTIONS, ...place, identity: async () => await this.#identity(), log })
    this.#index = this.#shared === undefined ? new FairIndex(new WorkerIndex(async () => await this.#indexOptions()), 1) : new FairIndex(this.#shared, CONNECTIONS)
    const embeddings = new EmbeddingChoice(options.embeddings ?? 'auto', { models, clock, log })
    this.#reranker = options.reranker === undefined ? undefined : new Reranker(options.reranker, clock)
    this.search = new StoreSearch({ records, clock, index: this.#index, embeddings, onEmbedded: (project, model, tokens) => services.onEmbedded?.(project, model, tokens), reranker: this.#reranker, embedAgain: async (ref, model) => await services.project(ref.project).storeFiles.embedAgain(ref.storeId, model), log })
    this.fileSearcher = new FileSearcher({ clock, search: this.search, stores: project => services.project(project).vectorStores, settled: () => this.indexer.settled() })
    this.#reader = new DocumentReader({
      clock,
      ...options.extensions === undefined ? {} : { extensions: options.extensions },
      ...options.ocr === undefined ? {} : { languages: options.ocr === false ? [] : options.ocr },
      ...options.maxFileBytes === undefined ? {} : { limits: { maxBytes: options.maxFileBytes } },
      ...options.parseTimeoutMs === undefined ? {} : { timeoutMs: options.parseTimeoutMs },
      ...options.parseMemoryMb === undefined ? {} : { memoryMb: options.parseMemoryMb }
    })
    this.indexer = new Indexer({
      records,
      clock,
      log,
      search: this.search,
      reader: this.#reader,
      project: services.project,
      limits: {
        ...DEFAULT_INDEXER_LIMITS,
        ...options.parallelism === undefined ? {} : { parallelism: Math.max(1, options.parallelism) },
        ...options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }
      }
    })
  }

  /** The vector stores of one project. */
  forProject (scope: Scope): VectorStoreApi {
    return new VectorStoreApi(scope, { search: this.search, supports: filename => this.#reader.supports(filename), wake: ref => this.indexer.wake(ref), mostStores: this.#services.mostStores })
  }

  /**
   * Throws a `StorageUnavailableError` when the index cannot be used.
   *
   * @param alone whether no other instance uses this store.
   */
  async start (alone: boolean): Promise<void> {
    await this.#shared?.open()
    await this.indexer.start(alone)
    const path = this.#shared === undefined ? this.#path : undefined
    if (path !== undefined && existsSync(path)) await this.search.tidy()
    this.#tidying.start()
  }

  /** Throws a 503 when the database of an index in PostgreSQL does not answer. A local index has none. */
  async check (): Promise<void> {
    await this.#shared?.check().catch((cause: unknown) => {
      throw new ApiError(503, 'The database of the search index cannot be reached. Please retry your request.', { code: 'search_index_unavailable', headers: { 'retry-after': '1' }, cause })
    })
  }

  async stop (): Promise<void> {
    await this.#tidying.stop()
    await Promise.all([this.indexer.stop(), this.#reader.close()])
    await this.#index.close()
    await this.#reranker?.close()
    if (this.#temporaryFolder !== undefined) removeFolder(this.#temporaryFolder)
  }

  /** Undefined when the local index is a temporary file. */
  get #path (): string | undefined {
    const { records, options } = this.#services
    if (options.indexPath !== undefined) return options.indexPath
    return 'path' in records && typeof records.path === 'string' && records.path !== ':memory:' ? `${records.path}-index` : undefined
  }

  async #indexOptions (): Promise<WorkerIndexOptions> {
    this.#isIndexOpen = true
    if (this.#path === undefined) this.#temporaryFolder = makeTemporaryFolder()
    const path = this.#path ?? join(this.#temporaryFolder!, 'index.db')
    makePrivateFile(path)
    return {
      path,
      temporary: this.#path === undefined,
      identity: await this.#identity(),
      maxVectorBytes: (this.#services.options.vectorMemoryMb ?? 1024) * 1024 * 1024
    }
  }

  /** Identifies the record store, so that an index built from another one is not used. */
  async #identity (): Promise<string> {
    const { records } = this.#services
    const place = { project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores }
    const key = { ...place, kind: KIND.indexIdentity, id: 'identity' }
    await records.write(place, [{ op: 'put', kind: key.kind, id: key.id, body: { identity: randomUUID() }, expect: 'absent' }])
    return (await records.get<{ identity: string }>(key))!.body.identity
  }
}

/**
 * Where in PostgreSQL the index is; undefined for a local one. Throws a `TypeError` for what is no place.
 *
 * @param records whose database it may be
 */
export function indexPlace (option: unknown, records: RecordStore): PostgresRecordStoreOptions | undefined {
  if (option === undefined || option === 'local') return undefined
  if (option === 'postgres') {
    const { postgres } = records as { postgres?: PostgresRecordStoreOptions }
    if (postgres === undefined) throw new TypeError('Option "retrieval.index" is \'postgres\', but the storage is not in PostgreSQL: give the index a postgres:// URL.')
    const { poolSize: _ofRecords, ...place } = postgres
    return place
  }
  if (typeof option !== 'string' || !/^postgres(ql)?:/.test(option)) throw new TypeError('Option "retrieval.index" must be \'local\', \'postgres\' or a postgres:// URL.')
  const { type: _type, ...place } = parseStorageUrl(option, 'Option "retrieval.index"') as PostgresThreadStorageConfig & { type: 'postgres' }
  indexTables(place)
  return place
}
