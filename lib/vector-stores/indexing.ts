import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { FileObject } from '../../schemas/files.js'
import { KIND } from '../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import { ModelError } from '../models/provider.js'
import type { Chunk } from '../retrieval/chunk.js'
import type { DocumentReader } from '../retrieval/document-reader.js'
import { isSupportedName } from '../retrieval/parse/detect.js'
import { DocumentError, unreadable, unsupported } from '../retrieval/parse/document.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import { changeStore } from './store-change.js'
import { encodeVector, partitionOf, purgeJob, putChunk, putEntry, putFile, recordKey, removeRecord, type FileBody, type JobBody } from './records.js'
import type { StoreSearch } from './search.js'

/** The job is not ours any more: taken back, or taken over. */
export class JobLost extends Error {
  override name = 'JobLost'
}

/** What indexing needs of a project. */
export interface IndexedProject {
  files: { find (id: string): Promise<FileObject | undefined>, open (id: string): Promise<Readable> }
  storeFiles: { detach (storeId: string, fileId: string): Promise<boolean> }
}

export interface IndexingServices {
  records: RecordStore
  clock: Clock
  reader: DocumentReader
  search: StoreSearch
  project (name: string): IndexedProject
}

export interface HeldJob {
  id: string
  body: JobBody
  version: number
}

/** One file on its way into a store, in the hands of this instance. Every write expects the job to be as we know it. */
export class Indexing {
  readonly ref: StoreRef
  readonly #services: IndexingServices
  readonly #abort = new AbortController()
  #job: HeldJob
  #queue: Promise<unknown> = Promise.resolve()
  #bytes = 0

  constructor (services: IndexingServices, ref: StoreRef, job: HeldJob) {
    this.#services = services
    this.ref = ref
    this.#job = job
  }

  get fileId (): string {
    return this.#job.id
  }

  /** Stops at the next opportunity, with this reason. */
  stop (reason: Error): void {
    this.#abort.abort(reason)
  }

  /** Takes the file to its end: it is completed or has failed. Throws `JobLost`, what `stop` was given, or what the store throws. */
  async run (maxAttempts: number): Promise<void> {
    const record = await this.#services.records.get<FileBody>(recordKey(this.ref, KIND.vectorStoreFile, this.fileId))
    if (record === undefined) throw new JobLost()
    try {
      if (this.#job.body.attempts > maxAttempts) throw new DocumentError('server_error', `The file could not be indexed: the server was stopped ${maxAttempts} times while it tried.`)
      if (!await this.#index(record.body)) return
      await this.#complete()
    } catch (error) {
      const failure = asFailure(error)
      this.#abort.signal.throwIfAborted()
      if (failure === undefined) throw error
      await this.#fail(failure)
    }
  }

  /** Extends the hold. Throws `JobLost`. */
  async renew (leaseMs: number): Promise<void> {
    await this.#exclusively(async () => {
      const body = { ...this.#job.body, expiresAt: this.#services.clock.now() + leaseMs }
      await this.#write([{ op: 'put', kind: KIND.vectorStoreJob, id: this.#job.id, body, expect: this.#job.version }], false)
      this.#job = { ...this.#job, body, version: this.#job.version + 1 }
    })
  }

  /** Lets go, so that whoever comes next need not wait. */
  async release (): Promise<void> {
    await this.#exclusively(async () => {
      const body: JobBody = { ...this.#job.body, owner: null, expiresAt: 0, attempts: this.#job.body.attempts - 1 }
      await this.#write([{ op: 'put', kind: KIND.vectorStoreJob, id: this.#job.id, body, expect: this.#job.version }], false)
    })
  }

