import { KIND, PARTITION } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { PeriodicTask } from '../shared/timers.js'

/** Counted for one project, anew in each window. Windows begin at multiples of their length since the epoch: minutes and UTC days. */
export interface CounterName {
  project: string
  /** Unique in its project together with the window's length. */
  id: string
  windowMs: number
}

export interface Count {
  used: number
  /** When the window ends, in milliseconds since the epoch. */
  endsAt: number
}

export const MINUTE_MS = 60_000
export const DAY_MS = 24 * 60 * MINUTE_MS

/** How often instances tell each other what they have counted, in milliseconds. */
export const SHARE_EVERY_MS = 1000
/** Counters that an instance knows at a time. */
const MOST_KNOWN = 10_000

/** A counter as it is stored. */
interface CounterRecord {
  /** When its window began, in milliseconds since the epoch. */
  window: number
  used: number
}

interface Counter {
  name: CounterName
  window: number
  /** As the store had it last. */
  stored: number
  /** Counted here since. */
  pending: number
  /** Settles when the store was read the first time. */
  known: Promise<void>
  /** Whether it was asked for since it was shared last. */
  isRead: boolean
}

/**
 * Counters that all instances on one store add to. Each counts at once, and shares what it has counted every second: together they may exceed
 * a limit by what they let through in that time.
 */
export class SharedCounters {
  readonly #records: RecordStore
  readonly #clock: Clock
  readonly #counters = new Map<string, Counter>()
  readonly #sharing: PeriodicTask
  #isStarted = false

  constructor ({ records, clock, log }: { records: RecordStore, clock: Clock, log: Logger }) {
    this.#records = records
    this.#clock = clock
    this.#sharing = new PeriodicTask({
      clock,
      intervalMs: SHARE_EVERY_MS,
      run: async () => await this.#share(),
      onError: err => log.warn({ err }, 'what projects use could not be shared with other instances; it is tried again')
    })
  }

  add (name: CounterName, amount: number): void {
    this.#counter(name).pending += amount
  }

  async read (name: CounterName): Promise<Count> {
    const counter = this.#counter(name)
    await counter.known
    counter.isRead = true
    return { used: counter.stored + counter.pending, endsAt: counter.window + name.windowMs }
  }

  /** Shares what has been counted, and counts no more for others. */
  async stop (): Promise<void> {
    await this.#sharing.stop()
    await this.#share()
  }

  #counter (name: CounterName): Counter {
    const key = `${name.windowMs} ${name.project}\n${name.id}`
    const now = this.#clock.now()
    const window = now - now % name.windowMs
    const known = this.#counters.get(key)
    if (known !== undefined && known.window >= window) return known
    const counter: Counter = { name, window, stored: 0, pending: 0, known: Promise.resolve(), isRead: false }
    if (this.#isStored(name)) {
      counter.known = this.#load(counter)
      if (!this.#isStarted) this.#sharing.start()
      this.#isStarted = true
    }
    const [oldest] = this.#counters.keys()
    if (this.#counters.size >= MOST_KNOWN && oldest !== undefined) this.#counters.delete(oldest)
    this.#counters.delete(key)
    this.#counters.set(key, counter)
    return counter
  }

  /** A minute that one instance counts alone is of no use to the next process. */
  #isStored ({ windowMs }: CounterName): boolean {
    return this.#records.supports.shared || (this.#records.supports.persistent && windowMs > MINUTE_MS)
  }

  async #load (counter: Counter): Promise<void> {
    // Without the store nothing is let through that needs it, and counting is the least of its troubles.
    const record = await this.#records.get<CounterRecord>(recordKey(counter.name)).catch(() => undefined)
    counter.stored = usedIn(counter.window, record?.body)
  }

  async #share (): Promise<void> {
    for (const counter of this.#counters.values()) {
      if (!this.#isStored(counter.name) || (counter.pending === 0 && !counter.isRead)) continue
      await counter.known
      await this.#shareOne(counter)
    }
  }

  async #shareOne (counter: Counter): Promise<void> {
    counter.isRead = false
    const key = recordKey(counter.name)
    const record = await this.#records.get<CounterRecord>(key)
    // Another instance's clock may be in the next window already.
    if ((record?.body.window ?? 0) > counter.window) return
    const before = usedIn(counter.window, record?.body)
    const { pending } = counter
    if (pending > 0) {
      const body: CounterRecord = { window: counter.window, used: before + pending }
      // When another instance was faster, the next round takes what it wrote into account.
      if (!await this.#records.write(key, [{ op: 'put', kind: key.kind, id: key.id, body, expect: record?.version ?? 'absent' }])) return
    }
    counter.stored = before + pending
    counter.pending -= pending
  }
}

const recordKey = ({ project, id, windowMs }: CounterName) => ({ project, partition: PARTITION.usage, kind: KIND.counter, id: `${windowMs} ${id}` })

const usedIn = (window: number, record: CounterRecord | undefined): number => record?.window === window ? record.used : 0
