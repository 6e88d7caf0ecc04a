import type { BlobStore } from '../../storage/blob-store.js'
import { DEFAULT_PROJECT, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { PartitionKey, RecordStore, StoredRecord } from '../../storage/record-store.js'
import { contentsOf, recordsOf, SECTION, type Section } from './contents.js'
import { runsOf } from './export-runs.js'
import { SECTIONS, type BytesLine, type Line, type PlaceLine, type RecordLine } from './lines.js'

/** What is exported from, or imported into. */
export interface TransferStores {
  records: RecordStore
  blobs: BlobStore
}

/** How far a broken export has come. */
export interface Resume {
  place: PlaceLine
  /** Names of the records of that place which are in the file already. */
  seen: ReadonlySet<string>
}

/** Bytes of a file in one line. */
const CHUNK_BYTES = 192 * 1024

export const recordName = ({ kind, id }: { kind: string, id: string }): string => `${kind} ${id}`

/** Everything in the store, as lines, with a few records and chunks of bytes in memory at a time. */
export async function * exportLines (stores: TransferStores, now: number, resume?: Resume): AsyncGenerator<Line> {
  if (resume === undefined) yield { object: 'openai_compat.export', version: 1, created_at: Math.floor(now / 1000) }
  for await (const place of places(stores.records, resume?.place)) {
    const isResumed = resume !== undefined && isSamePlace(place, resume.place)
    if (!isResumed) yield place
    yield * partitionLines(stores, place, isResumed ? resume.seen : new Set())
  }
}

/** How many partitions there are to go through: what a progress bar needs to know. */
export async function countPlaces (records: RecordStore): Promise<number> {
  let count = 0
  const all = places(records)
  while (!(await all.next()).done) count++
  return count
}

const isSamePlace = (a: PlaceLine, b: PlaceLine): boolean => a.project === b.project && a.section === b.section && a.partition === b.partition

/** Every partition that is exported, in an order that stays the same while the store grows; from the given one on. */
async function * places (records: RecordStore, from?: PlaceLine): AsyncGenerator<PlaceLine> {
  for await (const { project, position: projectPosition } of projects(records, from)) {
    for (const name of SECTIONS) {
      const isSameProject = from?.project === project
      if (isSameProject && SECTIONS.indexOf(name) < SECTIONS.indexOf(from.section)) continue
      const { partition, index } = SECTION[name]
      const place = (partition: string, position: number): PlaceLine =>
        ({ object: 'openai_compat.place', project, project_position: projectPosition, section: name, partition, position })
      if (index === undefined) {
        yield place(partition, 0)
        continue
      }
      const after = isSameProject && from.section === name ? from.position - 1 : 0
      for await (const entry of recordsOf(records, { project, partition }, index, '', after)) yield place(entry.id, entry.position)
    }
  }
}

/** The default project first: it is there without being entered in the index. */
async function * projects (records: RecordStore, from?: PlaceLine): AsyncGenerator<{ project: string, position: number }> {
  const start = from?.project_position ?? 0
  if (start === 0) yield { project: DEFAULT_PROJECT, position: 0 }
  for await (const { id, position } of recordsOf(records, { project: SYSTEM_PROJECT, partition: PARTITION.projects }, KIND.project, '', Math.max(start - 1, 0))) {
    if (id !== DEFAULT_PROJECT) yield { project: id, position }
  }
}

async function * partitionLines ({ records, blobs }: TransferStores, place: PlaceLine, seen: ReadonlySet<string>): AsyncGenerator<Line> {
  const key: PartitionKey = { project: place.project, partition: place.partition }
  const section: Section = SECTION[place.section]
  for await (const { record, content } of contentsOf(records, key, section.contents)) {
    if (seen.has(recordName(record)) || isTransient(record)) continue
    if (content.hasBytes) yield * bytesLines(blobs, record)
    const companion = content.companion === undefined ? undefined : await records.get({ ...key, kind: content.companion, id: record.id })
    if (companion !== undefined && !seen.has(recordName(companion))) yield recordLine(companion, false)
    yield recordLine(record, false)
  }
  if (place.section !== 'threads') return
  for await (const { record, again } of runsOf(records, key)) {
    if (again || !seen.has(recordName(record))) yield recordLine(record, again)
  }
}

/** Bytes being uploaded have no owner yet; they are not exported, and neither is the note that removes them. */
function isTransient ({ kind, body }: StoredRecord): boolean {
  return kind === KIND.scheduledTask && (body as { task?: unknown }).task === 'bytes'
}

function recordLine ({ version: _ofThisStore, parent, ...record }: StoredRecord, again: boolean): RecordLine {
  return { object: 'openai_compat.record', ...record, ...parent === '' ? {} : { parent }, ...again ? { again } : {} }
}

async function * bytesLines (blobs: BlobStore, { project, id }: StoredRecord): AsyncGenerator<BytesLine> {
  const stream = await blobs.get({ project, id })
  // A store that forgets (Redis with a ttl) may have kept the record longer.
  if (stream === undefined) return
  let offset = 0
  const line = (bytes: Uint8Array, end?: true): BytesLine =>
    ({ object: 'openai_compat.bytes', project, id, offset, data: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'), ...end === undefined ? {} : { end } })
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
      const piece = chunk.subarray(start, start + CHUNK_BYTES)
      yield line(piece)
      offset += piece.length
    }
  }
  yield line(new Uint8Array(), true)
}
