/**
 * Makes `openai-schema.json` from OpenAI's OpenAPI description: see `README.md` beside this file.
 *
 *     npm run build:test && node build/test/data/openai-schema.js openapi.json
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../helpers/paths.js'

export const SCHEMA_FILE = join(root, 'test/data/openai-schema.json')

/** The API that this server offers: these paths and everything below them. */
const OFFERED = ['/assistants', '/chat/completions', '/embeddings', '/files', '/models', '/threads', '/uploads', '/vector_stores']
/** Of what lies there, only this; the rest manages stored completions. */
const ONLY_OFFERED: Record<string, string> = { '/chat/completions': 'post' }
/** Needed by tests, and not the schema of any answer. */
const ROOTS = ['AssistantStreamEvent', 'ErrorResponse']

/** Keywords by what their value holds. Any other must be listed in `DROPPED`, so that a new one is noticed. */
const SCHEMA = ['additionalProperties', 'items', 'not', 'propertyNames']
const SCHEMA_LIST = ['allOf', 'anyOf', 'oneOf']
const SCHEMA_RECORD = ['properties']
const VALUE = [
  '$ref', 'const', 'enum', 'exclusiveMaximum', 'exclusiveMinimum', 'format', 'maximum', 'maxItems', 'maxLength', 'maxProperties', 'minimum', 'minItems',
  'minLength', 'pattern', 'required', 'type', 'uniqueItems'
]
const DROPPED = ['default', 'deprecated', 'description', 'discriminator', 'example', 'examples', 'externalDocs', 'nullable', 'readOnly', 'title', 'writeOnly']

const REFERENCE = '#/components/schemas/'

type Json = Record<string, unknown>

interface OperationSource { operationId: string, responses: Record<string, { content?: Record<string, { schema?: Json }> }> }

export interface ApiDescription {
  openapi: string
  info: Json
  paths: Record<string, Record<string, OperationSource>>
  components: { schemas: Record<string, Json> }
}

/**
 * The part of the description that the tests need, without its prose: the schemas of successful answers and of stream
 * events. It depends on nothing but the input, and applied to its own result it changes nothing.
 *
 * @throws {Error} a schema keyword or a reference that it does not know.
 */
export function structureOf ({ openapi, info, paths, components }: ApiDescription): ApiDescription {
  const kept = new Map<string, Json>()
  const keep = (name: string): void => {
    if (kept.has(name)) return
    const schema = components.schemas[name]
    if (schema === undefined) throw new Error(`There is no schema ${name}`)
    kept.set(name, {})
    kept.set(name, withoutProse(schema, keep))
  }
  for (const name of ROOTS) keep(name)
  const offered = Object.entries(paths).map(([path, operations]) => [path, operationsOf(path, operations, keep)] as const)
    .filter(([, operations]) => Object.keys(operations).length > 0)
  return {
    openapi,
    info: { title: 'OpenAI API: the structure of answers', version: info.version, license: info.license },
    paths: sorted(offered),
    components: { schemas: sorted([...kept]) }
  }
}

function isOffered (path: string, method: string): boolean {
  const prefix = OFFERED.find(prefix => path === prefix || path.startsWith(`${prefix}/`))
  if (prefix === undefined) return false
  return ONLY_OFFERED[prefix] === undefined || (path === prefix && method === ONLY_OFFERED[prefix])
}

function operationsOf (path: string, operations: Record<string, OperationSource>, keep: (name: string) => void): Record<string, OperationSource> {
  return sorted(Object.entries(operations).filter(([method]) => isOffered(path, method)).map(([method, { operationId, responses }]) => {
    const successful = Object.entries(responses).filter(([status]) => status.startsWith('2'))
    return [method, { operationId, responses: sorted(successful.map(([status, { content = {} }]) => [status, { content: contentOf(content, keep) }])) }]
  }))
}

function contentOf (content: Record<string, { schema?: Json }>, keep: (name: string) => void): Record<string, { schema?: Json }> {
  return sorted(Object.entries(content).map(([type, { schema }]) => [type, schema === undefined ? {} : { schema: withoutProse(schema, keep) }]))
}

/** A schema with nothing but what is checked. `keep` is called with the name of every schema that it refers to. */
function withoutProse (schema: Json, keep: (name: string) => void): Json {
  const inner = (value: unknown): unknown => typeof value === 'boolean' ? value : withoutProse(value as Json, keep)
  const result: Json = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (SCHEMA.includes(keyword)) result[keyword] = inner(value)
    else if (SCHEMA_LIST.includes(keyword)) result[keyword] = (value as unknown[]).map(inner)
    else if (SCHEMA_RECORD.includes(keyword)) result[keyword] = Object.fromEntries(Object.entries(value as Json).map(([key, part]) => [key, inner(part)]))
    else if (VALUE.includes(keyword)) result[keyword] = value
    else if (!DROPPED.includes(keyword) && !keyword.startsWith('x-')) throw new Error(`Unknown schema keyword ${keyword}`)
  }
  if (typeof schema.$ref === 'string') {
    if (!schema.$ref.startsWith(REFERENCE)) throw new Error(`${schema.$ref} does not refer to a schema`)
    keep(schema.$ref.slice(REFERENCE.length))
  }
  return schema.nullable === true ? orNull(result) : result
}

/** `nullable` of OpenAPI 3.0, which the description still uses in places, in the words of 3.1. */
function orNull (schema: Json): Json {
  const { type, enum: values } = schema
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] }
  return { ...schema, type: [type, 'null'], ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}) }
}

function sorted<T> (entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => a < b ? -1 : 1))
}

/** As it is written to the file. */
export function textOf (description: ApiDescription): string {
  return `${JSON.stringify(description, null, 1)}\n`
}

if (process.argv[1] === import.meta.filename) {
  const [input] = process.argv.slice(2)
  if (input === undefined) {
    console.error('Usage: node build/test/data/openai-schema.js OPENAPI.json')
    process.exitCode = 2
  } else {
    writeFileSync(SCHEMA_FILE, textOf(structureOf(JSON.parse(readFileSync(input, 'utf8')) as ApiDescription)))
  }
}
