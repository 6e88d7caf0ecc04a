import { createHash } from 'node:crypto'
import type { FileObject } from '../../schemas/files.js'
import type { CompleteUploadRequest, CreateUploadRequest, Upload, UploadPart } from '../../schemas/uploads.js'
import type { BlobSource, BlobStore } from '../../storage/blob-store.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError, badRequest, notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { endDue, filesOf, putDue } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from './filename.js'
import type { Files, SpooledFile } from './files.js'
import { Spool } from './staging.js'

export interface UploadSettings {
  /** Bytes of one part. */
  maxPartBytes: number
}

/** An upload as it is kept: what clients see, and what the file will need. */
interface UploadRecord {
  upload: Upload
  expires_after?: CreateUploadRequest['expires_after']
}

/** The bytes of a part. */
export interface SpooledPart {
  id: string
  bytes: number
}

interface PartRecord {
  part: UploadPart
  bytes: number
}

const LIFETIME_S = 3600
/** How long an upload that has ended still says how. */
const REMEMBERED_S = 24 * 3600

/**
 * Uploads of one project (API reference, "Uploads"). A part's bytes are kept under the part's id; completing copies
 * them, in order, into the bytes of the file, whose records appear in the same write that ends the upload.
 */
export class Uploads {
  readonly #scope: Scope
  readonly #blobs: BlobStore
  readonly #spool: Spool
  readonly #files: Files
  readonly #settings: UploadSettings

