import { AbstractRecordStore, type Row, type Scan } from '../base/abstract-record-store.js'
import { applyBatch, type BatchTarget, type PreparedItem, type PreparedPut } from '../base/batch.js'
import { type MemoryBlobs, MemoryBlobStore } from './blobs.js'
import type { BlobStore } from '../blob-store.js'
import type { PartitionKey, RecordKey } from '../record-store.js'

/**
 * Keeps everything in this process and forgets it with it. Bodies are held as JSON text, so what comes back is
 * exactly what the other stores would give back, and never shares an object with the caller.
 */
export class MemoryRecordStore extends AbstractRecordStore {
  readonly supports = { shared: false, persistent: false }
  readonly #bytes: MemoryBlobs = new Map()
  readonly #partitions = new Map<string, MemoryPartition>()

  blobs (): BlobStore {
    return new MemoryBlobStore(this.#bytes)
  }

  protected open (): void {}

  /** Records stay: they live as long as the object, as a database would. */
  protected close (): void {}

  protected read (key: RecordKey): Row | undefined {
    return this.#partitions.get(nameOf(key))?.read(key.kind, key.id)
  }

  protected scan (scan: Scan): Row[] {
    return this.#partitions.get(nameOf(scan))?.scan(scan) ?? []
  }

  protected commit (key: PartitionKey, batch: PreparedItem[]): boolean {
    const name = nameOf(key)
    const partition = this.#partitions.get(name) ?? new MemoryPartition()
    const done = applyBatch(partition, batch)
    if (partition.isNew) this.#partitions.delete(name)
    else this.#partitions.set(name, partition)
    return done
  }
}

// U+0000 cannot be part of a key, so joined keys never collide.
const nameOf = ({ project, partition }: PartitionKey): string => `${project}\0${partition}`

/** The records of one partition, found by name and, sorted by position, by kind and parent. */
export class MemoryPartition implements BatchTarget {
  #highest = 0
  readonly #byName = new Map<string, Row>()
  readonly #byParent = new Map<string, Row[]>()

  /** Nothing was written, or all of it was cleared. */
  get isNew (): boolean {
    return this.#highest === 0
  }

  read (kind: string, id: string): Row | undefined {
    const row = this.#byName.get(`${kind}\0${id}`)
    return row && { ...row }
  }

  scan ({ kind, parent, above, below, descending, limit }: Omit<Scan, keyof PartitionKey>): Row[] {
    const rows = this.#byParent.get(`${kind}\0${parent}`)
    if (rows === undefined) return []
    const start = firstFrom(rows, above + 1)
    const end = firstFrom(rows, below)
    const found = descending
      ? rows.slice(Math.max(start, end - limit), Math.max(start, end)).reverse()
      : rows.slice(start, Math.min(end, start + limit))
    return found.map(row => ({ ...row }))
  }

  version (kind: string, id: string): number {
    return this.#byName.get(`${kind}\0${id}`)?.version ?? 0
  }

  highestPosition (): number {
    return this.#highest
  }

  saveHighestPosition (position: number): void {
    this.#highest = position
  }

  insert ({ kind, id, parent, json }: PreparedPut, position: number): void {
    this.add(kind, { id, parent, position, version: 1, json })
  }

  /** Takes over a row as it is. */
  add (kind: string, row: Row): void {
    const { id, parent, position } = row
    this.#byName.set(`${kind}\0${id}`, row)
    const group = `${kind}\0${parent}`
    const rows = this.#byParent.get(group)
    const last = rows?.at(-1)
    if (rows === undefined || last === undefined) this.#byParent.set(group, [row])
    else if (position > last.position) rows.push(row)
    else rows.splice(firstFrom(rows, position), 0, row)
  }

  replace ({ kind, id, json }: PreparedPut): void {
    const row = this.#byName.get(`${kind}\0${id}`)!
    row.json = json
    row.version++
  }

  remove (kind: string, id: string): void {
    const name = `${kind}\0${id}`
    const row = this.#byName.get(name)
    if (row === undefined) return
    this.#byName.delete(name)
    const group = `${kind}\0${row.parent}`
    const rows = this.#byParent.get(group)!
    if (rows.length === 1) this.#byParent.delete(group)
    else rows.splice(rows.indexOf(row, firstFrom(rows, row.position)), 1)
  }

  /** Every record with its kind, those of one kind and parent by position. */
  * all (): Generator<[kind: string, row: Row]> {
    for (const [group, rows] of this.#byParent) {
      const kind = group.slice(0, group.indexOf('\0'))
      for (const row of rows) yield [kind, row]
    }
  }

  clone (): MemoryPartition {
    const copy = new MemoryPartition()
    copy.#highest = this.#highest
    for (const [kind, row] of this.all()) copy.add(kind, { ...row })
    return copy
  }

  clear (): void {
    this.#highest = 0
    this.#byName.clear()
    this.#byParent.clear()
  }
}

/** Index of the first row at this position or later, by bisection. */
function firstFrom (rows: readonly Row[], position: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    // Within the rows: middle is less than high.
    if (rows[middle]!.position < position) low = middle + 1
    else high = middle
  }
  return low
}
