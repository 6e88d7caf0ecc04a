import type { Readable } from 'node:stream'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject, FilePurpose, ListFilesQuery, UploadFileRequest } from '../../schemas/files.js'
import type { BlobRange, BlobSource, BlobStore } from '../../storage/blob-store.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError, badRequest } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listRecords } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { endDue, filesOf, putDue } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from './filename.js'
import { findFile, hasExpired } from './find.js'
import { Spool } from './staging.js'

/** What is known of a file beside its bytes. */
export interface NewFile {
  /** Kept in any script, without its path; `upload` when there is none. */
  filename?: string | undefined
  purpose: FilePurpose
  expires_after?: UploadFileRequest['expires_after']
}

/** Bytes that are kept but belong to no file yet. */
export interface SpooledFile {
  /** The id that the file will have. */
  id: string
  bytes: number
}

/** Which files clients may download. */
export type Downloads = 'all' | 'outputs'

export interface FileSettings {
  /** Bytes of one file. */
  maxBytes: number
  /** `outputs` refuses what was uploaded for a model to read. */
  downloads: Downloads
  /**
   * Told of each file that was deleted or has expired, at least once, also when the process died in between. What it
   * throws is tried again with the next sweep.
   */
  onDeleted? (project: string, fileId: string): Promise<void>
}

export const DEFAULT_FILE_SETTINGS: FileSettings = { maxBytes: 512 * 1024 ** 2, downloads: 'all' }

const LIST_LIMIT = 10_000
const INPUTS: ReadonlySet<FilePurpose> = new Set(['assistants', 'vision', 'user_data'])

const missing = (id: string): ApiError => new ApiError(404, `No such File object: ${id}`, { param: 'id' })

/** Files of one project (API reference, "Files"). */
export class Files {
  readonly #scope: Scope
  readonly #blobs: BlobStore
  readonly #spool: Spool
  readonly #settings: FileSettings

  constructor (scope: Scope, blobs: BlobStore, settings: FileSettings) {
    this.#scope = scope
    this.#blobs = blobs
    this.#spool = new Spool(scope, blobs)
    this.#settings = settings
  }

  /** A file from bytes of a request or of our own. Nothing is left when the source fails. */
  async create (file: NewFile, source: BlobSource): Promise<FileObject> {
    return await this.keep(await this.spool(source), file)
  }

  /** Keeps bytes whose purpose is not known yet. `keep` or `discard` must follow. Throws a 413 when there are too many. */
  async spool (source: BlobSource): Promise<SpooledFile> {
    const id = newId.file()
    return { id, bytes: await this.#spool.put(id, source, this.#settings.maxBytes) }
  }

  /** Makes a file of spooled bytes. */
  async keep (spooled: SpooledFile, file: NewFile): Promise<FileObject> {
    const { body, items } = this.prepare(spooled, file)
    if (!await this.#write(items)) throw badRequest('The upload took too long. Please try again.')
    return body
  }

  /** The records of a file from spooled bytes, for whoever has more to write with them. */
  prepare ({ id, bytes }: SpooledFile, { filename, purpose, expires_after: expiry }: NewFile): { body: FileObject, items: WriteItem[] } {
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
      this.#spool.adoption(id)
    ]
    if (body.expires_at !== null) items.push(putDue({ task: 'file', id, at: body.expires_at }))
    return { body, items }
  }

  /** Removes spooled bytes that became no file. */
  async discard ({ id }: Pick<SpooledFile, 'id'>): Promise<void> {
    await this.#spool.discard(id)
  }

  /** Throws the 404. */
  async get (id: string): Promise<FileObject> {
    return (await this.#load(id)).body
  }

  /** Undefined when it does not exist, is another project's or has expired. */
  async find (id: string): Promise<FileObject | undefined> {
    return (await findFile(this.#scope, id))?.body
  }

  /** Newest first unless asked otherwise; expired files are removed on the way. */
  async list (params: ListFilesQuery): Promise<ListResponse<FileObject>> {
    const { purpose, limit = LIST_LIMIT, ...rest } = params
    const source = purpose === undefined
      ? { partition: PARTITION.files, kind: KIND.file }
      : { partition: PARTITION.files, kind: KIND.fileOfPurpose, parent: purpose }
    for (;;) {
      const page = await listRecords<FileObject>(this.#scope, source, { ...rest, limit }, missing)
      const expired = page.data.filter(file => hasExpired(this.#scope, file))
      if (expired.length === 0) return page
      for (const { id } of expired) await this.expire(id).catch(() => {})
    }
  }

  /** A file whose bytes a client may have. Throws the 404, or the 400 of the real API when it was told to be as strict. */
  async downloadable (id: string): Promise<FileObject> {
    const file = await this.get(id)
    if (this.#settings.downloads === 'outputs' && INPUTS.has(file.purpose)) throw badRequest(`Not allowed to download files of purpose: ${file.purpose}`)
    return file
  }

  /** The bytes of a file, all or a part. Read them to the end or destroy the stream. Throws the 404. */
  async open (id: string, range?: BlobRange): Promise<Readable> {
    await this.#load(id)
    const bytes = await this.#blobs.get({ project: this.#scope.project, id }, range)
    // A store that forgets (Redis with a ttl) may have kept the record longer.
    if (bytes === undefined) throw missing(id)
    return bytes
  }

  /**
   * Throws the 404. Whoever uses the file finds it gone from now on (`lib/files/find.ts`), or is told (`onDeleted`). The
   * record goes first and leaves a note of what remains to be done, so that a crash leaves no bytes that nobody knows of.
   */
  async delete (id: string): Promise<void> {
    await untilWritten(async () => await this.#delete(await this.#load(id)) || undefined)
    // The file is deleted whatever fails now; the sweep tries the rest again.
    await this.afterDeletion(id).catch(() => {})
  }

  /** Deletes a file whose time has come. */
  async expire (id: string): Promise<void> {
    await untilWritten(async () => {
      const record = await this.#scope.records.get<FileObject>({ ...this.#partition, kind: KIND.file, id })
      if (record !== undefined) return await this.#delete(record) || undefined
      return await this.#write([endDue('file', id)]) || undefined
    })
    await this.afterDeletion(id)
  }

  /** What is left to do once the record is gone. May be called any number of times. */
  async afterDeletion (id: string): Promise<void> {
    await this.#settings.onDeleted?.(this.#scope.project, id)
    await this.#spool.remove(id)
    await this.#write([endDue('deleted', id)])
  }

  async #delete ({ id, version }: StoredRecord<FileObject>): Promise<boolean> {
    return await this.#write([
      { op: 'delete', kind: KIND.file, id, expect: version },
      { op: 'delete', kind: KIND.fileOfPurpose, id },
      endDue('file', id),
      putDue({ task: 'deleted', id, at: unixSeconds(this.#scope.clock) })
    ])
  }

  async #load (id: string): Promise<StoredRecord<FileObject>> {
    const record = await findFile(this.#scope, id)
    if (record === undefined) throw missing(id)
    return record
  }

  async #write (items: WriteItem[]): Promise<boolean> {
    return await this.#scope.records.write(this.#partition, items)
  }

  get #partition () {
    return filesOf(this.#scope.project)
  }
}
