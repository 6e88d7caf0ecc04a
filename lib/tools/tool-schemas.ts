import { Type, type TSchema } from '@sinclair/typebox'
import { closedObject, type Extensible } from '../../schemas/common.js'
import type { AnyBuiltInTool } from './built-in-tool.js'

type Extension = NonNullable<Extensible['extension']>

/**
 * Request schemas of the API, opened for some built-in tools. Returns the same object for the same schema, and a schema itself when it
 * has no place for tools.
 */
export type ExtendSchema = <T extends TSchema>(schema: T) => T

/**
 * Opens request schemas for built-in tools of types that the API does not define: declarations, `tool_choice`, message attachments and
 * `tool_resources` take them, and nothing else does.
 */
export function schemaExtender (tools: readonly AnyBuiltInTool[]): ExtendSchema {
  const own = tools.filter(tool => tool.schema !== undefined)
  if (own.length === 0) return schema => schema
  const named = own.map(({ type }) => closedObject({ type: Type.Literal(type) }))
  const members: Record<Extension, TSchema[]> = { tool: own.flatMap(({ schema }) => schema ?? []), tool_choice: named, attachment_tool: named, tool_resources: [] }
  const keys = Object.fromEntries(own.flatMap(({ type, resources }) => resources?.schema === undefined ? [] : [[type, Type.Optional(resources.schema)]]))

  function extended (node: unknown): unknown {
    if (Array.isArray(node)) return unlessSame(node, node.map(extended))
    if (typeof node !== 'object' || node === null) return node
    // The symbols of TypeBox go along: they tell it what a schema is.
    const next: ExtensibleNode = unlessSame(node, { ...node, ...Object.fromEntries(Object.entries(node).map(([key, value]) => [key, extended(value)])) })
    if (next.extension === undefined) return next
    if (next.extension === 'tool_resources') return { ...next, properties: { ...next.properties, ...keys } }
    return { ...next, anyOf: [...next.anyOf ?? [], ...members[next.extension]] }
  }

  const known = new WeakMap<TSchema, TSchema>()
  return <T extends TSchema>(schema: T): T => {
    const before = known.get(schema)
    if (before !== undefined) return before as T
    const after = extended(schema) as T
    known.set(schema, after)
    return after
  }
}

interface ExtensibleNode extends Extensible {
  anyOf?: TSchema[]
  properties?: object
}

/** The node itself where no part of it has changed, so that schemas without a place for tools keep their identity. */
function unlessSame<T extends object> (node: T, next: T): T {
  return Object.entries(next).every(([key, value]) => value === (node as Record<string, unknown>)[key]) ? node : next
}
