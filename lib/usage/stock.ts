import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { RecordStore, WriteItem } from '../../storage/record-store.js'
import type { FileObject } from '../../schemas/files.js'
import type { Upload } from '../../schemas/uploads.js'
import { ApiError } from '../shared/errors.js'
import { untilWritten } from '../shared/until-written.js'
import type { ProjectQuotas } from './quotas.js'

/** How many files a project has, and the bytes of its files and of its pending uploads as announced. */
export interface StockChange {
  files: number
  bytes: number
}

const STOCK = { kind: KIND.stock, id: 'files' }

/** Writes the files and uploads of one project, and holds it to its quotas of them: the count is changed by the same write. */
export class Stock {
  readonly #records: RecordStore
  readonly #key: { project: string, partition: string }
  readonly #quotas: ProjectQuotas
  /** Whether the count was made anew in this process: it may date from before there were quotas. */
  #isCounted = false

  constructor (records: RecordStore, project: string, quotas: ProjectQuotas) {
    this.#records = records
    this.#key = { project, partition: PARTITION.files }
    this.#quotas = quotas
  }

  /**
   * Carries the items out, as `RecordStore.write`. Throws a 429 when there would be more than the project may have.
   *
   * @param change by what the count changes; more of nothing is never refused.
   */
  async write (items: readonly WriteItem[], change: StockChange): Promise<boolean> {
    const { files, storedBytes } = this.#quotas
    if (files === undefined && storedBytes === undefined) return await this.#records.write(this.#key, items)
    return await untilWritten(async () => {
      const record = await this.#records.get<StockChange>({ ...this.#key, ...STOCK })
      const before = record !== undefined && this.#isCounted ? record.body : await this.#count()
      const after = { files: before.files + change.files, bytes: before.bytes + change.bytes }
      if (change.files > 0 && files !== undefined && after.files > files) throw full(`The project has its ${files} files already.`)
      if (change.bytes > 0 && storedBytes !== undefined && after.bytes > storedBytes) throw this.fullOfBytes()
      const written = await this.#records.write(this.#key, [...items, { op: 'put', ...STOCK, body: after, expect: record?.version ?? 'absent' }])
      if (written) {
        this.#isCounted = true
        return true
      }
      const now = await this.#records.get({ ...this.#key, ...STOCK })
      // The count was as expected: the items were not.
      return now?.version === record?.version ? false : undefined
    })
  }

  /** The bytes that a new file may have. Infinity where there is no quota. */
  async room (): Promise<number> {
    const { storedBytes } = this.#quotas
    if (storedBytes === undefined) return Infinity
    const record = await this.#records.get<StockChange>({ ...this.#key, ...STOCK })
    return Math.max(storedBytes - (record?.body.bytes ?? 0), 0)
  }

  /** What is thrown when the bytes are used up. */
  fullOfBytes (): ApiError {
    return full(`The project may store ${this.#quotas.storedBytes} bytes of files.`)
  }

  async #count (): Promise<StockChange> {
    let files = 0
    let bytes = 0
    for await (const { body } of eachRecord<FileObject>(this.#records, { ...this.#key, kind: KIND.file })) {
      files++
      bytes += body.bytes
    }
    for await (const { body: { upload } } of eachRecord<{ upload: Upload }>(this.#records, { ...this.#key, kind: KIND.upload })) {
      if (upload.status === 'pending') bytes += upload.bytes
    }
    return { files, bytes }
  }
}

/** Trying again is of no use: the SDKs do not. */
export function full (message: string): ApiError {
  return new ApiError(429, `${message} Delete some, or ask the operator for more.`, { type: 'insufficient_quota', code: 'insufficient_quota', headers: { 'x-should-retry': 'false' } })
}
