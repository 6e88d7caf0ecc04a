import { test } from 'tap'
import { FAULTS } from './faults.js'
import { chaosRounds } from './rounds.js'
import { STORES } from './stores.js'

/** A taste of `npm run test:chaos`: one round of each. */
const TASTE: readonly [fault: string, store: string][] = [['kill', 'redis']]

for (const [fault, store] of TASTE) {
  const kind = STORES.find(({ name }) => name === store)!
  test(`${fault}, ${store}: nothing that was acknowledged is lost or there twice, and nothing is stuck`, { skip: kind.skip }, async t => {
    const { findings, acknowledged } = await chaosRounds(t, FAULTS.find(({ name }) => name === fault)!, kind, { rounds: 1, seed: 7 })
    t.strictSame(findings, [])
    t.ok(acknowledged > 0, `${acknowledged} objects were acknowledged`)
  })
}
