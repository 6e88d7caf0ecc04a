import type { Static, TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ApiError } from './errors.js'

/** The part of a request that a schema describes, in Fastify's words. */
export type RequestPart = 'body' | 'querystring' | 'params'

export interface ValidatorOptions {
  /** What happens to a key of a body that the API does not have: an error, or it is dropped, at every level. */
  unknownParameters: 'reject' | 'ignore'
}

/** The checked value, or the one error to answer with. Fastify takes this from a validator as it is. */
export type ValidationResult<T> = { value: T, error?: never } | { error: ApiError, value?: never }

/**
 * A validator for one schema of `schemas/`, for a route as well as for a call without HTTP. It never converts a
 * body, but for `[]` where an object is due, and fills in no defaults; of a query it converts what a URL cannot say otherwise (see `fromQuery`).
 *
 * A compiled check answers for the valid requests, nearly all of them. Only when it says no is the value walked
 * again to find out what to tell the caller, in the words of the API (docs/contract.md, "Validation"): first what is
 * missing, then what is unknown, then the fields in the order of the schema.
 */
export function compileValidator<T extends TSchema> (
  schema: T, part: RequestPart, options: ValidatorOptions
): (value: unknown) => ValidationResult<Static<T>> {
  // TypeBox does not know the rules across fields, so a schema that has one is always walked.
  const fast = hasCrossFieldRule(schema) ? undefined : TypeCompiler.Compile(schema)
  const rules = schema as Schema
  const walk = new Walk(options.unknownParameters === 'ignore')

  return raw => {
    try {
      // Fastify hands over an absent body as null. No body, as some clients send it, is an empty one.
      let value = part === 'body' ? raw ?? {} : raw
      if (part === 'body') refuseDeepNesting(value)
      if (part === 'querystring') value = fromQuery(rules, value)
      return { value: fast?.Check(value) === true ? value : walk.value(rules, value, '') }
    } catch (error) {
      if (error instanceof ApiError) return { error }
      throw error
    }
  }
}

/** The keywords of JSON Schema that our schemas use, and three of our own (`schemas/common.ts`). */
interface Schema {
  type?: 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object'
  const?: string | boolean
  anyOf?: Schema[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  idPrefix?: string
  items?: Schema
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  patternProperties?: Record<string, Schema>
  propertyNames?: { maxLength: number }
  maxProperties?: number
  exclusive?: string[]
  maxJsonLength?: number
}

type JsonRecord = Record<string, unknown>

/** Finds the first thing wrong with a value and throws it; returns the value, without unknown keys if they are ignored. */
class Walk {
  readonly #ignoreUnknown: boolean

  constructor (ignoreUnknown: boolean) {
    this.#ignoreUnknown = ignoreUnknown
  }

  value (schema: Schema, value: unknown, path: string): unknown {
    const choices = alternatives(schema)
    const ofType = (...types: Array<Schema['type']>) => choices.find(choice => types.includes(choice.type))

    if (value === null && ofType('null')) return value
    if (typeof value === 'boolean' && ofType('boolean')) return value
    if (typeof value === 'number') {
      const choice = Number.isInteger(value) ? ofType('integer', 'number') : ofType('number')
      if (choice && Number.isFinite(value)) return checkNumber(choice, value, path)
    }
    if (typeof value === 'string') {
      const literals = constants(choices)
      if (literals.length > 0) return checkLiteral(literals, value, path)
      const choice = ofType('string')
      if (choice) return checkString(choice, value, path)
    }
    if (Array.isArray(value)) {
      const choice = ofType('array')
      if (choice) return this.#array(choice, value, path)
    }
    // PHP encodes an empty object so.
    if (Array.isArray(value) && value.length === 0 && ofType('object')) return this.value(schema, {}, path)
    if (isRecord(value)) {
      const objects = choices.filter(choice => choice.type === 'object')
      const [object, another] = objects
      if (object !== undefined) return this.#object(another === undefined ? object : chooseByType(objects, value, path), value, path)
    }
    throw wrongType(path, describeExpected(choices), value)
  }

