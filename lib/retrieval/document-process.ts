import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startChild } from '../shared/child-process.js'
import type { Clock } from '../shared/clock.js'
import type { Chunk } from './chunk.js'
import type { DocumentMainData } from './document-main.js'
import type { DocumentJob, FromDocumentProcess, FromDocumentWorker, ToDocumentProcess } from './document-worker.js'
import { readFrames, sendFrame } from './frames.js'
import { DocumentError, unreadable } from './parse/document.js'

/** What a document is answered with, but for the signs that it is not stuck. */
export type DocumentAnswer = Exclude<FromDocumentWorker, { busy: true }>

/** Of one answer. A batch of chunks is 4 MB at the most, when each of its characters is escaped. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
/** What is kept of the last that the process wrote: V8 says there what it died of, and for every line of JavaScript where that was. */
const MAX_LAST_WORDS = 16 * 1024
const OUT_OF_MEMORY = /out of memory|allocation failed|bad_alloc/i
const STDERR = 2
const CHANNEL = 3
/** Node and the thread are started, and the document is sent. */
const START_MS = 60_000
const PROGRAM = fileURLToPath(new URL('./document-main.js', import.meta.url))

/** How a process that reads documents is used by the one that has started it. One document at a time, one question at a time. */
export class DocumentProcess {
  readonly #child: ChildProcess
  readonly #pipes: readonly Socket[]
  readonly #channel: Socket
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #closed: Promise<void>
  #lastWords = ''
  /** Whether the thread has the document: until then, the end of the process is no fault of it. */
  #hasBegun = false
  /** What the process itself says of its end. */
  #ended: Extract<FromDocumentProcess, { ended: unknown }> | undefined
  /** The end, once it has come. */
  #failure: Error | undefined
  #waiting: { resolve: (answer: DocumentAnswer) => void, reject: (error: Error) => void, cancel: () => void } | undefined

