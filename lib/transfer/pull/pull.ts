import { DEFAULT_PROJECT } from '../../../storage/layout.js'
import type { TransferStores } from '../export.js'
import { Importer } from '../importer.js'
import { BadLineError, type BytesLine } from '../lines.js'
import type { PlainObject } from '../wire-objects.js'
import { ahead } from './ahead.js'
import { Checkpoint } from './checkpoint.js'
import { NotHad, type Remote } from './remote.js'
import { threadParts } from './thread-source.js'

export interface PullOptions {
  /** What is pulled goes there. Default `default`. */
  project?: string
  /** Ids of the threads to pull. Without them, those that the server lists. */
  threads?: readonly string[] | undefined
  /** Milliseconds since the epoch. */
  now: () => number
  /** Told once for each thing that could not be had. */
  onMissing: (what: string) => void
  /** @param total 0 when it is not known. */
  onProgress?: (done: number, total: number, importer: Importer) => void
}

export interface PullResult {
  /** Records that were written, by kind. */
  written: ReadonlyMap<string, number>
  /** Records that were there already. */
  there: number
  missing: number
}

/** Threads that are read at a time. */
const THREADS_AT_A_TIME = 6

/**
 * Brings what a server of the Assistants API gives out into a store, under its ids. What is there already stays as it is, so a pull may
 * be repeated: it adds what has been added since. Throws `RemoteFailure` when the server is away; started again it goes on.
 */
export async function pull (remote: Remote, stores: TransferStores, options: PullOptions): Promise<PullResult> {
  return await new Pull(remote, stores, options).run()
}

class Pull {
  readonly #remote: Remote
  readonly #stores: TransferStores
  readonly #options: PullOptions
  readonly #project: string
  readonly #importer: Importer
  /** Files whose bytes the server keeps to itself, by id, with the reason. */
  readonly #withheld = new Map<string, { object: PlainObject, place: number, reason: string }>()
  /** Objects of the current list so far: a later pull puts what is new behind them. */
  #place = 0
  #missing = 0

  constructor (remote: Remote, stores: TransferStores, options: PullOptions) {
    this.#remote = remote
    this.#stores = stores
    this.#options = options
    this.#project = options.project ?? DEFAULT_PROJECT
    this.#importer = new Importer(stores, { project: this.#project, now: options.now })
  }

  async run (): Promise<PullResult> {
    await this.#each('/assistants', async assistant => await this.#add(assistant))
    await this.#each('/files', async file => await this.#file(file))
    await this.#each('/vector_stores', async store => await this.#vectorStore(store))
    for (const id of this.#withheld.keys()) await this.#settle(id)
    await this.#threads()
    await this.#importer.flush()
    const { written, there } = this.#importer
    return { written, there, missing: this.#missing }
  }

  /** Everything in a list, as far as the server gives it out. */
  async #each (path: string, work: (object: PlainObject) => Promise<void>): Promise<void> {
    this.#place = 0
    try {
      for await (const page of this.#remote.pages(path)) {
        for (const object of page) {
          this.#place++
          await work(object)
          this.#options.onProgress?.(0, 0, this.#importer)
        }
      }
    } catch (error) {
      if (!(error instanceof NotHad)) throw error
      this.#miss(`${path.slice(1)}: ${error.message}`)
    }
    await this.#importer.flush()
  }

  async #add (object: PlainObject, place = this.#place): Promise<void> {
    try {
      await this.#importer.add(object, JSON.stringify(object).length, place)
    } catch (error) {
      if (!(error instanceof BadLineError)) throw error
      const name = nameOf(object)
      this.#miss(error.message.startsWith(name) ? error.message : `${name}: ${error.message}`)
    }
  }

