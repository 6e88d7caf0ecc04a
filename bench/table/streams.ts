import { call, each, many, now, quantile, stream } from './load.js'
import { less, more, steadyLess, type Scenario, type Side } from './scenario.js'

const assistant = async ({ kind, server }: Side): Promise<string> => kind === 'ours' ? (await call('POST', `${server.url}/v1/assistants`, { model: 'fast-1' })).id : ''

/** One streamed answer of the model, in a thread of its own. */
export const streamed = ({ kind, server }: Side, assistantId: string, model: string, onPiece?: (piece: Buffer) => void): Promise<void> => kind !== 'ours'
  ? stream(`${server.url}/stream`, { model, stream: true, messages: [] }, onPiece)
  : stream(`${server.url}/v1/threads/runs`, { assistant_id: assistantId, model, stream: true, thread: { messages: [{ role: 'user', content: 'Hello' }] } }, onPiece)

/** One answer that is polled for without a pause. */
export async function polled ({ kind, server }: Side, assistantId: string, model: string, pauseMs = 0): Promise<void> {
  let url: string
  if (kind !== 'ours') url = server.url + (await call('POST', `${server.url}/jobs`, { model, stream: true, messages: [] })).path
  else {
    const run = await call('POST', `${server.url}/v1/threads/runs`, { assistant_id: assistantId, model, thread: { messages: [{ role: 'user', content: 'Hello' }] } })
    url = `${server.url}/v1/threads/${run.thread_id}/runs/${run.id}`
  }
  for (;;) {
    const { status } = await call('GET', url)
    if (status === 'completed') return
    if (status !== 'queued' && status !== 'in_progress') throw new Error(`the run is ${status}`)
    if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}

const direct = (side: Side, model: string): Promise<void> => stream(`${side.vendor}/v1/chat/completions`, { model, stream: true, messages: [] })

async function cpu (side: Side, work: () => Promise<number>): Promise<{ ms: number, cpuMs: number }> {
  const before = await side.server.usage()
  const ms = await work()
  return { ms, cpuMs: (await side.server.usage()).cpuMs - before.cpuMs }
}

const hundred: Scenario = {
  id: '100 fast streams',
  floor: 'relay',
  hasLimit: true,
  rounds: { quick: 5, full: 9 },
  rows: [more('tokens/s through 100 streams', '/s', { ratio: 0.65 }), steadyLess('CPU per 1,000 tokens, 100 fast streams', 'ms', { ratio: 1.6 })],
  async prepare (side) {
    const id = await assistant(side)
    await many(100, 100, () => streamed(side, id, 'fast-300'))
    return id
  },
  async measure (side, id) {
    const tokens = side.quick ? 300 : 1000
    const { ms, cpuMs } = await cpu(side, () => many(100, 100, () => streamed(side, id, `fast-${tokens}`)))
    return [tokens * 100 / ms * 1000, cpuMs / tokens / 100 * 1000]
  }
}

const one: Scenario = {
  id: 'one fast stream',
  floor: 'relay',
  hasLimit: true,
  rounds: { quick: 7, full: 15 },
  rows: [more('tokens/s of one stream', '/s', { ratio: 0.55 })],
  async prepare (side) {
    const id = await assistant(side)
    await many(5, 1, () => streamed(side, id, 'fast-5000'))
    return id
  },
  async measure (side, id) {
    const tokens = side.quick ? 5000 : 20_000
    return [tokens / await many(1, 1, () => streamed(side, id, `fast-${tokens}`)) * 1000]
  }
}

const paced: Scenario = {
  id: 'paced streams',
  floor: 'relay',
  hasLimit: true,
  rounds: { quick: 1, full: 1 },
  rows: [
    less('1,000 streams at 20 tokens/s: CPU per 1,000 tokens', 'ms', { ratio: 1.25 }, '200 streams at 20 tokens/s: CPU per 1,000 tokens'),
    less('the same: relay p50', 'ms', { value: 5 }),
    less('the same: relay p99', 'ms', { value: 60 }),
    less('the same: gap p99', 'ms', { ratio: 1.5 }),
    less('the same: first token p99', 'ms', { ratio: 2 }),
    less('the same: another request meanwhile, p50', 'ms', { value: 10 }),
    less('the same: RSS at most', 'MB', { value: 350 }),
    less('the same: RSS afterwards', 'MB', { value: 200 })
  ],
  prepare: assistant,
  async measure (side, id) {
    const [streams, tokens, restMs] = side.quick ? [200, 80, 3000] : [1000, 300, 60_000]
    const lags: number[] = []
    const gaps: number[] = []
    const firsts: number[] = []
    const others: number[] = []
    const state = { running: true }
    const { cpuMs } = await cpu(side, async () => {
      const load = many(streams, streams, async () => {
        const start = now()
        let last = 0
        await streamed(side, id, `paced-${tokens}-20`, piece => {
          const at = now()
          // A whole message at the end repeats every token: only a delta's text is one token alone.
          for (const [, sent] of piece.toString('latin1').matchAll(/"(?:content|value)":" @([\d.]+)@"/g)) lags.push(at - Number(sent))
          if (!piece.includes('@')) return
          if (last === 0) firsts.push(at - start)
          else gaps.push(at - last)
          last = at
        })
      }).finally(() => { state.running = false })
      while (state.running) {
        others.push(...await each(1, () => call('GET', side.kind !== 'ours' ? `${side.server.url}/jobs/0` : `${side.server.url}/v1/assistants/${id}`)))
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      return await load
    })
    const { peakMb } = await side.server.usage()
    await new Promise(resolve => setTimeout(resolve, restMs))
    const { rssMb } = await side.server.usage()
    return [cpuMs / streams / tokens * 1000, quantile(lags, 0.5), quantile(lags, 0.99), quantile(gaps, 0.99), quantile(firsts, 0.99), quantile(others, 0.5), peakMb, rssMb]
  }
}

/** Both ways of waiting, each less a direct call in the same turn. */
const latency: Scenario = {
  id: 'single calls',
  floor: 'relay',
  hasLimit: true,
  rounds: { quick: 3, full: 5 },
  rows: [
    less('first token above a direct call, p50', 'ms', { value: 2 }),
    less('first token above a direct call, p99', 'ms', { value: 6 }),
    less('run created → completed above the call, polled, p50', 'ms', { ratio: 1.2 }),
    less('run created → completed above the call, polled, p99', 'ms', { ratio: 1.5 })
  ],
  async prepare (side) {
    const id = await assistant(side)
    await many(100, 4, () => streamed(side, id, 'fast-1'))
    await many(50, 4, () => polled(side, id, 'fast-1'))
    return id
  },
  async measure (side, id) {
    const [bare, first, whole] = [[] as number[], [] as number[], [] as number[]]
    for (let n = 0; n < (side.quick ? 100 : 300); n++) {
      bare.push(...await each(1, () => direct(side, 'fast-1')))
      const start = now()
      let seen = 0
      await streamed(side, id, 'fast-1', piece => { if (seen === 0 && piece.includes(' token')) seen = now() })
      first.push(seen - start)
      whole.push(...await each(1, () => polled(side, id, 'fast-1')))
    }
    return [first, whole].flatMap(times => [0.5, 0.99].map(share => quantile(times, share) - quantile(bare, share)))
  }
}

const mixed = (storage: 'memory' | 'sqlite', ratio: number): Scenario => ({
  id: `mixed runs, ${storage}`,
  floor: 'relay',
  hasLimit: true,
  storage,
  rounds: { quick: 3, full: 7 },
  rows: [
    more(`mixed runs/s, 64 at a time, 50 tokens, ${storage}`, '/s', { ratio }),
    steadyLess(`CPU per mixed run, ${storage}`, 'ms', { ratio: 2.5 })
  ],
  async prepare (side) {
    const id = await assistant(side)
    await many(128, 64, n => n % 2 === 0 ? streamed(side, id, 'fast-50') : polled(side, id, 'fast-50', 5))
    return id
  },
  measure: async (side, id) => await runsOf(side, id, side.quick ? 256 : 1024)
})

async function runsOf (side: Side, id: string, runs: number): Promise<number[]> {
  const { ms, cpuMs } = await cpu(side, () => many(runs, 64, n => n % 2 === 0 ? streamed(side, id, 'fast-50') : polled(side, id, 'fast-50', 5)))
  return [runs / ms * 1000, cpuMs / runs]
}

/** What the log of runs and requests, and the metrics, cost. */
const observed: Scenario = {
  ...mixed('sqlite', 0),
  id: 'observability',
  floor: 'silent',
  hasLimit: false,
  starts: { quick: 2, full: 8 },
  rounds: { quick: 5, full: 16 },
  measure: async (side, id) => await runsOf(side, id, 128),
  rows: [
    more('mixed runs/s with log and metrics, against none', '/s', { ratio: 0.97 }),
    steadyLess('CPU per mixed run, the same', 'ms', { ratio: 1.03 })
  ]
}

const memory: Scenario = {
  id: 'memory of many runs',
  hasLimit: true,
  rounds: { quick: 1, full: 1 },
  rows: [less('RSS after 20,000 runs', 'MB', { value: 250 }, 'RSS after 1,000 runs'), less('the same against that after 2,000', '×', { value: 1.1 }, 'the same against that after 200')],
  prepare: assistant,
  async measure (side, id) {
    const runs = side.quick ? 200 : 2000
    await many(runs, 64, () => streamed(side, id, 'fast-10'))
    const early = (await side.server.usage()).rssMb
    await many(runs * (side.quick ? 4 : 9), 64, () => streamed(side, id, 'fast-10'))
    const late = (await side.server.usage()).rssMb
    return [late, late / early]
  }
}

export const streamScenarios: Scenario[] = [hundred, one, paced, latency, mixed('memory', 0.45), mixed('sqlite', 0.35), observed, memory]
