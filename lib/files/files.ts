import type { Readable } from 'node:stream'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject, FilePurpose, ListFilesQuery, UploadFileRequest } from '../../schemas/files.js'
import type { BlobRange, BlobSource, BlobStore } from '../../storage/blob-store.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError, badRequest } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listRecords } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { removeTask, filesPartition, scheduleTask } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from './filename.js'
import { findFile, hasExpired } from './find.js'
import { Staging } from './staging.js'
import type { ProjectQuotas } from '../usage/quotas.js'
import { Stock, type StockChange } from '../usage/stock.js'

/** A new file's properties, apart from its bytes. */
export interface NewFile {
  /** In any script. A path is cut off; without a name the file is called `upload`. */
  filename?: string | undefined
  purpose: FilePurpose
  expires_after?: UploadFileRequest['expires_after']
}

/** Bytes that are stored but belong to no file yet. */
export interface StagedFile {
  /** The id that the file will have. */
  id: string
  bytes: number
}

/** Which files clients may download. */
export type Downloads = 'all' | 'outputs'

export interface FileSettings {
  /** Bytes of one file. */
  maxBytes: number
  /** What a project may have. Default: no bounds. */
  quotas? (project: string): ProjectQuotas
  /** `outputs` refuses what was uploaded for a model to read. */
  downloads: Downloads
  /**
   * Called for each file that was deleted or has expired: at least once, even if the process died in between. When it throws, the
   * next sweep calls it again.
   */
  onDeleted? (project: string, fileId: string): Promise<void>
  /** A scheduled task was left undone: it is to be carried out before long. */
  onUndone? (): void
}

export const DEFAULT_FILE_SETTINGS: FileSettings = { maxBytes: 512 * 1024 ** 2, downloads: 'all' }

const LIST_LIMIT = 10_000
const INPUTS: ReadonlySet<FilePurpose> = new Set(['assistants', 'vision', 'user_data'])

const missing = (id: string): ApiError => new ApiError(404, `No such File object: ${id}`, { param: 'id' })

/** Files of one project (API reference, "Files"). */
export class Files {
  /** The count of this project's files, and its quotas of them. */
  readonly stock: Stock
  readonly #scope: Scope
  readonly #blobs: BlobStore
  readonly #staging: Staging
  readonly #settings: FileSettings

  constructor (scope: Scope, blobs: BlobStore, settings: FileSettings) {
    this.#scope = scope
    this.#blobs = blobs
    this.#staging = new Staging(scope, blobs)
    this.#settings = settings
    this.stock = new Stock(scope.records, scope.project, settings.quotas?.(scope.project) ?? {})
  }

  /** Creates a file. Nothing is left behind when the source fails. */
  async create (file: NewFile, source: BlobSource): Promise<FileObject> {
    return await this.keep(await this.stage(source), file)
  }

