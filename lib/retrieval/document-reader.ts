import { Worker } from 'node:worker_threads'
import type { Clock } from '../shared/clock.js'
import type { Chunk } from './chunk.js'
import type { DocumentJob, DocumentWorkerData, FromDocumentWorker, ToDocumentWorker } from './document-worker.js'
import { isSupportedName } from './parse/detect.js'
import { DEFAULT_DOCUMENT_LIMITS, DocumentError, unreadable, type DocumentLimits } from './parse/document.js'
import type { ExtensionSet } from './parse/kinds.js'
import { WORKER_ARGUMENTS } from './worker-arguments.js'

export interface DocumentReaderOptions {
  clock: Clock
  limits?: Partial<DocumentLimits>
  /** Which kinds of documents are read. Default `all`. */
  extensions?: ExtensionSet
  /** Languages in which pictures of text are read, as Tesseract names them; none to leave them unread. Default `eng`. */
  languages?: readonly string[]
  /** How long a document may take to be parsed, and then each batch of its chunks, in milliseconds. Default 60,000. */
  timeoutMs?: number
  /** Heap of a thread in MB; what it holds in arrays may be as much again, beside the file and what it unpacks to. Default 512. */
  memoryMb?: number
}

/** How long a thread waits for the next document before it is ended, in milliseconds. */
const IDLE_MS = 30_000

interface Thread {
  worker: Worker
  stopIdle: () => void
}

/**
 * Reads documents in worker threads, so that no document can block the server or exhaust its memory: a thread
 * that takes too long or grows too large is ended, and its document has failed. There are as many threads as documents
 * being read; callers bound that. A thread is kept for the next document for a while.
 */
export class DocumentReader {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #memoryMb: number
  readonly #limits: DocumentLimits
  readonly #extensions: ExtensionSet
  readonly #languages: readonly string[]
  readonly #idle: Thread[] = []
  readonly #threads = new Set<Worker>()
  #closed = false

  constructor ({ clock, limits, extensions = 'all', languages = ['eng'], timeoutMs = 60_000, memoryMb = 512 }: DocumentReaderOptions) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#memoryMb = memoryMb
    this.#extensions = extensions
    this.#languages = languages
    this.#limits = { ...DEFAULT_DOCUMENT_LIMITS, ...limits }
  }

  /** The largest file that is read; there is no use in loading a larger one. */
  get maxBytes (): number {
    return this.#limits.maxBytes
  }

  /** Whether files of this name are read. */
  supports (filename: string): boolean {
    return isSupportedName(filename, this.#extensions)
  }

  /**
   * The chunks of a document, in batches that are made as they are asked for. Throws a `DocumentError`. The bytes are used up.
   *
   * @param on.notes is called once with a sentence for each part that could not be read, if there are any
   * @param on.progress is called ahead of each batch with the part of the text that it ends, 0 to 1
   */
  async * read (job: DocumentJob, on: { notes?: (notes: string[]) => void, progress?: (part: number) => void } = {}): AsyncGenerator<Chunk[], void, undefined> {
    const worker = this.#take()
    let isReusable = false
    try {
      let message = await this.#ask(worker, { job }, job.bytes)
      while ('chunks' in message) {
        on.progress?.(message.progress)
        yield message.chunks
        message = await this.#ask(worker, { more: true })
      }
      isReusable = true
      if ('done' in message && message.notes.length > 0) on.notes?.(message.notes)
      if ('error' in message) throw new DocumentError(message.error.code, message.error.message)
    } finally {
      if (isReusable && !this.#closed) this.#putBack(worker)
      else await this.#end(worker)
    }
  }

  /** Ends all threads; documents being read fail. */
  async close (): Promise<void> {
    this.#closed = true
    for (const { stopIdle } of this.#idle) stopIdle()
    await Promise.all([...this.#threads].map(async worker => await this.#end(worker)))
  }

  /** Sends, and waits for the one answer. The time for it begins anew whenever the thread says that it is getting on. */
  async #ask (worker: Worker, message: ToDocumentWorker, bytes?: Uint8Array): Promise<FromDocumentWorker> {
    const listeners = new AbortController()
    try {
      return await new Promise<FromDocumentWorker>((resolve, reject) => {
        const fail = (error: Error): void => reject(failure(error))
        const stopped = (): void => reject(new DocumentError('server_error', 'The server was stopped while it read the file.'))
        // It ended while what it had read was being kept, and nothing will tell of that any more.
        if (!this.#threads.has(worker)) return stopped()
        worker.on('error', fail).on('exit', stopped)
        const inTime = (): () => void => this.#clock.after(this.#timeoutMs, () => reject(unreadable('it takes too long')))
        let cancel = inTime()
        const answered = (answer: FromDocumentWorker): void => {
          if (!('busy' in answer)) return resolve(answer)
          cancel()
          cancel = inTime()
        }
        worker.on('message', answered)
        listeners.signal.addEventListener('abort', () => {
          worker.off('message', answered).off('error', fail).off('exit', stopped)
          cancel()
        })
        worker.postMessage(message, bytes?.buffer instanceof ArrayBuffer && isWhole(bytes) ? [bytes.buffer] : [])
      })
    } finally {
      listeners.abort()
    }
  }

  #take (): Worker {
    if (this.#closed) throw new DocumentError('server_error', 'The server is shutting down.')
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      idle.stopIdle()
      idle.worker.ref()
      return idle.worker
    }
    const data: DocumentWorkerData = {
      limits: this.#limits,
      extensions: this.#extensions,
      languages: this.#languages,
      maxArrayBytes: this.#limits.maxBytes + 2 * this.#limits.maxUnpackedBytes + this.#memoryMb * 1024 * 1024
    }
    const worker = new Worker(new URL('./document-worker.js', import.meta.url), {
      name: 'documents',
      workerData: data,
      execArgv: WORKER_ARGUMENTS,
      // What a library prints about a broken document is no affair of the server's own output.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: this.#memoryMb, stackSizeMb: 4 }
    })
    worker.stdout.resume()
    worker.stderr.resume()
    // An error outside of a document; within one, `ask` listens too.
    worker.on('error', () => {})
    this.#threads.add(worker)
    worker.on('exit', () => this.#forget(worker))
    return worker
  }

  #putBack (worker: Worker): void {
    worker.unref()
    this.#idle.push({ worker, stopIdle: this.#clock.after(IDLE_MS, () => { this.#end(worker).catch(() => {}) }) })
  }

  #forget (worker: Worker): void {
    this.#threads.delete(worker)
    const index = this.#idle.findIndex(thread => thread.worker === worker)
    if (index !== -1) this.#idle.splice(index, 1)[0]?.stopIdle()
  }

  async #end (worker: Worker): Promise<void> {
    this.#forget(worker)
    await worker.terminate()
  }
}

const isWhole = (bytes: Uint8Array): boolean => bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength

function failure (error: Error): DocumentError {
  const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
  return isTooLarge ? unreadable('it needs too much memory', error) : unreadable(undefined, error)
}
