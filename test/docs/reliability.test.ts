import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { FAULTS } from '../chaos/faults.js'
import { PAGE, readResults, withTable } from '../chaos/report.js'
import { readSoaks, withSoakTable } from '../soak/steady/report.js'

test('the table of docs/reliability.md is made of the kept results', async t => {
  const page = readFileSync(PAGE, 'utf8')
  t.equal(page, withTable(page, readResults(), readResults('0.1.0')), 'run npm run test:chaos')
  t.equal(page, withSoakTable(page, readSoaks()), 'run the soak')
})

test('every kept result is of a fault that there is', async t => {
  for (const { fault, store, rounds, recoveryMs } of [...readResults(), ...readResults('0.1.0')]) {
    t.ok(FAULTS.some(({ name, stores }) => name === fault && stores.includes(store)), `${fault}, ${store}`)
    t.equal(recoveryMs.length, rounds)
  }
})
