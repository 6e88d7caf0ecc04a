import { getHeapStatistics } from 'node:v8'
import { test } from 'tap'
import { ByteBudget } from '../../lib/shared/byte-budget.js'
import { approximateBytes } from '../../lib/shared/size.js'

test('the project that holds most gives up its oldest; others keep what they have', async t => {
  const budget = new ByteBudget(100)
  const gone: string[] = []
  const hold = (project: string, name: string, bytes: number) => budget.hold(project, bytes, () => { gone.push(name) })
  hold('a', 'a1', 30)
  hold('b', 'b1', 20)
  hold('a', 'a2', 30)
  t.strictSame(gone, [])
  hold('b', 'b2', 25)
  t.strictSame(gone, ['a1'])
  t.equal(budget.bytes, 75)
  hold('c', 'c1', 60)
  t.strictSame(gone, ['a1', 'c1'], 'what is too much by itself is not kept at the expense of others')
})

test('what has ended makes room, and ends once', async t => {
  const budget = new ByteBudget(10)
  const gone: string[] = []
  const first = budget.hold('a', 10, () => { gone.push('first') })
  first.end()
  first.end()
  budget.hold('a', 10, () => { gone.push('second') })
  t.strictSame(gone, [])
  t.equal(budget.bytes, 10)
  budget.hold('a', 1000, () => { gone.push('third') })
  t.strictSame(gone, ['second', 'third'])
  t.equal(budget.bytes, 0)
})

test('a value takes at least as many bytes as its text', async t => {
  for (const value of [{ a: ['語'.repeat(100), 1, null, { b: true }] }, 'x', [], 'a'.repeat(10_000)]) {
    t.ok(approximateBytes(value) >= Buffer.byteLength(JSON.stringify(value)) * 0.6)
  }
})

test('without an option 64 MiB may be held, or a quarter of the heap where that is less', t => {
  const quarter = Math.min(getHeapStatistics().heap_size_limit / 4, 64 * 1024 * 1024)
  const budget = new ByteBudget()
  let gaveUp = 0
  budget.hold('p', Math.floor(quarter), () => gaveUp++)
  t.equal(gaveUp, 0)
  budget.hold('p', 1, () => gaveUp++)
  t.equal(gaveUp, 1)
  t.end()
})