  constructor (scope: Scope, blobs: BlobStore, files: Files, settings: UploadSettings) {
    this.#scope = scope
    this.#blobs = blobs
    this.#spool = new Spool(scope, blobs)
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
    await this.#spool.index()
    await this.#write([
      { op: 'put', kind: KIND.upload, id: upload.id, body, expect: 'absent' },
      putDue({ task: 'upload', id: upload.id, at: upload.expires_at })
    ])
    return upload
  }

  /** The bytes of a part on their way in; any number may come at once. `keepPart` or `discardPart` must follow. */
  async spoolPart (uploadId: string, source: BlobSource): Promise<SpooledPart> {
    await this.#pending(uploadId, 'add parts to')
    const id = newId.uploadPart()
    return { id, bytes: await this.#spool.put(id, source, this.#settings.maxPartBytes) }
  }

  async discardPart ({ id }: SpooledPart): Promise<void> {
    await this.#spool.discard(id)
  }

  /** Makes a part of spooled bytes, unless the upload has ended meanwhile. */
  async keepPart (uploadId: string, { id, bytes }: SpooledPart): Promise<UploadPart> {
    const part: UploadPart = { id, object: 'upload.part', created_at: unixSeconds(this.#scope.clock), upload_id: uploadId }
    const body: PartRecord = { part, bytes }
    try {
      const { version } = await this.#pending(uploadId, 'add parts to')
      const written = await this.#write([
        { op: 'check', kind: KIND.upload, id: uploadId, expect: version },
        { op: 'put', kind: KIND.uploadPart, id, parent: uploadId, body, expect: 'absent' },
        this.#spool.adoption(id)
      ])
      // A pending upload changes only by ending.
      if (!written) await this.#pending(uploadId, 'add parts to')
      if (!written) throw badRequest('The upload took too long. Please try again.')
    } catch (error) {
      await this.#spool.discard(id)
      throw error
    }
    return part
  }

  /** The file of these parts, in this order. */
  async complete (uploadId: string, request: CompleteUploadRequest): Promise<Upload> {
    const { body: { upload, expires_after: expiry }, version } = await this.#pending(uploadId, 'complete')
    const parts = await this.#parts(uploadId, request.part_ids)
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    if (bytes !== upload.bytes) {
      throw badRequest(`The parts have ${bytes} bytes together, but the upload was created for ${upload.bytes} bytes.`, { param: 'part_ids' })
    }
    const { spooled, md5 } = await this.#join(uploadId, parts)
    try {
      if (request.md5 != null && request.md5.toLowerCase() !== md5) {
        throw badRequest(`The md5 checksum of the parts is '${md5}', not '${request.md5}'.`, { param: 'md5' })
      }
      const file = this.#files.prepare(spooled, { filename: upload.filename, purpose: upload.purpose, ...expiry === undefined ? {} : { expires_after: expiry } })
      const ended = await this.#end({ upload, version, to: 'completed', file: file.body }, file.items)
      if (ended !== undefined) return ended
      // Another request has ended the upload meanwhile, or the bytes were given up.
      await this.#pending(uploadId, 'complete')
      throw badRequest('The upload took too long. Please try again.')
    } catch (error) {
      await this.#files.discard(spooled)
      throw error
    }
  }

  /** A repeated wish is granted once more. */
  async cancel (uploadId: string): Promise<Upload> {
    return await untilWritten(async () => {
      const { body: { upload }, version } = await this.#current(uploadId)
      if (upload.status === 'cancelled') return upload
      refuseUnlessPending(upload, 'cancel')
      return await this.#end({ upload, version, to: 'cancelled' })
    })
  }

  /** For the sweep: expires an upload, removes what an ended one has left, and in the end the upload itself. */
  async settle (uploadId: string): Promise<void> {
    const { records, clock } = this.#scope
    const record = await records.get<UploadRecord>({ ...this.#partition, kind: KIND.upload, id: uploadId })
    if (record === undefined) {
      await this.#write([endDue('upload', uploadId)])
      return
    }
    const { upload } = record.body
    if (upload.status === 'pending') {
      if (isOverdue(this.#scope, upload)) await this.#end({ upload, version: record.version, to: 'expired' })
      return
    }
    await this.#removeParts(uploadId)
    const forgetAt = upload.expires_at + REMEMBERED_S
    await this.#write(forgetAt > unixSeconds(clock)
      ? [putDue({ task: 'upload', id: uploadId, at: forgetAt })]
      : [{ op: 'delete', kind: KIND.upload, id: uploadId }, endDue('upload', uploadId)])
  }

  /** Undefined when somebody else was first. */
  async #end (how: { upload: Upload, version: number, to: 'completed' | 'cancelled' | 'expired', file?: FileObject }, items: WriteItem[] = []): Promise<Upload | undefined> {
    const { upload, version, to, file } = how
    const next: Upload = { ...upload, status: to, ...file === undefined ? {} : { file } }
    const written = await this.#write([
      { op: 'put', kind: KIND.upload, id: upload.id, body: { upload: next } satisfies UploadRecord, expect: version },
      putDue({ task: 'upload', id: upload.id, at: unixSeconds(this.#scope.clock) }),
      ...items
    ])
    if (!written) return undefined
    // The upload has ended whatever becomes of its parts; the sweep tries again.
    await this.settle(upload.id).catch(() => {})
    return next
  }

  /** The bytes of the parts as those of one new file. */
  async #join (uploadId: string, parts: readonly SpooledPart[]): Promise<{ spooled: SpooledFile, md5: string }> {
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
      const size = await this.#spool.put(id, bytes())
      return { spooled: { id, bytes: size }, md5: hash.digest('hex') }
    } catch (error) {
      // Parts vanish when the upload is ended by somebody else; then that is the news.
      await this.#pending(uploadId, 'complete')
      throw error
    }
  }

  async #parts (uploadId: string, ids: readonly string[]): Promise<SpooledPart[]> {
    const parts: SpooledPart[] = []
    for (const id of ids) {
      const record = await this.#scope.records.get<PartRecord>({ ...this.#partition, kind: KIND.uploadPart, id })
      if (record === undefined || record.parent !== uploadId) throw badRequest(`No part found with id '${id}' in upload '${uploadId}'.`, { param: 'part_ids' })
      parts.push({ id, bytes: record.body.bytes })
    }
    if (new Set(ids).size < ids.length) throw badRequest('Each part can be named once.', { param: 'part_ids' })
    return parts
  }

  async #removeParts (uploadId: string): Promise<void> {
    const source = { ...this.#partition, kind: KIND.uploadPart, parent: uploadId }
    for await (const { id } of eachRecord(this.#scope.records, source)) {
      await this.#spool.remove(id)
      await this.#write([{ op: 'delete', kind: KIND.uploadPart, id }])
    }
  }

  /** The upload, if it can still go either way. Throws the 404, or the 400 that says how it has ended. */
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

  async #write (items: WriteItem[]): Promise<boolean> {
    return await this.#scope.records.write(this.#partition, items)
  }

  get #partition () {
    return filesOf(this.#scope.project)
  }
}

function isOverdue (scope: Scope, upload: Upload): boolean {
  return upload.expires_at <= unixSeconds(scope.clock)
}

function refuseUnlessPending (upload: Upload, verb: string): void {
  if (upload.status !== 'pending') throw badRequest(`Cannot ${verb} upload with status '${upload.status}'.`)
}
