import { Type, type Static } from '@sinclair/typebox'
import { closedObject, Id, IdParam, literals, UnixTime } from './common.js'
import { FileExpiry, FileObject, UploadPurpose } from './files.js'

/** API reference, "Uploads": at most 8 GB. */
export const MAX_UPLOAD_BYTES = 8 * 1024 ** 3
/** Of one upload. The number is ours: the largest upload in parts of a megabyte. */
export const MOST_UPLOAD_PARTS = 8192

/** API reference, "The upload object". `file` is there once it is completed. */
export const Upload = Type.Object({
  id: Type.String(),
  object: Type.Literal('upload'),
  bytes: Type.Integer(),
  created_at: UnixTime,
  filename: Type.String(),
  purpose: UploadPurpose,
  status: literals(['pending', 'completed', 'cancelled', 'expired']),
  expires_at: UnixTime,
  file: Type.Optional(FileObject)
})
export type Upload = Static<typeof Upload>

export const UploadPart = Type.Object({
  id: Type.String(),
  object: Type.Literal('upload.part'),
  created_at: UnixTime,
  upload_id: Type.String()
})
export type UploadPart = Static<typeof UploadPart>

export const CreateUploadRequest = closedObject({
  filename: Type.String({ minLength: 1, maxLength: 4096 }),
  purpose: UploadPurpose,
  bytes: Type.Integer({ minimum: 0, maximum: MAX_UPLOAD_BYTES }),
  /** Anything: SDKs send `pdf` as well as `application/pdf`. */
  mime_type: Type.String({ maxLength: 256 }),
  expires_after: Type.Optional(FileExpiry)
})
export type CreateUploadRequest = Static<typeof CreateUploadRequest>

export const CompleteUploadRequest = closedObject({
  /** In the order that the bytes are to have. */
  part_ids: Type.Array(IdParam, { maxItems: MOST_UPLOAD_PARTS }),
  /** Of the whole file, in hexadecimal. */
  md5: Type.Optional(Type.String({ maxLength: 64 }))
})
export type CompleteUploadRequest = Static<typeof CompleteUploadRequest>

export const UploadParams = closedObject({ upload_id: Id('upload_') })
export type UploadParams = Static<typeof UploadParams>
