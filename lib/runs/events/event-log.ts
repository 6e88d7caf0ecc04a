import { frame } from '../../shared/event-stream.js'
import { randomHex } from '../../shared/ids.js'
import { Notifier } from '../../shared/timers.js'
import type { DialectEvent, EventFormat } from '../dialect.js'

/** One event of a run, as text. */
export interface LoggedEvent {
  /** Counts from 0 within the run. */
  readonly id: number
  readonly event: string
  /** The payload. */
  readonly data: string
}

/** Events that follow each other, as they are sent. */
export interface LogPiece {
  /** The id of the first of them. */
  readonly first: number
  /** Their frames, without ids. Not to be changed: it is the log's own memory. */
  readonly bytes: Buffer
  /** The id of the event behind them. */
  readonly next: number
  /** Whether the last of them ends a stretch. */
  readonly endsStretch: boolean
  /** Bytes logged up to the last of them: the difference to `EventLog.bytes` is how far behind a reader is who has taken them. */
  readonly offset: number
}

/** One reader of a log, at its own pace. */
export interface LogReader {
  /**
   * The next events that lie together in memory, up to the first that ends a stretch, and no more than the reader's bytes but for a
   * single event that is longer. Undefined when there are none yet. Throws `EventsForgottenError` when they are no longer kept.
   */
  take (): LogPiece | undefined
  /** Resolves when there may be more, the log was closed, or the signal was aborted. */
  changed (): Promise<void>
  close (): void
}

/** Begins with a letter that no number does: clients have read an id of digits, or of digits and an `e`, as a number. */
export const newTag = (hex: string): string => `s${hex}`

/** Events in one piece of memory. */
interface Block {
  readonly bytes: Buffer
  readonly firstId: number
  /** Where the frame of each ends. */
  readonly ends: number[]
  /** Bytes logged before the block. */
  readonly offset: number
}

/** Events on their way into a block. */
class Frames {
  text = ''
  /** Where the frame of each ends in the text, in characters. */
  readonly ends: number[] = []

  add (event: string, data: string): void {
    this.text += frame({ event, data })
    this.ends.push(this.text.length)
  }
}

/** The first block of a log, in bytes; each further one is twice the one before, up to the largest. A longer event has one of its own. */
const SMALLEST_BLOCK = 4 * 1024
const LARGEST_BLOCK = 64 * 1024
/** What the index takes for an event. */
const BYTES_PER_ENTRY = 8
/** Events that a reader who keeps up may not have read yet: a run ends in a few at once. */
const ALWAYS_KEPT = 16

/** A reader asked for events that the log no longer holds. */
export class EventsForgottenError extends Error {
  override name = 'EventsForgottenError'
}

/**
 * The events of one run in order, as the bytes that are sent: each is serialised once for all its readers. The engine appends; any
 * number of readers follow, each at its own pace and from any event. Readers hold no queue of their own, so a slow one costs nothing.
 *
 * Some events end a stretch (`done`, say), not the log: a run that waited for tool outputs goes on behind it.
 */
export class EventLog {
  #blocks: Block[] = []
  #first: number
  #next: number
  #bytes = 0
  #capacity = 0
  #closed = false
  #stretch: number
  /** The kept events that end a stretch. */
  #stretchEnds: number[] = []
  readonly #format: EventFormat
  readonly #maxBytes: number
  readonly #waiting = new Set<() => void>()
  #readers = 0

  /**
   * @param format of the dialect whose events these are.
   * @param maxBytes bytes of events kept; the oldest are forgotten beyond it.
   * @param original the log of another instance that this one is a copy of.
   */
  constructor (format: EventFormat, maxBytes: number, original: { tag: string, firstId: number } = { tag: newTag(randomHex(4)), firstId: 0 }) {
    this.#format = format
    this.#maxBytes = maxBytes
    this.tag = original.tag
    this.#first = this.#next = this.#stretch = original.firstId
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
    return this.#next
  }

  /** Bytes logged so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** About how many bytes of memory the kept events take. */
  get keptBytes (): number {
    return this.#capacity + (this.#next - this.#first) * BYTES_PER_ENTRY
  }

