/**
 * Many rounds of `kill -9` under load, on every store that outlives a process:
 *
 *     npx tap --timeout=0 build/test/soak/kill.js --test-arg=100 [--test-arg=STORE] [--test-arg=SEED]
 */
import { test } from 'tap'
import { persistentStores } from '../helpers/stores.js'
import { killRounds } from './rounds.js'

const [rounds = '100', only, seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)

for (const store of persistentStores.filter(({ name }) => only === undefined || name === only)) {
  test(`${store.name}: nothing that was acknowledged is lost by ${rounds} kills`, { skip: await store.skip(), timeout: 0 }, async t => {
    await killRounds(t, store, Number(rounds), Number(seed))
  })
}
