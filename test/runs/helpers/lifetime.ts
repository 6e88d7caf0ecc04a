import { join } from 'node:path'
import type { Test } from 'tap'
import type { RecordStore } from '../../../storage/record-store.js'
import { SqliteRecordStore } from '../../../storage/sqlite/store.js'
import { startUpstream, type Gate, type Upstream } from '../../helpers/upstream.js'
import { startCore, type TestCore, type TestCoreOptions } from './core.js'
import { ProcessView } from './process-view.js'

/** The service over several lives on one SQLite file and in front of one vendor. */
export class Lives {
  readonly upstream: Upstream
  readonly #t: Test
  readonly #path: string
  readonly #options: TestCoreOptions
  #store: SqliteRecordStore | undefined
  #view: ProcessView | undefined
  #core: TestCore | undefined

  private constructor (t: Test, upstream: Upstream, options: TestCoreOptions) {
    this.#t = t
    this.#path = join(t.testdir(), 'runs.db')
    this.#options = options
    this.upstream = upstream
  }

  static async begin (t: Test, options: TestCoreOptions = {}): Promise<Lives> {
    const { script = [], ...rest } = options
    return new Lives(t, await startUpstream(t, { script }), rest)
  }

  get core (): TestCore {
    if (this.#core === undefined) throw new Error('it does not live')
    return this.#core
  }

  /** As this life sees them. */
  get records (): RecordStore {
    return this.#view!
  }

  async start (): Promise<TestCore> {
    const store = new SqliteRecordStore({ path: this.#path })
    this.#store = store
    this.#view = new ProcessView(store)
    this.#t.teardown(async () => await store.disconnect())
    this.#core = await startCore(this.#t, { ...this.#options, storage: this.#view, upstream: this.upstream })
    return this.#core
  }

  /** Holds back the next write of this life that matches. */
  hold (matches: Parameters<ProcessView['hold']>[0]): Gate {
    return this.#view!.hold(matches)
  }

  /** Stops as a process does that is asked to: runs are handed over. */
  async stop (): Promise<void> {
    await this.core.core.stop()
    await this.#store!.disconnect()
    this.#core = undefined
  }

  /** Dies as with `kill -9`: what is in the file stays as it is, or as `change` makes it. */
  async crash (change?: (records: RecordStore) => Promise<void>): Promise<void> {
    this.#view!.die()
    await change?.(this.#store!)
    await this.core.core.stop()
    await this.#store!.disconnect()
    this.#core = undefined
  }
}

export type Ending = 'stop' | 'crash'
export const ENDINGS: Ending[] = ['stop', 'crash']
