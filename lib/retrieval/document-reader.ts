import type { Clock } from '../shared/clock.js'
import type { Chunk } from './chunk.js'
import { DocumentProcess, stopped } from './document-process.js'
import type { DocumentJob } from './document-worker.js'
import { isSupportedName } from './parse/detect.js'
import { DEFAULT_DOCUMENT_LIMITS, DocumentError, type DocumentLimits } from './parse/document.js'
import type { ExtensionSet } from './parse/kinds.js'

export interface DocumentReaderOptions {
  clock: Clock
  limits?: Partial<DocumentLimits>
  /** Which kinds of documents are read. Default `all`. */
  extensions?: ExtensionSet
  /** Languages in which pictures of text are read, as Tesseract names them; none to leave them unread. Default `eng`. */
  languages?: readonly string[]
  /** How long a document may take to be parsed, and then each batch of its chunks, in milliseconds. Default 60,000. */
  timeoutMs?: number
  /** Heap in MB that a document may take; what is held in arrays may be as much again, beside the file and what it unpacks to. Default 512. */
  memoryMb?: number
  /** What runs in the thread of the process, for tests of what ends it. */
  thread?: URL
}

/** How long a process waits for the next document before it is ended, in milliseconds. */
const IDLE_MS = 30_000
const MB = 1024 * 1024
/** What a process takes beside the document: Node, the readers of all kinds, Tesseract with its data. */
const BASE_BYTES = 512 * MB

interface Idle {
  process: DocumentProcess
  stopIdle: () => void
}

/**
 * Reads documents in processes of their own, so that no document can block the server, exhaust its memory or end it: a process
 * that takes too long or grows too large is ended, and its document has failed. There are as many processes as documents
 * being read; callers bound that. A process is kept for the next document for a while.
 */
export class DocumentReader {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #memoryMb: number
  readonly #thread: URL
  readonly #limits: DocumentLimits
  readonly #extensions: ExtensionSet
  readonly #languages: readonly string[]
  readonly #idle: Idle[] = []
  readonly #processes = new Set<DocumentProcess>()
  #closed = false

  constructor ({ clock, limits, extensions = 'all', languages = ['eng'], timeoutMs = 60_000, memoryMb = 512, thread = new URL('./document-worker.js', import.meta.url) }: DocumentReaderOptions) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#memoryMb = memoryMb
    this.#thread = thread
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
   * The chunks of a document, in batches that are made as they are asked for. Throws a `DocumentError`, or another error
   * when the process ended for reasons of its own and the document may be read again. The bytes must stay as they are until the first answer.
   *
   * @param on.notes is called once with a sentence for each part that could not be read, if there are any
   * @param on.progress is called ahead of each batch with the part of the text that it ends, 0 to 1
   */
  async * read (job: DocumentJob, on: { notes?: (notes: string[]) => void, progress?: (part: number) => void } = {}): AsyncGenerator<Chunk[], void, undefined> {
    const process = this.#take()
    let isReusable = false
    try {
      let message = await process.begin(job)
      while ('chunks' in message) {
        on.progress?.(message.progress)
        isReusable = 'done' in message
        yield message.chunks
        if ('done' in message) break
        message = await process.more()
      }
      isReusable = true
      if ('done' in message && message.notes.length > 0) on.notes?.(message.notes)
      if ('error' in message) throw new DocumentError(message.error.code, message.error.message)
    } finally {
      if (isReusable && !this.#closed) this.#putBack(process)
      else await this.#end(process)
    }
  }

  /** Ends all processes; documents being read fail. */
  async close (): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#processes].map(async process => await this.#end(process)))
  }

  #take (): DocumentProcess {
    if (this.#closed) throw new DocumentError('server_error', 'The server is shutting down.')
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      idle.stopIdle()
      idle.process.ref()
      return idle.process
    }
    const { maxBytes, maxUnpackedBytes } = this.#limits
    const maxArrayBytes = maxBytes + 2 * maxUnpackedBytes + this.#memoryMb * MB
    const process = new DocumentProcess({
      limits: this.#limits,
      extensions: this.#extensions,
      languages: this.#languages,
      maxArrayBytes,
      thread: this.#thread.href,
      memoryMb: this.#memoryMb,
      maxResidentBytes: BASE_BYTES + this.#memoryMb * MB + maxArrayBytes
    }, { clock: this.#clock, timeoutMs: this.#timeoutMs })
    this.#processes.add(process)
    process.closed.then(() => this.#forget(process), () => {})
    return process
  }

  #putBack (process: DocumentProcess): void {
    process.unref()
    this.#idle.push({ process, stopIdle: this.#clock.after(IDLE_MS, () => { this.#end(process).catch(() => {}) }) })
  }

  #forget (process: DocumentProcess): void {
    this.#processes.delete(process)
    const index = this.#idle.findIndex(idle => idle.process === process)
    if (index !== -1) this.#idle.splice(index, 1)[0]?.stopIdle()
  }

  async #end (process: DocumentProcess): Promise<void> {
    this.#forget(process)
    await process.end(stopped())
  }
}
