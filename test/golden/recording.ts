import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { root } from '../helpers/paths.js'

const folder = join(root, 'test/golden/recordings')
const pathOf = (name: string): string => join(folder, `${name}.json`)

/** The names of the recordings that are checked in. */
export function recorded (): string[] {
  return existsSync(folder) ? readdirSync(folder).map(file => file.replace(/\.json$/, '')).sort() : []
}

/** The text of a recording; empty when there is none. */
export function readRecording (name: string): string {
  return existsSync(pathOf(name)) ? readFileSync(pathOf(name), 'utf8') : ''
}

export function writeRecording (name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(pathOf(name), text)
}

/** The text of a recording of this value. Equal texts mean equal values, the order of keys included. */
export function recordingOf (value: unknown): string {
  return `${printed(abbreviated(normalised(value)))}\n`
}

/** Ids that the server draws at random, as they stand in JSON. */
const IDS = /\b(asst|thread|msg|run|step|call)_[0-9A-Za-z]{24}\b|\b(file)-[0-9A-Za-z]{22}\b|\b(vs)_[0-9a-f]{32}\b/g
/** Ids of events: the tag of their log, and a number. */
const EVENT_IDS = /"(s[0-9a-f]{8})-(\d+)"/g
/** Servers that listen on a free port. */
const PORTS = /\b127\.0\.0\.1:\d+/g

/**
 * What differs from one run of the tests to the next becomes a placeholder: ids a number in the order of first appearance. Everything
 * else stays as it came. Times do, too: the flow's clock stands still until the flow moves it.
 */
function normalised (value: unknown): unknown {
  const known = new Map<string, string>()
  const counts = new Map<string, number>()
  const placeholder = (kind: string, id: string): string => {
    const given = known.get(id)
    if (given !== undefined) return given
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    known.set(id, `${kind}_${count}`)
    return `${kind}_${count}`
  }
  const text = JSON.stringify(value)
    .replace(IDS, (id, first?: string, second?: string, third?: string) => placeholder(first ?? second ?? third ?? '', id))
    .replace(EVENT_IDS, (_id, tag: string, number: string) => `"${placeholder('log', tag)}-${number}"`)
    .replace(PORTS, '127.0.0.1:PORT')
  return JSON.parse(text)
}

/** Stands in an object for all keys that are as they were when the object with this id was shown last. */
const AS_BEFORE = { '...': 'as before' }

/**
 * An object that was shown before, with the same keys in the same order, is shown by what has changed: a run stands in most events, and
 * what matters in a diff is where it differs. Nothing is lost by it.
 */
function abbreviated (value: unknown, shown = new Map<string, Record<string, unknown>>()): unknown {
  if (Array.isArray(value)) return value.map(item => abbreviated(item, shown))
  if (!isObject(value)) return value
  const { id, object } = value
  if (typeof id !== 'string' || typeof object !== 'string' || object.endsWith('.delta')) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, abbreviated(item, shown)]))
  }
  const before = shown.get(id)
  shown.set(id, value)
  if (before === undefined || !isDeepStrictEqual(Object.keys(before), Object.keys(value))) return value
  const changes = Object.entries(value).filter(([key, item]) => JSON.stringify(item) !== JSON.stringify(before[key]))
  return { id, ...AS_BEFORE, ...Object.fromEntries(changes) }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const WIDTH = 200

/** JSON for reading in diffs: what fits a line stands on one. */
function printed (value: unknown, indent = ''): string {
  const short = oneLine(value)
  if (indent.length + short.length <= WIDTH || !isObject(value)) return short
  const deeper = indent + '  '
  const parts = Array.isArray(value)
    ? value.map(item => printed(item, deeper))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${printed(item, deeper)}`)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}\n${parts.map(part => deeper + part).join(',\n')}\n${indent}${close}`
}

function oneLine (value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`
  const entries = Object.entries(value)
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`).join(', ')} }`
}
