/** Where the processor time of a measured process goes, by its sampling profiler. */
import { Session, type Profiler } from 'node:inspector'

/** Parts of the time that the process was not idle, by where it was, all together 1. */
export type Shares = Record<string, number>

const SQLITE = 'SQLite'
const KERNEL = 'system calls: writes to sockets'
const COLLECTION = 'garbage collection'
const TICKS = 'Node: promises, ticks, timers'
const REST = 'Node: all else'

/** By the URL of a function's script; the first that matches counts. */
const PLACES: readonly [pattern: RegExp, place: string][] = [
  [/node_modules\/libsql\//, SQLITE],
  [/node_modules\/undici\/|^wasm:/, 'undici: the connection to the model'],
  [/node_modules\/(?:@fastify|fastify|find-my-way|fast-|light-my-request|avvio|secure-json-parse)/, 'Fastify and its plugins'],
  [/node_modules\/(?:pino|sonic-boom|prom-client|@opentelemetry|quick-format)|\/lib\/(?:observe|usage|server)\//, 'log, metrics, usage'],
  [/node_modules\//, 'other packages'],
  [/\/lib\/(?:models|chat)\//, 'ours: what the model sends'],
  [/\/lib\/(?:runs|dialects|tools)\//, 'ours: runs and their events'],
  [/\/storage\//, 'ours: records'],
  [/\/(?:lib|routes|schemas)\//, 'ours: requests, and the rest'],
  [/^node:(?:_http|net|internal\/(?:streams|stream_base|http)|stream)/, 'Node: HTTP, streams, sockets'],
  [/^node:internal\/(?:process\/(?:task_queues|promises)|timers|async_hooks|abort_controller)|^node:timers/, TICKS]
]

function placeOf ({ functionName, url }: Profiler.ProfileNode['callFrame']): string | undefined {
  // The profiler is no part of what it looks at.
  if (functionName === '(idle)' || (url === '' && functionName === 'dispatch')) return undefined
  if (functionName === '(garbage collector)') return COLLECTION
  if (url === '' && /^write/.test(functionName)) return KERNEL
  if (functionName.startsWith('libsql')) return SQLITE
  if (functionName === 'runMicrotasks') return TICKS
  return PLACES.find(([pattern]) => pattern.test(url))?.[1] ?? REST
}

/** Each function's own time, summed up by where the function stands. */
export function sharesOf ({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Shares {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]))
  const shares: Shares = {}
  let busy = 0
  for (const [i, id] of samples.entries()) {
    const place = places.get(id)
    const time = timeDeltas[i] ?? 0
    if (place === undefined) continue
    shares[place] = (shares[place] ?? 0) + time
    busy += time
  }
  return Object.fromEntries(Object.entries(shares).map(([place, time]) => [place, time / busy]))
}

/** Profiles this process until the returned function is called. */
export async function profile (): Promise<() => Promise<Shares>> {
  const session = new Session()
  session.connect()
  const post = async (method: string): Promise<unknown> => await new Promise((resolve, reject) => {
    session.post(method, (error, result) => { if (error === null) resolve(result); else reject(error) })
  })
  await post('Profiler.enable')
  await post('Profiler.start')
  return async () => {
    const { profile } = await post('Profiler.stop') as Profiler.StopReturnType
    session.disconnect()
    return sharesOf(profile)
  }
}
