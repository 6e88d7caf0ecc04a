import { KIND } from '../../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../../storage/record-store.js'
import type { Clock } from '../../shared/clock.js'
import { Notifier, pause } from '../../shared/timers.js'
import type { EventFormat } from '../dialect.js'
import type { JobKey } from '../job.js'
import { partitionOf } from '../lease.js'
import { eventsTopic } from './bus.js'
import { EventLog, type LoggedEvent } from './event-log.js'

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
        tag: log.tag, first: batch[0]?.id ?? log.nextId, events: batch.map(({ event, data }) => [event, data]), last: last && pending.length === 0
      }
      await records.write(partitionOf(key),
        [{ op: 'put', kind: KIND.events, id: `${chunk.tag}-${chunk.first}${last ? '-last' : ''}`, parent: key.jobId, body: chunk }])
      await records.notify?.(eventsTopic(key), '')
    } while (pending.length > 0)
  }
  for await (const batch of log.follow(log.firstId, signal)) {
    pending.push(...batch)
    await flush(false)
    await pause(clock, GATHER_MS)
  }
  if (!signal.aborted) await flush(true)
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
 * may change instances. Resolves once the first events are there.
 *
 * @param ask asks the executor to export.
 */
export async function mirrorLog (services: MirrorServices, key: JobKey, maxBytes: number, ask: () => void, signal: AbortSignal): Promise<EventLog | undefined> {
  const reader = new ChunkReader(services, key)
  const chunkWritten = new Notifier()
  const unlisten = await services.records.listen?.(eventsTopic(key), () => chunkWritten.notify())
  const end = (): void => { unlisten?.().catch(() => {}) }
  try {
    const first = await firstChunk(reader, chunkWritten, services, ask, signal)
    if (first === undefined) {
      end()
      return undefined
    }
    const log = new EventLog(services.formatOf(key), maxBytes, { tag: first.tag, firstId: first.first })
    log.appendSerialised(first.events)
    if (first.last) log.close()
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

async function firstChunk (reader: ChunkReader, chunkWritten: Notifier, services: MirrorServices, ask: () => void, signal: AbortSignal): Promise<Chunk | undefined> {
  while (!signal.aborted) {
    ask()
    const [chunk] = await reader.read(1)
    if (chunk !== undefined) return chunk
    if (!await reader.jobIsActive()) return undefined
    await chunkWritten.wait(services.clock, POLL_MS, signal)
  }
  return undefined
}

async function fill (log: EventLog, reader: ChunkReader, chunkWritten: Notifier, { clock }: MirrorServices, ask: () => void, signal: AbortSignal): Promise<void> {
  let idle = 0
  let ended = 0
  while (!signal.aborted && !log.isClosed) {
    const chunks = await reader.read(100)
    for (const chunk of chunks) {
      // Another log means that the run has changed hands, and the ids there mean other events.
      if (chunk.tag !== log.tag) return
      log.appendSerialised(chunk.events)
      if (chunk.last) return
    }
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
    const page = await this.#services.records.page<Chunk>({ ...partitionOf(this.#key), kind: KIND.events, parent: this.#key.jobId, order: 'asc', limit, ...this.#after === undefined ? {} : { after: this.#after } })
    this.#after = page.records.at(-1)?.position ?? this.#after
    return page.records.map(record => record.body)
  }

  async jobIsActive (): Promise<boolean> {
    return await this.#services.isActive(this.#key)
  }
}
