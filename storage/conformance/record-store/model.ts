import { isDeepStrictEqual } from 'node:util'
import type { SuiteTest } from '../runner.js'
import type { PageQuery, RecordStore, WriteItem } from '../../record-store.js'
import { emptyStore, home, type Suite } from './suite.js'

interface ModelRecord { kind: string, id: string, parent: string, position: number, version: number, body: unknown }

/** The contract in its plainest form: one list, copied before each batch. */
class Model {
  records: ModelRecord[] = []
  highest = 0

  find (kind: string, id: string): ModelRecord | undefined {
    return this.records.find(record => record.kind === kind && record.id === id)
  }

  write (items: readonly WriteItem[]): boolean {
    for (const item of items) {
      if (item.op === 'clear' || item.expect === undefined) continue
      if ((this.find(item.kind, item.id)?.version ?? 'absent') !== item.expect) return false
    }
    for (const item of items) {
      if (item.op === 'clear') {
        this.records = []
        this.highest = 0
      } else if (item.op === 'delete') {
        this.records = this.records.filter(record => record !== this.find(item.kind, item.id))
      } else if (item.op === 'put') {
        const { kind, id, parent = '', body } = item
        const found = this.find(kind, id)
        if (found !== undefined) {
          found.body = body
          found.version++
          continue
        }
        const position = item.position ?? this.highest + 1
        this.highest = Math.max(this.highest, position)
        this.records.push({ kind, id, parent, position, version: 1, body })
      }
    }
    return true
  }

  page ({ kind, parent = '', order, limit, after, before }: PageQuery) {
    const sign = order === 'asc' ? 1 : -1
    const found = this.records
      .filter(record => record.kind === kind && record.parent === parent)
      .sort((a, b) => sign * (a.position - b.position))
      .filter(record => (after === undefined || sign * (record.position - after) > 0) && (before === undefined || sign * (before - record.position) > 0))
    const records = before !== undefined && after === undefined ? found.slice(-limit) : found.slice(0, limit)
    return { records: records.map(record => ({ ...home, ...record })), hasMore: found.length > limit }
  }
}

/** A small generator with a seed, so that a failure can be repeated. */
function random (seed: number): (below: number) => number {
  return below => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor(seed / 2 ** 32 * below)
  }
}

async function compare (store: RecordStore, seed: number, steps: number, same: (found: unknown, wanted: unknown, message: string) => void): Promise<void> {
  const below = random(seed)
  const model = new Model()
  const pick = <T> (...values: T[]): T => values[below(values.length)] as T

  const randomItem = (id: string): WriteItem => {
    const kind = pick('a', 'b')
    const version = model.find(kind, id)?.version
    const expect = pick(undefined, undefined, version ?? 'absent', version ?? 'absent', 1 + below(3))
    switch (below(20)) {
      case 0: return { op: 'clear' }
      case 1: case 2: case 3: return { op: 'delete', kind, id, expect: expect === 'absent' ? undefined : expect }
      case 4: return { op: 'check', kind, id, expect: expect ?? 'absent' }
      default: return { op: 'put', kind, id, parent: pick('', 'x'), body: { seed, value: below(1000) }, expect, position: below(8) === 0 ? freePosition() : undefined }
    }
  }
  const given = new Set<number>()
  const freePosition = () => {
    // Positions are the caller's to keep unique: half of these lie before, half after the highest.
    const position = Math.floor(model.highest / 2) + 1 + below(model.highest + 10)
    const taken = given.has(position) || model.records.some(record => record.position === position)
    given.add(position)
    return taken ? undefined : position
  }

  for (let step = 0; step < steps; step++) {
    given.clear()
    const names = new Set(Array.from({ length: 1 + below(4) }, () => `id${below(12)}`))
    const items = [...names].map(randomItem)
    // An automatic position may meet one given later in the same batch.
    const hasBoth = items.some(item => item.op === 'put' && item.position !== undefined) && items.length > 1
    const batch = hasBoth ? items.slice(0, 1) : items
    const label = `seed ${seed} step ${step}: ${JSON.stringify(batch)}`
    same(await store.write(home, batch), model.write(batch), label)

    const query: PageQuery = {
      ...home,
      kind: pick('a', 'b'),
      parent: pick('', 'x'),
      order: pick('asc', 'desc'),
      limit: 1 + below(4),
      after: pick(undefined, below(model.highest + 2)),
      before: pick(undefined, below(model.highest + 2))
    }
    same(await store.page(query), model.page(query), `seed ${seed} step ${step}: ${JSON.stringify(query)}`)
  }
  for (const kind of ['a', 'b']) {
    for (const parent of ['', 'x']) {
      const query: PageQuery = { ...home, kind, parent, order: 'asc', limit: 100 }
      same(await store.page(query), model.page(query), `seed ${seed} at the end`)
    }
  }
}

export function modelTests ({ test, factory }: Suite): void {
  for (const seed of [1, 2, 3]) {
    test(`random batches and pages agree with the plainest reading of the contract (seed ${seed})`, async (t: SuiteTest) => {
      const store = await emptyStore(t, factory)
      let mismatch: { step: string, found: unknown, wanted: unknown } | undefined
      await compare(store, seed, 200, (found, wanted, step) => {
        if (mismatch === undefined && !isDeepStrictEqual(withoutUndefined(found), withoutUndefined(wanted))) mismatch = { step, found, wanted }
      })
      t.strictSame(mismatch, undefined)
    })
  }
}

/** What is stored: JSON has no undefined, and promises no order of keys. */
const withoutUndefined = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