  #array (schema: Schema, value: unknown[], path: string): unknown[] {
    const { items = {}, minItems = 0, maxItems = Infinity } = schema
    if (value.length === 0 && minItems > 0) {
      throw invalid(path, 'empty_array',
        `Invalid '${path}': empty array. Expected an array with minimum length ${minItems}, but got an empty array instead.`)
    }
    if (value.length > maxItems) {
      throw invalid(path, 'array_above_max_length',
        `Invalid '${path}': array too long. Expected an array with maximum length ${maxItems}, but got an array with length ${value.length} instead.`)
    }
    return value.map((item, index) => this.value(items, item, `${path}[${index}]`))
  }

  #object (schema: Schema, value: JsonRecord, path: string): JsonRecord {
    if (schema.patternProperties) return checkMap(schema, value, path)
    if (schema.additionalProperties === true) return checkSize(schema, value, path)

    const { properties = {}, required = [], exclusive = [] } = schema
    const missing = required.find(key => !has(value, key))
    if (missing !== undefined) {
      throw invalid(join(path, missing), 'missing_required_parameter', `Missing required parameter: '${join(path, missing)}'.`)
    }
    const unknown = Object.keys(value).find(key => !Object.hasOwn(properties, key) && value[key] !== undefined)
    if (unknown !== undefined && !this.#ignoreUnknown) {
      throw invalid(join(path, unknown), 'unknown_parameter', `Unknown parameter: '${join(path, unknown)}'.`)
    }
    if (exclusive.filter(key => has(value, key)).length > 1) {
      throw invalid(path, 'mutually_exclusive_parameters',
        `Mutually exclusive parameters${path === '' ? '' : `: '${path}'`}. Ensure you are only providing one of: ${quote(exclusive, 'or')}.`)
    }
    const checked: JsonRecord = {}
    for (const [key, property] of Object.entries(properties)) {
      if (has(value, key)) checked[key] = this.value(property, value[key], join(path, key))
    }
    return checked
  }
}

/** A union as the list of its members, anything else as a list of one. */
function alternatives (schema: Schema): Schema[] {
  return schema.anyOf ? schema.anyOf.flatMap(alternatives) : [schema]
}

function constants (choices: Schema[]): string[] {
  return choices.flatMap(choice => typeof choice.const === 'string' ? [choice.const] : [])
}

/** Of several kinds of object, the one that `type` names. */
function chooseByType (objects: Schema[], value: JsonRecord, path: string): Schema {
  const typePath = join(path, 'type')
  const known = objects.map(object => object.properties?.type ?? {})
  if (!has(value, 'type')) {
    throw invalid(typePath, 'missing_required_parameter', `Missing required parameter: '${typePath}'.`)
  }
  if (typeof value.type !== 'string') throw wrongType(typePath, describeExpected(known), value.type)
  const chosen = objects.find(object => object.properties?.type?.const === value.type)
  if (chosen === undefined) throw wrongLiteral(constants(known), value.type, typePath)
  return chosen
}

function checkLiteral (literals: string[], value: string, path: string): string {
  if (literals.includes(value)) return value
  throw wrongLiteral(literals, value, path)
}

function wrongLiteral (literals: string[], value: string, path: string): ApiError {
  return invalid(path, 'invalid_value', `Invalid value: '${abbreviate(value)}'. Supported values are: ${quote(literals, 'and')}.`)
}

function checkNumber (schema: Schema, value: number, path: string): number {
  const { type, minimum = -Infinity, maximum = Infinity } = schema
  const kind = type === 'integer' ? 'integer' : 'decimal'
  if (value < minimum) {
    throw invalid(path, `${kind}_below_min_value`,
      `Invalid '${path}': ${kind} below minimum value. Expected a value >= ${minimum}, but got ${value} instead.`)
  }
  if (value > maximum) {
    throw invalid(path, `${kind}_above_max_value`,
      `Invalid '${path}': ${kind} above maximum value. Expected a value <= ${maximum}, but got ${value} instead.`)
  }
  return value
}

