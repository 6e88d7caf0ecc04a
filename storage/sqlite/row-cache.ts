import type { Row } from '../base/abstract-record-store.js'
import type { PreparedItem } from '../base/batch.js'
import type { PartitionKey, RecordKey } from '../record-store.js'

const MOST_BYTES = 8 * 1024 * 1024
const BYTES_PER_CHARACTER = 2
/** Of an entry, its key and the row's other columns. */
const BYTES_PER_ROW = 500

/**
 * Rows as they were read last. This process alone has the file, and it writes in one turn of the event loop: what `forget` is called for
 * before each write can never be out of date.
 */
export class RowCache {
  #bytes = 0
  readonly #rows = new Map<string, Row>()

  get (key: RecordKey): Row | undefined {
    const name = nameOf(key, key.kind, key.id)
    const row = this.#rows.get(name)
    if (row === undefined) return undefined
    // The one that was read last is dropped last.
    this.#rows.delete(name)
    this.#rows.set(name, row)
    return row
  }

  keep (key: RecordKey, row: Row): void {
    const bytes = sizeOf(row)
    // A few large ones would leave no room for the many.
    if (bytes > MOST_BYTES / 64) return
    this.#rows.set(nameOf(key, key.kind, key.id), row)
    this.#bytes += bytes
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= MOST_BYTES) break
      this.#drop(oldest)
    }
  }

  /** What the batch is about to change. */
  forget (partition: PartitionKey, batch: readonly PreparedItem[]): void {
    for (const item of batch) {
      if (item.op === 'clear') return this.clear()
      if (item.op !== 'check') this.#drop(nameOf(partition, item.kind, item.id))
    }
  }

  clear (): void {
    this.#rows.clear()
    this.#bytes = 0
  }

  #drop (name: string): void {
    const row = this.#rows.get(name)
    if (row === undefined) return
    this.#rows.delete(name)
    this.#bytes -= sizeOf(row)
  }
}

/** No part of a key holds a NUL. */
const nameOf = ({ project, partition }: PartitionKey, kind: string, id: string): string => `${project}\0${partition}\0${kind}\0${id}`

const sizeOf = ({ json }: Row): number => json.length * BYTES_PER_CHARACTER + BYTES_PER_ROW
