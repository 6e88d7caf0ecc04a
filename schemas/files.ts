import { Type, type Static } from '@sinclair/typebox'
import { closedObject, ListOrder, literals, nullable, UnixTime } from './common.js'

const UPLOAD_PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const

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

/** The fields of `POST /files` beside the file itself, which is a stream. */
export const UploadFileRequest = closedObject({
  purpose: literals(UPLOAD_PURPOSES),
  expires_after: Type.Optional(closedObject({
    anchor: Type.Literal('created_at'),
    /** From an hour to thirty days. */
    seconds: Type.Integer({ minimum: 3600, maximum: 2_592_000 })
  }))
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