  /** @param timeoutMs for each answer, in milliseconds; it begins when the thread has the document, and anew with each sign that it is not stuck. */
  constructor (data: DocumentMainData, { clock, timeoutMs }: { clock: Clock, timeoutMs: number }) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    const { child, pipes } = startChild('a process that reads documents', process.execPath, [PROGRAM, JSON.stringify(data)], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // Nothing of the server's own, keys least of all. Where pictures are read, Tesseract's data is copied to the temporary folder.
      env: { TMPDIR: tmpdir(), TZ: Intl.DateTimeFormat().resolvedOptions().timeZone },
      cwd: '/',
      windowsHide: true
    })
    this.#child = child
    this.#closed = new Promise(resolve => {
      const close = (failure: Error): void => {
        this.#failure ??= failure
        this.#fail(this.#failure)
        resolve()
      }
      this.#child.on('error', close)
      this.#child.on('close', (code, signal) => close(this.#reason(code, signal)))
    })
    this.#pipes = pipes.filter(pipe => pipe !== null)
    this.#channel = pipes[CHANNEL]!
    // The end of the process says more than an error of its pipes.
    for (const pipe of this.#pipes) pipe.on('error', () => {})
    pipes[STDERR]!.setEncoding('latin1').on('data', (piece: string) => { this.#lastWords = (this.#lastWords + piece).slice(-MAX_LAST_WORDS) })
    readFrames(this.#channel, { maxBytes: MAX_ANSWER_BYTES, onFrame: bytes => this.#answer(bytes), onTooLarge: () => this.#break('it sent too large an answer') })
  }

  /** Resolves when the process is gone. */
  get closed (): Promise<void> {
    return this.#closed
  }

  /** Gives a document to the process. Resolves with the first answer. Throws a `DocumentError`, or another error when the document is not to blame. */
  async begin ({ bytes, ...job }: DocumentJob): Promise<DocumentAnswer> {
    this.#hasBegun = false
    return await this.#ask({ job }, bytes)
  }

  /** The next answer for the document. Throws as `begin` does. */
  async more (): Promise<DocumentAnswer> {
    return await this.#ask({ more: true })
  }

  /** The process keeps this one alive. At first it does. */
  ref (): void {
    for (const handle of [this.#child, ...this.#pipes]) handle.ref()
  }

  /** It no longer does. */
  unref (): void {
    for (const handle of [this.#child, ...this.#pipes]) handle.unref()
  }

  /** Ends the process, whatever it is doing, and what is being asked with `because`. */
  async end (because: Error): Promise<void> {
    this.#failure ??= because
    this.ref()
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  async #ask (message: ToDocumentProcess, bytes?: Uint8Array): Promise<DocumentAnswer> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return await new Promise<DocumentAnswer>((resolve, reject) => {
        this.#waiting = { resolve, reject, cancel: this.#hasBegun ? this.#inTime() : this.#startsInTime() }
        sendFrame(this.#channel, Buffer.from(JSON.stringify(message)))
        if (bytes !== undefined) sendFrame(this.#channel, bytes)
      })
    } finally {
      this.#waiting?.cancel()
      this.#waiting = undefined
    }
  }

  #inTime (): () => void {
    return this.#clock.after(this.#timeoutMs, () => this.#fail(unreadable('it takes too long')))
  }

  #startsInTime (): () => void {
    return this.#clock.after(START_MS, () => this.#fail(new Error('a process that reads documents did not start in time')))
  }

  #fail (error: Error): void {
    this.#waiting?.reject(error)
  }

  #answer (bytes: Uint8Array): void {
    const message = parse(bytes)
    if (message === undefined) return this.#break('it sent an answer that is none')
    if ('ended' in message) {
      this.#ended = message
      return
    }
    const waiting = this.#waiting
    if (waiting === undefined) return this.#break('it sent an answer that was not asked for')
    if (!('busy' in message || 'begun' in message)) return waiting.resolve(message)
    this.#hasBegun = true
    waiting.cancel()
    waiting.cancel = this.#inTime()
  }

  /** The other side does not keep to the protocol. */
  #break (because: string): void {
    this.#failure ??= unreadable(undefined, new Error(because))
    this.#child.kill('SIGKILL')
  }

  /** Why it has ended without having been asked to. */
  #reason (code: number | null, signal: string | null): Error {
    const ended = this.#ended?.ended
    const cause = new Error(this.#ended?.message ?? `the process that reads documents ended with ${signal ?? `status ${code}`}: ${this.#lastWords.trim()}`)
    if (ended === 'memory') return unreadable('it needs too much memory', cause)
    if (!this.#hasBegun) return cause
    // The system ends by this signal what takes more memory than there is.
    const isTooLarge = ended === undefined && (signal === 'SIGKILL' || OUT_OF_MEMORY.test(this.#lastWords))
    return isTooLarge ? unreadable('it needs too much memory', cause) : unreadable(undefined, cause)
  }
}

/** Undefined for what no process of ours sends. */
function parse (bytes: Uint8Array): FromDocumentProcess | undefined {
  try {
    const message = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as FromDocumentProcess
    return isMessage(message) ? message : undefined
  } catch {
    return undefined
  }
}

function isMessage (message: FromDocumentProcess): boolean {
  if ('done' in message && !message.notes.every(note => typeof note === 'string')) return false
  if ('chunks' in message) return typeof message.progress === 'number' && message.chunks.every(isChunk)
  if ('error' in message) return typeof message.error.message === 'string' && ['unsupported_file', 'invalid_file', 'server_error'].includes(message.error.code)
  if ('ended' in message) return typeof message.message === 'string'
  return 'done' in message || 'busy' in message || 'begun' in message
}

const isChunk = ({ text, tokens, start, page = 0 }: Chunk): boolean => typeof text === 'string' && [tokens, start, page].every(Number.isInteger)

/** What is being read when the process is ended by the server. */
export const stopped = (): DocumentError => new DocumentError('server_error', 'The server was stopped while it read the file.')
