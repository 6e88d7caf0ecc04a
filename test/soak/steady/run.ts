/**
 * Three hundred streams at a time for half an hour on each store, with slow readers and tool loops: what the server holds must be
 * flat. Writes what it has shown to docs/reliability.md.
 *
 *     npx tap --timeout=0 build/test/soak/steady/run.js [--test-arg=MINUTES] [--test-arg=STORE]
 *
 * The stores have their turns at the same time, each with a server of its own.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import tap, { test, type Test } from 'tap'
import { skipOwnPostgres, startPostgres } from '../../helpers/postgres-server.js'
import { built } from '../../helpers/paths.js'
import { skipOwnRedis, startRedis } from '../../helpers/redis-server.js'
import { temporaryFolder } from '../../helpers/stores.js'
import { call, work, type Counts } from './clients.js'
import type { Held } from './probe.js'
import { keepSoak, writeSoakTable } from './report.js'

const [minutes = '30', only] = process.argv.slice(2)
/** Looks at what the server holds. */
const LOOKS = 60

const STORES: Record<string, { skip: string | false, url (t: Test): Promise<string> }> = {
  memory: { skip: false, url: async () => 'memory:' },
  sqlite: { skip: false, url: async t => `sqlite:${join(temporaryFolder(t), 'soak.db')}` },
  redis: { skip: skipOwnRedis, url: async t => (await startRedis(t)).url },
  postgres: { skip: skipOwnPostgres, url: async t => (await startPostgres(t)).url }
}

/** A program that prints its address, in a process that can be asked. */
async function start (t: Test, file: string, args: string[], execArgv: string[] = []): Promise<{ url: string, ask (): Promise<Held> }> {
  const child = fork(join(built, file), args, { execArgv, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.on('exit', code => { if (code !== null) t.fail(`${file} ended with ${code}`) })
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /http:\/\/[\w.:]+(?:\/v1)?/.exec(line)?.[0]
    if (url === undefined) continue
    child.stdout!.resume()
    return {
      url,
      async ask () {
        child.send('held')
        const [held] = await once(child, 'message') as [Held]
        return held
      }
    }
  }
  throw new Error(`${file} did not say where it listens`)
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

tap.setTimeout(0)
tap.jobs = 4
for (const [store, { skip, url }] of Object.entries(STORES)) {
  if (only !== undefined && only !== store) continue
  test(`${store}: 300 streams for ${minutes} minutes leave nothing behind`, { skip, timeout: 0, buffered: true }, async t => {
    const vendor = await start(t, 'test/soak/steady/vendor.js', [])
    const probe = ['--expose-gc', '--import', join(built, 'test/soak/steady/probe.js')]
    const server = await start(t, 'lib/cli.js', ['--port', '0', '--storage', await url(t), '--base-url', vendor.url, '--log-level', 'warn', '--no-console'], probe)
    const baseURL = `${new URL(server.url).origin}/v1`
    const { id: assistantId } = await call(baseURL, '/assistants', { model: 'soak', tools: [{ type: 'function', function: { name: 'ask' } }] })
    const counts: Counts = { runs: 0, findings: [] }
    const stop = new AbortController()
    // The memory store is what the server holds: it is bounded where its data are.
    const working = work({ baseURL, assistantId, counts, stop: stop.signal, deletes: store === 'memory' })
    const samples: Held[] = []
    for (let look = 0; look < LOOKS; look++) {
      await pause(Number(minutes) * 60_000 / LOOKS)
      samples.push(await server.ask())
    }
    stop.abort()
    await working
    const atRest = await server.ask()
    // The first quarter warms up.
    const quarter = (n: number): Held[] => samples.slice(n * LOOKS / 4, (n + 1) * LOOKS / 4)
    const [early, late] = [quarter(1), quarter(3)].map(part => Object.fromEntries((['heap', 'rss', 'handles', 'descriptors'] as const).map(key => [key, median(part.map(held => held[key]))])) as unknown as Held) as [Held, Held]
    keepSoak({ store, minutes: Number(minutes), runs: counts.runs, early, late, atRest })
    writeSoakTable()
    t.strictSame(counts.findings, [])
    for (const key of ['heap', 'rss', 'handles', 'descriptors'] as const) t.ok(late[key] <= early[key] * 1.1 + (key === 'heap' ? 8e6 : key === 'rss' ? 30e6 : 10), `${key}: ${early[key]}, then ${late[key]}`)
  })
}
