import type { AttributeFilter, AttributeValue, Attributes } from '../../filters.js'

const COMPARISONS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/**
 * The condition for which `matchesFilter` is true, on the column `attributes`. Strings are in the order of their code points.
 *
 * @param bind takes a value of the statement and returns what stands for it
 */
export function conditionOf (filter: AttributeFilter, bind: (value: unknown) => string): string {
  switch (filter.type) {
    case 'and': return filter.filters.length === 0 ? 'true' : `(${filter.filters.map(inner => conditionOf(inner, bind)).join(' AND ')})`
    case 'or': return filter.filters.length === 0 ? 'false' : `(${filter.filters.map(inner => conditionOf(inner, bind)).join(' OR ')})`
    case 'in': return isOneOf(filter.key, filter.value, bind)
    case 'nin': return `NOT ${isOneOf(filter.key, filter.value, bind)}`
    case 'eq': return isOneOf(filter.key, [filter.value], bind)
    case 'ne': return `NOT ${isOneOf(filter.key, [filter.value], bind)}`
    default: return inOrder(COMPARISONS[filter.type], filter.key, filter.value, bind)
  }
}

function isOneOf (key: string, values: readonly AttributeValue[], bind: (value: unknown) => string): string {
  return `coalesce(f.attributes -> ${bind(storable(key))}::text = ANY(${bind(values.map(jsonOf))}::text[]::jsonb[]), false)`
}

function inOrder (operator: string, key: string, value: AttributeValue, bind: (value: unknown) => string): string {
  const attribute = `f.attributes -> ${bind(storable(key))}::text`
  const isOfType = `jsonb_typeof(${attribute}) = '${typeof value}'`
  // As jsonb, strings are in the order of the database's language.
  const comparison = typeof value === 'string'
    ? `(${attribute} #>> '{}') COLLATE "C" ${operator} ${bind(storable(value))}::text`
    : `${attribute} ${operator} ${bind(jsonOf(value))}::jsonb`
  return `coalesce(${isOfType} AND ${comparison}, false)`
}

/** Attributes as they are kept. */
export function attributesText (attributes: Attributes): string {
  return JSON.stringify(Object.fromEntries(Object.entries(attributes).map(([key, value]) => [storable(key), typeof value === 'string' ? storable(value) : value])))
}

const jsonOf = (value: AttributeValue): string => JSON.stringify(typeof value === 'string' ? storable(value) : value)

/** PostgreSQL has no place for U+0000 and half characters in texts. */
const storable = (text: string): string => text.replace(/[\uD800-\uDFFF]|\0/gu, '\uFFFD')
