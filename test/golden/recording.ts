import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** Ids that the server draws at random, as they stand in JSON: each becomes its prefix and a number, in the order of first appearance. */
const IDS = /\b(asst|thread|msg|run|step|call)_[0-9A-Za-z]{24}\b|\b(file)-[0-9A-Za-z]{22}\b|\b(vs)_[0-9a-f]{32}\b/g
/** Ids of events: the tag of their log, and a number that is kept. */
const EVENT_IDS = /"([0-9a-f]{8})-(\d+)"/g
/** Ports of servers that listen on a free one. */
const PORTS = /\b127\.0\.0\.1:\d+/g

/** What differs from one run of the tests to the next becomes a placeholder; everything else stays as it came, the order of keys included. */
export function normalised (value: unknown): unknown {
  const known = new Map<string, string>()
  const counts = new Map<string, number>()
  const placeholder = (kind: string, id: string): string => {
    const given = known.get(id)
    if (given !== undefined) return given
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const name = `${kind}_${count}`
    known.set(id, name)
    return name
  }
  const text = JSON.stringify(value)
    .replace(IDS, (id, first?: string, second?: string, third?: string) => placeholder(first ?? second ?? third ?? '', id))
    .replace(EVENT_IDS, (_id, tag: string, number: string) => `"${placeholder('log', tag)}-${number}"`)
    .replace(PORTS, '127.0.0.1:PORT')
  return JSON.parse(text)
}

const WIDTH = 140

/** JSON for reading in diffs: what fits a line stands on one. */
export function printed (value: unknown, indent = ''): string {
  const short = oneLine(value)
  if (indent.length + short.length <= WIDTH || typeof value !== 'object' || value === null) return short
  const deeper = indent + '  '
  const parts = Array.isArray(value)
    ? value.map(item => printed(item, deeper))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${printed(item, deeper)}`)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}\n${parts.map(part => deeper + part).join(',\n')}\n${indent}${close}`
}

function oneLine (value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`
  const entries = Object.entries(value)
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`).join(', ')} }`
}
