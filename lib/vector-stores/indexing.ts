import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { FileObject } from '../../schemas/files.js'
import { KIND } from '../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import type { Lease } from '../shared/lease.js'
import { SerialQueue } from '../shared/serial-queue.js'
import { ModelError } from '../models/provider.js'
import type { Chunk } from '../retrieval/chunk.js'
import type { Embedder } from '../retrieval/embedder.js'
import type { DocumentReader } from '../retrieval/document-reader.js'
import { DocumentError, unreadable, unsupported } from '../retrieval/parse/document.js'
import type { IndexedFile, StoreRef } from '../retrieval/index/contract.js'
import { changeStore } from './store-change.js'
import { encodeVector, partitionOf, purgeJob, putChunk, putEntry, putFile, recordKey, replaced, type FileBody, type JobBody } from './records.js'
import type { StoreSearch } from './search.js'

/** This instance does not hold the job any more: its file was detached, or another instance has taken it over. */
export class JobLost extends Error {
  override name = 'JobLost'
}

/** The services of a project that indexing needs. */
export interface IndexedProject {
  files: { find (id: string): Promise<FileObject | undefined>, open (id: string): Promise<Readable> }
  storeFiles: { detach (storeId: string, fileId: string): Promise<boolean>, embedAgain (storeId: string, model: string): Promise<void> }
}

export interface IndexingServices {
  records: RecordStore
  clock: Clock
  reader: DocumentReader
  search: StoreSearch
  log: Logger
  project (name: string): IndexedProject
}

/** How often the log says how far a file is, in milliseconds. */
const TELL_EVERY_MS = 10_000

/**
 * Indexes one file of a store, from the claim of its job to the end. Nothing is written once the job is lost: every write expects
 * that this instance holds its lease.
 */
export class Indexing {
  readonly ref: StoreRef
  readonly #services: IndexingServices
  readonly #abort = new AbortController()
  readonly #beganAt: number
  readonly #job: Lease<JobBody>
  /** Writes and renewals of the lease, which must not overlap. */
  readonly #queue = new SerialQueue()
  #bytes = 0
  #chunks = 0
  /** Counted by the vendor of the embedding model; undefined while it has not. */
  #tokens: number | undefined
  /** The part of the text that the chunks written next end. */
  #progress = 0
  /** Undefined when the file is indexed by its words alone. */
  #embedder: Embedder | undefined

  constructor (services: IndexingServices, ref: StoreRef, job: Lease<JobBody>) {
    this.#services = services
    this.ref = ref
    this.#job = job
    this.#beganAt = services.clock.now()
  }

  get fileId (): string {
    return this.#job.key.id
  }

  /** Stops as soon as possible: `run` throws the reason. */
  stop (reason: Error): void {
    this.#abort.abort(reason)
  }

  /** Indexes the file until it is completed or has failed. Throws `JobLost`, the reason given to `stop`, or an error of the record store. */
  async run (maxAttempts: number): Promise<void> {
    const record = await this.#services.records.get<FileBody>(recordKey(this.ref, KIND.vectorStoreFile, this.fileId))
    if (this.#job.body.type === 'embed' && (record?.body.file.status !== 'completed' || record.body.entryId === null)) return await this.#drop()
    if (record === undefined) throw new JobLost()
    try {
      if (this.#job.body.attempts > maxAttempts) throw new DocumentError('server_error', `The file could not be indexed: the server was stopped ${maxAttempts} times while it tried.`)
      if (!await this.#index(record.body)) return
      await this.#complete()
    } catch (error) {
      await this.#services.search.discard(this.ref, this.#generation)
      const failure = asFailure(error)
      this.#abort.signal.throwIfAborted()
      if (failure === undefined) throw error
      await this.#fail(failure)
    }
  }

  /** The file was detached, or attached again, before this job was written. */
  async #drop (): Promise<void> {
    await this.#queue.run(async () => {
      await this.#confirm()
      if (!await this.#services.records.write(partitionOf(this.ref), [this.#job.remove()])) throw new JobLost()
    })
  }

  /** Extends the lease. Throws `JobLost`. */
  async renew (): Promise<void> {
    await this.#queue.run(async () => {
      await this.#confirm()
      if (!await this.#job.renew() && !await this.#job.refresh()) throw new JobLost()
    })
  }