  /** Whether the chunks are there. False when the file itself has gone meanwhile: it leaves the store, too. */
  async #index ({ file, filename }: FileBody): Promise<boolean> {
    const { reader, project } = this.#services
    const { files, storeFiles } = project(this.ref.project)
    const object = await files.find(file.id)
    if (object === undefined) {
      await storeFiles.detach(this.ref.storeId, file.id)
      return false
    }
    if (!isSupportedName(filename)) throw unsupported()
    if (object.bytes > reader.maxBytes) throw unreadable('it is too large')
    const bytes = await load(await files.open(file.id), object.bytes)
    const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = file.chunking_strategy.static
    let number = 0
    for await (const batch of reader.read({ filename, bytes, chunking: { size, overlap } })) {
      this.#abort.signal.throwIfAborted()
      await this.#putChunks(batch, number)
      number += batch.length
    }
    return true
  }

  async #putChunks (chunks: readonly Chunk[], from: number): Promise<void> {
    const vectors = await this.#services.search.embedder?.embed(chunks.map(({ text }) => text), this.#abort.signal)
    const items = chunks.map((chunk, i) => {
      const vector = vectors?.[i]
      this.#bytes += Buffer.byteLength(chunk.text) + 4 * (vector?.length ?? 0)
      return putChunk(this.#generation, { number: from + i, ...chunk, ...vector === undefined ? {} : { vector: encodeVector(vector) } })
    })
    await this.#exclusively(async () => await this.#write(items))
  }

  async #complete (): Promise<void> {
    const entryId = randomUUID()
    const generation = this.#generation
    await this.#finish(({ file }) => ({
      file: { ...file, status: 'completed', usage_bytes: this.#bytes }, generation, entryId
    }), ({ file }) => [putEntry(entryId, { fileId: file.id, generation, attributes: file.attributes, model: this.#services.search.embedder?.name ?? null })])
  }

  async #fail ({ code, message }: DocumentError): Promise<void> {
    await this.#finish(({ file }) => ({ file: { ...file, status: 'failed', last_error: { code, message } } }), () => [purgeJob(this.#generation)])
  }

  /** File, counts and job in one write. */
  async #finish (result: (body: FileBody) => Partial<FileBody> & Pick<FileBody, 'file'>, also: (body: FileBody) => WriteItem[]): Promise<void> {
    await this.#exclusively(async () => {
      await changeStore(this.#services.records, this.ref, async change => {
        const [body, job] = await Promise.all([change.file(this.fileId), this.#services.records.get<JobBody>(recordKey(this.ref, KIND.vectorStoreJob, this.fileId))])
        if (body?.file.status !== 'in_progress' || job?.version !== this.#job.version) throw new JobLost()
        const next: FileBody = { ...body, ...result(body) }
        change.add(putFile(next), removeRecord(KIND.vectorStoreJob, this.fileId), ...also(next))
        change.store = { ...change.store, usage_bytes: change.store.usage_bytes + next.file.usage_bytes }
        await change.move(body.batchId, 'in_progress', next.file.status)
        return true
      })
    })
  }

  async #write (items: WriteItem[], checks = true): Promise<void> {
    const check: WriteItem[] = checks ? [{ op: 'check', kind: KIND.vectorStoreJob, id: this.#job.id, expect: this.#job.version }] : []
    if (!await this.#services.records.write(partitionOf(this.ref), [...check, ...items])) throw new JobLost()
  }

  get #generation (): string {
    return this.#job.body.generation!
  }

  /** Our own writes and renewals never race each other. */
  async #exclusively<T> (work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return await result
  }
}

/** What ends a file as failed; anything else is the server's own trouble, and the job is tried again. */
function asFailure (error: unknown): DocumentError | undefined {
  if (error instanceof DocumentError) return error
  if (error instanceof ModelError) return new DocumentError('server_error', `The embedding model failed: ${error.message}`, { cause: error })
  return undefined
}

/** No more than the file is said to have. */
async function load (source: Readable, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(new ArrayBuffer(length))
  let offset = 0
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    if (offset + chunk.length > length) throw new Error('a file has more bytes than its record says')
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes.subarray(0, offset)
}
