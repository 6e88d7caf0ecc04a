import assert from 'node:assert/strict'
import loose from 'node:assert'
import type { DefineTest, SuiteTest } from './runner.js'

/** Defines one test by its name and body, as `test` of `node:test` and Vitest and `it` of Mocha do. */
export type DefinePlainTest = (name: string, body: () => Promise<void>) => unknown

/**
 * The conformance suites ask a runner for tests with assertions, as tap has them. This gives them to any other runner:
 *
 *     import { test } from 'node:test'
 *     recordStoreSuite({ test: withAssertions((name, body) => test(name, body)), factory })
 *
 * A failed assertion throws an `AssertionError` of `node:assert`. What was registered with `teardown` runs when the body has ended,
 * also when it failed, the last first.
 */
export function withAssertions (define: DefinePlainTest): DefineTest<SuiteTest> {
  return (name, body) => define(name, async () => {
    const teardowns: (() => unknown)[] = []
    try {
      await body({ ...ASSERTIONS, teardown: work => teardowns.push(work) })
    } finally {
      for (const work of teardowns.reverse()) await work()
    }
  })
}

const ASSERTIONS: Omit<SuiteTest, 'teardown'> = {
  equal: (found, wanted, message) => { assert.equal(found, wanted, message) },
  match: (found, pattern, message) => { assert.ok(matches(found, pattern), message ?? `${show(found)} does not match ${show(pattern)}`) },
  ok: (value, message) => { assert.ok(value, message ?? `${show(value)} is not truthy`) },
  pass: () => {},
  async rejects (promise, wanted, message) {
    const ended = await promise.then(value => ({ value }), (thrown: unknown) => ({ thrown }))
    if (!('thrown' in ended)) assert.fail(message ?? `resolved to ${show(ended.value)} instead of being rejected`)
    if (wanted !== undefined) assert.ok(matches(ended.thrown, wanted), message ?? `was rejected with ${show(ended.thrown)}, which does not match ${show(wanted)}`)
  },
  same: (found, wanted, message) => { loose.deepEqual(found, wanted, message) },
  strictSame: (found, wanted, message) => { assert.deepEqual(found, wanted, message) }
}

/** As tap's `match`: a string holds the text, a regular expression fits, an instance is of the class, an object has at least these keys. */
function matches (found: unknown, pattern: unknown): boolean {
  if (Object.is(found, pattern)) return true
  if (pattern instanceof RegExp) return typeof found === 'string' && pattern.test(found)
  if (typeof pattern === 'string') return typeof found === 'string' && found.includes(pattern)
  if (typeof pattern === 'function') return found instanceof pattern
  if (typeof pattern !== 'object' || pattern === null || typeof found !== 'object' || found === null) return false
  return Object.entries(pattern).every(([key, value]) => matches((found as Record<string, unknown>)[key], value))
}

function show (value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value === 'function') return value.name
  return value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? String(value)).slice(0, 500)
}
