import { badRequest } from '../shared/errors.js'

export type AttributeValue = string | number | boolean
export type Attributes = Record<string, AttributeValue>

export type AttributeFilter =
  | { type: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte', key: string, value: AttributeValue }
  | { type: 'in' | 'nin', key: string, value: AttributeValue[] }
  | { type: 'and' | 'or', filters: AttributeFilter[] }

const COMPARISONS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin']
const COMPOUNDS = ['and', 'or']
/** Filters in one search, and how deep they nest: more than anybody writes by hand. */
const MAX_FILTERS = 1000
const MAX_DEPTH = 32

/** A filter as a request gives it. Throws the 400 that says what is wrong with it. */
export function parseFilter (given: unknown): AttributeFilter {
  let filters = 0
  return parse(given, 'filters', 0)

  function parse (value: unknown, path: string, depth: number): AttributeFilter {
    if (depth > MAX_DEPTH || ++filters > MAX_FILTERS) throw badRequest(`Invalid '${path}': too many filters.`, { param: path, code: 'invalid_value' })
    if (!isObject(value)) throw wrongType(path, 'an object')
    const { type, key, filters: inner } = value
    if (type === undefined) throw badRequest(`Missing required parameter: '${path}.type'.`, { param: `${path}.type`, code: 'missing_required_parameter' })
    if (COMPOUNDS.includes(type as string)) {
      if (!Array.isArray(inner)) throw wrongType(`${path}.filters`, 'an array of objects')
      return { type: type as 'and', filters: inner.map((filter, i) => parse(filter, `${path}.filters[${i}]`, depth + 1)) }
    }
    if (!COMPARISONS.includes(type as string)) {
      const words = [...COMPARISONS, ...COMPOUNDS].map(word => `'${word}'`)
      throw badRequest(`Invalid value: ${JSON.stringify(type)?.replaceAll('"', '\'')}. Supported values are: ${words.slice(0, -1).join(', ')}, and ${words.at(-1)}.`,
        { param: `${path}.type`, code: 'invalid_value' })
    }
    if (typeof key !== 'string') throw wrongType(`${path}.key`, 'a string')
    return { type, key, value: operand(type as string, value.value, `${path}.value`) } as AttributeFilter
  }
}

function operand (type: string, value: unknown, path: string): AttributeValue | AttributeValue[] {
  if (type === 'in' || type === 'nin') {
    if (Array.isArray(value) && value.every(isScalar)) return value
    throw wrongType(path, 'an array of strings or numbers')
  }
  if (isScalar(value)) return value
  throw wrongType(path, 'one of a string, a number or a boolean')
}

/** Whether a file with these attributes passes. A missing key passes only `ne` and `nin`; values of different types are never in order. */
export function matchesFilter (filter: AttributeFilter, attributes: Attributes): boolean {
  switch (filter.type) {
    case 'and': return filter.filters.every(inner => matchesFilter(inner, attributes))
    case 'or': return filter.filters.some(inner => matchesFilter(inner, attributes))
    case 'in': return filter.value.some(value => value === own(attributes, filter.key))
    case 'nin': return !filter.value.some(value => value === own(attributes, filter.key))
    case 'eq': return own(attributes, filter.key) === filter.value
    case 'ne': return own(attributes, filter.key) !== filter.value
    default: return inOrder(filter.type, own(attributes, filter.key), filter.value)
  }
}

const own = (attributes: Attributes, key: string): AttributeValue | undefined => Object.hasOwn(attributes, key) ? attributes[key] : undefined

function inOrder (type: 'gt' | 'gte' | 'lt' | 'lte', left: AttributeValue | undefined, right: AttributeValue): boolean {
  if (left === undefined || typeof left !== typeof right) return false
  switch (type) {
    case 'gt': return left > right
    case 'gte': return left >= right
    case 'lt': return left < right
    case 'lte': return left <= right
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const isScalar = (value: unknown): value is AttributeValue => ['string', 'number', 'boolean'].includes(typeof value)
const wrongType = (path: string, expected: string) => badRequest(`Invalid type for '${path}': expected ${expected}.`, { param: path, code: 'invalid_type' })
