import { isDeepStrictEqual } from 'node:util'
import type { PartitionKey, PutItem, RecordStore } from '../../storage/record-store.js'
import { IndexEntries } from './index-entries.js'
import type { RecordLine } from './lines.js'

/** What became of a record. */
export type Outcome = 'written' | 'there'

/** Told once a record's fate is known. */
export type Report = (line: RecordLine, outcome: Outcome) => void

const MAX_BATCH = 100
/** Characters of JSON, roughly, as the lines had them. */
const MAX_BATCH_LENGTH = 1024 * 1024

/**
 * Brings records in, keeping their positions, in batches of one partition at a time. What is there already stays as it
 * is, so the same records may come any number of times.
 */
export class RecordWriter {
  readonly #records: RecordStore
  readonly #indexEntries: IndexEntries
  readonly #report: Report
  #batch: RecordLine[] = []
  #length = 0
  /** The partition of the last batch, and of its lists whether all that is in them came from this import. */
  #current: { key: PartitionKey, fresh: Map<string, boolean> } | undefined

  constructor (records: RecordStore, now: () => number, report: Report) {
    this.#records = records
    this.#indexEntries = new IndexEntries(records, now)
    this.#report = report
  }

  /** @param length how much memory the line takes, about. */
  async add (line: RecordLine, length: number): Promise<void> {
    const [first] = this.#batch
    const isOther = first !== undefined && (first.project !== line.project || first.partition !== line.partition)
    if (isOther || line.again || this.#batch.length >= MAX_BATCH || this.#length + length > MAX_BATCH_LENGTH) await this.flush()
    if (line.again) return await this.#replace(line)
    this.#batch.push(line)
    this.#length += length
  }

  async flush (): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#length = 0
    const [first] = batch
    if (first === undefined) return
    const key: PartitionKey = { project: first.project, partition: first.partition }
    for (const line of batch) await this.#indexEntries.prepare(line)
    // Names are unique within a batch of an export, but a file may have been put together by hand.
    const isPlain = new Set(batch.map(({ kind, id }) => `${kind} ${id}`)).size === batch.length
    const areFresh = (await Promise.all(batch.map(async line => await this.#isFresh(key, line)))).every(Boolean)
    if (isPlain && areFresh && await this.#records.write(key, batch.map(put))) {
      for (const line of batch) this.#report(line, 'written')
      return
    }
    for (const line of batch) this.#report(line, await this.#writeOne(key, line))
  }

  async #writeOne (key: PartitionKey, line: RecordLine): Promise<Outcome> {
    const { kind, id } = line
    if (await this.#records.get({ ...key, kind, id }) !== undefined) return 'there'
    const { position, ...item } = put(line)
    const written = await this.#records.write(key, [await this.#isTaken(key, line) ? item : { ...item, position }])
    return written ? 'written' : 'there'
  }

  /** A later state of a record, unless the record was changed in this store meanwhile. */
  async #replace (line: RecordLine): Promise<void> {
    const { kind, id, body } = line
    const key: PartitionKey = { project: line.project, partition: line.partition }
    const there = await this.#records.get({ ...key, kind, id })
    if (there === undefined) {
      await this.#indexEntries.prepare(line)
      return this.#report(line, await this.#writeOne(key, line))
    }
    if (there.version === 1 && !isDeepStrictEqual(there.body, body)) await this.#records.write(key, [{ op: 'put', kind, id, body, expect: 1 }])
  }

  /** Whether all that is in a record's list came from this import; then the list's positions are free for what follows. */
  async #isFresh (key: PartitionKey, { kind, parent }: RecordLine): Promise<boolean> {
    if (this.#current?.key.project !== key.project || this.#current.key.partition !== key.partition) this.#current = { key, fresh: new Map() }
    const { fresh } = this.#current
    const list = `${kind} ${parent ?? ''}`
    const known = fresh.get(list)
    if (known !== undefined) return known
    const { records } = await this.#records.page({ ...key, kind, parent, order: 'desc', limit: 1 })
    fresh.set(list, records.length === 0)
    return records.length === 0
  }

  /** Two records of one list cannot have one position: pages would pass over one of them. */
  async #isTaken (key: PartitionKey, { kind, parent, position }: RecordLine): Promise<boolean> {
    const { records } = await this.#records.page({ ...key, kind, parent, order: 'asc', limit: 1, after: position - 1 })
    return records[0]?.position === position
  }
}

const put = ({ kind, id, parent, position, body }: RecordLine): PutItem & { position: number } =>
  ({ op: 'put', kind, id, ...parent === undefined ? {} : { parent }, body, position, expect: 'absent' })
