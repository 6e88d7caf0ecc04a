/** Mixed runs through one, two and three instances behind a proxy: how many a second, what uses the processors, and what that predicts. */
import { availableParallelism } from 'node:os'
import { start, type Child } from '../table/child.js'
import { call, many, now, quantile } from '../table/load.js'
import { polled, streamed } from '../table/streams.js'
import { holdTo } from './share.js'
import type { SharedStore } from './stores.js'

/** What of the processors' time one run takes, in milliseconds. */
export interface CpuPerRun {
  servers: number
  /** Of each node. Null where it cannot be seen. */
  store: number[] | null
  vendor: number
  proxy: number
  clients: number
}

export interface Throughput {
  instances: number
  /** The part of a core that each instance was held to; null for none. */
  share: number | null
  runsPerS: number
  cpu: CpuPerRun
}

export interface StoreThroughput {
  store: string
  about: string
  rows: Throughput[]
}

const WIDTH = 64
const INSTANCES = [1, 2, 3]
/** Three instances, the store, the vendor and the clients find room on two cores with that. */
const SHARE = 0.2

export interface Machinery {
  store: SharedStore
  vendor: Child
  instances: Child[]
  /** One for each number of instances. */
  proxies: Child[]
}

export async function startInstance ({ url }: SharedStore, vendor: Child, env: NodeJS.ProcessEnv = {}): Promise<Child> {
  return await start('../../lib/cli.js', ['--port', '0', '--storage', url, '--base-url', `${vendor.url}/v1`, '--log-level', 'warn', '--no-console'], env)
}

/** 64 clients at a time, half of whom stream their run and half poll it, for some seconds. */
async function load (url: string, assistant: string, seconds: number): Promise<{ runs: number, ms: number }> {
  const side = { kind: 'ours', server: { url } } as Parameters<typeof streamed>[0]
  const [began, until] = [now(), now() + seconds * 1000]
  let runs = 0
  await Promise.all(Array.from({ length: WIDTH }, async (_, client) => {
    while (now() < until) {
      if (client % 2 === 0) await streamed(side, assistant, 'fast-50')
      else await polled(side, assistant, 'fast-50', 5)
      runs++
    }
  }))
  return { runs, ms: now() - began }
}

async function measure ({ store, vendor, instances, proxies }: Machinery, count: number, assistant: string, seconds: number): Promise<Omit<Throughput, 'share'>> {
  const proxy = proxies[count - 1]!
  const used = async (): Promise<{ [Part in keyof CpuPerRun]: number[] | null }> => {
    const ofAll = async (children: Child[]): Promise<number[]> => [(await Promise.all(children.map(async child => (await child.usage()).cpuMs))).reduce((sum, ms) => sum + ms)]
    const { user, system } = process.cpuUsage()
    return { servers: await ofAll(instances), store: await store.cpuMs() ?? null, vendor: await ofAll([vendor]), proxy: await ofAll([proxy]), clients: [(user + system) / 1000] }
  }
  const before = await used()
  const { runs, ms } = await load(proxy.url, assistant, seconds)
  const after = await used()
  const perRun = (part: keyof CpuPerRun): number[] | null => after[part]?.map((value, node) => (value - before[part]![node]!) / runs) ?? null
  const one = (part: keyof CpuPerRun): number => perRun(part)![0]!
  return { instances: count, runsPerS: runs / ms * 1000, cpu: { servers: one('servers'), store: perRun('store'), vendor: one('vendor'), proxy: one('proxy'), clients: one('clients') } }
}

/** The median of each figure. */
function middle (rounds: Omit<Throughput, 'share'>[]): Omit<Throughput, 'share'> {
  const of = (value: (round: typeof rounds[number]) => number): number => quantile(rounds.map(value), 0.5)
  const [{ instances, cpu: { store } }] = rounds as [typeof rounds[number]]
  return {
    instances,
    runsPerS: of(round => round.runsPerS),
    cpu: {
      servers: of(({ cpu }) => cpu.servers),
      store: store?.map((_, node) => of(({ cpu }) => cpu.store![node]!)) ?? null,
      vendor: of(({ cpu }) => cpu.vendor),
      proxy: of(({ cpu }) => cpu.proxy),
      clients: of(({ cpu }) => cpu.clients)
    }
  }
}

export async function throughput (store: SharedStore, vendor: Child, quick: boolean): Promise<StoreThroughput> {
  const [rounds, seconds] = quick ? [1, 1] : [3, 4]
  const instances: Child[] = []
  const proxies: Child[] = []
  const releases: (() => void)[] = []
  try {
    while (instances.length < INSTANCES.length) instances.push(await startInstance(store, vendor))
    for (const count of INSTANCES) proxies.push(await start('../scale/proxy.js', instances.slice(0, count).map(({ url }) => url)))
    const assistant: string = (await call('POST', `${instances[0]!.url}/v1/assistants`, { model: 'fast-1' })).id
    for (const { url } of instances) await load(url, assistant, quick ? 1 : 3)
    const rows: Throughput[] = []
    for (const share of [null, SHARE]) {
      if (share !== null) {
        const held = instances.map(({ pid }) => holdTo(share, pid))
        for (const release of held) if (release !== undefined) releases.push(release)
        if (held.includes(undefined)) break
        await many(WIDTH, WIDTH, async () => await call('GET', `${proxies[2]!.url}/v1/assistants/${assistant}`))
      }
      const measured = INSTANCES.map(() => [] as Omit<Throughput, 'share'>[])
      for (let round = 0; round < rounds; round++) {
        // None always comes first.
        for (const count of round % 2 === 0 ? INSTANCES : INSTANCES.toReversed()) measured[count - 1]!.push(await measure({ store, vendor, instances, proxies }, count, assistant, seconds))
      }
      rows.push(...measured.map(of => ({ ...middle(of), share })))
    }
    return { store: store.name, about: store.about, rows }
  } finally {
    for (const child of [...proxies, ...instances]) await child.stop()
    for (const release of releases) release()
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export const CORES = availableParallelism()

/** All of a run's processor time that was seen, in milliseconds. */
export const wholeOf = ({ servers, store, vendor, proxy, clients }: CpuPerRun): number => servers + sum(store ?? []) + vendor + proxy + clients

/** Runs per second that the model expects: an instance is one thread, the machine has so many cores, and a Redis is one thread, too. */
export function expected ({ instances, share, cpu }: Throughput, cores: number, isRedis: boolean): { runsPerS: number, by: 'instances' | 'cores' | 'store' } {
  const bounds = [
    { by: 'instances' as const, runsPerS: instances * (share ?? 1) * 1000 / cpu.servers },
    { by: 'cores' as const, runsPerS: cores * 1000 / wholeOf(cpu) },
    ...isRedis && cpu.store !== null ? [{ by: 'store' as const, runsPerS: 1000 / Math.max(...cpu.store) }] : []
  ]
  return bounds.reduce((least, bound) => bound.runsPerS < least.runsPerS ? bound : least)
}
