import { EventEmitter, once } from 'node:events'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { EmbeddingChoice } from '../../../lib/retrieval/embedding-choice.js'
import type { EmbeddingOptions } from '../../../lib/retrieval/embedder.js'
import type { DocumentReader } from '../../../lib/retrieval/document-reader.js'
import type { IndexedChunk, IndexedFile, IndexHit, RetrievalIndex, StoreRef } from '../../../lib/retrieval/index/contract.js'
import type { ModelRegistry } from '../../../lib/models/registry.js'
import type { Logger } from '../../../lib/shared/log.js'
import { DEFAULT_INDEXER_LIMITS, Indexer, type IndexerLimits } from '../../../lib/vector-stores/indexer.js'
import { activate, indexJob, NO_FILES, partitionOf, putFile, putStore, recordKey, type FileBody, type JobBody, type StoreBody } from '../../../lib/vector-stores/records.js'
import { StoreSearch } from '../../../lib/vector-stores/search.js'
import type { FileObject } from '../../../schemas/files.js'
import { eachRecord } from '../../../storage/each-record.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../../storage/layout.js'
import type { PartitionKey, WriteItem } from '../../../storage/record-store.js'
import { ManualClock } from '../../helpers/clock.js'
import type { Gate } from '../../helpers/upstream-gate.js'
import { DamagedStore } from '../../runs/helpers/damaged-store.js'
import { ProcessView } from '../../runs/helpers/process-view.js'

export const LEASE_MS = 15_000
export const NOW_MS = 1_700_000_000_000

/** An index that finds nothing, and knows what it was told. */
export class ToldIndex implements RetrievalIndex {
  /** What it was told of chunks and generations. */
  readonly told: string[] = []
  readonly chunks: IndexedChunk[] = []
  readonly files: IndexedFile[] = []
  isBroken = false
  /** Chunks wait there, where there is one. */
  gate: Gate | undefined

  async cursor (): Promise<number> { return 0 }
  async has (): Promise<boolean> { return true }
  async addChunks (_store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void> {
    await this.gate?.pass()
    if (this.isBroken) throw new Error('the index is broken')
    this.told.push(`${file.fileId} has ${chunks.length}`)
    this.chunks.push(...chunks)
    this.files.push(file)
  }

  async addFile (_store: StoreRef, { fileId }: IndexedFile): Promise<void> { this.told.push(`${fileId} is complete`) }
  async removeGeneration (_store: StoreRef, generation: string): Promise<void> { this.told.push(`without ${generation}`) }
  async removeFile (): Promise<void> {}
  async search (): Promise<IndexHit[]> { return [] }
  async openings (): Promise<IndexHit[]> { return [] }
  async drop (): Promise<void> {}
  async stores (): Promise<StoreRef[]> { return [] }
  async close (): Promise<void> {}
}

/** Records that tell of each write. */
class ToldStore extends DamagedStore {
  readonly written = new EventEmitter().setMaxListeners(0)
  override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    const done = await super.write(key, items)
    this.written.emit('write')
    return done
  }
}

export interface WorldOptions {
  reader: DocumentReader
  embeddings?: EmbeddingOptions | 'auto' | 'none'
}

