import { randomBytes } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import { SerialQueue } from '../../storage/base/serial-queue.js'
import { unlessAborted } from '../shared/abort.js'
import { CallOutput } from './output.js'
import { isPlainPath, Replies, type Reply } from './replies.js'
import { SandboxError, type ExecuteOptions, type SandboxEvent, type SandboxLimits, type SandboxSession } from './sandbox.js'

/** A process that runs `runner`, isolated by whoever has started it. */
export interface RunnerProcess {
  /** What user code prints, with the runner's marks. */
  readonly output: Readable
  /** Requests go in, replies come out. */
  readonly control: Duplex
  /** Resolves with the reason when every process of the session is gone. Never rejects. */
  readonly exited: Promise<string>
  /** Stops the code that runs, so that the runner goes on. */
  interrupt (): void
  /** Ends every process of the session. */
  kill (reason: string): void
}

/** Between the interrupt of a call and the end of its session, with its variables: long, since on a busy machine code goes behind all else. */
const GRACE_MS = 5000
/** Between two interrupts of one call. */
const AGAIN_MS = 250
/** A file travels in pieces of this size. */
const PIECE_BYTES = 768 * 1024
/** Answers of the runner itself, when no user code runs. A thread that user code has left behind can delay them. */
const REPLY_MS = 30_000

/** A session of the runner in `lib/sandbox/python/`, behind whatever walls. */
export class RunnerSession implements SandboxSession {
  readonly ended: Promise<string>
  #hasEnded = false
  #python = ''
  readonly #process: RunnerProcess
  readonly #output: CallOutput
  readonly #replies: Replies
  readonly #turns = new SerialQueue()

  private constructor (process: RunnerProcess, limits: SandboxLimits) {
    this.#process = process
    this.#output = new CallOutput(process.output, limits.outputBytes, () => process.kill(`it wrote more than ${limits.outputBytes} bytes of output`))
    this.#replies = new Replies(process.control, reason => process.kill(reason))
    this.ended = process.exited.then(reason => {
      this.#hasEnded = true
      this.#output.end()
      this.#replies.end()
      return reason
    })
  }

  /** The session of a process that has just been started. Throws a `SandboxError`, or the signal's reason. */
  static async open (process: RunnerProcess, limits: SandboxLimits, timeoutMs: number, signal: AbortSignal): Promise<RunnerSession> {
    const session = new RunnerSession(process, limits)
    const timer = setTimeout(() => process.kill(`it did not start within ${timeoutMs} ms`), timeoutMs)
    try {
      const ready = await unlessAborted(session.#replies.next(), signal)
      if (ready?.type !== 'ready') {
        process.kill('it began with a wrong reply')
        throw new SandboxError(`Python did not start: ${await session.ended}.`)
      }
      session.#python = ready.python
      return session
    } catch (error) {
      process.kill('its start was given up')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get hasEnded (): boolean {
    return this.#hasEnded
  }

  get python (): string {
    return this.#python
  }

  async * execute (code: string, { timeoutMs, signal }: ExecuteOptions): AsyncGenerator<SandboxEvent, void, void> {
    const turn = await this.#turn(signal)
    const call = new Call({ process: this.#process, output: this.#output, replies: this.#replies, ended: this.ended }, timeoutMs)
    try {
      this.#send({ op: 'exec', code, mark: call.begin() })
      for (;;) {
        const event = await unlessAborted(call.next(), signal)
        // The files of a call are fetched while its last event is looked at.
        if (event.type === 'done') turn()
        yield event
        if (event.type === 'done') return
      }
    } finally {
      // Whoever asked may be gone; the next one must find the session at rest.
      call.finish().then(turn, turn)
    }
  }

  async put (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    if (!isPlainPath(path)) throw new SandboxError(`"${path}" is no path of a file`)
    await this.#turns.run(async () => {
      let isFirst = true
      const send = async (data: Buffer): Promise<void> => {
        await this.#ask({ op: 'put', path, append: !isFirst, data: data.toString('base64') }, 'ok')
        isFirst = false
      }
      for await (const piece of piecesOf(bytes)) await send(piece)
      if (isFirst) await send(Buffer.alloc(0))
    })
  }

  async * get (path: string, maxBytes: number): AsyncGenerator<Buffer, void, void> {
    for (let offset = 0; offset < maxBytes;) {
      const length = Math.min(PIECE_BYTES, maxBytes - offset)
      const { data } = await this.#turns.run(async () => await this.#ask({ op: 'get', path, offset, length }, 'data'))
      if (data.length === 0) return
      yield data.subarray(0, length)
      offset += data.length
    }
  }

  async stop (): Promise<void> {
    this.#process.kill('it was stopped')
    await this.ended
  }

  /** Waits for the operations before. Returns what ends the turn. */
  async #turn (signal: AbortSignal): Promise<() => void> {
    let release = (): void => {}
    const held = new Promise<void>(resolve => { release = resolve })
    const mine = new Promise<void>(resolve => {
      this.#turns.run(async () => {
        resolve()
        await held
      }).catch(() => {})
    })
    try {
      await unlessAborted(mine, signal)
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  async #ask<T extends Reply['type']> (request: object, wanted: T): Promise<Reply & { type: T }> {
    if (this.#hasEnded) throw new SandboxError(`The session has ended: ${await this.ended}.`)
    this.#send(request)
    const timer = setTimeout(() => this.#process.kill('it did not answer'), REPLY_MS)
    const reply = await this.#replies.next().finally(() => clearTimeout(timer))
    if (reply?.type === 'error') throw new SandboxError(reply.message)
    if (reply?.type === wanted) return reply as Reply & { type: T }
    this.#process.kill('it sent a reply that was not asked for')
    throw new SandboxError(`The session has ended: ${await this.ended}.`)
  }

  #send (request: object): void {
    if (!this.#hasEnded && this.#process.control.writable) this.#process.control.write(JSON.stringify(request) + '\n')
  }
}

/** The bytes in pieces of one size at most. */
async function * piecesOf (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = 0; at < buffer.length; at += PIECE_BYTES) yield buffer.subarray(at, at + PIECE_BYTES)
  }
}

interface CallParts {
  process: RunnerProcess
  output: CallOutput
  replies: Replies
  ended: Promise<string>
}

/** One call, until its last event, whether or not its events are wanted. */
class Call {
  readonly #parts: CallParts
  readonly #timeout: NodeJS.Timeout
  #grace: NodeJS.Timeout | undefined
  #hasStopped = false
  #again: NodeJS.Timeout | undefined
  #hasTimedOut = false
  #isDone = false
  #pending: Promise<SandboxEvent> | undefined

