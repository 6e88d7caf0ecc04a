import type { Row, Scan } from '../../../storage/base/abstract-record-store.js'
import { MemoryRecordStore } from '../../../storage/memory/store.js'
import type { RecordKey } from '../../../storage/record-store.js'

/** A store that has lost a part of some bodies. */
export class DamagedStore extends MemoryRecordStore {
  readonly #damaged = new Set<string>()

  damage (kind: string, id: string): void {
    this.#damaged.add(`${kind} ${id}`)
  }

  protected override read (key: RecordKey): Row | undefined {
    const row = super.read(key)
    return row && this.#asItIs(key.kind, row)
  }

  protected override scan (scan: Scan): Row[] {
    return super.scan(scan).map(row => this.#asItIs(scan.kind, row))
  }

  #asItIs (kind: string, row: Row): Row {
    return this.#damaged.has(`${kind} ${row.id}`) ? { ...row, json: row.json.slice(0, -1) } : row
  }
}
