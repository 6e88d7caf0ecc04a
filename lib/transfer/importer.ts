import { isText, MAX_KEY_BYTES } from '../../storage/base/batch.js'
import { DEFAULT_PROJECT, KIND } from '../../storage/layout.js'
import { BytesWriter } from './bytes-writer.js'
import { EXPORTED_KINDS } from './contents.js'
import { translate } from './elsewhere/translate.js'
import type { TransferStores } from './export.js'
import { BadLineError, type Line, type RecordLine } from './lines.js'
import { plainRecords, type PlainObject } from './api-objects.js'
import { RecordWriter, type Outcome } from './record-writer.js'
import { VectorStoreWriter } from './vector-store-writer.js'

export interface ImporterOptions {
  /** Of objects of the API; what was exported keeps its own. Default `default`. */
  project?: string
  /** Milliseconds since the epoch. */
  now: () => number
  /** How many objects came before, in an import of several parts. Default 0. */
  place?: number
}

/** Threads that are known to be there. */
const MAX_KNOWN_THREADS = 10_000

/** Writes objects of the API, and lines of an export, to a store. What is there already stays as it is. */
export class Importer {
  /** Records that were written, by kind. */
  readonly written = new Map<string, number>()
  /** Records that were there already. */
  there = 0
  readonly #stores: TransferStores
  readonly #project: string
  readonly #records: RecordWriter
  readonly #bytes: BytesWriter
  readonly #vectorStores: VectorStoreWriter
  readonly #threads = new Set<string>()
  /** Objects so far: the place of one among others of the same second. */
  #place: number

  constructor (stores: TransferStores, { project = DEFAULT_PROJECT, now, place = 0 }: ImporterOptions) {
    this.#stores = stores
    this.#place = place
    this.#project = project
    this.#bytes = new BytesWriter(stores.blobs)
    const report = (kind: string, outcome: Outcome): void => this.#count(kind, outcome)
    this.#records = new RecordWriter(stores.records, now, ({ kind }, outcome) => report(kind, outcome))
    this.#vectorStores = new VectorStoreWriter(stores, { project, now, report })
  }

  /**
   * Adds one object or line. Throws a `BadLineError` for what is neither, or is not whole.
   *
   * @param length how much memory it takes, about: characters of its JSON.
   * @param place of the object among those of its list, where that is known; else its place among all.
   */
  async add (value: unknown, length: number, place: number = ++this.#place): Promise<void> {
    if (typeof value !== 'object' || value === null) throw new BadLineError('not a JSON object')
    const object = value as PlainObject
    if (typeof object.object === 'string' && object.object.startsWith('openai_compat.')) return await this.#addLine(value as Line, length)
    const objects = translate(object)
    if (objects.length === 1) return await this.#addObject(objects[0]!, length, place)
    // One part that is bad does not take the others with it.
    const reasons: string[] = []
    for (const part of objects) {
      try {
        await this.#addObject(part, length / objects.length, ++this.#place)
      } catch (error) {
        if (!(error instanceof BadLineError)) throw error
        reasons.push(error.message)
      }
    }
    if (reasons.length > 0) throw new BadLineError(reasons.length === 1 ? reasons[0]! : `${reasons[0]}, and ${reasons.length - 1} more of its parts are bad`)
  }

  async #addObject (object: PlainObject, length: number, place: number): Promise<void> {
    if (object.object === 'vector_store' || object.object === 'vector_store.file') {
      // Its files must be there, to be indexed from.
      await this.#records.flush()
      return await this.#vectorStores.add(object)
    }
    const { bytes, records, needsThread } = plainRecords(object, this.#project, place)
    if (needsThread !== undefined && !await this.#hasThread(needsThread)) throw new BadLineError(`the thread ${needsThread} is not there, and did not come before`)
    for (const line of records) requireWhole(line)
    for (const line of bytes) await this.#bytes.add(line)
    for (const line of records) await this.#addRecord(line, length)
  }

  /** Writes what has been held back for a batch, and discards bytes whose end did not come. */
  async flush (): Promise<void> {
    await this.#records.flush()
    await this.#vectorStores.flush()
    await this.#bytes.abandon()
  }

  async #addLine (line: Line, length: number): Promise<void> {
    switch (line.object) {
      case 'openai_compat.export':
        if (line.version !== 1) throw new BadLineError(`an export of version ${line.version}, which this version of fastify-openai-compat does not know`)
        return
      case 'openai_compat.place':
        return
      case 'openai_compat.bytes':
        if (!isName(line.project) || !isName(line.id) || typeof line.data !== 'string') throw new BadLineError('bytes that are not whole')
        return await this.#bytes.add(line)
      case 'openai_compat.record':
        requireWhole(line)
        return await this.#addRecord(line, length)
      default:
        throw new BadLineError(`a line of an unknown type ${JSON.stringify((line as { object: string }).object)}`)
    }
  }

  async #addRecord (line: RecordLine, length: number): Promise<void> {
    if (line.kind === KIND.thread && line.id === line.partition) this.#know(line.project, line.id)
    await this.#records.add(line, length)
  }

  async #hasThread (id: string): Promise<boolean> {
    if (this.#threads.has(`${this.#project} ${id}`)) return true
    const there = await this.#stores.records.get({ project: this.#project, partition: id, kind: KIND.thread, id })
    if (there !== undefined) this.#know(this.#project, id)
    return there !== undefined
  }

  #know (project: string, id: string): void {
    if (this.#threads.size >= MAX_KNOWN_THREADS) this.#threads.clear()
    this.#threads.add(`${project} ${id}`)
  }

  #count (kind: string, outcome: Outcome): void {
    if (outcome === 'there') this.there++
    else this.written.set(kind, (this.written.get(kind) ?? 0) + 1)
  }
}

/** Whether the store takes it as a part of a key. */
const isName = (name: unknown): boolean => typeof name === 'string' && name !== '' && isText(name, MAX_KEY_BYTES)

/** A record that the store would refuse would take its whole batch with it. */
function requireWhole ({ project, partition, kind, id, parent, position, body }: RecordLine): void {
  const areNames = [project, partition, kind, id].every(isName) && (parent === undefined || parent === '' || isName(parent))
  const isPlaced = Number.isInteger(position) && position >= 1 && position <= 2 ** 52
  if (!areNames || !isPlaced || typeof body !== 'object' || body === null) throw new BadLineError('a record that is not whole')
  // Anything else means something to running servers only, and was never exported.
  if (!EXPORTED_KINDS.has(kind)) throw new BadLineError('a record of a kind that is never exported')
}
