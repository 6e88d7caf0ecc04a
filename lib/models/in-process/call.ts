import { unlessAborted } from '../../shared/abort.js'
import { systemClock, type Clock } from '../../shared/clock.js'
import { Timer } from '../../shared/timers.js'
import { resolveTimeouts, type Timeouts } from '../http/client.js'
import { cutShort, UpstreamError, type FailureContext } from '../http/failure.js'
import { retrying } from '../http/retry.js'
import type { ModelPart } from '../provider.js'

/** Options of providers that call a library in this process instead of a server. */
export interface InProcessOptions {
  /** The provider in messages to the user. Default: the library's name. */
  name?: string
  /** Model names for `GET /models`. Default: those that the library lists, if it does. */
  models?: string[]
  /** Retries after transient failures, as long as nothing of the answer was passed on. Default 2. */
  maxRetries?: number
  /** A request is not retried when the vendor asks for a longer pause. Default 60,000 ms. */
  maxRetryDelayMs?: number
  /** Time limits; 0 or Infinity means none. Default 300,000 ms to the first token, 120,000 ms between two. */
  timeouts?: Partial<Pick<Timeouts, 'firstTokenMs' | 'idleMs'>>
  /** The time. For tests. Default: the system's. */
  clock?: Clock
}

/** A stream of a library's chunks. */
export interface ChunkStream<Chunk> {
  /** The next chunk, undefined at the end. */
  next (): Promise<Chunk | undefined>
  /** Called when the rest is not needed. Must not throw. */
  leave (): void
}

/** Turns a library's chunks into parts. */
export interface Translator<Chunk> {
  add (chunk: Chunk, parts: ModelPart[]): void
  /** Appends the last parts of the answer, ending with `finish`. Called only when `finished`. */
  end (parts: ModelPart[]): void
  /** Whether the library has reported why the model stopped. */
  readonly finished: boolean
}

/** One way to call a model. */
export interface Source<Chunk> {
  /** Starts the call. `signal` is aborted when the caller cancels or a time limit is exceeded. */
  open (signal: AbortSignal): Promise<ChunkStream<Chunk>>
  translator (): Translator<Chunk>
  /** The error for the user in place of what the library threw. */
  explain (thrown: unknown): UpstreamError
}

export class InProcessCaller {
  readonly #options: Required<Omit<InProcessOptions, 'models' | 'timeouts'>> & { timeouts: Timeouts }

  constructor (defaultName: string, options: InProcessOptions) {
    const { name = defaultName, maxRetries = 2, maxRetryDelayMs = 60_000, clock = systemClock } = options
    this.#options = { name, maxRetries, maxRetryDelayMs, clock, timeouts: resolveTimeouts(options.timeouts) }
  }

  get context (): FailureContext {
    return { name: this.#options.name, secrets: { values: [], host: '' }, now: this.#options.clock.now() }
  }

  /** Calls the model. A failed call is retried until there is a first part. */
  async * stream<Chunk> (source: Source<Chunk>, signal: AbortSignal): AsyncGenerator<ModelPart, void, undefined> {
    const call = await this.retried(signal, () => InProcessCall.begin(source, this.#options, this.context, signal))
    try {
      for (let parts = await call.next(); parts !== undefined; parts = await call.next()) {
        for (const part of parts) {
          yield part
          signal.throwIfAborted()
        }
      }
    } finally {
      call.close()
    }
  }

  retried<T> (signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const { maxRetries, maxRetryDelayMs: maxDelayMs, clock } = this.#options
    const inspect = (thrown: unknown): UpstreamError | undefined => thrown instanceof UpstreamError && thrown.retryable ? thrown : undefined
    return retrying(attempt, { maxRetries, maxDelayMs, clock, signal, inspect })
  }
}

/** One call under way. Each wait ends at once when the caller cancels or a time limit is exceeded, even if the library ignores its signal. */
class InProcessCall<Chunk> {
  readonly #source: Source<Chunk>
  readonly #signal: AbortSignal
  readonly #context: FailureContext
  readonly #timeouts: Timeouts
  readonly #deadline: Timer
  readonly #translator: Translator<Chunk>
  readonly #inner = new AbortController()
  #chunks: ChunkStream<Chunk> | undefined
  #first: ModelPart[] | undefined
  #done = false

  private constructor (source: Source<Chunk>, { clock, timeouts }: { clock: Clock, timeouts: Timeouts }, context: FailureContext, signal: AbortSignal) {
    this.#source = source
    this.#signal = signal
    this.#context = context
    this.#timeouts = timeouts
    this.#deadline = new Timer(clock)
    this.#translator = source.translator()
  }

  static async begin<Chunk> (source: Source<Chunk>, options: { clock: Clock, timeouts: Timeouts }, context: FailureContext, signal: AbortSignal): Promise<InProcessCall<Chunk>> {
    const call = new InProcessCall(source, options, context, signal)
    signal.addEventListener('abort', call.#abort, { once: true })
    call.#limit(options.timeouts.firstTokenMs, 'sent nothing for')
    try {
      const opening = source.open(call.#inner.signal)
      // The stream may open after the call was aborted.
      opening.then(chunks => { if (call.#inner.signal.aborted) chunks.leave() }, () => {})
      call.#chunks = await unlessAborted(opening, call.#inner.signal)
      call.#first = await call.#read()
      return call
    } catch (thrown) {
      const explained = call.#explain(thrown)
      call.close()
      throw explained
    }
  }

  async next (): Promise<ModelPart[] | undefined> {
    const first = this.#first
    this.#first = undefined
    if (first !== undefined || this.#done) return first
    try {
      this.#limit(this.#timeouts.idleMs, 'sent nothing more for')
      return await this.#read()
    } catch (thrown) {
      throw this.#explain(thrown)
    }
  }

  close (): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#deadline.clear()
    if (this.#done) return
    this.#inner.abort(new Error('The answer is no longer needed.'))
    this.#chunks?.leave()
  }

  readonly #abort = (): void => this.#inner.abort(this.#signal.reason)

  async #read (): Promise<ModelPart[]> {
    const parts: ModelPart[] = []
    while (parts.length === 0) {
      const chunk = await unlessAborted(this.#chunks!.next(), this.#inner.signal)
      if (chunk !== undefined) {
        this.#translator.add(chunk, parts)
        continue
      }
      if (!this.#translator.finished) throw cutShort(this.#context)
      this.#translator.end(parts)
      this.#done = true
    }
    this.#deadline.clear()
    return parts
  }

  #limit (ms: number, what: string): void {
    this.#deadline.set(ms, () => this.#inner.abort(new UpstreamError('server_error', `The model provider "${this.#context.name}" ${what} ${ms} ms.`)))
  }

  #explain (thrown: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason
    const cause = this.#inner.signal.aborted ? this.#inner.signal.reason : thrown
    return cause instanceof UpstreamError ? cause : this.#source.explain(cause)
  }
}
