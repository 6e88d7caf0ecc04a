import type { EventSourceMessage } from 'eventsource-parser'
import type { Clock } from '../../shared/clock.js'
import { IdleTimer } from '../../shared/timers.js'
import { readText, type Answer, type HttpClient, type Timeouts } from '../http/client.js'
import { FrameTooLongError, SseDecoder } from '../http/sse.js'
import type { ModelPart } from '../provider.js'
import { ChunkTranslator, StreamedError } from './chunks.js'
import { connectionFailure, cutShort, streamedFailure } from '../http/failure.js'
import type { Origin } from './opaque.js'
import type { ChatBody } from './request.js'
import { TextChunks } from './text-chunks.js'

export interface ReplyOptions {
  client: HttpClient
  clock: Clock
  timeouts: Timeouts
  maxFrameLength: number
  origin: Origin
  signal: AbortSignal
  /** Whether reasoning becomes parts. */
  reasoning: boolean
}

/** How long a vendor that has given its reason to stop may take to close, and what it may still send. */
const CLOSING_MS = 5_000
const CLOSING_BYTES = 64 * 1024

/** The answer to one chat completion, pulled as batches of parts: one batch for each piece that comes off the socket. */
export class ChatReply {
  readonly #answer: Answer
  readonly #options: ReplyOptions
  readonly #sse: SseDecoder
  readonly #translator: ChunkTranslator
  readonly #textChunks = new TextChunks()
  /** Of the answer so far, as far as they were not taken. */
  #parts: ModelPart[] = []
  /** Between two pieces of the stream. */
  readonly #idle: IdleTimer
  #done = false

  private constructor (answer: Answer, options: ReplyOptions) {
    this.#answer = answer
    this.#options = options
    this.#translator = new ChunkTranslator(options.origin, options.reasoning)
    const { client, clock, timeouts: { idleMs } } = options
    this.#idle = new IdleTimer(clock, idleMs, () => answer.exchange.abort(client.timedOut(`sent nothing more for ${idleMs} ms.`)))
    const addText = (text: string): void => this.#translator.addText(text, this.#parts)
    this.#sse = new SseDecoder(options.maxFrameLength, event => this.#add(event),
      (stream, from) => this.#done ? stream.length : this.#textChunks.readFrames(stream, from, addText))
  }

  /** Sends the request and waits for the first parts: until then nothing was published, so a failure may be retried. */
  static async begin (body: ChatBody, options: ReplyOptions): Promise<ChatReply> {
    const answer = await options.client.send('POST', '/chat/completions', body, options.signal)
    const reply = new ChatReply(answer, options)
    try {
      await reply.#begin()
      return reply
    } catch (thrown) {
      answer.close()
      throw reply.#explain(thrown)
    }
  }

  /** The next parts, undefined after the last. Throws `UpstreamError`, or the signal's reason. */
  async next (): Promise<ModelPart[] | undefined> {
    try {
      while (this.#parts.length === 0 && !this.#done) {
        if (!this.#answer.exchange.readable) await this.#readable()
        this.#read()
      }
    } catch (thrown) {
      throw this.#explain(thrown)
    }
    if (this.#parts.length === 0) return undefined
    const parts = this.#parts
    this.#parts = []
    return parts
  }

  /** Closes the connection, or gives it back when the answer is complete. */
  close (): void {
    const { exchange, deadline } = this.#answer
    this.#idle.clear()
    if (!this.#done || exchange.ended) return this.#answer.close()
    // The end of the body is mostly in the next packet. A signal that is aborted from here on closes it early.
    exchange.discard(CLOSING_BYTES)
    deadline.set(CLOSING_MS, this.#answer.close)
  }

  async #begin (): Promise<void> {
    const { exchange, deadline } = this.#answer
    const type = exchange.headers['content-type'] ?? ''
    if (/\bjson\b/i.test(type)) return await this.#readWhole()
    if (/\bhtml\b/i.test(type)) throw this.#options.client.misunderstood('answered with a web page: is its base URL right?')
    while (this.#parts.length === 0 && !this.#done) {
      if (!exchange.readable) await this.#readable()
      this.#read()
    }
    // The reader may now take as long as it likes.
    deadline.clear()
  }

  /** Reads what has come, or the end: also where a vendor that is finished has nothing more to say. */
  #read (): void {
    const chunk = this.#chunk()
    if (chunk !== undefined) return this.#sse.feed(chunk)
    this.#sse.end()
    if (!this.#done) this.#end(false)
  }

  #chunk (): Buffer | undefined {
    try {
      return this.#answer.exchange.take()
    } catch (thrown) {
      if (this.#translator.finished && !this.#options.signal.aborted) return undefined
      throw thrown
    }
  }

  /** Until there is a part, the limit for the first one stands. */
  async #readable (): Promise<void> {
    const { exchange, deadline } = this.#answer
    if (this.#translator.finished) deadline.set(CLOSING_MS, () => exchange.abort(new Error('The stream was not closed.')))
    else if (this.#translator.begun) this.#idle.begin()
    while (!exchange.readable) await exchange.changed()
    this.#idle.pause()
  }

  #add ({ data, event }: EventSourceMessage): void {
    if (this.#done) return
    if (data.trim() === '[DONE]') return this.#end(true)
    const text = event === undefined ? this.#textChunks.read(data) : undefined
    if (text !== undefined) return this.#translator.addText(text, this.#parts)
    const chunk = this.#parse(data, event)
    this.#translator.add(chunk, this.#parts)
    const alone = event === undefined ? ChunkTranslator.textAlone(chunk) : undefined
    if (alone !== undefined) this.#textChunks.learn(data, alone)
  }

  /** Some servers ignore `stream: true`. */
  async #readWhole (): Promise<void> {
    const { client, maxFrameLength } = this.#options
    const text = await readText(this.#answer.exchange, maxFrameLength)
    this.#translator.add(this.#parse(text), this.#parts)
    this.#answer.deadline.clear()
    if (!this.#translator.produced && !this.#translator.finished) throw client.misunderstood('answered with JSON that is no chat completion: is its base URL right?')
    this.#end(true)
  }

  #end (marked: boolean): void {
    const { client } = this.#options
    // `[DONE]` is as good as a reason: the vendor says that its answer is whole.
    const whole = this.#translator.finished || (marked && this.#translator.produced)
    if (!whole) throw cutShort(client.context)
    if (!this.#translator.complete) throw client.misunderstood('called a function without naming it.')
    this.#translator.end(this.#parts)
    this.#done = true
  }

  #parse (data: string, event?: string): Record<string, unknown> {
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch (cause) {
      throw this.#options.client.misunderstood('sent a piece of its stream that is not JSON.', cause)
    }
    if (typeof chunk !== 'object' || chunk === null) throw this.#options.client.misunderstood('sent a piece of its stream that is not an object.')
    if (event === 'error') throw new StreamedError(chunk as Record<string, unknown>)
    return chunk as Record<string, unknown>
  }

  #explain (thrown: unknown): unknown {
    const { client, signal, maxFrameLength } = this.#options
    if (signal.aborted) return signal.reason
    if (thrown instanceof StreamedError) return streamedFailure(thrown.body, client.context)
    if (thrown instanceof FrameTooLongError) return client.misunderstood(`sent a piece of its stream longer than ${maxFrameLength} characters.`, thrown)
    return connectionFailure(thrown, client.context)
  }
}
