import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VectorStore } from '../../schemas/vector-stores.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import type { ModelRegistry } from '../models/registry.js'
import { DocumentReader } from '../retrieval/document-reader.js'
import { Embedder, type EmbeddingOptions } from '../retrieval/embedder.js'
import type { RetrievalIndex } from '../retrieval/index/contract.js'
import { WorkerIndex, type WorkerIndexOptions } from '../retrieval/index/worker-index.js'
import type { Scope } from '../shared/scope.js'
import { FileSearcher } from '../tools/file-search/search.js'
import { VectorStoreApi } from './api.js'
import { DEFAULT_INDEXER_LIMITS, Indexer } from './indexer.js'
import type { IndexedProject } from './indexing.js'
import { StoreSearch } from './search.js'

/** How files in vector stores are read, indexed and searched. */
export interface RetrievalOptions {
  /** The model for embeddings. Default none: files are searched by their words alone. */
  embeddings?: EmbeddingOptions
  /** Where the search index is kept: a file of this instance's own, which can be made anew from the records. Default: beside the SQLite file, else a temporary file. */
  indexPath?: string
  /** Files that one instance indexes at a time. Default 2. */
  parallelism?: number
  /** How long an instance may be silent before another one takes over its file, in milliseconds. Default 15,000. */
  leaseMs?: number
  /** The largest file that is indexed, in bytes. Default 64 MiB. */
  maxFileBytes?: number
  /** How long one file may take to be parsed, in milliseconds. Default 60,000. */
  parseTimeoutMs?: number
  /** Memory in MB that one file may take to be parsed. Default 512. */
  parseMemoryMb?: number
  /** Memory in MB for vectors of stores that were searched before the last one. Default 1024. */
  vectorMemoryMb?: number
}

export interface RetrievalServiceOptions {
  records: RecordStore
  clock: Clock
  log: Logger
  models: Pick<ModelRegistry, 'resolve'>
  options: RetrievalOptions
  project (name: string): IndexedProject & { vectorStores: { find (id: string): Promise<VectorStore | undefined> } }
}

/** How often the index is compared with the stores that there are. */
const TIDY_MS = 10 * 60 * 1000

/** What the vector stores of all projects share: the threads that read documents, the index, and the indexer. */
export class RetrievalService {
  readonly search: StoreSearch
  readonly indexer: Indexer
  readonly fileSearcher: FileSearcher
  readonly #index: RetrievalIndex
  readonly #reader: DocumentReader
  readonly #services: RetrievalServiceOptions
  #isIndexOpen = false
  #stopTidying = (): void => {}
  #tidying: Promise<void> = Promise.resolve()
  #stopped = false

  constructor (services: RetrievalServiceOptions) {
    const { records, clock, log, models, options } = services
    this.#services = services
    this.#index = new WorkerIndex(async () => await this.#indexOptions())
    const embedder = options.embeddings === undefined ? undefined : new Embedder(models, options.embeddings)
    this.search = new StoreSearch({ records, clock, index: this.#index, embedder, log })
    this.fileSearcher = new FileSearcher({ clock, search: this.search, stores: project => services.project(project).vectorStores, settled: () => this.indexer.settled() })
    this.#reader = new DocumentReader({
      clock,
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
    return new VectorStoreApi(scope, { search: this.search, wake: ref => this.indexer.wake(ref) })
  }

  /** @param alone nobody else works on this store. */
  async start (alone: boolean): Promise<void> {
    await this.indexer.start(alone)
    const path = this.#path
    if (path !== undefined && existsSync(path)) await this.search.tidy()
    this.#tidyLater()
  }

  /** The index is this instance's own: what others have deleted or freed, it has to find out. */
  #tidyLater (): void {
    const { clock, log } = this.#services
    this.#stopTidying = clock.after(TIDY_MS, () => {
      this.#tidying = (this.#isIndexOpen ? this.search.tidy() : Promise.resolve())
        .catch(error => { if (!this.#stopped) log.warn({ err: error }, 'the search index could not be tidied; it is tried again') })
        .finally(() => { if (!this.#stopped) this.#tidyLater() })
    })
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#stopTidying()
    await this.#tidying
    await Promise.all([this.indexer.stop(), this.#reader.close()])
    await this.#index.close()
  }

  /** Undefined when the index goes with this process. */
  get #path (): string | undefined {
    const { records, options } = this.#services
    if (options.indexPath !== undefined) return options.indexPath
    return 'path' in records && typeof records.path === 'string' && records.path !== ':memory:' ? `${records.path}-index` : undefined
  }

  async #indexOptions (): Promise<WorkerIndexOptions> {
    this.#isIndexOpen = true
    const path = this.#path
    return {
      path: path ?? join(tmpdir(), `openai-compat-index-${randomUUID()}.db`),
      temporary: path === undefined,
      identity: await this.#identity(),
      maxVectorBytes: (this.#services.options.vectorMemoryMb ?? 1024) * 1024 * 1024
    }
  }

  /** Tells the records apart from any others that the index may have been made from. */
  async #identity (): Promise<string> {
    const { records } = this.#services
    const place = { project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores }
    const key = { ...place, kind: KIND.indexIdentity, id: 'identity' }
    await records.write(place, [{ op: 'put', kind: key.kind, id: key.id, body: { identity: randomUUID() }, expect: 'absent' }])
    return (await records.get<{ identity: string }>(key))!.body.identity
  }
}
