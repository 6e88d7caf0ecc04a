import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { startCli, type CliProcess } from '../helpers/process.js'
import type { StoreUrl } from '../helpers/stores.js'
import { startUpstream, text, toolCalls, type UpstreamRequest } from '../helpers/upstream.js'
import { checkThread, settleThread } from './check.js'
import { ask, work, type Acknowledged } from './load.js'
import { seeded } from './random.js'

const LEASE_MS = 1000
/** Clients at once. */
const WORKERS = 8
const MIN_LIFE_MS = 150
const MAX_LIFE_MS = 1500
/** No run may remain active for longer than its lease and this, after its server was killed. */
const GRACE_MS = 10_000

/**
 * Kills a server with SIGKILL in the midst of its work, again and again, and looks each time whether all that was acknowledged
 * is there, once. On a store that instances share there are two servers, one of which is killed.
 */
export async function killRounds (t: Test, store: StoreUrl, rounds: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const upstream = await startUpstream(t)
  upstream.respond(answer)
  const storage = store.url(t)
  const start = (): CliProcess => startCli(t, {
    cwd: tmpdir(),
    args: ['--port', '0', '--storage', storage, '--base-url', upstream.url, '--upstream-key', 'sk-test', '--log-level', 'error'],
    env: { RUN_LEASE_MS: String(LEASE_MS) }
  })
  const servers = Array.from({ length: store.name === 'sqlite' ? 1 : 2 }, start)
  await Promise.all(servers.map(async ({ ready }) => await ready))
  const created = await ask(await servers[0]!.ready, 'POST', '/assistants', { model: 'test-model', tools: [{ type: 'function', function: { name: 'ask' } }] })
  const all: Acknowledged = { threads: new Map() }
  const counts = { messages: 0, runs: 0, slowest: 0 }

  for (let round = 0; round < rounds; round++) {
    const mine: Acknowledged = { threads: new Map() }
    const addresses = await Promise.all(servers.map(async ({ ready }) => await ready))
    const stop = new AbortController()
    const clients = Array.from({ length: WORKERS }, async () => {
      await work(mine, created!.body.id, () => addresses[Math.floor(random() * addresses.length)]!, random, stop.signal)
    })
    await pause(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS))
    const victim = Math.floor(random() * servers.length)
    servers[victim]!.child.kill('SIGKILL')
    await once(servers[victim]!.child, 'exit')
    const killedAt = performance.now()
    stop.abort()
    servers[victim] = start()
    const [, baseURL] = await Promise.all([Promise.all(clients), servers[victim]!.ready])

    // The time that a process takes to start says nothing about runs.
    const readyAt = performance.now()
    const problems = (await Promise.all([...mine.threads].map(async ([id, facts]) => await settleThread(baseURL, id, facts)))).flat()
    const took = performance.now() - readyAt
    problems.push(...(await Promise.all([...mine.threads].map(async ([id, facts]) => await checkThread(baseURL, id, facts)))).flat())
    t.strictSame(problems, [], `round ${round}: ${mine.threads.size} threads, runs at rest ${Math.round(took)} ms after the restart, which took ${Math.round(readyAt - killedAt)} ms`)
    if (took > LEASE_MS + GRACE_MS) t.fail(`round ${round}: runs were active for ${Math.round(took)} ms`)
    counts.slowest = Math.max(counts.slowest, took)
    for (const [id, facts] of mine.threads) {
      all.threads.set(id, facts)
      counts.messages += facts.messages.length
      counts.runs += facts.runs.size
    }
  }

  // What came through the first rounds has to have come through the last ones too.
  const baseURL = await servers[0]!.ready
  const problems: string[] = []
  for (const [id, facts] of all.threads) problems.push(...await settleThread(baseURL, id, facts), ...await checkThread(baseURL, id, facts))
  t.strictSame(problems, [], 'at the end everything of all rounds is there')
  t.comment(`${store.name}: ${rounds} rounds with seed ${seed}: ${all.threads.size} threads, ${counts.messages} messages, ${counts.runs} runs; ` +
    `all runs at rest within ${Math.round(counts.slowest)} ms of the restart at most (lease ${LEASE_MS} ms)`)
}

/** Asks when it is told to ask and has not been answered yet; else says a sentence. */
function answer ({ body }: UpstreamRequest) {
  const last = body.messages.findLast((message: any) => message.role === 'user' || message.role === 'tool')
  const words = typeof last.content === 'string' ? last.content : JSON.stringify(last.content)
  if (last.role === 'user' && words.includes('ask ')) return toolCalls([{ name: 'ask', arguments: {} }])
  return text('Once upon a time there was a server that would not lose a single word of what it had been told, whoever killed it.')
}
