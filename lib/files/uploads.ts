import { createHash } from 'node:crypto'
import type { FileObject } from '../../schemas/files.js'
import type { ListResponse } from '../../schemas/common.js'
import { MOST_UPLOAD_PARTS, type CompleteUploadRequest, type CreateUploadRequest, type Upload, type UploadPart } from '../../schemas/uploads.js'
import type { BlobSource, BlobStore } from '../../storage/blob-store.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { mapInBatches } from '../shared/batches.js'
import { ApiError, badRequest, notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listOf, pageOf, type ListParams } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { removeTask, filesPartition, scheduleTask } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from './filename.js'
import type { Files, StagedFile } from './files.js'
import { Staging } from './staging.js'
import type { StockChange } from '../usage/stock.js'

export interface UploadSettings {
  /** Bytes of one part. */
  maxPartBytes: number
  /** A scheduled task was left undone: it is to be carried out before long. */
  onUndone? (): void
}

/** An upload as it is stored: what clients see, and what the file will need. */
interface UploadRecord {
  upload: Upload
  expires_after?: CreateUploadRequest['expires_after']
  /** All parts so far; absent before the first, and in records of 0.1.0. */
  received?: { count: number, bytes: number }
}

const NOTHING_RECEIVED = { count: 0, bytes: 0 }

/** How often the bytes of an upload may be sent: a client repeats parts whose answer it did not get. */
const TIMES = 2

function refuseMoreParts ({ upload, received: { count, bytes } = NOTHING_RECEIVED }: UploadRecord, more: number): void {
  if (count >= MOST_UPLOAD_PARTS) throw badRequest(`An upload can have ${MOST_UPLOAD_PARTS} parts.`, { code: 'array_above_max_length' })
  if (bytes + more > upload.bytes * TIMES) throw badRequest(`The parts have more bytes than the ${upload.bytes} that the upload was created for.`, { code: 'file_too_large' })
}

/** Bytes that are stored but belong to no part yet. */
export interface StagedPart {
  id: string
  bytes: number
}

interface PartRecord {
  part: UploadPart
  bytes: number
}

const LIFETIME_S = 3600
/** How long an upload stays readable after the end of its lifetime. */
const RETENTION_S = 24 * 3600

/**
 * Uploads of one project (API reference, "Uploads"). A part's bytes are stored under the part's id. `complete` copies them, in order,
 * to the bytes of the file, whose records are created by the same write that ends the upload.
 */
export class Uploads {
  readonly #scope: Scope
  readonly #blobs: BlobStore
  readonly #staging: Staging
  readonly #files: Files
  readonly #settings: UploadSettings

  constructor (scope: Scope, blobs: BlobStore, files: Files, settings: UploadSettings) {
    this.#scope = scope
    this.#blobs = blobs
    this.#staging = new Staging(scope, blobs)
    this.#files = files
    this.#settings = settings
  }

