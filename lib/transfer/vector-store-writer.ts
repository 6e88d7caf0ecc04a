import { FileAttributesParam, StaticChunkingStrategy, VectorStore, VectorStoreFile } from '../../schemas/vector-stores.js'
import type { FileObject } from '../../schemas/files.js'
import { KIND } from '../../storage/layout.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { filesPartition, registerFileProject, scheduleTask } from '../schedule/scheduled-tasks.js'
import { chunkingStrategy } from '../vector-stores/chunking.js'
import { activate, enterUses, indexJob, isExpired, NO_FILES, putFile, putStore, partitionOf, type FileBody, type StoreBody } from '../vector-stores/records.js'
import { changeStore, loadStore, type StoreChange } from '../vector-stores/store-change.js'
import { checked, requireIdentity } from './api-objects.js'
import type { TransferStores } from './export.js'
import { BadLineError } from './lines.js'
import { IndexEntries } from './index-entries.js'
import type { Outcome } from './record-writer.js'
import type { PlainObject } from './wire-objects.js'

export interface VectorStoreWriterOptions {
  project: string
  /** Milliseconds since the epoch. */
  now: () => number
  report: (kind: string, outcome: Outcome) => void
}

/** Files of one store that are written together. */
const MAX_BATCH = 100

/**
 * Brings in vector stores and their files as the API shows them. What was made of the files is not part of that: they are indexed anew
 * when a server next opens the store. A file without bytes becomes one that has failed, with the reason.
 */
export class VectorStoreWriter {
  readonly #stores: TransferStores
  readonly #options: VectorStoreWriterOptions
  readonly #indexEntries: IndexEntries
  #storeId = ''
  #batch: VectorStoreFile[] = []

  constructor (stores: TransferStores, options: VectorStoreWriterOptions) {
    this.#stores = stores
    this.#options = options
    this.#indexEntries = new IndexEntries(stores.records, options.now)
  }

  /** Throws a `BadLineError`. */
  async add (object: PlainObject): Promise<void> {
    const { id } = requireIdentity(object)
    if (object.object === 'vector_store') return await this.#addStore(id, object)
    const file = checked(VectorStoreFile, {
      usage_bytes: 0,
      last_error: null,
      ...object,
      chunking_strategy: checkedStrategy(object.chunking_strategy),
      attributes: checked(FileAttributesParam, object.attributes ?? null) ?? {}
    })
    if (file.vector_store_id !== this.#storeId || this.#batch.length >= MAX_BATCH) await this.flush()
    if (await loadStore(this.#stores.records, this.#ref(file.vector_store_id)) === undefined) throw new BadLineError(`the vector store ${file.vector_store_id} is not there, and did not come before`)
    this.#storeId = file.vector_store_id
    if (!this.#batch.some(({ id }) => id === file.id)) this.#batch.push(file)
  }

  async flush (): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    if (batch.length === 0) return
    const { records } = this.#stores
    const ref = this.#ref(this.#storeId)
    const bodies = await Promise.all(batch.map(async file => await this.#body(file)))
    await enterUses(records, ref, batch.map(({ id }) => id))
    await activate(records, ref, this.#options.now())
    const outcomes = await changeStore(records, ref, async change => {
      const outcomes: Outcome[] = []
      for (const body of bodies) outcomes.push(await this.#put(change, body))
      return outcomes
    })
    for (const outcome of outcomes ?? []) this.#options.report(KIND.vectorStoreFile, outcome)
  }

  async #addStore (id: string, object: PlainObject): Promise<void> {
    const { records } = this.#stores
    const { project, now } = this.#options
    const { status: _derived, ...body } = checked(VectorStore, {
      name: null,
      description: null,
      expires_after: null,
      expires_at: null,
      ...object,
      usage_bytes: 0,
      file_counts: NO_FILES,
      status: 'completed',
      last_active_at: object.last_active_at ?? object.created_at,
      metadata: object.metadata ?? {}
    }) satisfies StoreBody & { status: string }
    if (body.expires_at !== null) {
      await registerFileProject(records, project)
      await records.write(filesPartition(project), [scheduleTask({ task: 'store', id, at: body.expires_at })])
    }
    await this.#indexEntries.prepare({ object: 'openai_compat.record', project, partition: id, kind: KIND.vectorStore, id, position: now(), body })
    const written = await records.write(partitionOf(this.#ref(id)), [putStore(body, 'absent')])
    this.#options.report(KIND.vectorStore, written ? 'written' : 'there')
  }

  async #put (change: StoreChange, body: FileBody): Promise<Outcome> {
    if (await change.file(body.file.id) !== undefined) return 'there'
    // What an expired store's index held is made anew when its time is extended (`StoreFiles.restore`).
    const isOver = isExpired(change.store, Math.floor(this.#options.now() / 1000))
    const { status } = body.file
    const next: FileBody = status === 'in_progress' && isOver ? { ...body, file: { ...body.file, status: 'completed' } } : body
    await change.move(null, undefined, next.file.status)
    change.add(putFile(next), ...next.file.status === 'in_progress' ? [indexJob(next.file.id)] : [])
    return 'written'
  }

  async #body (file: VectorStoreFile): Promise<FileBody> {
    const { records, blobs } = this.#stores
    const { project } = this.#options
    const stored = await records.get<FileObject>({ ...filesPartition(project), kind: KIND.file, id: file.id })
    const hasBytes = stored !== undefined && await blobs.size({ project, id: file.id }) !== undefined
    const isDone = file.status === 'failed' || file.status === 'cancelled'
    const missing = { status: 'failed', last_error: { code: 'invalid_file', message: 'The bytes of the file were not there when the vector store was imported.' } } as const
    return {
      file: { ...file, usage_bytes: 0, ...isDone ? {} : hasBytes ? { status: 'in_progress', last_error: null } as const : missing },
      filename: stored?.body.filename ?? file.id,
      batchId: null,
      generation: null,
      entryId: null
    }
  }

  #ref (storeId: string): StoreRef {
    return { project: this.#options.project, storeId }
  }
}

/** Files from before there were strategies say `other`, or nothing. */
function checkedStrategy (given: unknown): StaticChunkingStrategy {
  if ((given as { type?: unknown } | null | undefined)?.type !== 'static') return chunkingStrategy(undefined)
  return checked(StaticChunkingStrategy, given)
}
