import { test } from 'tap'
import { textOf } from './helpers/blocks.js'

const page = textOf('docs/compare.md')
const rows = page.split('\n').filter(line => line.startsWith('| ')).map(line => line.slice(1, -1).split('|').map(cell => cell.trim())).slice(1)
const sources = [...page.matchAll(/^(\d+)\. .*<https:\/\/\S+>$/gm)].map(([, number]) => number)

test('what docs/compare.md says of this server leads to a test that npm test runs', async t => {
  t.ok(rows.length >= 12)
  for (const [feature = '', ours = ''] of rows) t.match(ours, /\]\(\.\.\/test\/(?:[\w-]+\/)?[\w-]+\.test\.ts\)/, feature)
})

test('what it says of others has a date and a source, and every source is used', async t => {
  t.match(page, /on \d{4}-\d\d-\d\d;/)
  const used = new Set<string>()
  for (const [feature = '', , ...others] of rows) {
    t.equal(others.length, 4, feature)
    for (const cell of others) {
      const numbers = [...cell.matchAll(/\[(\d+)\]/g)].map(([, number = '']) => number)
      t.ok(numbers.length > 0 && numbers.every(number => sources.includes(number)), `${feature}: ${cell}`)
      for (const number of numbers) used.add(number)
    }
  }
  t.strictSame([...used].sort((a, b) => Number(a) - Number(b)), sources)
})
