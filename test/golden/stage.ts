import type { Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { startUpstream, type Upstream } from '../helpers/upstream.js'

/** A kind of store that the flows are played on. */
export interface StageStore {
  name: string
  skip: () => Promise<string | false>
  /** The URL of a fresh place for data, removed when the test ends. */
  url: (t: Test) => string
}

export const stores: readonly StageStore[] = [
  { name: 'memory', skip: async () => false, url: () => 'memory:' },
  ...persistentStores
]

/** A server, the stand-in for the vendor of its model, and the time that it lives in. */
export interface Stage {
  server: TestServer
  upstream: Upstream
  clock: ManualClock
  /** The id of a vector store that flows have in common, once one of them has needed it. */
  vectorStore?: Promise<string>
}

export async function startStage (t: Test, store: StageStore, options: TestServerOptions = {}): Promise<Stage> {
  const upstream = await startUpstream(t)
  const clock = new ManualClock()
  return { upstream, clock, server: await startServer(t, { storage: store.url(t), upstream, clock, ...options }) }
}

/**
 * The stage for all flows on one store that need no other: a server takes longer to start than most flows to play. Its time never moves,
 * and the events of a run that has ended are forgotten when the flow says so.
 */
export class SharedStage {
  readonly store: StageStore
  readonly #t: Test
  readonly #options: TestServerOptions
  #stage: Promise<Stage> | undefined

  constructor (t: Test, store: StageStore, options: TestServerOptions = {}) {
    this.#t = t
    this.store = store
    this.#options = options
  }

  async get (): Promise<Stage> {
    this.#stage ??= startStage(this.#t, this.store, { ...this.#options, limits: { logRetentionMs: 0 } })
    return await this.#stage
  }
}