/** Instances that index the files of vector stores, with views of one store of records, and no server. */
export async function indexingWorld (t: Test, { reader, embeddings: option = 'none' }: WorldOptions) {
  const clock = new ManualClock()
  const store = new ToldStore()
  await store.connect()
  t.teardown(async () => await store.disconnect())
  const objects = new Map<string, { object: FileObject, bytes: Uint8Array, open?: () => Promise<Readable> }>()
  const detached: string[] = []
  const embedded: string[] = []
  const embedder = { vectorOf: (_text: string): number[] => [1, 0], fails: undefined as Error | undefined, tokens: undefined as number | undefined }
  const models = {
    resolve: () => ({
      providerName: 'test',
      model: 'embed-1',
      provider: {
        async embed ({ input }: { input: string[] }, { onTokens }: { onTokens?: (tokens: number) => void }) {
          if (embedder.fails !== undefined) throw embedder.fails
          if (embedder.tokens !== undefined) onTokens?.(embedder.tokens)
          return input.map(embedder.vectorOf)
        }
      }
    }),
    list: async () => [{ id: 'text-embedding-3-small' }]
  } as unknown as Pick<ModelRegistry, 'resolve' | 'list'>

  const instance = (limits: Partial<IndexerLimits> = {}, { project }: { project?: (name: string) => void } = {}) => {
    const view = new ProcessView(store, { shared: true })
    const index = new ToldIndex()
    const logged: { level: string, message: string, details: any }[] = []
    const keep = (level: string) => (details: object, message: string): void => { logged.push({ level, message, details }) }
    const log: Logger = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
    const choice = new EmbeddingChoice(option, { models, clock, log: { ...log, info () {} } })
    const search = new StoreSearch({ records: view, clock, index, embeddings: choice, reranker: undefined, embedAgain: async () => {}, onEmbedded: (name, model, tokens) => { embedded.push(`${name} ${model} ${tokens}`) }, log })
    const services = {
      records: view,
      clock,
      reader,
      search,
      log,
      project: (name: string) => {
        project?.(name)
        return {
          files: {
            find: async (id: string) => objects.get(id)?.object,
            open: async (id: string) => await objects.get(id)?.open?.() ?? Readable.from([objects.get(id)!.bytes])
          },
          storeFiles: {
            detach: async (storeId: string, id: string) => {
              detached.push(`${storeId} ${id}`)
              return true
            },
            embedAgain: async () => {}
          }
        }
      },
      limits: { ...DEFAULT_INDEXER_LIMITS, leaseMs: LEASE_MS, ...limits }
    }
    const indexer = new Indexer(services)
    t.teardown(async () => await indexer.stop())
    return { ...services, view, index, logged, indexer, messages: () => logged.filter(({ level }) => level !== 'debug').map(({ message }) => message) }
  }

  const ref = (storeId = 'vs_1', project = 'p'): StoreRef => ({ project, storeId })
  const get = async <Body = any>(kind: string, id: string, of = ref()): Promise<Body | undefined> => (await store.get<Body>(recordKey(of, kind, id)))?.body
  const file = async (id: string, of = ref()): Promise<FileBody | undefined> => await get<FileBody>(KIND.vectorStoreFile, id, of)
  /** Looks after each write. */
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (;;) {
      const next = once(store.written, 'write')
      if (await holds()) return
      await next
    }
  }
  return {
    clock,
    store,
    objects,
    detached,
    embedded,
    embedder,
    instance,
    ref,
    /** A store without files. */
    addStore: async (of = ref()) => {
      const body: StoreBody = { id: of.storeId, object: 'vector_store', created_at: 1, name: null, description: null, usage_bytes: 0, file_counts: NO_FILES, expires_after: null, expires_at: null, last_active_at: 1, metadata: {} }
      await store.write(partitionOf(of), [putStore(body, 'absent')])
    },
    /** A file of the store that is to be indexed. */
    addFile: async (id: string, content: string, { filename = `${id}.txt`, of = ref(), job = indexJob(id), bytes, ...more }: Partial<Omit<FileBody, 'file'>> & { of?: StoreRef, job?: WriteItem, bytes?: number, file?: Partial<FileBody['file']> } = {}) => {
      const body = Buffer.from(content)
      objects.set(id, { object: { id, bytes: bytes ?? body.length, filename } as FileObject, bytes: body })
      const file = { id, object: 'vector_store.file', usage_bytes: 0, created_at: 1, vector_store_id: of.storeId, status: 'in_progress', last_error: null, attributes: { a: 'b' }, chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } }, ...more.file } as FileBody['file']
      const record = (await store.get<StoreBody>(recordKey(of, KIND.vectorStore, of.storeId)))!
      const counts = { ...record.body.file_counts, [file.status]: record.body.file_counts[file.status] + 1, total: record.body.file_counts.total + 1 }
      await activate(store, of, clock.now())
      await store.write(partitionOf(of), [
        putStore({ ...record.body, file_counts: counts }, record.version),
        putFile({ batchId: null, generation: null, entryId: null, ...more, file, filename }),
        job
      ])
    },
    stored: async (of = ref()) => await get<StoreBody>(KIND.vectorStore, of.storeId, of),
    file,
    job: async (id: string, of = ref()) => await get<JobBody>(KIND.vectorStoreJob, id, of),
    putJob: async (id: string, body: Partial<JobBody>, of = ref()) => {
      await store.write(partitionOf(of), [{ op: 'put', kind: KIND.vectorStoreJob, id, body: { type: 'index', owner: null, expiresAt: 0, attempts: 0, generation: null, ...body } }])
    },
    list: async <Body = any>(kind: string, parent?: string, of = ref()) => {
      const found: { id: string, body: Body }[] = []
      for await (const { id, body } of eachRecord<Body>(store, { ...partitionOf(of), kind, ...parent === undefined ? {} : { parent } })) found.push({ id, body })
      return found
    },
    isActive: async (of = ref()) => await store.get({ project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores, kind: KIND.activeVectorStore, id: of.storeId }) !== undefined,
    until,
    /** Until a file has been indexed, or has failed. */
    ends: async (id: string, of = ref()) => await until(async () => (await file(id, of))?.file.status !== 'in_progress')
  }
}

export type IndexingWorld = Awaited<ReturnType<typeof indexingWorld>>