  /** Stores bytes before the file's properties are known. `keep` or `discard` must follow. Throws a 413 or a 429 when there are too many. */
  async stage (source: BlobSource): Promise<StagedFile> {
    const id = newId.file()
    const { maxBytes } = this.#settings
    const room = await this.stock.room()
    return { id, bytes: await this.#staging.put(id, source, room < maxBytes ? { maxBytes: room, exceeded: () => this.stock.fullOfBytes() } : { maxBytes }) }
  }

  /** Creates a file from staged bytes, which are gone when there is none. */
  async keep (staged: StagedFile, file: NewFile): Promise<FileObject> {
    try {
      const { body, items } = this.prepare(staged, file)
      if (!await this.#write(items, { files: 1, bytes: body.bytes })) throw badRequest('The upload took too long. Please try again.')
      return body
    } catch (error) {
      await this.#staging.discardAfter(error, staged.id)
      throw error
    }
  }

  /** The records of a file from staged bytes, for callers that write them together with others. */
  prepare ({ id, bytes }: StagedFile, { filename, purpose, expires_after: expiry }: NewFile): { body: FileObject, items: WriteItem[] } {
    const at = unixSeconds(this.#scope.clock)
    const body: FileObject = {
      object: 'file',
      id,
      purpose,
      filename: cleanFilename(filename),
      bytes,
      created_at: at,
      expires_at: expiry === undefined ? null : at + expiry.seconds,
      status: 'processed',
      status_details: null
    }
    const items: WriteItem[] = [
      { op: 'put', kind: KIND.file, id, body, expect: 'absent' },
      { op: 'put', kind: KIND.fileOfPurpose, id, parent: purpose, body, expect: 'absent' },
      this.#staging.claim(id)
    ]
    if (body.expires_at !== null) items.push(scheduleTask({ task: 'file', id, at: body.expires_at }))
    return { body, items }
  }

  /** Removes staged bytes that became no file. */
  async discard ({ id }: Pick<StagedFile, 'id'>): Promise<void> {
    await this.#staging.discard(id)
  }

  /** Throws the 404. */
  async get (id: string): Promise<FileObject> {
    return (await this.#load(id)).body
  }

  /** Undefined when it does not exist, is another project's or has expired. */
  async find (id: string): Promise<FileObject | undefined> {
    return (await findFile(this.#scope, id))?.body
  }

  /** Newest first by default. Expired files are deleted on the way. */
  async list (params: ListFilesQuery): Promise<ListResponse<FileObject>> {
    const { purpose, limit = LIST_LIMIT, ...rest } = params
    const source = purpose === undefined
      ? { partition: PARTITION.files, kind: KIND.file }
      : { partition: PARTITION.files, kind: KIND.fileOfPurpose, parent: purpose, objects: KIND.file }
    for (;;) {
      const page = await listRecords<FileObject>(this.#scope, source, { ...rest, limit }, missing)
      const expired = page.data.filter(file => hasExpired(this.#scope, file))
      if (expired.length === 0) return page
      for (const { id } of expired) await this.expire(id).catch(() => this.#settings.onUndone?.())
    }
  }

  /** A file that a client may download. Throws the 404, or the real API's 400 when `downloads` is `outputs`. */
  async downloadable (id: string): Promise<FileObject> {
    const file = await this.get(id)
    if (this.#settings.downloads === 'outputs' && INPUTS.has(file.purpose)) throw badRequest(`Not allowed to download files of purpose: ${file.purpose}`)
    return file
  }

  /** The bytes of a file, all or a part. Read them to the end or destroy the stream. Throws the 404. */
  async open (id: string, range?: BlobRange): Promise<Readable> {
    await this.#load(id)
    const bytes = await this.#blobs.get({ project: this.#scope.project, id }, range)
    // A store with an expiry (Redis with a ttl) may have kept the record longer than the bytes.
    if (bytes === undefined) throw missing(id)
    return bytes
  }

  /**
   * Throws the 404. From now on nothing finds the file (`lib/files/find.ts`), and `onDeleted` is called. The record is deleted first, in
   * a write that schedules the rest, so that a crash leaves no bytes without a record or a task.
   */
  async delete (id: string): Promise<void> {
    await untilWritten(async () => await this.#delete(await this.#load(id)) || undefined)
    // The file is deleted even if this fails.
    await this.afterDeletion(id).catch(() => this.#settings.onUndone?.())
  }

  /** Deletes a file that has expired. */
  async expire (id: string): Promise<void> {
    await untilWritten(async () => {
      const record = await this.#scope.records.get<FileObject>({ ...this.#partition, kind: KIND.file, id })
      if (record !== undefined) return await this.#delete(record) || undefined
      return await this.#write([removeTask('file', id)]) || undefined
    })
    await this.afterDeletion(id)
  }

  /** Completes the deletion once the record is gone. May be called any number of times. */
  async afterDeletion (id: string): Promise<void> {
    await this.#settings.onDeleted?.(this.#scope.project, id)
    await this.#staging.remove(id)
    await this.#write([removeTask('deleted', id)])
  }

  async #delete (record: StoredRecord<FileObject>): Promise<boolean> {
    const { id, version } = record
    return await this.#write([
      { op: 'delete', kind: KIND.file, id, expect: version },
      { op: 'delete', kind: KIND.fileOfPurpose, id },
      removeTask('file', id),
      ...await rememberPlace(this.#scope.records, record),
      scheduleTask({ task: 'deleted', id, at: unixSeconds(this.#scope.clock) })
    ], { files: -1, bytes: -record.body.bytes })
  }

  async #load (id: string): Promise<StoredRecord<FileObject>> {
    const record = await findFile(this.#scope, id)
    if (record === undefined) throw missing(id)
    return record
  }

  async #write (items: WriteItem[], change?: StockChange): Promise<boolean> {
    return change === undefined ? await this.#scope.records.write(this.#partition, items) : await this.stock.write(items, change)
  }

  get #partition () {
    return filesPartition(this.#scope.project)
  }
}
