import { randomBytes } from 'node:crypto'
import { Notifier } from '../../shared/timers.js'
import type { DialectEvent, EventFormat } from '../dialect.js'

/** One event of a run, serialised once for all its readers. */
export interface LoggedEvent {
  /** Counts from 0 within the run. */
  readonly id: number
  readonly event: string
  /** The payload as text. */
  readonly data: string
  /** Bytes of payload logged before this one: the difference between two entries is how far a reader lags. */
  readonly offset: number
}

/** Begins with a letter that no number does: clients have read an id of digits, or of digits and an `e`, as a number. */
export const newTag = (bytes: Buffer): string => `s${bytes.toString('hex')}`

/** What an engine for JavaScript takes for a text at the most, and for the entry around it. */
const BYTES_PER_CHARACTER = 2
const BYTES_PER_ENTRY = 100
/** Events that a reader who keeps up may not have read yet: a run ends in a few at once. */
const ALWAYS_KEPT = 16

/** A reader asked for events that the log no longer holds. */
export class EventsForgottenError extends Error {
  override name = 'EventsForgottenError'
}

/**
 * The events of one run in order. The engine appends; any number of readers follow, each at its own pace and
 * from any offset. Readers hold no queue of their own, so a slow one costs nothing.
 *
 * Some events end a stretch (`done`, say), not the log: a run that waited for tool outputs goes on behind it.
 */
export class EventLog {
  #entries: LoggedEvent[] = []
  #first = 0
  #bytes = 0
  #closed = false
  #stretch = 0
  readonly #format: EventFormat
  readonly #maxBytes: number
  readonly #waiting = new Set<() => void>()
  #readers = 0

  /**
   * @param format of the dialect whose events these are.
   * @param maxBytes payload bytes kept; the oldest events are forgotten beyond it.
   * @param original the log of another instance that this one is a copy of.
   */
  constructor (format: EventFormat, maxBytes: number, original: { tag: string, firstId: number } = { tag: newTag(randomBytes(4)), firstId: 0 }) {
    this.#format = format
    this.#maxBytes = maxBytes
    this.tag = original.tag
    this.#first = original.firstId
    this.#stretch = original.firstId
  }

  /**
   * Tells this log from any other of the same run (after a restart, say), whose numbers mean other events. Part of the
   * ids that readers see.
   */
  readonly tag: string

  /** Where the present stretch begins: behind the last event that ended one, or behind the one before if nothing has followed yet. */
  get stretchStart (): number {
    return Math.max(this.#stretch, this.#first)
  }

  /** The id of the oldest event that is kept. */
  get firstId (): number {
    return this.#first
  }

  /** The id that the next event will get. */
  get nextId (): number {
    return this.#first + this.#entries.length
  }

  /** Payload bytes logged so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** About how many bytes of memory the kept events take. */
  get keptBytes (): number {
    const [oldest] = this.#entries
    return oldest === undefined ? 0 : (this.#bytes - oldest.offset) * BYTES_PER_CHARACTER + this.#entries.length * BYTES_PER_ENTRY
  }

  append (events: readonly DialectEvent[]): void {
    if (this.#closed) return
    for (const event of events) this.#add(event.event, this.#format.serialise(event, this.nextId))
    this.#forget()
    this.#wake()
  }

  /** Whether readers of a stretch stop behind this event. */
  endsStretch (event: LoggedEvent): boolean {
    return this.#format.endsStretch(event.event)
  }

  /** Events as another log has them: name and payload. */
  appendSerialised (events: readonly (readonly [LoggedEvent['event'], string])[]): void {
    if (this.#closed) return
    for (const [event, data] of events) this.#add(event, data)
    this.#forget()
    this.#wake()
  }

  #add (event: string, data: string): void {
    const last = this.#entries.at(-1)
    if (last !== undefined && this.endsStretch(last)) this.#stretch = this.nextId
    this.#entries.push({ id: this.nextId, event, data, offset: this.#bytes })
    this.#bytes += data.length
  }

  /** Whether any reader is following. */
  get hasReaders (): boolean {
    return this.#readers > 0
  }

  get isClosed (): boolean {
    return this.#closed
  }

  /** No event will follow. Readers end once they have read what is there. */
  close (): void {
    this.#closed = true
    this.#wake()
  }

  /**
   * Everything from event `from` on, in batches of what is there. Ends when the log is closed, or when the signal aborts.
   * Throws `EventsForgottenError` when the reader fell behind what is kept.
   */
  async * follow (from: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[], void, undefined> {
    let next = from
    const changes = new Notifier()
    const wake = (): void => changes.notify()
    const off = this.onChange(wake)
    signal.addEventListener('abort', wake, { once: true })
    this.#readers++
    try {
      while (!signal.aborted) {
        if (next < this.#first) throw new EventsForgottenError(`events before ${this.#first} are no longer kept`)
        if (next < this.nextId) {
          const batch = this.#entries.slice(next - this.#first)
          next += batch.length
          yield batch
        } else if (this.#closed) {
          return
        } else {
          await changes.notified()
        }
      }
    } finally {
      this.#readers--
      off()
      signal.removeEventListener('abort', wake)
    }
  }

  /** Calls `listener` after each append and on close; the returned function takes it back. */
  onChange (listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => { this.#waiting.delete(listener) }
  }

  #wake (): void {
    for (const listener of this.#waiting) listener()
  }

  /** Forgets the oldest events, about so many bytes of them, but for the last few. Readers that have not read them fall behind what is kept. */
  forget (bytes: number): void {
    let left = bytes
    let drop = 0
    while (left > 0 && drop < this.#entries.length - ALWAYS_KEPT) left -= this.#entries[drop++]!.data.length * BYTES_PER_CHARACTER + BYTES_PER_ENTRY
    this.#drop(drop)
  }

  #forget (): void {
    const oldest = this.#entries[0]
    if (oldest === undefined || this.#bytes - oldest.offset <= this.#maxBytes) return
    // Half at a time, so that a long run pays for it rarely.
    const keepFrom = this.#bytes - this.#maxBytes / 2
    const cut = this.#entries.findIndex(entry => entry.offset >= keepFrom)
    this.#drop(cut === -1 ? this.#entries.length - 1 : cut)
  }

  #drop (count: number): void {
    this.#entries = this.#entries.slice(count)
    this.#first += count
  }
}