  append (events: readonly DialectEvent[]): void {
    if (this.#closed) return
    const frames = new Frames()
    for (const event of events) {
      const { event: name, payloads } = event
      if (payloads === undefined) this.#add(frames, name, this.#format.serialise(event, this.#next + frames.ends.length))
      else for (const payload of payloads) this.#add(frames, name, payload)
    }
    this.#write(frames)
  }

  /** Events as another log has them: name and payload. */
  appendSerialised (events: readonly (readonly [event: string, data: string])[]): void {
    if (this.#closed) return
    const frames = new Frames()
    for (const [event, data] of events) this.#add(frames, event, data)
    this.#write(frames)
  }

  #add (frames: Frames, event: string, data: string): void {
    const id = this.#next + frames.ends.length
    if (this.#stretchEnds.at(-1) === id - 1) this.#stretch = id
    if (this.#format.endsStretch(event)) this.#stretchEnds.push(id)
    frames.add(event, data)
  }

  #write ({ text, ends }: Frames): void {
    if (ends.length === 0) return
    const size = Buffer.byteLength(text)
    const block = this.#room(size)
    const at = block.ends.at(-1) ?? 0
    if (size === text.length) {
      block.bytes.write(text, at, 'latin1')
      for (const end of ends) block.ends.push(at + end)
    } else {
      let [from, written] = [0, at]
      for (const end of ends) {
        written += block.bytes.write(text.slice(from, end), written)
        block.ends.push(written)
        from = end
      }
    }
    this.#next += ends.length
    this.#bytes += size
    this.#keepWithin()
    for (const listener of this.#waiting) listener()
  }

  /** The block that takes so many bytes more. */
  #room (size: number): Block {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.bytes.length - (last.ends.at(-1) ?? 0) >= size) return last
    // Whole blocks are forgotten, so several fit into what is kept.
    const usual = last === undefined ? SMALLEST_BLOCK : Math.min(2 * last.bytes.length, LARGEST_BLOCK)
    const block = { bytes: Buffer.allocUnsafeSlow(Math.max(size, Math.min(usual, Math.floor(this.#maxBytes / 8)))), firstId: this.#next, ends: [], offset: this.#bytes }
    this.#capacity += block.bytes.length
    this.#blocks.push(block)
    return block
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
    for (const listener of this.#waiting) listener()
  }

  #read (from: number, maxBytes: number): LogPiece | undefined {
    if (from < this.#first) throw new EventsForgottenError(`events before ${this.#first} are no longer kept`)
    const block = this.#blocks.findLast(({ firstId }) => firstId <= from)
    if (block === undefined || from >= this.#next) return undefined
    const { ends, firstId } = block
    const stretchEnd = this.#stretchEnds.find(id => id >= from) ?? Infinity
    const start = ends[from - firstId - 1] ?? 0
    let last = Math.min(firstId + ends.length - 1, stretchEnd)
    while (last > from && ends[last - firstId]! - start > maxBytes) last--
    const end = ends[last - firstId]!
    return { first: from, next: last + 1, bytes: block.bytes.subarray(start, end), endsStretch: last === stretchEnd, offset: block.offset + end }
  }

  /** Reads from event `from` on. The signal wakes a reader that waits. */
  reader (from: number, maxBytes: number, signal: AbortSignal): LogReader {
    const changes = new Notifier()
    const wake = (): void => changes.notify()
    const off = this.onChange(wake)
    signal.addEventListener('abort', wake, { once: true })
    this.#readers++
    let next = from
    return {
      take: () => {
        const piece = this.#read(next, maxBytes)
        next = piece?.next ?? next
        return piece
      },
      changed: () => changes.notified(),
      close: () => {
        this.#readers--
        off()
        signal.removeEventListener('abort', wake)
      }
    }
  }

  /**
   * Everything from event `from` on, in batches of what is there. Ends when the log is closed, or when the signal aborts.
   * Throws `EventsForgottenError` when the reader fell behind what is kept.
   */
  async * follow (from: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[], void, undefined> {
    const reader = this.reader(from, Infinity, signal)
    try {
      while (!signal.aborted) {
        const piece = reader.take()
        if (piece !== undefined) yield eventsOf(piece)
        else if (this.#closed) return
        else await reader.changed()
      }
    } finally {
      reader.close()
    }
  }

  /** Calls `listener` after each append and on close; the returned function takes it back. */
  onChange (listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => { this.#waiting.delete(listener) }
  }

  /**
   * Forgets the oldest events, about so many bytes of memory, but for the last few: whole blocks go. Readers that have not read them
   * fall behind what is kept.
   */
  forget (bytes: number): void {
    let left = bytes
    while (left > 0) {
      const [oldest, next] = this.#blocks
      if (oldest === undefined || next === undefined || this.#next - next.firstId < ALWAYS_KEPT) return
      left -= oldest.bytes.length + oldest.ends.length * BYTES_PER_ENTRY
      this.#dropOldest(oldest, next)
    }
  }

  #keepWithin (): void {
    const [oldest] = this.#blocks
    if (oldest === undefined || this.#bytes - oldest.offset <= this.#maxBytes) return
    // Half at a time, so that a long run pays for it rarely.
    for (let [oldest, next] = this.#blocks; oldest !== undefined && next !== undefined && this.#bytes - oldest.offset > this.#maxBytes / 2; [oldest, next] = this.#blocks) {
      this.#dropOldest(oldest, next)
    }
  }

  #dropOldest (oldest: Block, next: Block): void {
    this.#blocks.shift()
    this.#capacity -= oldest.bytes.length
    this.#first = next.firstId
    while (this.#stretchEnds[0] !== undefined && this.#stretchEnds[0] < this.#first) this.#stretchEnds.shift()
  }
}

/** The events of a piece one by one. */
export function eventsOf ({ first, bytes }: LogPiece): LoggedEvent[] {
  return bytes.toString('utf8', 0, bytes.length - 2).split('\n\n').map((text, i) => {
    const end = text.indexOf('\n')
    return { id: first + i, event: text.slice('event: '.length, end), data: text.slice(end + '\ndata: '.length) }
  })
}
