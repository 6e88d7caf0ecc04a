/** One frame of a stream. `data` is parsed, but for `[DONE]`. */
export interface Frame {
  /** Where a reader may go on from; only on a stream that was joined. */
  id?: string
  event: string
  data: any
}

/**
 * Takes the text of a stream apart and insists on its exact form: `event: NAME\ndata: {json}\n\n`, perhaps with `id: ID\n` ahead of
 * it, or `: ping\n\n`.
 */
export class FrameParser {
  /** How many comments there were. */
  pings = 0
  #rest = ''

  /** Text that is no whole frame yet. */
  get rest (): string {
    return this.#rest
  }

  push (text: string): Frame[] {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap(block => this.#parse(block))
  }

  #parse (block: string): Frame[] {
    if (block === ': ping') {
      this.pings++
      return []
    }
    const [, id, event, data] = /^(?:id: (s[0-9a-f]{8}-\d+)\n)?event: ([a-z_.]+)\ndata: ([^\n\u0085\u2028\u2029]+)$/.exec(block) ?? []
    if (event === undefined || data === undefined) throw new Error(`not a frame: ${JSON.stringify(block.slice(0, 200))}`)
    return [{ ...id === undefined ? {} : { id }, event, data: event === 'done' ? data : JSON.parse(data) }]
  }
}

/** Reads a stream frame by frame, so that a test can act between two of them. */
export class EventReader implements AsyncIterable<Frame> {
  readonly response: Response
  /** Everything read so far. */
  readonly frames: Frame[] = []
  readonly #parser = new FrameParser()
  readonly #reader
  readonly #decoder = new TextDecoder()
  #ready: Frame[] = []

  constructor (response: Response) {
    if (response.body === null) throw new Error('the response has no body')
    this.response = response
    this.#reader = response.body.getReader()
  }

  get pings (): number {
    return this.#parser.pings
  }

  /** Undefined once the stream is over. Rejects when it breaks off. */
  async next (): Promise<Frame | undefined> {
    while (this.#ready.length === 0) {
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      this.#ready = this.#parser.push(this.#decoder.decode(value, { stream: true }))
    }
    const frame = this.#ready.shift()!
    this.frames.push(frame)
    return frame
  }

  /** Reads on to the next event of this name and gives its payload. */
  async until (event: string): Promise<any> {
    for await (const frame of this) {
      if (frame.event === event) return frame.data
    }
    throw new Error(`the stream ended before ${event}, after ${outline(this.frames).join(', ')}`)
  }

  /** Reads to the end; all frames, those read before included. */
  async all (): Promise<Frame[]> {
    while (await this.next() !== undefined);
    return this.frames
  }

  /** Closes the connection. */
  async leave (): Promise<void> {
    await this.#reader.cancel()
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<Frame, void, undefined> {
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) yield frame
  }
}

/** The names in order, without `thread.`; deltas in a row, however many, are one. */
export function outline (frames: readonly Frame[]): string[] {
  return frames
    .map(({ event }) => event.replace(/^thread\./, ''))
    .filter((event, i, all) => !(event.endsWith('.delta') && all[i - 1] === event))
}

/** The frames as they come on a stream without ids. */
export const withoutIds = (frames: readonly Frame[]): Frame[] => frames.map(({ event, data }) => ({ event, data }))

/** The payloads of one event. */
export function payloads (frames: readonly Frame[], event: string): any[] {
  return frames.filter(frame => frame.event === event).map(frame => frame.data)
}
