import { Type, type Static } from '@sinclair/typebox'
import { closedObject } from './common.js'

/** `GET /server/export`, which the API does not have. Without a format: one JSON object a line. */
export const ExportQuery = closedObject({ format: Type.Optional(Type.Union([Type.Literal('jsonl'), Type.Literal('sqlite')])) })
export type ExportQuery = Static<typeof ExportQuery>

/** `POST /server/import`, which the API does not have. */
export const ImportQuery = closedObject({
  /** Of objects of the API; what was exported keeps its own. Default `default`. */
  project: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  /** Whether the first bad line ends the import. Default false. */
  strict: Type.Optional(Type.Boolean()),
  /** The number of the first line, when an import comes in several requests. Default 1. */
  first_line: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
})
export type ImportQuery = Static<typeof ImportQuery>

/** What an import did. */
export const ImportedStore = Type.Object({
  object: Type.Literal('import'),
  /** Records that were written, by kind. */
  written: Type.Unsafe<Record<string, number>>(Type.Object({}, { additionalProperties: Type.Integer() })),
  /** Records that were there already, and stay as they are. */
  there: Type.Integer(),
  bad_lines: Type.Integer(),
  /** The first hundred of them. */
  bad: Type.Array(Type.Object({ line: Type.Integer(), reason: Type.String() }))
})
export type ImportedStore = Static<typeof ImportedStore>
