import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { connectTo, type ApiClient } from '../../helpers/server.js'
import { withoutTap } from '../../sandbox/helpers/available.js'
import type { Latencies, NeighbourData } from './neighbour.js'

export const ATTACKER = 'sk-attacker'
export const NEIGHBOUR = 'sk-neighbour'

/** What the requests of another tenant may take longer than when all is quiet, in milliseconds, in 99 of 100 cases. */
export const TOLERATED_MS = 250
/** Where several processes share a machine with tests, quiet is not always quiet. */
const MEASURES_OF_QUIET = 2

export interface Scene {
  /** With the attacker's key. */
  attacker: ApiClient
  /** With the key of the one who works. */
  neighbour: ApiClient
  /** Runs the attack while the neighbour works, and fails the test when the neighbour notices. */
  withstands<T> (what: string, attack: () => Promise<T>): Promise<T>
  /** Resident memory of the server in bytes. */
  rss (): Promise<number>
}

/** The server under attack: another one, an earlier version say, may be named in its place. */
const SERVER = process.env.ABUSE_SERVER ?? fileURLToPath(new URL('server.js', import.meta.url))

/** A server in a process of its own with two tenants: one attacks, the other works and is watched. */
export async function startScene (t: Test, options: object = {}, { heapMb = 512 } = {}): Promise<Scene> {
  const given = { storage: `sqlite:${join(t.testdir(), 'abuse.db')}`, apiKeys: { [ATTACKER]: 'attacker', [NEIGHBOUR]: 'neighbour' }, ...options }
  const child = fork(SERVER, [JSON.stringify(given)], { execArgv: [`--max-old-space-size=${heapMb}`], env: withoutTap() })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child, 'message') as [number]
  child.on('exit', code => { if (code !== null) t.fail(`the server ended with ${code}`) })
  const baseURL = `http://127.0.0.1:${port}/v1`

  const data: NeighbourData = { baseURL, key: NEIGHBOUR }
  const watcher = new Worker(new URL('neighbour.js', import.meta.url), { workerData: data, execArgv: [] })
  t.teardown(async () => await watcher.terminate())
  await once(watcher, 'message')

  async function observed<T> (work: () => Promise<T>): Promise<{ result: T, latencies: Latencies }> {
    watcher.postMessage('observe')
    const seen = once(watcher, 'message') as Promise<[Latencies]>
    seen.catch(() => {})
    const result = await work().finally(() => watcher.postMessage('stop'))
    const [latencies] = await seen
    return { result, latencies }
  }

  for (let i = 0; i < MEASURES_OF_QUIET - 1; i++) await observed(async () => {})
  const quiet = (await observed(async () => {})).latencies

  return {
    attacker: connectTo(t, baseURL, { authorization: `Bearer ${ATTACKER}` }),
    neighbour: connectTo(t, baseURL, { authorization: `Bearer ${NEIGHBOUR}` }),
    async withstands (what, attack) {
      const { result, latencies } = await observed(attack)
      for (const name of Object.keys(latencies) as (keyof Latencies)[]) {
        const [before, during] = [p99(quiet[name]), p99(latencies[name])]
        t.ok(during <= before + TOLERATED_MS, `${what}: ${name} of another tenant takes ${during.toFixed(0)} ms, ${before.toFixed(0)} when quiet (p99 of ${latencies[name].length})`)
      }
      return result
    },
    async rss () {
      child.send('rss')
      const [bytes] = await once(child, 'message') as [number]
      return bytes
    }
  }
}

export function p99 (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0
}
