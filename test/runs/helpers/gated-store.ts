import { MemoryRecordStore } from '../../../storage/memory/store.js'
import type { PartitionKey, RecordKey, StoredRecord, WriteItem } from '../../../storage/record-store.js'
import { Gate } from '../../helpers/upstream-gate.js'

type Matches = (items: readonly WriteItem[]) => boolean

/** A store in memory whose writes a test can hold back, to look at the world between two of them. */
export class GatedStore extends MemoryRecordStore {
  override readonly supports: { shared: boolean, persistent: boolean }
  #holds: { matches: Matches, gate: Gate }[] = []
  readonly #gates: Gate[] = []
  #reads: { matches: (key: RecordKey) => boolean, gate: Gate }[] = []
  #failures: { matches: Matches, error: Error }[] = []

  /** @param shared whether several engines may believe that they work on it at once. */
  constructor ({ shared = false } = {}) {
    super()
    this.supports = { shared, persistent: false }
  }

  /** The next write that matches waits at the gate before it is carried out. */
  hold (matches: Matches): Gate {
    const gate = new Gate()
    this.#holds.push({ matches, gate })
    this.#gates.push(gate)
    return gate
  }

  /** Holds nothing back any more. */
  openAll (): void {
    this.#holds = []
    this.#reads = []
    for (const gate of this.#gates) gate.open(Infinity)
  }

  /** The next read that matches is made, and its answer waits at the gate: by then it may be out of date. */
  holdRead (matches: (key: RecordKey) => boolean): Gate {
    const gate = new Gate()
    this.#reads.push({ matches, gate })
    this.#gates.push(gate)
    return gate
  }

  /** The next write that matches rejects, as when the backend is away. */
  fail (matches: Matches, error: Error): void {
    this.#failures.push({ matches, error })
  }

  /** No write rejects any more. */
  forgive (): void {
    this.#failures = []
  }

  override async get<Body = unknown> (key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    const record = await super.get<Body>(key)
    const hold = this.#reads.find(({ matches }) => matches(key))
    if (hold !== undefined) {
      this.#reads.splice(this.#reads.indexOf(hold), 1)
      await hold.gate.pass()
    }
    return record
  }

  override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
    const failure = this.#failures.find(({ matches }) => matches(items))
    if (failure !== undefined) {
      this.#failures.splice(this.#failures.indexOf(failure), 1)
      throw failure.error
    }
    const hold = this.#holds.find(({ matches }) => matches(items))
    if (hold !== undefined) {
      this.#holds.splice(this.#holds.indexOf(hold), 1)
      await hold.gate.pass()
    }
    return await super.write(key, items)
  }
}

/** A write that gives a run this status. */
export const movesRunTo = (status: string): Matches => items =>
  items.some(item => item.op === 'put' && item.kind === 'run' && (item.body as { status: string }).status === status)
