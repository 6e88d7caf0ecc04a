import { Type, type Static } from '@sinclair/typebox'
import { closedObject, ListOrder, literals, nullable, UnixTime } from './common.js'

/** In the order in which the service names them when it refuses another. */
export const UPLOAD_PURPOSES = ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] as const

/** What a client may upload files for. */
export const UploadPurpose = literals(UPLOAD_PURPOSES)
export type UploadPurpose = Static<typeof UploadPurpose>

/** What a file is for. The last three are of files that the service itself writes. */
export const FilePurpose = literals([...UPLOAD_PURPOSES, 'assistants_output', 'batch_output', 'fine-tune-results'])
export type FilePurpose = Static<typeof FilePurpose>

/** API reference, "The file object". All keys are always there. */
export const FileObject = Type.Object({
  object: Type.Literal('file'),
  id: Type.String(),
  purpose: FilePurpose,
  filename: Type.String(),
  bytes: Type.Integer(),
  created_at: UnixTime,
  expires_at: nullable(UnixTime),
  status: literals(['uploaded', 'processed', 'error']),
  status_details: nullable(Type.String())
})
export type FileObject = Static<typeof FileObject>

/** When a file is to vanish by itself. */
export const FileExpiry = closedObject({
  anchor: Type.Literal('created_at'),
  /** From an hour to thirty days. */
  seconds: Type.Integer({ minimum: 3600, maximum: 2_592_000 })
})
export type FileExpiry = Static<typeof FileExpiry>

/** The fields of `POST /files` beside the file itself, which is a stream. */
export const UploadFileRequest = closedObject({
  purpose: UploadPurpose,
  expires_after: Type.Optional(FileExpiry)
})
export type UploadFileRequest = Static<typeof UploadFileRequest>

/** The path of one file. Its id has no prefix check. */
export const FileParams = closedObject({ file_id: Type.String() })
export type FileParams = Static<typeof FileParams>

/** `GET /files`: longer pages than the other lists, and forwards only. */
export const ListFilesQuery = closedObject({
  /** 10,000 when absent. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  order: Type.Optional(ListOrder),
  after: Type.Optional(Type.String()),
  purpose: Type.Optional(Type.String())
})
export type ListFilesQuery = Static<typeof ListFilesQuery>
