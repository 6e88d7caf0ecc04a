import { Readable } from 'node:stream'
import type { ImportedStore, ImportQuery } from '../../schemas/transfer.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import { asText } from './as-text.js'
import { exportLines, type TransferStores } from './export.js'
import { importFrom } from './import.js'

/** A line is in memory as a whole, several times over: 64 MiB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
/** Bad lines that the answer tells of. */
const MAX_TOLD = 100

/**
 * Exports from, and imports into, the store of a running server. One of each at a time: either reads or writes as fast as it can.
 */
export class LiveTransfer {
  readonly #stores: TransferStores
  readonly #clock: Clock
  readonly #onImported: () => void
  readonly #underWay = new Set<'export' | 'import'>()

  /** @param onImported called after an import: runs and files to be indexed may have come. */
  constructor (stores: TransferStores, clock: Clock, onImported: () => void) {
    this.#stores = stores
    this.#clock = clock
    this.#onImported = onImported
  }

  /** Everything in the store, one line of JSON each. Throws a 409 while another export is under way. */
  export (): Readable {
    this.#begin('export')
    return this.#ending('export', Readable.from(asText(exportLines(this.#stores, this.#clock.now())), { objectMode: false }))
  }

  /** The SQLite file as it is at this moment. Throws a 400 when the store is no SQLite file. */
  async snapshot (): Promise<Readable> {
    const { records }: { records: RecordStore } = this.#stores
    if (records.snapshot === undefined) throw new ApiError(400, 'This server does not keep its records in a SQLite file: export them without "format".', { param: 'format' })
    this.#begin('export')
    try {
      return this.#ending('export', await records.snapshot())
    } catch (error) {
      this.#underWay.delete('export')
      throw error
    }
  }

  /** Brings an export, or objects of the API, into the store; what is there stays as it is. Throws a 409 while another import is under way. */
  async import (input: AsyncIterable<Uint8Array>, { project, strict = false, first_line: firstLine = 1 }: ImportQuery): Promise<ImportedStore> {
    this.#begin('import')
    const bad: ImportedStore['bad'] = []
    try {
      const { written, there, badLines } = await importFrom(input, this.#stores, {
        ...project === undefined ? {} : { project },
        strict,
        firstLine,
        maxLineBytes: MAX_LINE_BYTES,
        now: () => this.#clock.now(),
        onBadLine (line, reason) { if (bad.length < MAX_TOLD) bad.push({ line, reason }) }
      })
      return { object: 'import', written: Object.fromEntries(written), there, bad_lines: badLines, bad }
    } finally {
      this.#underWay.delete('import')
      this.#onImported()
    }
  }

  #begin (what: 'export' | 'import'): void {
    if (this.#underWay.has(what)) throw new ApiError(409, `Another ${what} is under way on this server: try again when it has ended.`, { code: 'transfer_under_way' })
    this.#underWay.add(what)
  }

  #ending (what: 'export', stream: Readable): Readable {
    return stream.once('close', () => this.#underWay.delete(what))
  }
}
