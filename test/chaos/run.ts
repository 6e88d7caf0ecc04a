/**
 * Breaks what real infrastructure breaks, under load, and writes what it has shown to docs/reliability.md:
 *
 *     npm run test:chaos [-- FAULT STORE ROUNDS]
 *
 * `all` stands for every fault or store. Rounds add up in `test/chaos/results`, one file for each fault and store, so that the table can
 * be made in several runs, and says when the latest of them were; after a change of what a fault does, remove its file to begin anew. With
 * `CHAOS_PACE=3` everything may take three times as long, for a busy machine. With `CHAOS_SERVER=path/to/dist/lib/cli.js CHAOS_VERSION=0.1.0`
 * another version is tested, whose results are a column of the table.
 */
import tap, { test } from 'tap'
import { FAULTS } from './faults.js'
import { keepResult, writeTable } from './report.js'
import { chaosRounds, type Result } from './rounds.js'
import { STORES } from './stores.js'

const NOTHING: Result['counts'] = { lost: 0, twice: 0, stuck: 0, amiss: 0, ended: 0, unhandled: 0 }

const [fault = 'all', store = 'all', rounds = '30', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
const { CHAOS_SERVER: server, CHAOS_VERSION: version } = process.env

const chosen = FAULTS.flatMap(one => STORES.filter(({ name }) => one.stores.includes(name)).map(kind => ({ fault: one, kind })))
  .filter(({ fault: { name }, kind }) => [name, 'all'].includes(fault) && [kind.name, 'all'].includes(store))
if (chosen.length === 0) throw new Error(`there is no such fault and store. Faults: ${FAULTS.map(({ name, stores }) => `${name} (${stores.join(', ')})`).join(', ')}`)

tap.setTimeout(0)
for (const { fault, kind } of chosen) {
  await test(`${fault.name}, ${kind.name}: ${rounds} rounds with seed ${seed}`, { skip: kind.skip, timeout: 0 }, async t => {
    const result = await chaosRounds(t, fault, kind, {
      rounds: Number(rounds),
      seed: Number(seed),
      server,
      onRound: (round, { acknowledged, counts, recoveryMs }) => t.comment(`round ${round}: ${acknowledged} acknowledged, ${JSON.stringify(counts)}, at rest after ${recoveryMs.at(-1)} ms`)
    })
    keepResult(result, version)
    writeTable()
    for (const finding of result.findings) t.comment(finding)
    t.strictSame(result.counts, NOTHING)
  })
}
