import type { Clock } from '../../shared/clock.js'
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
  #first: ModelPart[] | undefined
  #done = false

  private constructor (answer: Answer, options: ReplyOptions) {
    this.#answer = answer
    this.#options = options
    this.#sse = new SseDecoder(options.maxFrameLength)
    this.#translator = new ChunkTranslator(options.origin, options.reasoning)
  }

  /** Sends the request and waits for the first parts: until then nothing was published, so a failure may be retried. */
  static async begin (body: ChatBody, options: ReplyOptions): Promise<ChatReply> {
    const answer = await options.client.send('POST', '/chat/completions', body, options.signal)
    const reply = new ChatReply(answer, options)
    try {
      reply.#first = await reply.#read()
      return reply
    } catch (thrown) {
      answer.close()
      throw reply.#explain(thrown)
    }
  }

  /** The next parts, undefined after the last. Throws `UpstreamError`, or the signal's reason. */
  async next (): Promise<ModelPart[] | undefined> {
    const first = this.#first
    this.#first = undefined
    try {
      return first ?? (this.#done ? undefined : await this.#read())
    } catch (thrown) {
      throw this.#explain(thrown)
    }
  }

  /** Closes the connection, or gives it back when the answer is complete. */
  close (): void {
    const { exchange, deadline } = this.#answer
    if (!this.#done || exchange.ended) return this.#answer.close()
    // The end of the body is mostly in the next packet. A signal that is aborted from here on closes it early.
    exchange.discard(CLOSING_BYTES)
    deadline.set(CLOSING_MS, this.#answer.close)
  }

  async #read (): Promise<ModelPart[]> {
    if (/\bjson\b/i.test(this.#contentType)) return await this.#readWhole()
    if (/\bhtml\b/i.test(this.#contentType)) throw this.#options.client.misunderstood('answered with a web page: is its base URL right?')
    const parts: ModelPart[] = []
    while (parts.length === 0 && !this.#done) {
      const chunk = await this.#chunk()
      for (const { data, event } of chunk === undefined ? this.#sse.end() : this.#sse.feed(chunk)) {
        if (this.#done) break
        if (data.trim() === '[DONE]') this.#end(parts, true)
        else this.#add(data, event, parts)
      }
      if (chunk === undefined && !this.#done) this.#end(parts, false)
    }
    // The reader may now take as long as it likes.
    this.#answer.deadline.clear()
    return parts
  }

  #add (data: string, event: string | undefined, parts: ModelPart[]): void {
    const text = event === undefined ? this.#textChunks.read(data) : undefined
    if (text !== undefined) return this.#translator.addText(text, parts)
    const chunk = this.#parse(data, event)
    this.#translator.add(chunk, parts)
    const alone = event === undefined ? ChunkTranslator.textAlone(chunk) : undefined
    if (alone !== undefined) this.#textChunks.learn(data, alone)
  }

  /** The next chunk, undefined at the end or once a vendor that is finished has nothing more to say. */
  async #chunk (): Promise<Buffer | undefined> {
    const { exchange, deadline } = this.#answer
    const { client, timeouts } = this.#options
    // Until there is a part, the limit for the first one stands.
    if (this.#translator.finished) deadline.set(CLOSING_MS, () => exchange.abort(new Error('The stream was not closed.')))
    else if (this.#translator.begun && !exchange.readable) {
      deadline.set(timeouts.idleMs, () => exchange.abort(client.timedOut(`sent nothing more for ${timeouts.idleMs} ms.`)))
    }
    try {
      return await exchange.read()
    } catch (thrown) {
      if (this.#translator.finished && !this.#options.signal.aborted) return undefined
      throw thrown
    }
  }

  /** Some servers ignore `stream: true`. */
  async #readWhole (): Promise<ModelPart[]> {
    const { client, maxFrameLength } = this.#options
    const text = await readText(this.#answer.exchange, maxFrameLength)
    const parts: ModelPart[] = []
    this.#translator.add(this.#parse(text), parts)
    this.#answer.deadline.clear()
    if (!this.#translator.produced && !this.#translator.finished) throw client.misunderstood('answered with JSON that is no chat completion: is its base URL right?')
    this.#end(parts, true)
    return parts
  }

  #end (parts: ModelPart[], marked: boolean): void {
    const { client } = this.#options
    // `[DONE]` is as good as a reason: the vendor says that its answer is whole.
    const whole = this.#translator.finished || (marked && this.#translator.produced)
    if (!whole) throw cutShort(client.context)
    if (!this.#translator.complete) throw client.misunderstood('called a function without naming it.')
    this.#translator.end(parts)
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

  get #contentType (): string {
    return this.#answer.exchange.headers['content-type'] ?? ''
  }
}
