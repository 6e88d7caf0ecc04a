import type { Row, Scan } from '../../../storage/base/abstract-record-store.js'
import { MemoryRecordStore } from '../../../storage/memory/store.js'
import type { RecordKey } from '../../../storage/record-store.js'

/** A store that has lost a part of some bodies, until they are written anew. */
export class DamagedStore extends MemoryRecordStore {
  /** The version that is damaged, once it has been read. */
  readonly #damaged = new Map<string, number | undefined>()

  damage (kind: string, id: string): void {
    this.#damaged.set(`${kind} ${id}`, undefined)
  }

  /** Whatever comes under this name is whole again. */
  heal (kind: string, id: string): void {
    this.#damaged.delete(`${kind} ${id}`)
  }

  protected override read (key: RecordKey): Row | undefined {
    const row = super.read(key)
    return row && this.#asItIs(key.kind, row)
  }

  protected override scan (scan: Scan): Row[] {
    return super.scan(scan).map(row => this.#asItIs(scan.kind, row))
  }

  #asItIs (kind: string, row: Row): Row {
    const name = `${kind} ${row.id}`
    if (!this.#damaged.has(name)) return row
    const version = this.#damaged.get(name) ?? row.version
    this.#damaged.set(name, version)
    return row.version === version ? { ...row, json: row.json.slice(0, -1) } : row
  }
}
