import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'

/** A piece of a call's output: text, the place of an image, the end of its code, or the end of the call. */
export type OutputPiece = { type: 'text', text: string } | { type: 'image' | 'stopped' | 'end' }

/** Text that waits for its reader before the sandbox has to. */
const MAX_WAITING_BYTES = 1024 ** 2
/** By the letter of its mark. */
const MARKED: Record<string, 'image' | 'stopped'> = { i: 'image', s: 'stopped' }
const NUL = 0

/**
 * The output stream of a session, cut into calls. The runner writes marks into it that nothing else can know, so that text keeps its
 * place between images, and the end of a call is certain. What comes between two calls is dropped.
 */
export class CallOutput {
  readonly #source: Readable
  readonly #maxBytes: number
  readonly #onTooMuch: () => void
  #mark: Buffer | undefined
  #decoder = new StringDecoder('utf8')
  /** What may be the beginning of a mark. */
  #rest: Buffer = Buffer.alloc(0)
  #pieces: OutputPiece[] = []
  #waitingBytes = 0
  #bytes = 0
  #wake = (): void => {}
  #hasEnded = false

  /** @param onTooMuch called when one call, or the time between two, has brought more than `maxBytes`. */
  constructor (source: Readable, maxBytes: number, onTooMuch: () => void) {
    this.#source = source
    this.#maxBytes = maxBytes
    this.#onTooMuch = onTooMuch
    source.on('data', (chunk: Buffer) => this.#read(chunk))
    source.on('close', () => this.end())
    source.on('error', () => {})
  }

  /** Begins a call. `mark` begins with a NUL and is followed by one letter for what it marks. */
  begin (mark: Buffer): void {
    this.#mark = mark
    this.#decoder = new StringDecoder('utf8')
    this.#rest = Buffer.alloc(0)
    this.#pieces = []
    this.#bytes = 0
  }

  /** The session has ended: what has come is read, and then there is an end. */
  end (): void {
    this.#hasEnded = true
    this.#wake()
  }

  /** The next piece of the call. Undefined: the session has ended before the call. */
  async next (): Promise<OutputPiece | undefined> {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece?.type === 'text') this.#waitingBytes -= piece.text.length
      if (this.#waitingBytes < MAX_WAITING_BYTES && this.#source.isPaused()) this.#source.resume()
      if (piece !== undefined || this.#hasEnded) return piece
      await new Promise<void>(resolve => { this.#wake = resolve })
    }
  }

  #read (chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) {
      this.#onTooMuch()
      return
    }
    if (this.#mark === undefined) return
    this.#cut(Buffer.concat([this.#rest, chunk]), this.#mark)
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#source.pause()
    this.#wake()
  }

  #cut (bytes: Buffer, mark: Buffer): void {
    let from = 0
    for (;;) {
      const at = bytes.indexOf(mark, from)
      if (at === -1 || at + mark.length >= bytes.length) break
      this.#push(bytes.subarray(from, at))
      const type = MARKED[String.fromCharCode(bytes[at + mark.length]!)] ?? 'end'
      this.#pieces.push({ type })
      from = at + mark.length + 1
      if (type !== 'end') continue
      this.#mark = undefined
      this.#bytes = 0
      return
    }
    // A mark may have been cut in two by the pipe.
    const open = bytes.indexOf(NUL, Math.max(from, bytes.length - mark.length))
    const until = open === -1 ? bytes.length : open
    this.#push(bytes.subarray(from, until))
    this.#rest = bytes.subarray(until)
  }

  #push (bytes: Buffer): void {
    const text = this.#decoder.write(bytes)
    if (text === '') return
    this.#waitingBytes += text.length
    const last = this.#pieces.at(-1)
    if (last?.type === 'text') last.text += text
    else this.#pieces.push({ type: 'text', text })
  }
}
