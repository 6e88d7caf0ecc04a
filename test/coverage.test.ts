import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify, { type RouteOptions } from 'fastify'
import { test } from 'tap'
import openaiCompat from '../lib/plugin.js'
import { StreamEvent } from '../schemas/stream-events.js'
import { contractSection } from './helpers/contract.js'
import { DEVIATIONS, officialSchemas } from './helpers/official-schema.js'
import { root } from './helpers/paths.js'
import { KNOWN_GAPS, OPERATIONS, STREAM_EVENTS, type Operation, type StreamEventEntry } from './operations.js'

const operations: readonly Operation[] = OPERATIONS
const events: readonly StreamEventEntry[] = STREAM_EVENTS
const folder = join(root, 'test')

/** By what `covers()` is told in them: the tests, as `file: name`. `covers()` itself sees to it that each really runs. */
function testsByEntry (): Map<string, string[]> {
  const tests = new Map<string, string[]>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.test.ts'))) {
    for (const block of readFileSync(join(folder, file), 'utf8').split(/^(?=\s*(?:t\.)?test\()/m)) {
      const [, , name = ''] = /test\((['`])(.+?)\1,/.exec(block) ?? []
      for (const [, args = ''] of block.matchAll(/covers\(t,([^)]+)\)/g)) {
        for (const [, entry = ''] of args.matchAll(/'([^']+)'/g)) tests.set(entry, [...tests.get(entry) ?? [], `${file}: ${name}`])
      }
    }
  }
  return tests
}

const key = (method: string, path: string): string => `${method.toUpperCase()} ${path.replace(/\{\w+\}|:\w+|\*/g, '{}')}`

test('the routes of the plugin are those of the table', async t => {
  const app = Fastify()
  t.teardown(async () => await app.close())
  const routes: RouteOptions[] = []
  app.addHook('onRoute', route => { routes.push(route) })
  await app.register(openaiCompat, { prefix: '/v1' })
  await app.ready()
  // HEAD goes along with GET, OPTIONS is CORS.
  const registered = routes.flatMap(({ method, url, schema }) => [method].flat().filter(verb => verb !== 'HEAD' && verb !== 'OPTIONS')
    .map(verb => `${verb} ${url} ${(schema as { operationId?: string }).operationId}`))
  t.strictSame(registered.sort(), operations.map(({ method, path, id }) => `${method} /v1${path} ${id}`).sort())
})

test('the stream events of the schemas are those of the table', async t => {
  t.strictSame(StreamEvent.anyOf.map(({ properties }) => properties.event.const), events.map(({ event }) => event))
})

test('what the official specification has is in the table, or a known gap', async t => {
  const ours = new Set(operations.map(({ method, path }) => key(method, path)))
  const missing = officialSchemas().operations.filter(({ method, path }) => !ours.has(key(method, path)))
  const isKnown = ({ method, path }: { method: string, path: string }) => KNOWN_GAPS.some(gap => gap === `${method} ${path}` || path.startsWith(gap))
  t.strictSame(missing.filter(operation => !isKnown(operation)), [], 'nothing else is missing')
  const open = KNOWN_GAPS.filter(gap => missing.some(({ method, path }) => gap === `${method} ${path}` || path.startsWith(gap)))
  t.strictSame(open, KNOWN_GAPS, 'a gap that was closed leaves the list')
  for (const { id, method, path, section } of operations) {
    const official = officialSchemas().operations.some(operation => key(operation.method, operation.path) === key(method, path))
    t.equal(official, section.startsWith('§'), `${id}: what is not official is not of the contract`)
  }
})

test('every operation, stream event and deviation is described where the table says', async t => {
  for (const { id, method, path, section } of operations) {
    const described = section.startsWith('§')
      ? contractSection(section).includes(`\`${method} ${path.replace(/:(\w+)/g, '{$1}').replace('*', '{model}')}\``)
      : readFileSync(join(root, section), 'utf8').includes(path.slice(path.lastIndexOf('/')))
    t.ok(described, `${id}: ${section}`)
  }
  for (const { event, section } of events) t.ok(contractSection(section).includes(event), `${event}: ${section}`)
  for (const { at, section } of DEVIATIONS) t.ok(contractSection(section), `${at}: ${section}`)
  t.throws(() => contractSection('§8 Elsewhere'), { message: 'docs/contract.md has no section §8 Elsewhere' })
  t.throws(() => contractSection('§13'), { message: 'docs/contract.md has no section §13' })
})

test('every fact of the contract says how sure it is', async t => {
  const known = ['schema', 'SDK', 'observed', 'docs', 'reported', 'ours']
  const page = readFileSync(join(root, 'docs/contract.md'), 'utf8')
  let facts = 0
  for (const table of page.match(/(?:^\|.*\n)+/gm) ?? []) {
    const [head = '', , ...rows] = table.trim().split('\n')
    if (!head.endsWith('| Source |')) continue
    for (const row of rows) {
      const [, source = ''] = /\| ([^|]+) \|$/.exec(row) ?? []
      t.ok(source.split(', ').every(word => known.includes(word)), row)
      facts++
    }
  }
  t.ok(facts > 0)
})

test('every operation and every stream event has a test', async t => {
  const tests = testsByEntry()
  for (const { id, path, tests: elsewhere = [] } of operations) {
    const named = tests.get(id) ?? []
    for (const file of elsewhere) {
      const source = readFileSync(join(folder, file), 'utf8')
      t.ok(path.split(/:\w+|\*/).every(part => source.includes(part.replace(/\/$/, ''))), `${file} asks for ${path}`)
    }
    t.ok(named.length + elsewhere.length > 0, `${id}: ${[...named, ...elsewhere].join('; ')}`)
  }
  for (const { event, neverSent } of events) {
    const named = tests.get(event) ?? []
    t.equal(named.length > 0, neverSent === undefined, `${event}: ${neverSent ?? named.join('; ')}`)
  }
  const known = new Set([...operations.map(({ id }) => id), ...events.map(({ event }) => event)])
  t.strictSame([...tests.keys()].filter(entry => !known.has(entry)), [], 'nothing else is covered')
})
