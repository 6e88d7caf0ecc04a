import { join } from 'node:path'
import type { Test } from 'tap'
import type { NotificationListener, Page, PageQuery, PartitionKey, RecordKey, RecordStore, StoredRecord, WriteItem } from '../../../storage/record-store.js'
import { StorageClosedError } from '../../../storage/record-store.js'
import { SqliteRecordStore } from '../../../storage/sqlite.js'
import { Gate, startUpstream, type Upstream } from '../../helpers/upstream.js'
import { startCore, type TestCore, type TestCoreOptions } from './core.js'

type Matches = (items: readonly WriteItem[]) => boolean

/** A store as one process has it open: whatever comes after the process's death is never written. */
class ProcessView implements RecordStore {
  /** What is kept beside the records does not matter here, so nothing asks for a place for it. */
  readonly supports = { shared: false, persistent: false }
  readonly #inner: RecordStore
  #dead = false
  #holds: { matches: Matches, gate: Gate }[] = []

  constructor (inner: RecordStore) {
    this.#inner = inner
  }

  hold (matches: Matches): Gate {
    const gate = new Gate()
    this.#holds.push({ matches, gate })
    return gate
  }

  die (): void {
    this.#dead = true
  }

  async connect (): Promise<void> { await this.#inner.connect() }
  async disconnect (): Promise<void> { await this.#inner.disconnect() }
  async get<Body> (key: RecordKey): Promise<StoredRecord<Body> | undefined> { return await this.#alive().get(key) }
  async page<Body> (query: PageQuery): Promise<Page<Body>> { return await this.#alive().page(query) }
  async notify (topic: string, payload: string): Promise<void> { await this.#alive().notify?.(topic, payload) }

  async listen (topic: string, listener: NotificationListener): Promise<() => Promise<void>> {
    const end = await this.#alive().listen?.(topic, listener)
    return async () => { if (!this.#dead) await end?.() }
  }

  async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    const hold = this.#holds.find(({ matches }) => matches(items))
    if (hold !== undefined) {
      this.#holds.splice(this.#holds.indexOf(hold), 1)
      await hold.gate.pass()
    }
    return await this.#alive().write(key, items)
  }

  #alive (): RecordStore {
    if (this.#dead) throw new StorageClosedError('the process is dead')
    return this.#inner
  }
}

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

  async start (): Promise<TestCore> {
    const store = new SqliteRecordStore({ path: this.#path })
    this.#store = store
    this.#view = new ProcessView(store)
    this.#t.teardown(async () => await store.disconnect())
    this.#core = await startCore(this.#t, { ...this.#options, storage: this.#view, upstream: this.upstream })
    return this.#core
  }

  /** Holds back the next write of this life that matches. */
  hold (matches: Matches): Gate {
    return this.#view!.hold(matches)
  }

  /** Stops as a process does that is asked to: runs are handed over. */
  async stop (): Promise<void> {
    await this.core.core.stop()
    await this.#store!.disconnect()
    this.#core = undefined
  }

  /** Dies as with `kill -9`: what is in the file stays as it is. */
  async crash (): Promise<void> {
    this.#view!.die()
    await this.core.core.stop()
    await this.#store!.disconnect()
    this.#core = undefined
  }
}

export type Ending = 'stop' | 'crash'
export const ENDINGS: Ending[] = ['stop', 'crash']
