import { test } from 'tap'
import { persistentStores } from '../helpers/stores.js'
import { killRounds } from './rounds.js'

/** A taste of `test/soak/kill.ts`. */
for (const store of persistentStores) {
  test(`${store.name}: nothing that was acknowledged is lost when the server is killed`, { skip: await store.skip(), timeout: 300_000 }, async t => {
    await killRounds(t, store, 2, 7)
  })
}
