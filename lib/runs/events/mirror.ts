import { KIND } from '../../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import { isUncertain } from '../../shared/certain-store.js'
import type { Clock } from '../../shared/clock.js'
import { Notifier, pause } from '../../shared/timers.js'
import type { EventFormat } from '../dialect.js'
import type { JobKey } from '../job.js'
import { partitionOf } from '../lease.js'
import { eventsTopic } from './bus.js'
import { EventLog, eventsOf, type LoggedEvent } from './event-log.js'

/**
 * Events across instances. They live in the memory of the instance that executes the run; only when a reader asks for them on
 * another one are they written to the store, in chunks, from where that instance mirrors them. Otherwise it costs nothing.
 */

/** A stretch of events as stored: in the thread's partition, with the run as parent. */
interface Chunk {
  tag: string
  /** Id of the first event. */
  first: number
  events: [LoggedEvent['event'], string][]
  /** Events that were there already follow in another chunk. */
  more?: true
  /** No chunk will follow. */
  last: boolean
}

export interface MirrorServices {
  records: RecordStore
  clock: Clock
  /** How events of a dialect look. */
  formatOf (key: JobKey): EventFormat
  /** Whether a job has yet to end. */
  isActive (key: JobKey): Promise<boolean>
}

/** Events are gathered this long into one chunk, in milliseconds. */
const GATHER_MS = 50
/** Payload bytes in one chunk, but for a single event that is larger. */
const CHUNK_BYTES = 256 * 1024
/** Chunks that are read at once. */
const CHUNKS = 100
/** How often a mirror polls, in milliseconds: notifications are best-effort. */
const POLL_MS = 1000
/** A mirror without readers ends after this many polls. */
const IDLE_POLLS = 30
/** So often the last events of a run that has ended are looked for: its executor gathers them, and may have died before it wrote them. */
const LAST_POLLS = 5

/** Writes a log's events to the store as they come, from the oldest that is kept, until the log closes. */
export async function exportLog ({ records, clock }: MirrorServices, key: JobKey, log: EventLog, signal: AbortSignal): Promise<void> {
  let pending: LoggedEvent[] = []
  const flush = async (last: boolean): Promise<void> => {
    do {
      const size = chunkSize(pending)
      const batch = pending.slice(0, size)
      pending = pending.slice(size)
      const chunk: Chunk = {
        tag: log.tag, first: batch[0]?.id ?? log.nextId, events: batch.map(({ event, data }) => [event, data]), last, ...pending.length > 0 ? { more: true } : {}
      }
      await untilTaken(clock, signal, async () => {
        await records.write(partitionOf(key), [{ op: 'put', kind: KIND.events, id: `${chunk.tag}-${chunk.first}`, parent: key.jobId, body: chunk }])
      })
      // A chunk whose notification is lost is found by polling.
      await records.notify?.(eventsTopic(key), '').catch(() => {})
    } while (pending.length > 0)
  }
  const reader = log.reader(log.firstId, CHUNK_BYTES, signal)
  try {
    while (!signal.aborted) {
      for (let piece = reader.take(); piece !== undefined; piece = reader.take()) pending.push(...eventsOf(piece))
      if (pending.length > 0) {
        await flush(false)
        await pause(clock, GATHER_MS)
      } else if (log.isClosed) {
        return await flush(true)
      } else {
        await reader.changed()
      }
    }
  } finally {
    reader.close()
  }
}

/** Repeats a write that the store did not take, or that it may have taken, until it takes it or the signal is aborted: a chunk that is put twice is there once. */
async function untilTaken (clock: Clock, signal: AbortSignal, write: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!isUncertain(error)) throw error
      await pause(clock, POLL_MS, signal)
      if (signal.aborted) throw error
    }
  }
}

/** Removes what `exportLog` has written. */
export async function forgetExport ({ records }: MirrorServices, key: JobKey): Promise<void> {
  for (;;) {
    const page = await records.page({ ...partitionOf(key), kind: KIND.events, parent: key.jobId, order: 'asc', limit: 100 })
    const items = page.records.map(({ id }): WriteItem => ({ op: 'delete', kind: KIND.events, id }))
    if (items.length > 0) await records.write(partitionOf(key), items)
    if (!page.hasMore) return
  }
}

function chunkSize (events: readonly LoggedEvent[]): number {
  let bytes = 0
  const end = events.findIndex(event => (bytes += event.data.length) > CHUNK_BYTES)
  return end === -1 ? events.length : Math.max(end, 1)
}

