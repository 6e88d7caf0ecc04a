import { isDeepStrictEqual } from 'node:util'
import { getAnyway } from '../../storage/get-anyway.js'
import { KIND } from '../../storage/layout.js'
import type { PartitionKey, PutItem, RecordStore } from '../../storage/record-store.js'
import type { RunLock } from '../threads/lock.js'
import { IndexEntries } from './index-entries.js'
import type { RecordLine } from './lines.js'

/** What became of a record. */
export type Outcome = 'written' | 'there'

/** Told once a record's fate is known. */
export type Report = (line: RecordLine, outcome: Outcome) => void

const MAX_BATCH = 100
/** Characters of JSON, roughly, as the lines had them. */
const MAX_BATCH_LENGTH = 1024 * 1024

/** What is known of the positions of a list: the records of one kind and parent. */
interface List {
  /** All that is in it came from this import, and has the position that it came with. */
  isOurs: boolean
  /** Between which positions this import has put records. */
  lowest: number
  highest: number
}

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
  /** The partition of the last batch, and its lists. */
  #current: { key: PartitionKey, lists: Map<string, List> } | undefined

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
    if (line.kind === KIND.lock && await this.#hasRun(line)) return this.#report(line, 'there')
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
    const lists = await this.#listsOf(key, batch)
    // Names and positions are unique within an export, but a file may have been put together by hand, or of several exports.
    const isPlain = areUnlike(batch, ({ kind, id }) => `${kind} ${id}`) && areUnlike(batch, line => `${nameOfList(line)} ${line.position}`)
    const areFree = batch.every(({ position }, i) => isFree(lists[i]!, position))
    if (isPlain && areFree && await this.#records.write(key, batch.map(put))) {
      for (const [i, line] of batch.entries()) {
        takeIn(lists[i]!, line.position)
        this.#report(line, 'written')
      }
      return
    }
    for (const [i, line] of batch.entries()) this.#report(line, await this.#writeOne(key, line, lists[i]!))
  }

  /** Whether the run of a lock is there, which it comes before: the run then holds the lock, or has ended and freed it since. */
  async #hasRun ({ project, partition, body }: RecordLine): Promise<boolean> {
    const { run_id: id } = body as RunLock
    return typeof id === 'string' && await getAnyway(this.#records, { project, partition, kind: KIND.run, id }) !== undefined
  }

  async #writeOne (key: PartitionKey, line: RecordLine, list: List): Promise<Outcome> {
    const { kind, id } = line
    if (await this.#records.get({ ...key, kind, id }) !== undefined) return 'there'
    const { position, ...item } = put(line)
    const isTaken = await this.#isTaken(key, line)
    if (isTaken) list.isOurs = false
    else takeIn(list, position)
    return await this.#records.write(key, [isTaken ? item : { ...item, position }]) ? 'written' : 'there'
  }

  /** A later state of a record, unless the record was changed in this store meanwhile. */
  async #replace (line: RecordLine): Promise<void> {
    const { kind, id, body } = line
    const key: PartitionKey = { project: line.project, partition: line.partition }
    const there = await this.#records.get({ ...key, kind, id })
    if (there === undefined) {
      await this.#indexEntries.prepare(line)
      const [list] = await this.#listsOf(key, [line])
      return this.#report(line, await this.#writeOne(key, line, list!))
    }
    if (!isDeepStrictEqual(there.body, body)) await this.#records.write(key, [{ op: 'put', kind, id, body, expect: 1 }])
  }

  /** The list of each line. */
  async #listsOf (key: PartitionKey, batch: readonly RecordLine[]): Promise<List[]> {
    if (this.#current?.key.project !== key.project || this.#current.key.partition !== key.partition) this.#current = { key, lists: new Map() }
    const { lists } = this.#current
    const unknown = new Map(batch.map((line): [string, RecordLine] => [nameOfList(line), line]).filter(([name]) => !lists.has(name)))
    await Promise.all([...unknown].map(async ([name, { kind, parent }]) => {
      const { records } = await this.#records.page({ ...key, kind, parent, order: 'desc', limit: 1 })
      lists.set(name, { isOurs: records.length === 0, lowest: Infinity, highest: 0 })
    }))
    return batch.map(line => lists.get(nameOfList(line))!)
  }

  /** Two records of one list cannot have one position: pages would pass over one of them. */
  async #isTaken (key: PartitionKey, { kind, parent, position }: RecordLine): Promise<boolean> {
    const { records } = await this.#records.page({ ...key, kind, parent, order: 'asc', limit: 1, after: position - 1 })
    return records[0]?.position === position
  }
}

const nameOfList = ({ kind, parent }: RecordLine): string => `${kind} ${parent ?? ''}`

/** Whether no record of a list can have this position. */
const isFree = ({ isOurs, lowest, highest }: List, position: number): boolean => isOurs && (position < lowest || position > highest)

function takeIn (list: List, position: number): void {
  list.lowest = Math.min(list.lowest, position)
  list.highest = Math.max(list.highest, position)
}

function areUnlike (batch: readonly RecordLine[], nameOf: (line: RecordLine) => string): boolean {
  return new Set(batch.map(nameOf)).size === batch.length
}

const put = ({ kind, id, parent, position, body }: RecordLine): PutItem & { position: number } => ({ op: 'put', kind, id, parent, body, position, expect: 'absent' })
