/**
 * What the server costs beside the least that could be done in its place: every row of docs/performance.md. Vendor, floor,
 * server and load each have a process; floor and server take turns, so that the ratios hold where the machine is busy.
 *
 *   npm run bench                       the whole table, kept in bench/results.json and docs/performance.md
 *   npm run bench -- --quick            smaller loads, about a minute
 *   npm run bench -- --quick --compare  keeps nothing; fails when a ratio is more than a fifth worse than the kept one
 *   npm run bench -- --only TEXT        the rows of the loads whose names hold TEXT; keeps nothing
 *   npm run bench -- --profile          where the server's time goes under some of the loads, kept beside the table
 *   npm run bench -- build/bench/api.js another measurement in this folder
 *
 * BENCH_NODE_ARGS has arguments for Node for the measured processes, such as `--cpu-prof`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { start, type Child } from './table/child.js'
import { now, quantile } from './table/load.js'
import type { Shares } from './table/profile.js'
import { commit, keep, kept, load, machine, terminal, worse, type Origin, type Result } from './table/report.js'
import { requestScenarios } from './table/requests.js'
import type { Scenario, Side } from './table/scenario.js'
import { streamScenarios } from './table/streams.js'

async function run (scenario: Scenario, vendor: string, quick: boolean): Promise<Result[]> {
  const { floor, hasLimit = false, rows, starts = { quick: 1, full: 1 } } = scenario
  const values: number[][][] = []
  for (let start = 0; start < starts[quick ? 'quick' : 'full']; start++) {
    for (const [index, side] of (await turns(scenario, vendor, quick, start)).entries()) {
      for (const [row, of] of side.entries()) ((values[index] ??= [])[row] ??= []).push(...of)
    }
  }
  return rows.map((row, n) => {
    const measured = values.at(-1)![n]!
    const compared = (index: number, is: boolean): [value: number | null, ratio: number | null] => {
      if (!is) return [null, null]
      const others = values[index]![n]!
      // Of each turn: how fast the machine is differs more from turn to turn than within one.
      return [quantile(others, 0.5), quantile(measured.map((value, turn) => value / others[turn]!), 0.5)]
    }
    const [least, ratio] = compared(0, floor !== undefined)
    const [limit, ofLimit] = compared(values.length - 2, hasLimit)
    return { ...row, name: quick ? row.quickName ?? row.name : row.name, floor: least, ours: quantile(measured, 0.5), ratio, limit, ofLimit }
  })
}

/** The values of each row in each turn, by side: the floor, the limit, as far as there are such, and ours. */
async function turns ({ floor, hasLimit = false, storage = 'sqlite', rows, rounds, prepare, measure }: Scenario, vendor: string, quick: boolean, nth: number): Promise<number[][][]> {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-bench-'))
  const sides: Side[] = []
  try {
    if (floor === 'silent') {
      const server = await start('./observed.js', [vendor, folder, nth % 2 === 0 ? 'silent-first' : 'silent-last'])
      for (const url of server.urls) sides.push({ kind: 'ours', vendor, quick, server: { ...server, url } })
    } else {
      if (floor !== undefined) sides.push({ kind: 'floor', vendor, quick, server: await start('./floor.js', [floor, vendor]) })
      if (hasLimit) sides.push({ kind: 'limit', vendor, quick, server: await start('./limit.js', [vendor, storage, folder]) })
      sides.push({ kind: 'ours', vendor, quick, server: await startServer(vendor, folder, storage) })
    }
    const inTurn = (turn: number): [number, Side][] => turn % 2 === 0 ? [...sides.entries()] : [...sides.entries()].reverse()
    const prepared: unknown[] = []
    for (const [index, side] of inTurn(nth)) prepared[index] = await prepare?.(side)
    const values = sides.map(() => rows.map(() => [] as number[]))
    for (let round = 0; round < rounds[quick ? 'quick' : 'full']; round++) {
      // Neither side always comes first.
      for (const [index, side] of inTurn(nth + round)) {
        for (const [row, value] of (await measure(side, prepared[index])).entries()) values[index]![row]!.push(value)
      }
    }
    return values
  } finally {
    for (const { server } of sides) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startServer (vendor: string, folder: string, storage: Scenario['storage'] = 'sqlite'): Promise<Child> {
  const url = storage === 'memory' ? 'memory:' : `sqlite:${folder}/bench.db`
  return await start('../../lib/cli.js', ['--port', '0', '--storage', url, '--base-url', `${vendor}/v1`, '--log-level', 'warn', '--no-console'])
}

/** Loads whose costs are told apart. */
const PROFILED = ['100 fast streams', 'paced streams', 'mixed runs, sqlite', 'GET assistant', 'POST message']

/** Where the server's time goes under a load, once it is warm. */
async function profiled ({ storage, prepare, measure }: Scenario, vendor: string, quick: boolean): Promise<Shares> {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-bench-'))
  const side: Side = { kind: 'ours', vendor, quick, server: await startServer(vendor, folder, storage) }
  try {
    const prepared = await prepare?.(side)
    await measure({ ...side, quick: true }, prepared)
    const end = await side.server.profile()
    await measure(side, prepared)
    return await end()
  } finally {
    await side.server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What `work` makes of each of the scenarios, and under which circumstances. */
async function each<T> (scenarios: readonly Scenario[], command: string, work: (scenario: Scenario, vendor: string) => Promise<T>): Promise<{ made: T[], origin: Origin }> {
  const [began, before] = [now(), load()]
  const vendor = await start('./vendor.js', [])
  const made: T[] = []
  try {
    for (const scenario of scenarios) {
      process.stderr.write(`${scenario.id}\n`)
      made.push(await work(scenario, vendor.url))
    }
  } finally {
    await vendor.stop()
  }
  return { made, origin: { date: new Date().toISOString().slice(0, 10), commit: commit(), command, machine: machine(), load: [before, load()], seconds: Math.round((now() - began) / 1000) } }
}

const SCENARIOS = [...streamScenarios, ...requestScenarios]

async function profiles (quick: boolean): Promise<void> {
  const { made, origin } = await each(SCENARIOS.filter(({ id }) => PROFILED.includes(id)), `npm run bench -- --profile${quick ? ' --quick' : ''}`,
    async (scenario, vendor) => [scenario.id, await profiled(scenario, vendor, quick)] as const)
  keep('profile', { ...origin, loads: Object.fromEntries(made) })
}

async function table ({ quick, compare, only }: { quick: boolean, compare: boolean, only: string }): Promise<void> {
  const mode = quick ? 'quick' : 'full'
  const { made, origin } = await each(SCENARIOS.filter(({ id }) => id.includes(only)), `npm run bench${quick ? ' -- --quick' : ''}`,
    async (scenario, vendor) => await run(scenario, vendor, quick))
  const results = made.flat()
  console.log(`\n${machine()}\n\n${terminal(results)}`)
  if (compare) {
    const lost = worse(results, kept()[mode]?.results ?? [])
    for (const line of lost) console.error(`worse by more than a fifth: ${line}`)
    process.exitCode = lost.length > 0 ? 1 : 0
  } else if (only === '') {
    keep(mode, { ...origin, results })
    // What it says of one instance stands there, too.
    if (mode === 'full') await import('./scale/write.js')
  }
}

if (process.argv[2]?.endsWith('.js') === true) {
  // The measurement gets the arguments that it would have alone.
  process.argv.splice(1, 1)
  await import(pathToFileURL(resolve(process.argv[1]!)).href)
} else {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, compare: { type: 'boolean', default: false }, profile: { type: 'boolean', default: false }, only: { type: 'string', default: '' } }
  })
  await (values.profile ? profiles(values.quick) : table(values))
  process.exit()
}
