import { Type, type Static, type TLiteral, type TObject, type TProperties, type TSchema, type TUnion, type TUnsafe } from '@sinclair/typebox'

/** `schema`, or null. */
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** One of a fixed set of strings. */
export function literals<const T extends readonly string[]> (values: T): TUnion<{ -readonly [K in keyof T]: TLiteral<T[K]> }> {
  return Type.Union(values.map(value => Type.Literal(value))) as unknown as TUnion<{ -readonly [K in keyof T]: TLiteral<T[K]> }>
}

/** An object of a request: a key that is not declared is an error of the caller. */
export const closedObject = <T extends TProperties>(properties: T, options: ClosedObjectOptions = {}): TObject<T> =>
  Type.Object(properties, { ...options, additionalProperties: false })

/** A place where built-in tools of types that the API does not define add their part (`lib/tools/tool-schemas.ts`). */
export interface Extensible {
  /** `tool`, `tool_choice` and `attachment_tool` are unions by `type`, `tool_resources` is an object with a key per tool. */
  extension?: 'tool' | 'tool_choice' | 'attachment_tool' | 'tool_resources'
}

/** Rules across the fields of one object. TypeBox does not know them; `lib/shared/validation.ts` checks them. */
export interface ClosedObjectOptions extends Extensible {
  /** At most one of these keys may be given. */
  exclusive?: string[]
}

/**
 * The id of an object, in a path or a body. Only the prefix is checked, so that a mistyped id is a plain "not
 * found" and one of the wrong kind (or a stringified `undefined`) says what was expected.
 */
export const Id = (prefix: string) => Type.String({ pattern: `^${prefix}`, idPrefix: prefix, maxLength: 512 })

/** A point in time, in whole unix seconds. */
export const UnixTime = Type.Integer()

/** Any JSON object: a JSON Schema, say. What is in it is not ours to check. */
export const JsonObject = Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }))
export type JsonObject = Static<typeof JsonObject>

/** Characters of a JSON object in a request, as JSON text. */
const JSON_LENGTH = 256_000

/** Any JSON object in a request. `lib/shared/validation.ts` checks its length. */
export const JsonObjectParam = Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true, maxJsonLength: JSON_LENGTH }))

/** An id, or what a caller takes for one, in the body of a request. Longer ones name nothing. */
export const IdParam = Type.String({ maxLength: 512 })

/** The name of a model in a request. */
export const ModelName = Type.String({ minLength: 1, maxLength: 512 })

/** Strings of the caller's own attached to an object; `{}` when there are none. */
export const Metadata = Type.Unsafe<Record<string, string>>(Type.Object({}, { additionalProperties: Type.String() }))
export type Metadata = Static<typeof Metadata>

const METADATA_KEY_LENGTH = 64

const metadataPairs = () => Type.Record(
  // A character class instead of `.`, which stops at a line break.
  Type.String({ pattern: `^[\\s\\S]{0,${METADATA_KEY_LENGTH}}$` }),
  Type.String({ maxLength: 512 }),
  { additionalProperties: false, maxProperties: 16, propertyNames: { maxLength: METADATA_KEY_LENGTH } }
)

/** Metadata in a request: at most 16 pairs, keys up to 64 and values up to 512 characters; null means none. */
export const MetadataParam = nullable(metadataPairs())
export type MetadataParam = Static<typeof MetadataParam>

/** Metadata in a query, `metadata[key]=value`: objects that have all of these pairs. */
export const MetadataFilter = metadataPairs()
export type MetadataFilter = Static<typeof MetadataFilter>

/** What a file in a vector store is tagged with; search can filter by it (API reference, "Vector store files"). */
export const FileAttributes = Type.Unsafe<Record<string, string | number | boolean>>(
  Type.Object({}, { additionalProperties: Type.Union([Type.String(), Type.Number(), Type.Boolean()]) })
)
export type FileAttributes = Static<typeof FileAttributes>

/** The body of every error answer: four keys, always (API reference, "Error codes"). */
export const OpenAIError = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    /** The offending parameter as a path (`tools[0].function.name`). */
    param: nullable(Type.String()),
    code: nullable(Type.String())
  })
})
export type OpenAIError = Static<typeof OpenAIError>

/** One page of a list. The two ids are those of its first and last element, null when it is empty. */
export const ListResponse = <T extends TSchema>(item: T) => Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(item),
  first_id: nullable(Type.String()),
  last_id: nullable(Type.String()),
  has_more: Type.Boolean()
})
export type ListResponse<T> = Static<ReturnType<typeof ListResponse<TUnsafe<T>>>>

/** The answer to a DELETE; `object` is the kind of the deleted object and mostly ends in `.deleted`. */
export const DeleteResponse = <T extends string>(object: T) => Type.Object({
  id: Type.String(),
  object: Type.Literal(object),
  deleted: Type.Literal(true)
})
export type DeleteResponse<T extends string> = Static<ReturnType<typeof DeleteResponse<T>>>

/** `created_at` ascending or descending. */
export const ListOrder = literals(['asc', 'desc'])
export type ListOrder = Static<typeof ListOrder>

/** The query of every list (API reference, "Pagination"): `after` and `before` are ids and exclude their own element. */
export const ListQuery = closedObject({
  /** 20 when absent. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  /** `desc` when absent. */
  order: Type.Optional(ListOrder),
  after: Type.Optional(Type.String()),
  before: Type.Optional(Type.String())
})
export type ListQuery = Static<typeof ListQuery>
