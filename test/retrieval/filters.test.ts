import { test } from 'tap'
import { matchesFilter, parseFilter, type AttributeFilter } from '../../lib/retrieval/filters.js'

const attributes = { region: 'eu', year: 2024, draft: false }
const passes = (filter: unknown): boolean => matchesFilter(parseFilter(filter), attributes)

function thrownBy (filter: unknown): unknown {
  try {
    return parseFilter(filter)
  } catch (error) {
    return error
  }
}

test('each comparison compares values of one type', async t => {
  const cases: [string, unknown, unknown, boolean][] = [
    ['eq', 'region', 'eu', true], ['eq', 'region', 'us', false], ['eq', 'draft', false, true], ['eq', 'year', '2024', false],
    ['ne', 'region', 'us', true], ['ne', 'region', 'eu', false],
    ['gt', 'year', 2023, true], ['gt', 'year', 2024, false], ['gte', 'year', 2024, true],
    ['lt', 'year', 2025, true], ['lt', 'year', 2024, false], ['lte', 'year', 2024, true], ['lt', 'year', '3', false],
    ['gt', 'region', 'de', true],
    ['in', 'region', ['us', 'eu'], true], ['in', 'year', [2023], false],
    ['nin', 'region', ['us'], true], ['nin', 'region', ['eu'], false]
  ]
  for (const [type, key, value, expected] of cases) t.equal(passes({ type, key, value }), expected, `${type} ${key} ${JSON.stringify(value)}`)
})

test('a missing key passes only ne and nin', async t => {
  const passing = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'].filter(type => passes({ type, key: 'absent', value: 1 }))
  t.strictSame(passing, ['ne'])
  t.notOk(passes({ type: 'in', key: 'absent', value: [1] }))
  t.ok(passes({ type: 'nin', key: 'absent', value: [1] }))
  t.notOk(passes({ type: 'eq', key: 'constructor', value: 'x' }))
})

test('filters nest', async t => {
  const eu = { type: 'eq', key: 'region', value: 'eu' }
  const old = { type: 'lt', key: 'year', value: 2000 }
  t.ok(passes({ type: 'or', filters: [old, { type: 'and', filters: [eu, { type: 'eq', key: 'draft', value: false }] }] }))
  t.notOk(passes({ type: 'and', filters: [eu, old] }))
  t.ok(passes({ type: 'and', filters: [] }))
})

test('a filter that is none is refused with what is wrong', async t => {
  let deep: unknown = { type: 'eq', key: 'a', value: 1 }
  for (let i = 0; i < 100; i++) deep = { type: 'and', filters: [deep] }
  const cases: [unknown, string][] = [
    ['x', 'filters'], [{}, 'filters.type'], [{ type: 'like', key: 'a', value: 1 }, 'filters.type'], [{ type: 'eq', value: 1 }, 'filters.key'],
    [{ type: 'eq', key: 'a', value: null }, 'filters.value'], [{ type: 'in', key: 'a', value: 'x' }, 'filters.value'],
    [{ type: 'and' }, 'filters.filters'], [{ type: 'or', filters: [{ type: 'eq', key: 1, value: 1 }] }, 'filters.filters[0].key']
  ]
  for (const [filter, param] of cases) t.match(thrownBy(filter), { status: 400, param }, JSON.stringify(filter))
  t.match(thrownBy(deep), { status: 400, message: /too many filters/ })
  t.type(parseFilter({ type: 'eq', key: 'a', value: 1 }) satisfies AttributeFilter, 'object')
})