  async #file (object: PlainObject): Promise<void> {
    const { id, bytes } = object
    if (typeof id !== 'string') return await this.#add(object)
    if (await this.#stores.blobs.size({ project: this.#project, id }) === undefined) {
      try {
        await this.#bytes(id, typeof bytes === 'number' && bytes > 0 ? bytes : undefined)
      } catch (error) {
        if (!(error instanceof NotHad)) throw error
        this.#withheld.set(id, { object, place: this.#place, reason: error.message })
        return
      }
    }
    await this.#add(object)
  }

  async #bytes (id: string, length: number | undefined): Promise<void> {
    let offset = 0
    const add = async (data: Uint8Array, end?: true): Promise<void> => {
      const line: BytesLine = { object: 'openai_compat.bytes', project: this.#project, id, offset, data: Buffer.from(data).toString('base64'), ...end === undefined ? {} : { end } }
      await this.#importer.add(line, line.data.length)
      offset += data.length
    }
    await this.#remote.bytes(`/files/${encodeURIComponent(id)}/content`, length, () => { offset = 0 }, add)
    // Of a file without any bytes, the first line too.
    if (offset === 0) await add(new Uint8Array())
    await add(new Uint8Array(), true)
  }

  async #vectorStore (object: PlainObject): Promise<void> {
    await this.#add(object)
    const { id } = object
    if (typeof id !== 'string') return
    try {
      for await (const page of this.#remote.pages(`/vector_stores/${encodeURIComponent(id)}/files`)) {
        for (const file of page) {
          if (this.#withheld.has(file.id as string)) await this.#settle(file.id as string, id)
          await this.#add({ ...file, vector_store_id: id })
        }
      }
    } catch (error) {
      if (!(error instanceof NotHad)) throw error
      this.#miss(`files of ${id}: ${error.message}`)
    }
  }

  /** A file without its bytes: with the text that a vector store has of it, if that can be had. */
  async #settle (id: string, storeId?: string): Promise<void> {
    const { object, place, reason } = this.#withheld.get(id)!
    this.#withheld.delete(id)
    const text = storeId === undefined ? undefined : await this.#textOf(id, storeId)
    const name = `${id} (${String(object.filename)})`
    if (text === undefined) {
      this.#miss(`the bytes of ${name}: ${reason}`)
      return await this.#add(object, place)
    }
    const filename = `${String(object.filename)}.txt`
    this.#miss(`the bytes of ${name}: ${reason}; imported the text that ${storeId} holds instead, as ${filename}`)
    await this.#add({ ...object, filename, bytes: text.length, content: text.toString('base64') }, place)
  }

  async #textOf (id: string, storeId: string): Promise<Buffer | undefined> {
    try {
      const page = await this.#remote.object(`/vector_stores/${encodeURIComponent(storeId)}/files/${encodeURIComponent(id)}/content`)
      const parts = Array.isArray(page.data) ? page.data as { text?: unknown }[] : []
      const text = parts.map(({ text }) => typeof text === 'string' ? text : '').join('')
      return text === '' || page.has_more === true ? undefined : Buffer.from(text)
    } catch (error) {
      if (error instanceof NotHad) return undefined
      throw error
    }
  }

  async #threads (): Promise<void> {
    const checkpoint = new Checkpoint(this.#stores.records, this.#project, this.#remote.name)
    const before = await checkpoint.load()
    const total = this.#options.threads?.length ?? 0
    const listed = await this.#threadIds(before)
    let { done } = listed
    let last = before?.last
    try {
      for await (const { item: id, values } of ahead(listed.ids, THREADS_AT_A_TIME, id => threadParts(this.#remote, id))) {
        this.#place = 0
        for await (const part of values) {
          if ('missing' in part) this.#miss(part.missing)
          else for (const object of part.objects) await this.#add(object, ++this.#place)
          this.#options.onProgress?.(done, total, this.#importer)
        }
        await this.#importer.flush()
        await checkpoint.reached({ threads: ++done, last: last = id })
      }
    } catch (error) {
      if (last !== undefined) await checkpoint.save({ threads: done, last }).catch(() => {})
      throw error
    }
    await checkpoint.clear()
  }

  /** The threads that are left to be pulled. */
  async #threadIds (before: { threads: number, last: string } | undefined): Promise<{ done: number, ids: AsyncIterable<string> }> {
    const { threads } = this.#options
    if (threads !== undefined) {
      const done = before !== undefined && threads[before.threads - 1] === before.last ? before.threads : 0
      return { done, ids: each(threads.slice(done)) }
    }
    return { done: before?.threads ?? 0, ids: this.#listedThreads(before?.last) }
  }

  async * #listedThreads (after: string | undefined): AsyncGenerator<string> {
    try {
      for await (const page of this.#remote.pages('/threads', after)) {
        for (const { id } of page) if (typeof id === 'string') yield id
      }
    } catch (error) {
      if (!(error instanceof NotHad)) throw error
      // The thread where the last pull stopped is gone.
      if (after !== undefined) return yield * this.#listedThreads(undefined)
      this.#miss(`threads: the server does not list them (${error.message}): name them with --threads FILE`)
    }
  }

  #miss (what: string): void {
    this.#missing++
    this.#options.onMissing(what)
  }
}

async function * each<T> (items: readonly T[]): AsyncGenerator<T> {
  yield * items
}

const nameOf = ({ id, object }: PlainObject): string => String(id ?? object ?? 'something')
