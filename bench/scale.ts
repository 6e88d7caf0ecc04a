/**
 * How far one instance goes, and what more of them bring: mixed runs through one, two and three instances behind a proxy on Redis, on a Redis
 * Cluster of three masters and on PostgreSQL; the index of active runs in one partition against 16; a thread of 100,000 messages against one
 * of 10; 1,000,000 threads in PostgreSQL; the search index of an instance. Redis servers are started for it, and PostgreSQL gets a database of its own on the server of
 * DATABASE_URL, which is dropped in the end.
 *
 *   npm run bench -- build/bench/scale.js              everything, kept in bench/scale.json and docs/scaling.md; about ten minutes
 *   npm run bench -- build/bench/scale.js --quick      smaller loads, less than two minutes, each part less than one; keeps nothing
 *   npm run bench -- build/bench/scale.js --only PART  throughput, places, messages, threads or chunks; keeps that part and leaves the others as they are
 */
import { parseArgs } from 'node:util'
import { start } from './table/child.js'
import { now } from './table/load.js'
import { commit, load, machine } from './table/report.js'
import { chunks } from './scale/chunks.js'
import { longThread } from './scale/long-thread.js'
import { manyThreads } from './scale/many-threads.js'
import { places } from './scale/places.js'
import { keepScale, markdown, PARTS, type Measured, type Part } from './scale/report.js'
import { startStore, type SharedStore, type StoreName } from './scale/stores.js'
import { throughput } from './scale/throughput.js'

const { values: { quick, only } } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
if (only !== undefined && !PARTS.includes(only as Part)) throw new Error(`there is no part ${only}: ${PARTS.join(', ')}`)

/** What the servers that are started need of a test. Last come, first gone. */
class Closing {
  readonly #steps: (() => unknown)[] = []

  teardown (step: () => unknown): void {
    this.#steps.push(step)
  }

  async close (): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step()
  }
}

async function onStores<T> (names: readonly StoreName[], work: (store: SharedStore) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (const name of names) {
    const closing = new Closing()
    try {
      const store = await startStore(closing as Parameters<typeof startStore>[0], name)
      if (typeof store === 'string') console.error(`left out: ${store}`)
      else made.push(await work(store))
    } finally {
      await closing.close()
    }
  }
  return made
}

const vendor = await start('./vendor.js', [])
const ALL = ['redis', 'cluster', 'postgres'] as const
const measures: { [P in Part]: () => Promise<Measured[P]> } = {
  throughput: async () => await onStores(ALL, async store => await throughput(store, vendor, quick)),
  places: async () => await onStores(ALL, async store => await places(store, quick)),
  messages: async () => await onStores(['redis', 'postgres'], async store => await longThread(store, vendor, quick)),
  threads: async () => await onStores(['postgres'], async store => await manyThreads(store, vendor, quick)),
  chunks: async () => await chunks(quick)
}

async function measure<P extends Part> (part: P): Promise<void> {
  process.stderr.write(`${part}\n`)
  const [began, before] = [now(), load()]
  const measured = await measures[part]()
  const command = `npm run bench -- build/bench/scale.js${quick ? ' --quick' : ''}${only === undefined ? '' : ` --only ${only}`}`
  const report = { date: new Date().toISOString().slice(0, 10), commit: commit(), command, machine: machine(), load: [before, load()] as [number, number], seconds: Math.round((now() - began) / 1000), measured }
  console.log(`\n${markdown(part, report)}`)
  if (!quick) keepScale(part, report)
}

try {
  for (const part of PARTS) if (only === undefined || only === part) await measure(part)
} finally {
  await vendor.stop()
}
process.exit()