  constructor (parts: CallParts, timeoutMs: number) {
    this.#parts = parts
    this.#timeout = setTimeout(() => {
      this.#hasTimedOut = true
      this.#interrupt()
    }, timeoutMs)
  }

  /** The mark that the runner is to use. */
  begin (): string {
    const nonce = randomBytes(16).toString('hex')
    this.#parts.output.begin(Buffer.from(`\0${nonce}`))
    return nonce
  }

  /** The next event. One that was not waited for to its end comes again. */
  async next (): Promise<SandboxEvent> {
    this.#pending ??= this.#read()
    const event = await this.#pending
    this.#pending = undefined
    if (event.type === 'done') this.#end()
    return event
  }

  /** Stops what still runs, and resolves when the session can take another call or has ended. */
  async finish (): Promise<void> {
    if (this.#isDone) return
    this.#interrupt()
    while (!this.#isDone) await this.next()
  }

  async #read (): Promise<SandboxEvent> {
    const { output, replies } = this.#parts
    let piece = await output.next()
    if (piece?.type === 'stopped') {
      this.#stopped()
      piece = await output.next()
    }
    if (piece === undefined) return await this.#died()
    if (piece.type === 'text') return piece
    const reply = await replies.next()
    if (reply === undefined) return await this.#died()
    if (piece.type === 'image' && reply.type === 'image') return reply
    if (piece.type === 'end' && reply.type === 'done') {
      const status = reply.interrupted && this.#hasTimedOut ? 'timeout' : reply.status
      return { type: 'done', status, files: reply.files }
    }
    this.#parts.process.kill('it sent a reply that was not asked for')
    return await this.#died()
  }

  async #died (): Promise<SandboxEvent> {
    return { type: 'done', status: 'died', files: [], detail: await this.#parts.ended }
  }

  /** Again and again: the runner may not have come to the code yet, and code may catch an interrupt. */
  #interrupt (): void {
    if (this.#grace !== undefined || this.#hasStopped) return
    this.#parts.process.interrupt()
    this.#again = setInterval(() => this.#parts.process.interrupt(), AGAIN_MS)
    this.#grace = setTimeout(() => this.#parts.process.kill(this.#hasTimedOut ? 'it did not stop when its time was up' : 'it did not stop when it was interrupted'), GRACE_MS)
  }

  /** The code is at its end, and the runner looks which files there are: however many, that is no fault of the code. */
  #stopped (): void {
    this.#clear()
    this.#hasStopped = true
    this.#grace = setTimeout(() => this.#parts.process.kill('it did not answer'), REPLY_MS)
  }

  #end (): void {
    this.#isDone = true
    this.#clear()
  }

  #clear (): void {
    clearTimeout(this.#timeout)
    clearTimeout(this.#grace)
    clearInterval(this.#again)
  }
}
