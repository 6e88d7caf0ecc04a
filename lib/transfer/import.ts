import { DEFAULT_PROJECT, KIND } from '../../storage/layout.js'
import { BytesWriter } from './bytes-writer.js'
import type { TransferStores } from './export.js'
import { BadLineError, type Line, type RecordLine } from './lines.js'
import { plainRecords, type PlainObject } from './api-objects.js'
import { readObjects } from './read-objects.js'
import { RecordWriter, type Outcome } from './record-writer.js'

export interface ImportOptions {
  /** Of objects saved from the original API; what was exported keeps its own. Default `default`. */
  project?: string
  /** Whether the first bad line ends the import. */
  strict?: boolean
  /** Milliseconds since the epoch. */
  now: () => number
  onBadLine?: (number: number, reason: string) => void
  /** Told after each object: bytes of input read so far. */
  onProgress?: (bytes: number) => void
}

export interface ImportResult {
  /** Records that were written, by kind. */
  written: Map<string, number>
  /** Records that were there already. */
  there: number
  badLines: number
}

/** Threads that are known to be there. */
const MAX_KNOWN_THREADS = 10_000

/** Brings an export, or objects saved from the original API, into a store. What is there already stays as it is. */
export async function importFrom (input: AsyncIterable<Uint8Array>, stores: TransferStores, options: ImportOptions): Promise<ImportResult> {
  return await new Import(stores, options).run(input)
}

class Import {
  readonly #stores: TransferStores
  readonly #options: ImportOptions
  readonly #records: RecordWriter
  readonly #bytes: BytesWriter
  readonly #threads = new Set<string>()
  readonly #result: ImportResult = { written: new Map(), there: 0, badLines: 0 }
  /** Objects of the input so far: the place of one among others of the same second. */
  #place = 0

  constructor (stores: TransferStores, options: ImportOptions) {
    this.#stores = stores
    this.#options = options
    this.#bytes = new BytesWriter(stores.blobs)
    this.#records = new RecordWriter(stores.records, options.now, (line, outcome) => this.#count(line, outcome))
  }

  async run (input: AsyncIterable<Uint8Array>): Promise<ImportResult> {
    for await (const { number, bytes, length, value, error } of readObjects(input)) {
      try {
        this.#place++
        if (error !== undefined) throw error
        await this.#take(value as PlainObject, length)
      } catch (error) {
        if (!(error instanceof BadLineError)) throw error
        this.#result.badLines++
        this.#options.onBadLine?.(number, error.message)
        if (this.#options.strict === true) break
      }
      this.#options.onProgress?.(bytes)
    }
    await this.#records.flush()
    await this.#bytes.abandon()
    return this.#result
  }

  async #take (value: PlainObject, length: number): Promise<void> {
    if (typeof value !== 'object' || value === null) throw new BadLineError('not a JSON object')
    if (typeof value.object === 'string' && value.object.startsWith('openai_compat.')) return await this.#takeLine(value as unknown as Line, length)
    const { bytes, records, needsThread } = plainRecords(value, this.#options.project ?? DEFAULT_PROJECT, this.#place)
    if (needsThread !== undefined && !await this.#hasThread(records[0]!.project, needsThread)) throw new BadLineError(`the thread ${needsThread} is not there, and did not come before`)
    for (const line of bytes) await this.#bytes.add(line)
    for (const line of records) await this.#add(line, length)
  }

  async #takeLine (line: Line, length: number): Promise<void> {
    switch (line.object) {
      case 'openai_compat.export':
        if (line.version !== 1) throw new BadLineError(`an export of version ${line.version}, which this version of fastify-openai-compat does not know`)
        return
      case 'openai_compat.place':
        return
      case 'openai_compat.bytes':
        if (typeof line.project !== 'string' || typeof line.id !== 'string' || typeof line.data !== 'string') throw new BadLineError('bytes that are not whole')
        return await this.#bytes.add(line)
      case 'openai_compat.record':
        requireWhole(line)
        return await this.#add(line, length)
      default:
        throw new BadLineError(`a line of an unknown type ${JSON.stringify((line as { object: string }).object)}`)
    }
  }

  async #add (line: RecordLine, length: number): Promise<void> {
    if (line.kind === KIND.thread && line.id === line.partition) this.#know(line.project, line.id)
    await this.#records.add(line, length)
  }

  async #hasThread (project: string, id: string): Promise<boolean> {
    if (this.#threads.has(`${project} ${id}`)) return true
    const there = await this.#stores.records.get({ project, partition: id, kind: KIND.thread, id })
    if (there !== undefined) this.#know(project, id)
    return there !== undefined
  }

  #know (project: string, id: string): void {
    if (this.#threads.size >= MAX_KNOWN_THREADS) this.#threads.clear()
    this.#threads.add(`${project} ${id}`)
  }

  #count ({ kind }: RecordLine, outcome: Outcome): void {
    if (outcome === 'there') this.#result.there++
    else this.#result.written.set(kind, (this.#result.written.get(kind) ?? 0) + 1)
  }
}

/** A record that the store would refuse would take its whole batch with it. */
function requireWhole ({ project, partition, kind, id, parent, position, body }: RecordLine): void {
  const areNames = [project, partition, kind, id].every(name => typeof name === 'string' && name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= 512)
  const isPlaced = Number.isInteger(position) && position >= 1 && position <= 2 ** 52 && (parent === undefined || typeof parent === 'string')
  if (!areNames || !isPlaced || body === undefined) throw new BadLineError('a record that is not whole')
}