function checkString (schema: Schema, value: string, path: string): string {
  const { minLength = 0, maxLength = Infinity, pattern, idPrefix } = schema
  if (value === '' && minLength > 0) {
    throw invalid(path, 'empty_string',
      `Invalid '${path}': empty string. Expected a string with minimum length ${minLength}, but got an empty string instead.`)
  }
  if (isLonger(value, maxLength)) {
    throw invalid(path, 'string_above_max_length',
      `Invalid '${path}': string too long. Expected a string with maximum length ${maxLength}, but got a string with length ${characters(value)} instead.`)
  }
  if (idPrefix !== undefined && !value.startsWith(idPrefix)) {
    throw wrongIdPrefix(path, value, idPrefix)
  }
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    throw invalid(path, 'invalid_value',
      `Invalid '${path}': string does not match pattern. Expected a string that matches the pattern '${pattern}'.`)
  }
  return value
}

/** An object of any kind, as large as its JSON text. */
function checkSize ({ maxJsonLength = Infinity }: Schema, value: JsonRecord, path: string): JsonRecord {
  const { length } = JSON.stringify(value)
  if (length <= maxJsonLength) return value
  throw invalid(path, 'object_above_max_length',
    `Invalid '${path}': object too large. Expected an object with maximum length ${maxJsonLength} as JSON, but got an object with length ${length} instead.`)
}

/** An object whose keys are the caller's own, as metadata is: nothing in it can be unknown. */
function checkMap (schema: Schema, value: JsonRecord, path: string): JsonRecord {
  const { maxProperties = Infinity, propertyNames, patternProperties = {} } = schema
  const [valueSchema = {}] = Object.values(patternProperties)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  if (entries.length > maxProperties) {
    throw invalid(path, 'object_above_max_properties',
      `Invalid '${path}': too many properties. Expected an object with at most ${maxProperties} properties, but got an object with ${entries.length} properties instead.`)
  }
  const walk = new Walk(false)
  for (const [key, item] of entries) {
    const maxLength = propertyNames?.maxLength ?? Infinity
    if (isLonger(key, maxLength)) {
      throw invalid(join(path, key), 'property_name_above_max_length',
        `Invalid property name in '${path}': '${abbreviate(key)}' is too long. Expected a string with maximum length ${maxLength}, but got a string with length ${characters(key)} instead.`)
    }
    walk.value(valueSchema, item, join(path, key))
  }
  return value
}

/**
 * A query as the schema wants it. URLs know only strings: digits become numbers where a number is wanted, `key[]=a`,
 * `key[0]=a`, `key=a` and repetitions become one array where an array is, `key[name]=a` a property where an object is. An empty value counts as
 * absent. Keys that we do not know are left out without a word, because SDKs and proxies add theirs (`api-version`).
 */
function fromQuery (schema: Schema, raw: unknown): unknown {
  const given = isRecord(raw) ? raw : {}
  const query: JsonRecord = {}
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.type === 'object') {
      const members = Object.keys(given).filter(name => name.startsWith(`${key}[`) && name.endsWith(']'))
      if (members.length === 0 && given[key] !== undefined) query[key] = given[key]
      else if (members.length > 0) query[key] = Object.fromEntries(members.map(name => [name.slice(key.length + 1, -1), given[name]]))
    } else if (property.type === 'array') {
      const items = queryItems(given, key)
      if (items.length > 0) query[key] = items
    } else if (given[key] !== undefined && given[key] !== '') {
      query[key] = property.type === 'integer' ? toNumber(given[key]) : property.type === 'boolean' ? toBoolean(given[key]) : given[key]
    }
  }
  return query
}

/** The items of an array, those with a place (`key[0]`) by their places. A parser that a host has chosen may have made an array or an object of them. */
function queryItems (given: JsonRecord, key: string): unknown[] {
  const placed = Object.entries(given).flatMap(([name, item]): [number, unknown][] => {
    const place = name.startsWith(`${key}[`) ? /^\[(\d{1,9})\]$/.exec(name.slice(key.length))?.[1] : undefined
    return place === undefined ? [] : [[Number(place), item]]
  })
  const plain = given[key]
  return [isRecord(plain) ? Object.values(plain) : plain, given[`${key}[]`], placed.sort(([a], [b]) => a - b).map(([, item]) => item)]
    .flat(2).filter(item => item !== undefined && item !== '')
}

function toNumber (value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,20}(\.\d{1,20})?$/.test(value) ? Number(value) : value
}

