import * as schemas from '../../schemas/index.js'
import type { JsonSchema, OpenApiDocument } from './openapi-document.js'

/** Keywords of our own: what they say, `pattern` says too, or no keyword can. */
const OWN_KEYWORDS = ['idPrefix', 'exclusive', 'extension', 'maxJsonLength']

/** The names of the wire objects, by the key of their schema. The first of two names for equal schemas. */
function namesByLook (): Map<string, string> {
  const names = new Map<string, string>()
  for (const [name, schema] of Object.entries(schemas as Record<string, unknown>)) {
    // Those of paths and queries are parameters, not objects.
    if (!isSchema(schema) || /(Params|Query)$/.test(name)) continue
    const key = schemaKey(translated(schema))
    if (!names.has(key)) names.set(key, name)
  }
  return names
}

/**
 * Puts every wire object under its name, once, and a reference wherever it is used: routes hold them inline. `StreamEvent`,
 * which no route answers with as JSON, is there too.
 */
export function shareSchemas (document: OpenApiDocument): OpenApiDocument {
  const names = namesByLook()
  const shared: Record<string, JsonSchema> = {}
  const refer = (node: unknown): unknown => {
    const name = isObject(node) ? names.get(schemaKey(node)) : undefined
    if (name === undefined) return mapped(node, refer)
    share(name, node)
    return { $ref: `#/components/schemas/${name}` }
  }
  const share = (name: string, schema: unknown): void => {
    if (name in shared) return
    shared[name] = {}
    shared[name] = mapped(schema, refer) as JsonSchema
  }
  const paths = refer(translated(document.paths)) as OpenApiDocument['paths']
  share('StreamEvent', translated(schemas.StreamEvent))
  return { ...document, paths, components: { ...document.components, schemas: sorted(shared) } }
}

/** Without our own keywords, and maps as `@fastify/swagger` writes them: tools know `additionalProperties` better. */
function translated (node: unknown): unknown {
  if (!isObject(node)) return mapped(node, translated)
  const { patternProperties, ...rest } = node
  for (const keyword of OWN_KEYWORDS) delete rest[keyword]
  if (isObject(patternProperties)) rest.additionalProperties = Object.values(patternProperties)[0]
  return mapped(rest, translated)
}

/** Equal for equal schemas, regardless of the order of their keys. */
function schemaKey (node: unknown): string {
  return JSON.stringify(node, (_key, value: unknown) => isObject(value) ? sorted(value) : value)
}

function mapped (node: unknown, change: (node: unknown) => unknown): unknown {
  if (Array.isArray(node)) return node.map(change)
  return isObject(node) ? Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value)])) : node
}

function sorted<T> (object: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1))
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSchema (value: unknown): value is JsonSchema {
  if (!isObject(value)) return false
  const { properties, anyOf } = value
  return isObject(properties) ? Object.keys(properties).length > 0 : anyOf !== undefined
}
