import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import { SCHEMA_FILE, type ApiDescription } from '../data/openai-schema.js'

export interface Deviation {
  /** Where in `components.schemas`. */
  at: string
  change: (official: unknown) => unknown
  /** Of `docs/contract.md`. */
  section: string
  because: string
}

const orNull = (official: unknown) => ({ anyOf: [official, { type: 'null' }] })
const orOneOf = (...more: string[]) => (official: unknown) => [...official as string[], ...more]

const LISTS = [
  'ListAssistantsResponse', 'ListMessagesResponse', 'ListRunsResponse', 'ListRunStepsResponse', 'ListFilesResponse',
  'ListVectorStoresResponse', 'ListVectorStoreFilesResponse'
]

/** Where we follow the real service, as recorded, and not its specification: each as narrow as it can be. */
export const DEVIATIONS: readonly Deviation[] = [
  ...LISTS.flatMap(list => ['first_id', 'last_id'].map(key => ({
    at: `${list}/properties/${key}`, change: orNull, section: '§1', because: 'an empty list has no first and last id'
  }))),
  ...['max_prompt_tokens', 'max_completion_tokens'].map(key => ({
    at: `RunObject/properties/${key}/minimum`, change: () => 16, section: '§6', because: 'the service takes 16 and more'
  })),
  { at: 'RunObject/properties/tools/maxItems', change: () => 128, section: '§6', because: 'as many as an assistant may have' },
  {
    at: 'RunObject/properties/incomplete_details/properties/reason/enum',
    change: orOneOf('content_filter'),
    section: '§6',
    because: 'the service ends runs for this reason too'
  },
  { at: 'FunctionObject/properties/description', change: orNull, section: '§3', because: 'sent as null for a function without one' },
  { at: 'OpenAIFile/properties/expires_at', change: orNull, section: '§10', because: 'sent as null for a file that stays' },
  { at: 'OpenAIFile/properties/status_details', change: orNull, section: '§10', because: 'sent as null' },
  { at: 'OpenAIFile/properties/purpose/enum', change: orOneOf('evals'), section: '§10', because: 'an upload may have this purpose' },
  { at: 'VectorStoreObject/properties/name', change: orNull, section: '§11', because: 'sent as null for a store without a name' },
  { at: 'VectorStoreObject/properties/expires_after', change: orNull, section: '§11', because: 'sent as null for a store that stays' },
  {
    at: 'VectorStoreFileBatchObject/properties/object/enum',
    change: () => ['vector_store.file_batch'],
    section: '§11',
    because: 'the specification has files_batch, the service never'
  }
]

export interface OfficialSchemas {
  /** Everything that can be asked for. */
  readonly operations: readonly { method: string, path: string }[]
  /** What is wrong with `value` as the schema `name`, a sentence each; nothing when it is right. */
  validate (name: string, value: unknown): string[]
  /** The schema of an answer, by OpenAPI path (`/threads/{thread_id}`) or route path (`/threads/:thread_id`). */
  forOperation (method: string, path: string, status: number): string | undefined
  /** The schema of the payload of a stream event; `done` has none. */
  forStreamEvent (event: string): string | undefined
}

interface Reference { $ref?: string }

interface Document extends ApiDescription {
  components: { schemas: Record<string, Record<string, unknown> & Schema> }
}

interface Schema extends Reference {
  oneOf?: Schema[]
  properties?: { event?: { enum: string[] }, data?: Reference }
}

let loaded: OfficialSchemas | undefined

/** The official schemas, from `test/data/openai-schema.json`. */
export function officialSchemas (): OfficialSchemas {
  loaded ??= load(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as Document)
  return loaded
}

function load (document: Document): OfficialSchemas {
  for (const deviation of DEVIATIONS) apply(deviation, document.components.schemas)

  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    // Seconds: a time in milliseconds is the classic mistake, and a whole number as well.
    formats: { ...fullFormats, unixtime: { type: 'number', validate: time => Number.isInteger(time) && time < 1e11 } }
  })
  ajv.addSchema(document, 'official')

  const answers = new Map<string, string>()
  const known: { method: string, path: string }[] = []
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      known.push({ method: method.toUpperCase(), path })
      for (const [status, { content }] of Object.entries(responses)) {
        const name = nameOf(content?.['application/json']?.schema)
        if (name) answers.set(operationKey(method, path, status), name)
      }
    }
  }

  const events = new Map<string, string>()
  for (const { properties } of branches({ $ref: '#/components/schemas/AssistantStreamEvent' }, document)) {
    const name = nameOf(properties?.data)
    for (const event of properties?.event?.enum ?? []) if (name) events.set(event, name)
  }

  return {
    operations: known,
    validate (name, value) {
      const check = ajv.getSchema(`official#/components/schemas/${name}`)
      if (!check) throw new Error(`The specification has no schema ${name}`)
      return check(value) === true ? [] : (check.errors ?? []).map(sentence)
    },
    forOperation (method, path, status) {
      // The specification leaves the errors out; they all look the same.
      return status >= 400 ? 'ErrorResponse' : answers.get(operationKey(method, path, String(status)))
    },
    forStreamEvent: event => events.get(event)
  }
}

/** Changes one place of the schemas. A place that is gone means that the specification has moved on: look again. */
function apply ({ at, change, section, because }: Deviation, schemas: object): void {
  const keys = at.split('/')
  const last = keys.pop() ?? ''
  const parent = keys.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], schemas) as Record<string, unknown> | undefined
  if (parent?.[last] === undefined) throw new Error(`The specification has no ${at} any more (${section}: ${because})`)
  parent[last] = change(parent[last])
}

/** The members of a union, through references and unions within. */
function branches (schema: Schema, document: Document): Schema[] {
  const name = nameOf(schema)
  if (name !== undefined) {
    const named = document.components.schemas[name]
    if (named === undefined) throw new Error(`The specification refers to ${name}, which it does not have`)
    return branches(named, document)
  }
  return schema.oneOf ? schema.oneOf.flatMap(member => branches(member, document)) : [schema]
}

function nameOf (schema: Reference | undefined): string | undefined {
  return schema?.$ref?.replace('#/components/schemas/', '')
}

/** Parameters count by their place, whatever they are called. */
function operationKey (method: string, path: string, status: string): string {
  return `${method.toLowerCase()} ${path.replace(/\{\w+\}|:\w+/g, '{}')} ${status}`
}

function sentence ({ instancePath, message, params }: ErrorObject): string {
  const details = Object.values(params).flat().join(', ')
  return `${instancePath || 'the value'} ${message}${details && !message?.includes(details) ? ` (${details})` : ''}`
}