function toBoolean (value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value
}

/** How deep the values of a body may nest. Real JSON Schemas stay far below; recursive code further on is safe with it. */
const MAX_DEPTH = 128

function refuseDeepNesting (body: unknown): void {
  if (!isRecord(body)) return
  for (const [key, value] of Object.entries(body)) {
    if (nestsDeeperThan(MAX_DEPTH, value)) {
      throw invalid(join('', key), 'invalid_value', `Invalid '${join('', key)}': nested too deeply. Expected at most ${MAX_DEPTH} levels.`)
    }
  }
}

function nestsDeeperThan (levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(item => nestsDeeperThan(levels - 1, item))
}

function hasCrossFieldRule (schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  const { exclusive, maxJsonLength } = schema as Schema
  return exclusive !== undefined || maxJsonLength !== undefined || Object.values(schema).some(hasCrossFieldRule)
}

/** Whether a key is given. Undefined, which only a call without HTTP can pass, is not. */
function has (value: JsonRecord, key: string): boolean {
  return Object.hasOwn(value, key) && value[key] !== undefined
}

function isRecord (value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The 400 for an id of another kind of object. */
export function wrongIdPrefix (path: string, id: string, prefix: string): ApiError {
  return invalid(path, 'invalid_value', `Invalid '${path}': '${abbreviate(id)}'. Expected an ID that begins with '${prefix}'.`)
}

function join (path: string, key: string): string {
  // A key may be as long as the body.
  const name = key.length > 256 ? abbreviate(key) : key
  return path === '' ? name : `${path}.${name}`
}

/** Characters, not UTF-16 units: an emoji is one. */
function characters (text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    // The second half of a pair is none.
    if (code < 0xdc00 || code > 0xdfff || i === 0 || (text.charCodeAt(i - 1) & 0xfc00) !== 0xd800) count++
  }
  return count
}

function isLonger (text: string, length: number): boolean {
  return text.length > length && (text.length > length * 2 || characters(text) > length)
}

/** As the API shortens what a caller sent, `kkk...kkk`; short values are shown whole. */
function abbreviate (text: string): string {
  return text.length > 64 ? `${text.slice(0, 3)}...${text.slice(-3)}` : text
}

/** `'a', 'b', and 'c'`, but `'a' and 'b'`. */
function quote (values: string[], conjunction: 'and' | 'or'): string {
  return list(values.map(value => `'${value}'`), conjunction)
}

function list (items: string[], conjunction: 'and' | 'or'): string {
  if (items.length < 3) return items.join(` ${conjunction} `)
  return `${items.slice(0, -1).join(', ')}, ${conjunction} ${items.at(-1)}`
}

/** What a field takes: `a string`, `one of a string or array of objects`. That null is fine too goes without saying. */
function describeExpected (choices: Schema[]): string {
  const literals = constants(choices)
  const names = new Set(literals.length === 0 ? [] : [literals.length === 1 ? quote(literals, 'or') : `one of ${quote(literals, 'or')}`])
  for (const choice of choices) {
    if (choice.const === undefined && choice.type !== 'null') names.add(typeName(choice))
  }
  const [first = 'null', ...rest] = names
  // The API puts the article before the first only.
  return rest.length === 0 ? first : `one of ${list([first, ...rest.map(name => name.replace(/^an? /, ''))], 'or')}`
}

function typeName (schema: Schema): string {
  switch (schema.type) {
    case 'integer': return 'an integer'
    case 'number': return 'a decimal'
    case 'object': return 'an object'
    case 'array': return alternatives(schema.items ?? {}).some(item => item.type === 'object') ? 'an array of objects' : 'an array of strings'
    default: return `a ${schema.type}`
  }
}

function describeActual (value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function wrongType (path: string, expected: string, value: unknown): ApiError {
  const subject = path === '' ? 'Invalid type' : `Invalid type for '${path}'`
  return invalid(path, 'invalid_type', `${subject}: expected ${expected}, but got ${describeActual(value)} instead.`)
}

/** An empty path is the body as a whole. */
function invalid (path: string, code: string, message: string): ApiError {
  return new ApiError(400, message, { param: path === '' ? null : path, code })
}