  /** Gives the job up without counting the attempt, so that another instance can claim it at once. Throws `JobLost`. */
  async release (): Promise<void> {
    await this.#queue.run(async () => {
      await this.#confirm()
      const { body } = this.#job
      if (!await this.#job.put({ ...body, owner: null, expiresAt: 0, attempts: body.attempts - 1 })) throw new JobLost()
    })
  }

  /** Writes the chunks. False when the file was deleted meanwhile: it is detached from the store, too. */
  async #index ({ file, filename }: FileBody): Promise<boolean> {
    const { reader, project, log, clock } = this.#services
    const { files, storeFiles } = project(this.ref.project)
    const object = await files.find(file.id)
    if (object === undefined) {
      await storeFiles.detach(this.ref.storeId, file.id)
      return false
    }
    if (!reader.supports(filename)) throw unsupported()
    if (object.bytes > reader.maxBytes) throw unreadable('it is too large')
    const bytes = await load(await files.open(file.id), object.bytes)
    const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = file.chunking_strategy.static
    this.#embedder = await this.#services.search.embeddings.current()
    const indexed = { fileId: file.id, name: filename, generation: this.#generation, attributes: file.attributes, model: this.#embedder?.name ?? null }
    const notes = (sentences: string[]): void => log.warn({ fileId: file.id, vectorStoreId: this.ref.storeId, notes: sentences }, 'parts of a file could not be read; the rest is indexed')
    let toldAt = this.#beganAt
    for await (const batch of reader.read({ filename, bytes, chunking: { size, overlap } }, { notes, progress: part => { this.#progress = part } })) {
      this.#abort.signal.throwIfAborted()
      await this.#putChunks(batch, indexed)
      if (clock.now() - toldAt < TELL_EVERY_MS) continue
      toldAt = clock.now()
      log.info({ ...this.#place, ...this.#soFar, percent: Math.floor(this.#progress * 100) }, 'a file is being indexed')
    }
    return true
  }

  async #putChunks (chunks: readonly Chunk[], file: IndexedFile): Promise<void> {
    const { search } = this.#services
    const from = this.#chunks
    const vectors = await this.#vectors(chunks.map(({ text }) => text))
    const items = chunks.map((chunk, i) => {
      const vector = vectors?.[i]
      this.#bytes += Buffer.byteLength(chunk.text) + 4 * (vector?.length ?? 0)
      const progress = i === chunks.length - 1 ? { progress: Math.round(this.#progress * 1000) / 1000 } : {}
      return putChunk(this.#generation, { number: from + i, ...chunk, ...vector === undefined ? {} : { vector: encodeVector(vector) }, ...progress })
    })
    this.#chunks += chunks.length
    // Beside the write, which waits for the disk: the index has a thread of its own. What it has of a job that fails is discarded after that.
    const prepared = search.prepare(this.ref, file, chunks.map(({ text }, i) => {
      const vector = vectors?.[i]
      return { number: from + i, text, ...vector === undefined ? {} : { vector } }
    }))
    try {
      await this.#queue.run(async () => await this.#write(items))
    } finally {
      await prepared
    }
  }

  /** A model that was not asked for by name may fail: these chunks are searched by their words. */
  async #vectors (texts: readonly string[]): Promise<Float32Array[] | undefined> {
    const { search, log } = this.#services
    try {
      return await this.#embedder?.embed(texts, this.#abort.signal, tokens => {
        this.#tokens = (this.#tokens ?? 0) + tokens
        search.embedded(this.ref.project, this.#embedder!.model, tokens)
      })
    } catch (error) {
      this.#abort.signal.throwIfAborted()
      if (!search.embeddings.isAuto) throw error
      log.warn({ err: error, file_id: this.fileId }, 'the embedding model failed; a part of the file is searched by its words alone')
      return undefined
    }
  }

  async #complete (): Promise<void> {
    const entryId = randomUUID()
    const generation = this.#generation
    await this.#finish(({ file }) => ({
      file: { ...file, status: 'completed', usage_bytes: this.#bytes }, generation, entryId
    }), ({ file }, before) => [
      putEntry(entryId, { fileId: file.id, generation, attributes: file.attributes, model: this.#embedder?.name ?? null, chunks: this.#chunks }),
      ...replaced(before)
    ])
    this.#services.log.info({ ...this.#place, ...this.#soFar }, 'a file was indexed')
  }

  get #place (): object {
    return { project: this.ref.project, vector_store_id: this.ref.storeId, file_id: this.fileId }
  }

  /** What it is made of and what it cost. */
  get #soFar (): object {
    const cost = this.#embedder === undefined ? {} : { embedding_model: this.#embedder.name, ...this.#tokens === undefined ? {} : { embedding_tokens: this.#tokens } }
    return { chunks: this.#chunks, ms: this.#services.clock.now() - this.#beganAt, ...cost }
  }

  async #fail ({ code, message }: DocumentError): Promise<void> {
    // What was completed stays so, with the vectors that it has.
    if (this.#job.body.type === 'embed') return await this.#finish(({ file }) => ({ file }), () => [purgeJob(this.#generation)])
    await this.#finish(({ file }) => ({ file: { ...file, status: 'failed', last_error: { code, message } }, generation: null, entryId: null }),
      (_, before) => [purgeJob(this.#generation), ...replaced(before)])
  }

  /** Ends the job: writes the file's outcome and the counts, and removes the job. */
  async #finish (result: (body: FileBody) => Partial<FileBody> & Pick<FileBody, 'file'>, also: (body: FileBody, before: FileBody) => WriteItem[]): Promise<void> {
    await this.#queue.run(async () => {
      await changeStore(this.#services.records, this.ref, async change => {
        const [body, isHeld] = await Promise.all([change.file(this.fileId), this.#job.refresh()])
        if (body?.file.status !== this.#expected || !isHeld) throw new JobLost()
        const next: FileBody = { ...body, ...result(body) }
        change.add(putFile(next), this.#job.remove(), ...also(next, body))
        change.store = { ...change.store, usage_bytes: change.store.usage_bytes + next.file.usage_bytes - body.file.usage_bytes }
        if (next.file.status !== body.file.status) await change.move(body.batchId, body.file.status, next.file.status)
        return true
      })
    })
  }

  /**
   * Reads the job before a write that expects its version: that of a file which was detached and attached again is another job under the
   * same id, whose versions begin anew and may have come as far as this one's. Throws `JobLost`.
   */
  async #confirm (): Promise<void> {
    if (!await this.#job.refresh()) throw new JobLost()
  }

  async #write (items: WriteItem[]): Promise<void> {
    await this.#confirm()
    const write = async (): Promise<boolean> => await this.#services.records.write(partitionOf(this.ref), [this.#job.check(), ...items])
    // A renewal whose response was lost may have changed the job's version.
    if (!await write() && !(await this.#job.refresh() && await write())) throw new JobLost()
  }

  /** The status that the file has meanwhile. */
  get #expected (): FileBody['file']['status'] {
    return this.#job.body.type === 'embed' ? 'completed' : 'in_progress'
  }

  get #generation (): string {
    return this.#job.body.generation!
  }
}

/** The error that makes a file `failed`. Undefined for any other: the fault is the server's, and the job is tried again. */
function asFailure (error: unknown): DocumentError | undefined {
  if (error instanceof DocumentError) return error
  if (error instanceof ModelError) return new DocumentError('server_error', `The embedding model failed: ${error.message}`, { cause: error })
  return undefined
}

/** Reads the whole source. Throws when it has more than `length` bytes. */
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
