import type { PlainObject } from '../wire-objects.js'
import { asMetadata, asSeconds, isObject, parsed } from './values.js'

/**
 * An object of the API as a row of a database: of bella-assistants (MySQL) or astra-assistants (Cassandra), a JSON object for each. Nested values are
 * JSON texts there, times are dates or milliseconds, and what is absent is an empty text, 0 or 1970. Undefined for anything else.
 */
export function rowObject (given: PlainObject): PlainObject | undefined {
  const object = kindOf(given)
  if (object === undefined) return undefined
  const isBella = BELLA.some(key => key in given)
  const row: PlainObject = { ...given, object }
  for (const [key, value] of Object.entries(given)) {
    if (key === 'object') continue
    // The bytes of a file may stand there.
    const usual = key === 'content' && object === 'file' ? value : usualValue(key, value, isBella)
    if (usual === undefined) delete row[key]
    else row[key] = usual
  }
  if (object === 'thread.message' && !MESSAGE_STATUSES.has(row.status)) delete row.status
  if (isBella && Array.isArray(row.tools)) row.tools = row.tools.map(bellaTool)
  return row
}

/** Columns of bella-assistants that the API's objects do not have. */
const BELLA = ['owner', 'environment', 'message_type', 'reasoning_content', 'reasoning_time', 'task_id', 'llm_input']
/** It keeps the local time of China. */
const BELLA_ZONE = '+08:00'
const MESSAGE_STATUSES = new Set<unknown>([undefined, null, 'in_progress', 'incomplete', 'completed'])

const KINDS = new Set(['assistant', 'thread', 'thread.message', 'thread.run', 'thread.run.step', 'file'])
const KINDS_BY_ID: Record<string, string> = { asst: 'assistant', thread: 'thread', msg: 'thread.message', run: 'thread.run', step: 'thread.run.step', file: 'file' }

function kindOf ({ object, id }: PlainObject): string | undefined {
  if (typeof object === 'string' && object !== '') return KINDS.has(object) ? object : undefined
  // A column that has a default.
  return object === '' && typeof id === 'string' ? KINDS_BY_ID[/^[a-z]+/.exec(id)?.[0] ?? ''] : undefined
}

const JSON_VALUES = new Set([
  'tools', 'tool_resources', 'content', 'attachments', 'metadata', 'required_action', 'last_error', 'incomplete_details', 'usage', 'truncation_strategy',
  'response_format', 'tool_choice', 'step_details', 'reasoning_effort'
])
const ABSENT_WHEN_EMPTY = new Set(['assistant_id', 'run_id', 'status_details'])
const ABSENT_WHEN_ZERO = new Set(['max_prompt_tokens', 'max_completion_tokens'])
/** `1970-01-01 08:00:00` and the like, in any zone. */
const NEVER_BEFORE = 2 * 24 * 60 * 60

/** Undefined for a value that stands for none. */
function usualValue (key: string, value: unknown, isBella: boolean): unknown {
  if (key.endsWith('_at')) return time(key, value, isBella)
  if (key === 'metadata') return metadata(value)
  if (ABSENT_WHEN_EMPTY.has(key)) return value === '' ? undefined : value
  if (ABSENT_WHEN_ZERO.has(key)) return value === 0 ? undefined : value
  if (key === 'parallel_tool_calls') return value === 0 || value === 1 ? value === 1 : value
  if (!JSON_VALUES.has(key)) return value
  const given = parsed(value)
  if (given === '') return undefined
  switch (key) {
    case 'tools': case 'attachments':
      return Array.isArray(given) ? given.map(parsed) : given
    case 'content':
      return (Array.isArray(given) ? given : [given]).map(element => part(parsed(element)))
    case 'tool_resources':
      return isObject(given) ? Object.fromEntries(Object.entries(given).map(([name, resource]) => [name, parsed(resource)]).filter(([, resource]) => isObject(resource))) : given
    case 'response_format':
      return given === 'json_object' || given === 'text' ? { type: given } : given
    case 'last_error':
      return typeof given === 'string' ? { code: 'server_error', message: given } : given
    case 'required_action': case 'incomplete_details': case 'usage': case 'truncation_strategy':
      return typeof given === 'string' ? undefined : given
    default:
      return given
  }
}

/** What the API gave out stays as it is. */
function metadata (value: unknown): unknown {
  const given = parsed(value)
  if (given === null || (isObject(given) && Object.values(given).every(each => typeof each === 'string'))) return given
  return asMetadata(given)
}

function time (key: string, value: unknown, isBella: boolean): unknown {
  const seconds = asSeconds(value, isBella ? BELLA_ZONE : 'Z')
  if (seconds === undefined) return value
  return seconds < NEVER_BEFORE && key !== 'created_at' && typeof value === 'string' ? null : seconds
}

function part (given: unknown): unknown {
  if (typeof given === 'string') return { type: 'text', text: { value: given, annotations: [] } }
  if (!isObject(given) || given.type !== 'text') return given
  if (typeof given.text === 'string') return { type: 'text', text: { value: given.text, annotations: [] } }
  return isObject(given.text) ? { ...given, text: { ...given.text, annotations: Array.isArray(given.text.annotations) ? given.text.annotations : [] } } : given
}

/** Tools that search files; the others of its own become functions of their names, for which a server tool may be given. */
const SEARCHES = new Set(['retrieval', 'rag', 'file_search'])

function bellaTool (tool: unknown): unknown {
  if (!isObject(tool) || typeof tool.type !== 'string' || tool.type === 'function' || tool.type === 'code_interpreter') return tool
  return SEARCHES.has(tool.type) ? { type: 'file_search' } : { type: 'function', function: { name: tool.type } }
}
