import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { keptScale, PARTS, SCALE_PAGE, withScaleTables } from '../../bench/scale/report.js'
import { kept } from '../../bench/table/report.js'

test('the tables of docs/scaling.md are made of the kept results', async t => {
  const page = readFileSync(SCALE_PAGE, 'utf8')
  t.equal(page, withScaleTables(page, keptScale(), kept().full), 'run node build/bench/scale/write.js')
})

test('every part of the measurement is kept, and was measured whole', async t => {
  const results = keptScale()
  for (const part of PARTS) {
    t.ok(results[part], part)
    t.notMatch(results[part]?.command, /--quick/)
  }
  t.strictSame(results.throughput?.measured.map(({ store }) => store), ['redis', 'cluster', 'postgres'])
})