/**
 * A copy of the log that another instance keeps, filled as chunks arrive. Its tag and ids are the original's, so that a reader
 * may change instances. Resolves once it holds the events that there were when the executor was asked: where the present stretch begins
 * shows only then.
 *
 * @param ask asks the executor to export.
 */
export async function mirrorLog (services: MirrorServices, key: JobKey, maxBytes: number, ask: () => void, signal: AbortSignal): Promise<EventLog | undefined> {
  const reader = new ChunkReader(services, key)
  const chunkWritten = new Notifier()
  const unlisten = await services.records.listen?.(eventsTopic(key), () => chunkWritten.notify())
  const end = (): void => { unlisten?.().catch(() => {}) }
  try {
    const log = await firstEvents(reader, maxBytes, chunkWritten, services, ask, signal)
    if (log === undefined) {
      end()
      return undefined
    }
    fill(log, reader, chunkWritten, services, ask, signal).catch(() => {}).finally(() => {
      log.close()
      end()
    })
    return log
  } catch (error) {
    end()
    throw error
  }
}

/** A log with all that was written until now; undefined when nothing comes any more. */
async function firstEvents (reader: ChunkReader, maxBytes: number, chunkWritten: Notifier, services: MirrorServices, ask: () => void, signal: AbortSignal): Promise<EventLog | undefined> {
  let log: EventLog | undefined
  let isBehind = false
  while (!signal.aborted) {
    if (log === undefined) ask()
    const all = await reader.read(CHUNKS)
    // What an instance wrote that has lost the run since is of no use.
    const chunks = all.filter(({ tag }) => tag === all.at(-1)!.tag)
    const [first] = chunks
    if (first !== undefined) {
      if (first.tag !== log?.tag) log = new EventLog(reader.format, maxBytes, { tag: first.tag, firstId: first.first })
      if (add(log, chunks)) return log
      isBehind = chunks.at(-1)?.more === true
    } else if (log !== undefined && !isBehind) {
      return log
    } else {
      // Its executor may have died in the midst of writing.
      if (!await reader.jobIsActive()) return log
      if (!await chunkWritten.wait(services.clock, POLL_MS, signal) && log !== undefined) return log
    }
  }
  return undefined
}

/**
 * Whether the log has ended: with the last chunk, because the run has changed hands (the ids of another log mean other events), or because
 * events are missing that the executor no longer had when it wrote anew. Those that it writes again are passed over.
 */
function add (log: EventLog, chunks: readonly Chunk[]): boolean {
  for (const chunk of chunks) {
    const follows = chunk.tag === log.tag && chunk.first <= log.nextId
    if (follows) log.appendSerialised(chunk.events.slice(log.nextId - chunk.first))
    if (follows && !chunk.last) continue
    log.close()
    return true
  }
  return false
}

async function fill (log: EventLog, reader: ChunkReader, chunkWritten: Notifier, { clock }: MirrorServices, ask: () => void, signal: AbortSignal): Promise<void> {
  let idle = 0
  let ended = 0
  while (!signal.aborted && !log.isClosed) {
    const chunks = await reader.read(CHUNKS)
    if (add(log, chunks)) return
    if (chunks.length > 0) continue
    if (!await reader.jobIsActive() && ++ended > LAST_POLLS) return
    idle = log.hasReaders ? 0 : idle + 1
    if (idle > IDLE_POLLS) return
    if (!await chunkWritten.wait(clock, POLL_MS, signal)) ask()
  }
}

/** Reads a run's chunks in order, each once. */
class ChunkReader {
  readonly #services: MirrorServices
  readonly #key: JobKey
  #after: number | undefined

  constructor (services: MirrorServices, key: JobKey) {
    this.#services = services
    this.#key = key
  }

  async read (limit: number): Promise<Chunk[]> {
    const page = await this.#services.records.page<Chunk>({ ...partitionOf(this.#key), kind: KIND.events, parent: this.#key.jobId, order: 'asc', limit, after: this.#after })
    this.#after = page.records.at(-1)?.position ?? this.#after
    return page.records.map(record => record.body)
  }

  get format (): EventFormat {
    return this.#services.formatOf(this.#key)
  }

  async jobIsActive (): Promise<boolean> {
    return await this.#services.isActive(this.#key)
  }
}
