import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { startUpstream } from '../helpers/upstream.js'
import { seeded } from '../soak/random.js'
import { check } from './check.js'
import type { Fault, Scene } from './fault.js'
import { Fleet } from './fleet.js'
import { HeldRuns } from './held-runs.js'
import { answer, work } from './load.js'
import { Model, type Kind } from './model.js'
import { readersElsewhere } from './promises.js'
import type { StoreName } from './store.js'
import type { StoreKind } from './stores.js'
import { GRACE_MS, LEASE_MS } from './times.js'
import { until } from './until.js'
import { Wire } from './wire.js'

/** What was acknowledged before a fault, at the least: it is to meet clients in the midst of their work, also on a slow machine. */
const LEAST_BEFORE = 10
/** Load after that, in milliseconds: by chance, up to this. */
const BEFORE_MS = 300
/** Load after it. */
const AFTER_MS = 300

/** What the rounds of one fault on one store have shown. */
export interface Result {
  fault: string
  store: StoreName
  rounds: number
  acknowledged: number
  counts: Record<Kind | 'ended' | 'unhandled', number>
  /** Of each round, from the end of the fault until all is at rest, in milliseconds. */
  recoveryMs: number[]
  /** The first of what was found. */
  findings: string[]
}

export interface RoundsOptions {
  rounds: number
  seed: number
  /** The command line of another version. */
  server?: string | undefined
  /** Told after each round. */
  onRound?: (round: number, result: Result) => void
}

const MOST_FINDINGS = 30

/** Breaks one thing under load, mends it, and looks for what was acknowledged; again and again. */
export async function chaosRounds (t: Test, fault: Fault, kind: StoreKind, { rounds, seed, server, onRound }: RoundsOptions): Promise<Result> {
  const random = seeded(seed)
  const upstream = await startUpstream(t)
  const held = new HeldRuns()
  upstream.respond(request => held.answer(request) ?? answer(request))
  const store = await kind.start(t)
  const fleet = await Fleet.start(t, { storage: store.url, upstream: upstream.url, size: store.instances, clocks: fault.clocks ?? [], server })
  const wire = new Wire(() => fleet.addresses, random)
  const client = wire.client()
  const assistant = await client.beta.assistants.create({ model: 'test-model', tools: [{ type: 'function', function: { name: 'ask' } }] })
  const stage = { store, fleet, wire, random, assistantId: assistant.id, held }
  const result: Result = {
    fault: fault.name, store: kind.name, rounds: 0, acknowledged: 0, counts: { lost: 0, twice: 0, stuck: 0, amiss: 0, ended: 0, unhandled: 0 }, recoveryMs: [], findings: []
  }
  const models: [Model, storeId: string][] = []
  const known = new Set<string>()
  const note = (model: Model, when: string): void => {
    for (const { kind, what } of model.findings.splice(0)) {
      if (known.has(what)) continue
      known.add(what)
      result.counts[kind]++
      if (result.findings.length < MOST_FINDINGS) result.findings.push(`${when}, ${kind}: ${what}`)
    }
  }

  for (let round = 1; round <= rounds; round++) {
    const model = new Model()
    const scene: Scene = { ...stage, found: (kind, what) => model.found(kind, what) }
    const storeId = (await client.vectorStores.create({ name: `round ${round}` }).catch((error: unknown) => model.found('stuck', `no round can begin: ${String(error)}`)))?.id
    if (storeId === undefined) {
      note(model, `round ${round}`)
      break
    }
    models.push([model, storeId])
    const stop = new AbortController()
    t.teardown(() => stop.abort())
    const load = work({ client: wire.client(stop.signal), model, assistantId: assistant.id, storeId, random, stop: stop.signal })
    await until(async () => model.acknowledged >= LEAST_BEFORE).catch(() => model.found('stuck', 'clients get nothing done'))
    await pause(random() * BEFORE_MS)
    const undo = await fault.begin(scene)
    const [least, most] = fault.lasts
    await Promise.all([pause(least + random() * (most - least)), fault.meanwhile?.(scene)])
    await undo()
    const mendedAt = performance.now()
    await pause(random() * AFTER_MS)
    stop.abort()
    await load
    await revive(fleet)
    const deadline = performance.now() + LEASE_MS + GRACE_MS
    await ready(fleet, model, deadline)
    await Promise.all([check(client, model, storeId, deadline), readersElsewhere(scene)])
    result.recoveryMs.push(Math.round(performance.now() - mendedAt))
    result.acknowledged += model.acknowledged
    result.rounds = round
    note(model, `round ${round}`)
    Object.assign(result.counts, { ended: fleet.ended.length, unhandled: fleet.unhandled.length })
    upstream.requests.length = 0
    onRound?.(round, result)
  }

  // What came through the first rounds has to have come through the last ones too.
  for (const [model, storeId] of models.slice(0, -1)) {
    await check(client, model, storeId, performance.now() + GRACE_MS)
    note(model, 'at the end')
  }
  result.findings.push(...fleet.ended, ...fleet.unhandled.slice(0, MOST_FINDINGS))
  return result
}

/** As an orchestrator does with processes that have ended. */
async function revive (fleet: Fleet): Promise<void> {
  for (const [index, { address }] of fleet.instances.entries()) if (address === undefined) await fleet.launch(index)
}

/** Until a load balancer would send requests to every instance. */
async function ready (fleet: Fleet, model: Model, deadline: number): Promise<void> {
  for (const address of fleet.addresses) {
    await until(async () => (await fetch(new URL('/ready', address), { signal: AbortSignal.timeout(2000) })).status === 200, deadline - performance.now())
      .catch(error => { model.found('stuck', `${address} is not ready: ${String(error)}`) })
  }
}
