import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { WORKER_ARGUMENTS } from '../worker-arguments.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexOpeningsQuery, IndexQuery, RetrievalIndex, StoreRef } from './contract.js'
import type { IndexDatabaseOptions } from './index-database.js'
import type { IndexCall, IndexMethod, IndexReply } from './index-worker.js'

export interface WorkerIndexOptions extends IndexDatabaseOptions {
  /** Whether the file goes when the index is closed. */
  temporary: boolean
}

interface Thread {
  worker: Worker
  options: WorkerIndexOptions
  /** Resolves when the thread has ended. */
  exited: Promise<void>
  waiting: Map<number, { resolve: (result: never) => void, reject: (error: Error) => void }>
}

/** SQLite's full-text search and vectors in memory, in a thread of their own that begins with the first call. */
export class WorkerIndex implements RetrievalIndex {
  readonly #options: () => Promise<WorkerIndexOptions>
  #thread: Promise<Thread> | undefined
  #calls = 0
  #closing: Promise<void> | undefined

  /** @param options asked for by the first call. */
  constructor (options: () => Promise<WorkerIndexOptions>) {
    this.#options = options
  }

  async cursor (store: StoreRef): Promise<number> {
    return await this.#call('cursor', store)
  }

  async has (store: StoreRef, generation: string, chunks?: number): Promise<boolean> {
    return await this.#call('has', store, generation, chunks)
  }

  async addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void> {
    await this.#call('addChunks', store, file, chunks)
  }

  async addFile (store: StoreRef, file: IndexedFile, cursor: number): Promise<void> {
    await this.#call('addFile', store, file, cursor)
  }

  async removeGeneration (store: StoreRef, generation: string): Promise<void> {
    await this.#call('removeGeneration', store, generation)
  }

  async removeFile (store: StoreRef, fileId: string): Promise<void> {
    await this.#call('removeFile', store, fileId)
  }

  async search (stores: readonly StoreRef[], query: IndexQuery): Promise<IndexHit[]> {
    return await this.#call('search', stores, query)
  }

  async openings (stores: readonly StoreRef[], query: IndexOpeningsQuery): Promise<IndexHit[]> {
    return await this.#call('openings', stores, query)
  }

  async drop (store: StoreRef): Promise<void> {
    await this.#call('drop', store)
  }

  async stores (): Promise<StoreRef[]> {
    return await this.#call('stores')
  }

  async close (): Promise<void> {
    await (this.#closing ??= this.#close(this.#thread))
  }

  async #close (starting: Promise<Thread> | undefined): Promise<void> {
    if (starting === undefined) return
    // Behind all that was asked for; what comes later is refused.
    const closed = this.#call('close').catch(() => {})
    const thread = await starting.catch(() => undefined)
    if (thread === undefined) return
    await closed
    // It ends by itself: terminating a thread that is in the midst of libsql's native code ends the process.
    thread.worker.ref()
    await thread.exited
    if (thread.options.temporary) for (const suffix of ['', '-wal', '-shm']) rmSync(thread.options.path + suffix, { force: true })
  }

  async #call<T> (method: IndexMethod, ...args: unknown[]): Promise<T> {
    if (this.#closing !== undefined) throw new Error('the index is closed')
    const { worker, waiting } = await (this.#thread ??= this.#start())
    const id = ++this.#calls
    const call: IndexCall = { id, method, args }
    return await new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.ref()
      worker.postMessage(call)
    })
  }

  async #start (): Promise<Thread> {
    const options = await this.#options()
    const worker = new Worker(new URL('./index-worker.js', import.meta.url), { name: 'index', workerData: options, execArgv: WORKER_ARGUMENTS })
    const waiting: Thread['waiting'] = new Map()
    let failure = new Error('the index thread has ended')
    worker.on('message', (reply: IndexReply) => {
      const call = waiting.get(reply.id)
      waiting.delete(reply.id)
      if (waiting.size === 0) worker.unref()
      if ('error' in reply) call?.reject(reply.error)
      else call?.resolve(reply.result as never)
    })
    worker.on('error', (error: Error) => { failure = error })
    // What is in the file is whole: the next call begins a new thread on it.
    const exited = new Promise<void>(resolve => worker.on('exit', () => {
      this.#thread = undefined
      for (const { reject } of waiting.values()) reject(failure)
      resolve()
    }))
    worker.unref()
    return { worker, waiting, exited, options }
  }
}