  async create (request: CreateUploadRequest): Promise<Upload> {
    const at = unixSeconds(this.#scope.clock)
    const upload: Upload = {
      id: newId.upload(),
      object: 'upload',
      bytes: request.bytes,
      created_at: at,
      filename: cleanFilename(request.filename),
      purpose: request.purpose,
      status: 'pending',
      expires_at: at + LIFETIME_S
    }
    const body: UploadRecord = { upload, ...request.expires_after === undefined ? {} : { expires_after: request.expires_after } }
    await this.#staging.registerProject()
    await this.#write([
      { op: 'put', kind: KIND.upload, id: upload.id, body, expect: 'absent' },
      scheduleTask({ task: 'upload', id: upload.id, at: upload.expires_at })
    ], { files: 0, bytes: upload.bytes })
    return upload
  }

  /** Ours alone: the uploads of the last day, newest first unless asked otherwise. */
  async list (params: ListParams): Promise<ListResponse<Upload>> {
    const { records, hasMore } = await pageOf<UploadRecord>(this.#scope, { partition: PARTITION.files, kind: KIND.upload }, params, id => notFound('upload', id))
    const uploads = await mapInBatches(records, async ({ id, body: { upload } }) => {
      if (upload.status !== 'pending' || !isOverdue(this.#scope, upload)) return upload
      return (await this.#current(id)).body.upload
    })
    return listOf(uploads, hasMore)
  }

  /** Ours alone. Throws the 404. */
  async get (id: string): Promise<Upload> {
    return (await this.#current(id)).body.upload
  }

  /** Stores the bytes of a part; several parts may be received at a time. `keepPart` or `discardPart` must follow. */
  async stagePart (uploadId: string, source: BlobSource): Promise<StagedPart> {
    const { body } = await this.#pending(uploadId, 'add parts to')
    refuseMoreParts(body, 0)
    const id = newId.uploadPart()
    return { id, bytes: await this.#staging.put(id, source, { maxBytes: Math.min(this.#settings.maxPartBytes, body.upload.bytes) }) }
  }

  async discardPart ({ id }: StagedPart): Promise<void> {
    await this.#staging.discard(id)
  }

  /** Creates a part from staged bytes. Throws the 400 when the upload has ended meanwhile. */
  async keepPart (uploadId: string, { id, bytes }: StagedPart): Promise<UploadPart> {
    const part: UploadPart = { id, object: 'upload.part', created_at: unixSeconds(this.#scope.clock), upload_id: uploadId }
    const body: PartRecord = { part, bytes }
    try {
      await untilWritten(async () => {
        const { body: record, version } = await this.#pending(uploadId, 'add parts to')
        refuseMoreParts(record, bytes)
        const { count, bytes: before } = record.received ?? NOTHING_RECEIVED
        const written = await this.#write([
          { op: 'put', kind: KIND.upload, id: uploadId, body: { ...record, received: { count: count + 1, bytes: before + bytes } } satisfies UploadRecord, expect: version },
          { op: 'put', kind: KIND.uploadPart, id, parent: uploadId, body, expect: 'absent' },
          this.#staging.claim(id)
        ])
        if (written) return true
        // Another part has been added meanwhile, the upload has ended, or these bytes were removed.
        const { version: now } = await this.#pending(uploadId, 'add parts to')
        if (now === version) throw badRequest('The upload took too long. Please try again.')
        return undefined
      })
    } catch (error) {
      await this.#staging.discardAfter(error, id)
      throw error
    }
    return part
  }

  /** Creates the file from these parts, in this order. */
  async complete (uploadId: string, request: CompleteUploadRequest): Promise<Upload> {
    const { body: { upload, expires_after: expiry }, version: first } = await this.#pending(uploadId, 'complete')
    const parts = await this.#parts(uploadId, request.part_ids)
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    if (bytes !== upload.bytes) {
      throw badRequest(`The parts have ${bytes} bytes together, but the upload was created for ${upload.bytes} bytes.`, { param: 'part_ids' })
    }
    const { staged, md5 } = await this.#join(uploadId, parts)
    try {
      if (request.md5 != null && request.md5.toLowerCase() !== md5) {
        throw badRequest(`The md5 checksum of the parts is '${md5}', not '${request.md5}'.`, { param: 'md5' })
      }
      const file = this.#files.prepare(staged, { filename: upload.filename, purpose: upload.purpose, ...expiry === undefined ? {} : { expires_after: expiry } })
      let version = first
      return await untilWritten(async () => {
        const ended = await this.#end({ upload, version, to: 'completed', file: file.body }, file.items)
        if (ended !== undefined) return ended
        // Another part has been added meanwhile, the upload has ended, or the staged bytes were removed.
        const { version: now } = await this.#pending(uploadId, 'complete')
        if (now === version) throw badRequest('The upload took too long. Please try again.')
        version = now
        return undefined
      })
    } catch (error) {
      await this.#staging.discardAfter(error, staged.id)
      throw error
    }
  }

  /** Cancelling a cancelled upload succeeds again. */
  async cancel (uploadId: string): Promise<Upload> {
    return await untilWritten(async () => {
      const { body: { upload }, version } = await this.#current(uploadId)
      if (upload.status === 'cancelled') return upload
      refuseUnlessPending(upload, 'cancel')
      return await this.#end({ upload, version, to: 'cancelled' })
    })
  }

  /** Removes an upload with its parts, in any status. Throws the 404. */
  async erase (uploadId: string): Promise<void> {
    await untilWritten(async () => {
      const { body: { upload }, version } = await this.#current(uploadId)
      return upload.status === 'pending' ? await this.#end({ upload, version, to: 'cancelled' }) : upload
    })
    await this.#removeParts(uploadId)
    await this.#write([{ op: 'delete', kind: KIND.upload, id: uploadId }, removeTask('upload', uploadId)])
  }

  /** Called by the sweeper: expires an upload, removes the parts of one that has ended, and finally the upload itself. */
  async settle (uploadId: string): Promise<void> {
    const { records, clock } = this.#scope
    const record = await records.get<UploadRecord>({ ...this.#partition, kind: KIND.upload, id: uploadId })
    if (record === undefined) {
      await this.#write([removeTask('upload', uploadId)])
      return
    }
    const { upload } = record.body
    if (upload.status === 'pending') {
      if (isOverdue(this.#scope, upload)) await this.#end({ upload, version: record.version, to: 'expired' })
      return
    }
    await this.#removeParts(uploadId)
    const forgetAt = upload.expires_at + RETENTION_S
    await this.#write(forgetAt > unixSeconds(clock)
      ? [scheduleTask({ task: 'upload', id: uploadId, at: forgetAt })]
      : [{ op: 'delete', kind: KIND.upload, id: uploadId }, removeTask('upload', uploadId)])
  }

  /** Undefined when another request has changed the upload. */
  async #end (how: { upload: Upload, version: number, to: 'completed' | 'cancelled' | 'expired', file?: FileObject }, items: WriteItem[] = []): Promise<Upload | undefined> {
    const { upload, version, to, file } = how
    const next: Upload = { ...upload, status: to, ...file === undefined ? {} : { file } }
    const written = await this.#write([
      { op: 'put', kind: KIND.upload, id: upload.id, body: { upload: next } satisfies UploadRecord, expect: version },
      scheduleTask({ task: 'upload', id: upload.id, at: unixSeconds(this.#scope.clock) }),
      ...items
    ], { files: file === undefined ? 0 : 1, bytes: (file?.bytes ?? 0) - upload.bytes })
    if (!written) return undefined
    // The upload has ended even if its parts cannot be removed.
    await this.settle(upload.id).catch(() => this.#settings.onUndone?.())
    return next
  }

  /** Copies the parts' bytes into those of one new file. */
  async #join (uploadId: string, parts: readonly StagedPart[]): Promise<{ staged: StagedFile, md5: string }> {
    const hash = createHash('md5')
    const { project } = this.#scope
    const blobs = this.#blobs
    async function * bytes (): AsyncGenerator<Uint8Array> {
      for (const { id } of parts) {
        const stream = await blobs.get({ project, id })
        if (stream === undefined) throw new ApiError(404, `No part found with id '${id}'.`, { param: 'part_ids' })
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          hash.update(chunk)
          yield chunk
        }
      }
    }
    try {
      const id = newId.file()
      const size = await this.#staging.put(id, bytes())
      return { staged: { id, bytes: size }, md5: hash.digest('hex') }
    } catch (error) {
      // When another request has ended the upload, its parts are gone, and how it ended is the error to report.
      await this.#pending(uploadId, 'complete')
      throw error
    }
  }

  async #parts (uploadId: string, ids: readonly string[]): Promise<StagedPart[]> {
    if (new Set(ids).size < ids.length) throw badRequest('Each part can be named once.', { param: 'part_ids' })
    return await mapInBatches(ids, async id => {
      const record = await this.#scope.records.get<PartRecord>({ ...this.#partition, kind: KIND.uploadPart, id })
      if (record === undefined || record.parent !== uploadId) throw badRequest(`No part found with id '${id}' in upload '${uploadId}'.`, { param: 'part_ids' })
      return { id, bytes: record.body.bytes }
    })
  }

  async #removeParts (uploadId: string): Promise<void> {
    const source = { ...this.#partition, kind: KIND.uploadPart, parent: uploadId }
    const remove = async (id: string): Promise<void> => {
      await this.#staging.remove(id)
      await this.#write([{ op: 'delete', kind: KIND.uploadPart, id }])
    }
    const damaged: string[] = []
    for await (const { id } of eachRecord(this.#scope.records, source, { onDamaged: ({ key }) => damaged.push(key.id) })) await remove(id)
    for (const id of damaged) await remove(id)
  }

  /** The upload, if it is pending. Throws the 404, or the 400 that names its status. */
  async #pending (id: string, verb: string): Promise<StoredRecord<UploadRecord>> {
    const record = await this.#current(id)
    refuseUnlessPending(record.body.upload, verb)
    return record
  }

  async #current (id: string): Promise<StoredRecord<UploadRecord>> {
    return await untilWritten(async () => {
      const record = await this.#scope.records.get<UploadRecord>({ ...this.#partition, kind: KIND.upload, id })
      if (record === undefined) throw notFound('upload', id)
      const { upload } = record.body
      if (upload.status !== 'pending' || !isOverdue(this.#scope, upload)) return record
      await this.#end({ upload, version: record.version, to: 'expired' })
      return undefined
    })
  }

  async #write (items: WriteItem[], change?: StockChange): Promise<boolean> {
    return change === undefined ? await this.#scope.records.write(this.#partition, items) : await this.#files.stock.write(items, change)
  }

  get #partition () {
    return filesPartition(this.#scope.project)
  }
}

function isOverdue (scope: Scope, upload: Upload): boolean {
  return upload.expires_at <= unixSeconds(scope.clock)
}

function refuseUnlessPending (upload: Upload, verb: string): void {
  if (upload.status !== 'pending') throw badRequest(`Cannot ${verb} upload with status '${upload.status}'.`)
}
